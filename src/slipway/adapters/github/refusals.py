"""What a refusal by GitHub means, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.adapters.github.settings import Identity
from slipway.errors import OutsideError
from slipway.screen import plain

_SHOWN = 200
_UNKNOWN, _FORBIDDEN, _MISSING = 401, 403, 404
_RULES = {405, 409, 422}


class RefusedError(OutsideError):
    """GitHub answered, and the answer is no: asking again would not change it."""

    def __init__(self, what: str, *, status: int, permission: str = "", hint: str = "") -> None:
        """With the HTTP status, and the permission that was asked for, as GitHub writes it."""
        self.status = status
        self.permission = permission
        super().__init__(what, hint=hint)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer of 4xx to somebody who wanted to do something."""

    doing: str
    """Such as `write a comment`."""
    status: int
    message: str
    """GitHub's own words."""
    accepted: str
    """Permissions that would do, as GitHub writes them: `issues=write; pull_requests=write`."""
    identity: Identity
    repository: str

    def error(self) -> RefusedError:
        """What to tell the user."""
        what, hint = self._told()
        return RefusedError(what, status=self.status, permission=self.accepted, hint=hint)

    def _told(self) -> tuple[str, str]:
        said = f"GitHub refuses to {self.doing}"
        match self.status:
            case status if status == _UNKNOWN:
                return f"{said}: it does not accept the credentials", _RENEW[self.identity]
            case status if status == _FORBIDDEN:
                return f"{said}: {_clean(self.message)}", grant(self.accepted, self.identity)
            case status if status == _MISSING:
                hint = f"Is GITHUB_REPOSITORY ({self.repository}) right? {grant(self.accepted, self.identity)}"
                return f"GitHub has nothing there to {self.doing}, or does not show it to this token", hint
            case status if status in _RULES:
                return f"{said}: {_clean(self.message)}", ""
            case status:
                return f"{said} ({status}): {_clean(self.message)}", ""


_RENEW = {
    Identity.JOB: "A job's token ends with its job: give this one env: GITHUB_TOKEN: ${{ github.token }}.",
    Identity.APP: "Are SLIPWAY_GITHUB_APP_ID and SLIPWAY_GITHUB_APP_KEY of the same App, and is the clock right?",
    Identity.PERSON: "Is GITHUB_TOKEN of this server (GITHUB_API_URL), and not expired?",
}


def grant(accepted: str, identity: Identity) -> str:
    """Where the first of the permissions that would do is set."""
    wanted = [one.strip().partition("=") for one in accepted.split(";", maxsplit=1)[0].split(",") if one.strip()]
    if not wanted:
        return "May the token do this in this repository?"
    if identity is Identity.JOB:
        lines = ", ".join(f"{name.replace('_', '-')}: {level}" for name, _, level in wanted)
        return f"The job needs permissions: {{ {lines} }}."
    names = " and ".join(f"«{name.replace('_', ' ').capitalize()}» ({level})" for name, _, level in wanted)
    if identity is Identity.APP:
        return f"Give the App {names} in its settings, and accept it where the App is installed."
    return f"Give the token {names} for this repository in its settings, Developer settings."


def _clean(message: str) -> str:
    """Another server's words, short and on one line."""
    return " ".join(plain(message).split())[:_SHOWN] or "it does not say why"
