"""Requests to GitHub, and their patience: what may be repeated is, and every failure says what to do next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from slipway.adapters.github import patience
from slipway.adapters.github.documents import GraphQL
from slipway.adapters.github.patience import Failure, Trouble
from slipway.adapters.github.refusals import Refusal, RefusedError
from slipway.adapters.github.settings import Settings
from slipway.errors import OutsideError
from slipway.screen import plain

if TYPE_CHECKING:
    from githubkit import GitHubCore
    from githubkit.response import Response

PER_PAGE = 100
MOST_PAGES = 300
"""GitHub ends most of its lists earlier."""
_MISSING = 404
_REDIRECTS = range(300, 400)
_SHOWN = 200


class UnsureError(OutsideError):
    """A request went out, and nobody knows whether it was done."""

    def __init__(self, failure: Failure, doing: str) -> None:
        """What came instead of an answer."""
        self.failure = failure
        super().__init__(f"GitHub {failure.what}: it may or may not {doing}", hint="Run the command again.")


@dataclass(frozen=True, kw_only=True)
class Request:
    """Something to ask of GitHub."""

    method: str
    path: str
    doing: str
    """For people: `read pull request 7`."""
    needs: str
    """The permission that it takes, as GitHub writes it; what GitHub itself says of it goes first."""
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    may_repeat: bool = True
    """Whether doing it twice is the same as once."""
    leads_elsewhere: bool = False
    """Whether an address is what it is asked for; else a repository that has moved answers so."""


@dataclass(kw_only=True)
class Line:
    """Asks GitHub, and waits where GitHub asks for that."""

    core: GitHubCore[Any] = field(repr=False)
    settings: Settings
    sleep: Callable[[float], None] = field(repr=False)
    tries: int = patience.TRIES
    waited: float = 0.0
    """Seconds so far: there is one allowance for all that a command asks."""

    def get[T](self, path: str, answer: type[T], *, doing: str, needs: str, **params: str | int) -> T:
        """Read something; `RefusedError` where it is not to be had."""
        request = Request(method="GET", path=path, doing=doing, needs=needs, params=params)
        return self.ask(request, answer)

    def find[T](self, path: str, answer: type[T], *, doing: str, needs: str) -> T | None:
        """Read something that may not be there."""
        try:
            return self.get(path, answer, doing=doing, needs=needs)
        except RefusedError as error:
            if error.status != _MISSING:
                raise
            return None

    def pages[T](self, path: str, answer: type[T], *, doing: str, needs: str, **params: str | int) -> Iterator[T]:
        """Read a list page by page, each when it is wanted."""
        for page in range(1, MOST_PAGES + 1):
            asked = {**params, "per_page": PER_PAGE, "page": page}
            response = self.send(Request(method="GET", path=path, doing=doing, needs=needs, params=asked), answer)
            yield self._read(response, doing)
            if "next" not in response.raw_response.links:
                return
        raise OutsideError(f"GitHub has no end of pages to {doing}", hint="Is GITHUB_API_URL right?")

    def ask[T](self, request: Request, answer: type[T]) -> T:
        """Send a request, and read what is answered."""
        return self._read(self.send(request, answer), request.doing)

    def create[T](self, request: Request, answer: type[T], find: Callable[[], T | None]) -> T:
        """Do something that must not be done twice: where an answer is lost, what it made is looked for first."""
        is_first = True

        def once() -> T | Failure:
            nonlocal is_first
            if not is_first and (found := find()) is not None:
                return found
            is_first = False
            try:
                return self.ask(request, answer)
            except UnsureError as error:
                return error.failure

        return self.patiently(once, request.doing)

    def graphql(self, query: str, variables: Mapping[str, str], *, doing: str, needs: str) -> GraphQL:
        """Ask GraphQL for something that may be asked for twice."""
        body = {"query": query, "variables": dict(variables)}
        request = Request(method="POST", path=self.settings.graphql, doing=doing, needs=needs, body=body)

        def once() -> GraphQL | Failure:
            response = self.send(request, GraphQL)
            answer: GraphQL = self._read(response, doing)
            return patience.limit(_headers(response), time.time()) if answer.is_limited else answer

        return self.patiently(once, doing)

    def send(self, request: Request, answer: Any = None) -> Response[Any]:  # noqa: ANN401  githubkit takes any type
        """Send a request until it is answered, refused, or patience is at its end.

        Raises `RefusedError`; `UnsureError` where one that must not be repeated went out, and no answer came; else
        `OutsideError`.
        """

        def once() -> Response[Any] | Failure:
            outcome = self._try(request, answer)
            if isinstance(outcome, Failure) and outcome.trouble is Trouble.UNSURE and not request.may_repeat:
                raise UnsureError(outcome, request.doing)
            return outcome

        return self.patiently(once, request.doing)

    def patiently[T](self, act: Callable[[], T | Failure], doing: str) -> T:
        """Do something again and again, with growing waits, until it is done or waiting is not worth it."""
        tries = 0
        while True:
            tries += 1
            outcome = act()
            if not isinstance(outcome, Failure):
                return outcome
            seconds = patience.wait(outcome, tries, self.waited, self.tries)
            if seconds is None:
                raise _given_up(doing, outcome, patience.asked(outcome, tries))
            self.waited += seconds
            self.sleep(seconds)

    def _try(self, request: Request, answer: Any) -> Response[Any] | Failure:  # noqa: ANN401  as above
        from githubkit.exception import GitHubException

        try:
            response = self.core.request(
                request.method,
                request.path,
                params=dict(request.params) or None,
                json=request.body,
                response_model=answer,
            )
        except GitHubException as error:
            return self._failure(error, request)
        except ValueError:  # a Retry-After that is no number
            return Failure(trouble=Trouble.LIMIT, what="asks for patience, and does not say how long")
        if response.status_code in _REDIRECTS and not request.leads_elsewhere:
            raise OutsideError(
                f"{self.settings.repository} has moved, GitHub says",
                hint="Set GITHUB_REPOSITORY to its new name.",
            )
        return response

    def _failure(self, error: BaseException, request: Request) -> Failure:
        """What went wrong, if waiting may help; else raises."""
        import httpx
        from githubkit.exception import RequestError, RequestFailed

        match error:
            case RequestFailed(response=response):
                message = _message(response)
                failure = patience.of_status(response.status_code, _headers(response), message, time.time())
                if failure is None:
                    raise self._refused(response, message, request) from None
                return failure
            case RequestError(exc=inner):
                return self._failure(inner, request)
            case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
                return Failure(trouble=Trouble.UNSENT, what=f"cannot be reached ({_short(error)})")
            case httpx.TimeoutException():
                return Failure(trouble=Trouble.UNSURE, what="does not answer in time")
            case httpx.TransportError():
                return Failure(trouble=Trouble.UNSURE, what=f"ends the connection ({_short(error)})")
        raise OutsideError(
            f"GitHub could not be asked to {request.doing}: {type(error).__name__}",
            hint="Are GITHUB_API_URL and SLIPWAY_GITHUB_APP_KEY right?",
        ) from None

    def _refused(self, response: Response[Any], message: str, request: Request) -> RefusedError:
        accepted = response.headers.get("x-accepted-github-permissions") or request.needs
        return Refusal(
            doing=request.doing,
            status=response.status_code,
            message=message,
            accepted=accepted,
            identity=self.settings.identity,
            repository=self.settings.repository,
        ).error()

    def _read[T](self, response: Response[T], doing: str) -> T:
        from pydantic import ValidationError

        try:
            return response.parsed_data
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise OutsideError(
                f"GitHub's answer to «{doing}» is not what it says it is: {place}: {first['msg']}",
                hint=f"Does GITHUB_API_URL ({self.settings.api}) lead to GitHub's API?",
            ) from None


def _given_up(doing: str, failure: Failure, seconds: float) -> OutsideError:
    when = datetime.fromtimestamp(time.time() + seconds, UTC)
    hint = f"Run the command again after {when:%H:%M} UTC." if failure.trouble is Trouble.LIMIT else _REACH
    return OutsideError(f"GitHub {failure.what}: it was asked in vain to {doing}", hint=hint)


_REACH = "Is GITHUB_API_URL right, and is GitHub up (https://www.githubstatus.com)? Then run the command again."


def _headers(response: Response[Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _message(response: Response[Any]) -> str:
    """What GitHub says of an error, with the first of its details."""
    try:
        document = response.json()
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    details = document.get("errors")
    first = details[0] if isinstance(details, list) and details else ""
    detail = first.get("message", "") if isinstance(first, dict) else first
    return f"{document.get('message', '')} {detail or ''}".strip()


def _short(error: BaseException) -> str:
    return " ".join(plain(str(error)).split())[:_SHOWN] or type(error).__name__
