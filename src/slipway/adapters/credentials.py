"""How Git is shown the forge's token: by its environment, so that no folder and no list of processes has it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

TOKEN = "GITHUB_TOKEN"  # noqa: S105  the name of the variable
_APP = "SLIPWAY_GITHUB_APP_KEY"
_GITHUB = "https://github.com"


def credentials(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Git's settings, as its environment has them, by which it shows the token to its own server and to no other.

    With a GitHub App it is a token of its installation in that repository: good for an hour, and asked for now.
    """
    server = environ.get("GITHUB_SERVER_URL") or _GITHUB
    if not is_given(environ) or urlsplit(url)[:2] != urlsplit(server)[:2]:
        return {}
    token = environ.get(TOKEN) or _of_the_app(url, environ)
    count = int(environ.get("GIT_CONFIG_COUNT") or 0)
    header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"http.{server.rstrip('/')}/.extraHeader",
        f"GIT_CONFIG_VALUE_{count}": f"Authorization: Basic {header}",
        "GIT_TERMINAL_PROMPT": "0",
    }


def is_given(environ: Mapping[str, str]) -> bool:
    """Whether there is a token, or a GitHub App that can have one."""
    return bool(environ.get(TOKEN) or environ.get(_APP))


def names_a_repository(environ: Mapping[str, str]) -> bool:
    """Whether a repository at the forge is named, and there is something to show it."""
    return is_given(environ) and bool(environ.get("GITHUB_REPOSITORY"))


def _of_the_app(url: str, environ: Mapping[str, str]) -> str:
    from slipway.adapters.github import token

    repository = urlsplit(url).path.strip("/").removesuffix(".git")
    return token({**environ, "GITHUB_REPOSITORY": repository})
