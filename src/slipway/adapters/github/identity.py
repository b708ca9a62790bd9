"""Who slipway is at GitHub: a job's token, a GitHub App, or somebody's personal token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slipway.adapters.github.documents import Account, App, Installation, InstallationToken
from slipway.adapters.github.line import Line, Request
from slipway.adapters.github.refusals import RefusedError
from slipway.adapters.github.settings import Identity, Settings
from slipway.errors import OutsideError

if TYPE_CHECKING:
    from githubkit import GitHubCore

ACTIONS, _BOT = "github-actions[bot]", "[bot]"
_TIMEOUT = 30.0
_MISSING = 404
_VIEWER = "query { viewer { login } }"


def line(settings: Settings, sleep: Callable[[float], None], tries: int) -> Line:
    """A line with the right credentials. An App's installation is looked up now; its tokens are fetched as needed."""
    if settings.identity is not Identity.APP:
        return Line(core=_core(settings, settings.token), settings=settings, sleep=sleep, tries=tries)
    from githubkit import AppInstallationAuthStrategy

    installation = _installation(of_app(settings, sleep, tries))
    auth = AppInstallationAuthStrategy(settings.app_id, settings.app_key, installation)
    return Line(core=_core(settings, auth), settings=settings, sleep=sleep, tries=tries)


def of_app(settings: Settings, sleep: Callable[[float], None], tries: int) -> Line:
    """A line for what GitHub tells the App itself."""
    from githubkit import AppAuthStrategy

    core = _core(settings, AppAuthStrategy(settings.app_id, settings.app_key))
    return Line(core=core, settings=settings, sleep=sleep, tries=tries)


def token(settings: Settings, sleep: Callable[[float], None], tries: int) -> str:
    """What Git shows: the token that was given, or one of the App's installation, good for an hour."""
    if settings.identity is not Identity.APP:
        return settings.token
    app = of_app(settings, sleep, tries)
    asked = Request(
        method="POST",
        path=f"/app/installations/{_installation(app)}/access_tokens",
        doing="ask for a token of the App",
        needs="",
        body={"repositories": [settings.repository.partition("/")[2]]},
    )
    return app.ask(asked, InstallationToken).token


def login(line: Line) -> str:
    """Who writes the comments. A job's token cannot ask REST who it is, and GraphQL tells it."""
    doing = "say who the token is"
    match line.settings.identity:
        case Identity.APP:
            app = of_app(line.settings, line.sleep, line.tries)
            return app.get("/app", App, doing="say which App this is", needs="").slug + _BOT
        case Identity.PERSON:
            return line.get("/user", Account, doing=doing, needs="").login
        case Identity.JOB:
            try:
                answer = line.graphql(_VIEWER, {}, doing=doing, needs="")
            except RefusedError:
                return ACTIONS
            name = answer.viewer or ACTIONS
            return name if name.endswith(_BOT) else name + _BOT


def _installation(app: Line) -> int:
    path, doing = f"/repos/{app.settings.repository}/installation", "look up the App's installation"
    try:
        return app.get(path, Installation, doing=doing, needs="").id
    except RefusedError as error:
        if error.status != _MISSING:
            raise
        raise OutsideError(
            f"the GitHub App {app.settings.app_id} is not installed in {app.settings.repository}",
            hint="Install it there: the App's settings, Install App.",
        ) from None


def _core(settings: Settings, auth: Any) -> GitHubCore[Any]:  # noqa: ANN401  a token, or a strategy of githubkit's
    """A client that neither waits, repeats nor follows by itself: `Line` decides that.

    Its memory of what was read, by ETag, is its own: what GitHub has not changed costs no rate limit.
    """
    import httpx
    from githubkit import GitHub
    from githubkit.cache import MemCacheStrategy

    return GitHub(
        auth,
        base_url=settings.api,
        user_agent="slipway",
        timeout=_TIMEOUT,
        ssl_verify=httpx.create_ssl_context(),
        cache_strategy=MemCacheStrategy(),
        follow_redirects=False,
        auto_retry=False,
    )
