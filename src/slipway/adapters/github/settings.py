"""Which repository, and who slipway is there: read from the environment, once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from slipway.errors import InputError
from slipway.training.faults import Fault

API = "https://api.github.com"
_TOKEN, _APP_ID, _APP_KEY = "GITHUB_TOKEN", "SLIPWAY_GITHUB_APP_ID", "SLIPWAY_GITHUB_APP_KEY"
_REPOSITORY = re.compile(r"(?!\.)[\w.-]+/(?!\.{1,2}$)[\w.-]+", re.ASCII)
_KEY = re.compile(r"-----BEGIN (?:RSA )?PRIVATE KEY-----\n.+-----END (?:RSA )?PRIVATE KEY-----\s*", re.DOTALL)


class Identity(StrEnum):
    """Whose permissions count, and so where they are set."""

    JOB = "GITHUB_TOKEN of a GitHub Actions job"
    APP = "a GitHub App"
    PERSON = "a personal access token"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One repository at one GitHub. The token and the key stay out of the repr."""

    repository: str
    """`owner/name`."""
    api: str = API
    """`https://host/api/v3` of a GitHub Enterprise Server."""
    token: str = field(default="", repr=False)
    app_id: str = ""
    app_key: str = field(default="", repr=False)

    @property
    def owner(self) -> str:
        """Who the repository belongs to."""
        return self.repository.partition("/")[0]

    @property
    def graphql(self) -> str:
        """Where GraphQL is asked; a GitHub Enterprise Server has it beside its REST API."""
        return f"{self.api.removesuffix('/v3')}/graphql"

    @property
    def identity(self) -> Identity:
        """Who slipway is. The tokens of jobs and of other Apps' installations begin with `ghs_`."""
        if self.app_key:
            return Identity.APP
        return Identity.JOB if self.token.startswith("ghs_") else Identity.PERSON

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment; `InputError` names every variable that is missing or wrong, and shows no secret."""
        settings = cls(
            repository=environ.get("GITHUB_REPOSITORY", ""),
            api=(environ.get("GITHUB_API_URL") or API).rstrip("/"),
            token=environ.get(_TOKEN, "").strip(),
            app_id=environ.get(_APP_ID, "").strip(),
            app_key=environ.get(_APP_KEY, "").replace("\\n", "\n").strip(),
        )
        if faults := _faults(settings):
            raise InputError(faults)
        return settings


def _faults(settings: Settings) -> list[Fault]:
    faults = []
    if not _REPOSITORY.fullmatch(settings.repository):
        what = f"{settings.repository!r} is none" if settings.repository else "it is not set"
        faults.append(Fault(what=f"GITHUB_REPOSITORY names no repository: {what}", hint="Write it as owner/name."))
    parts = urlsplit(settings.api)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        hint = "For GitHub Enterprise Server write https://HOST/api/v3; else leave it out."
        faults.append(Fault(what="GITHUB_API_URL is no address of an API", hint=hint))
    return faults + _credential_faults(settings)


def _credential_faults(settings: Settings) -> list[Fault]:
    if bool(settings.app_id) != bool(settings.app_key):
        missing = _APP_KEY if settings.app_id else _APP_ID
        return [Fault(what=f"{missing} is not set", hint="A GitHub App needs its id and its private key.")]
    if settings.app_key and not _KEY.fullmatch(settings.app_key):
        return [Fault(what=f"{_APP_KEY} is no private key", hint="Give the text of the .pem file, with its lines.")]
    if not settings.app_key and not settings.token:
        hint = f"In a job: env: {_TOKEN}: ${{{{ github.token }}}}; elsewhere: export {_TOKEN}=$(gh auth token)."
        return [Fault(what=f"{_TOKEN} is not set", hint=f"{hint} Or be a GitHub App: {_APP_ID} and {_APP_KEY}.")]
    if any(not mark.isascii() or not mark.isprintable() or mark == " " for mark in settings.token):
        return [Fault(what=f"{_TOKEN} is no token", hint="Tokens have neither spaces nor lines.")]
    return []
