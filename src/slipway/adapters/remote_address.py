"""Where a repository is on the web, as everybody may be told it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from slipway.adapters import main_place
from slipway.adapters.git import Git
from slipway.errors import InputError

_SHORT = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>[\w./~-]+)")
"""As ssh is told it: git@host:team/name.git."""
_WEB = ("http", "https", "ssh", "git")


def find(git: Git) -> str:
    """The address of main's remote; nothing if there is none, or if it is a folder."""
    if not git.is_repository():
        return ""
    try:
        remote = main_place.find(git).remote
    except InputError:  # several remotes could be meant
        return ""
    return public(git.run("remote", "get-url", remote)) if remote else ""


def public(url: str) -> str:
    """The address without credentials, the same however it is cloned: `https://host/team/name`."""
    if "://" not in url:
        short = _SHORT.fullmatch(url)
        return _written(short["host"], short["path"]) if short else ""
    try:
        parts = urlsplit(url)
        return _written(parts.hostname, parts.path) if parts.scheme in _WEB and parts.hostname else ""
    except ValueError:
        return ""


def _written(host: str, path: str) -> str:
    return f"https://{host}/{path.strip('/').removesuffix('.git')}"
