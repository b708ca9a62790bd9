"""Pull requests that merge themselves: GraphQL's alone, and refused where there is nothing left to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from slipway.adapters.github.documents import PullRequest, Repository
from slipway.adapters.github.line import Line, Request
from slipway.adapters.github.refusals import RefusedError, grant
from slipway.errors import OutsideError
from slipway.forge.interface import Pull

_ENABLE = """
mutation($pull: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $pull, mergeMethod: $method, expectedHeadOid: $head}) {
    clientMutationId
  }
}"""
_NEEDS = "contents=write, pull_requests=write"
_MISSING = 404
_READY = ("clean status", "unstable status", "rules not configured")
"""GitHub's words where nothing is left to wait for."""


@dataclass(frozen=True, kw_only=True)
class Merging:
    """Has pull requests merged as soon as main's rules allow it."""

    line: Line = field(repr=False)

    def merge_when_ready(self, pull: Pull) -> None:
        """Have GitHub merge it later, or merge it now where nothing is left to wait for.

        An answer may be lost, and what was done is refused when it is asked for again: so a refusal is believed only
        of one that is not merged.
        Raises `OutsideError` where the repository has no auto-merge, or takes none of the ways to merge.
        """
        said = ""
        for method in self._methods():
            said = self._enable(pull, method)
            if not said:
                return
            if any(word in said for word in _READY) and not (said := self._merge(pull, method)):
                return
            if "method" not in said.lower():
                break
        if self._is_merged(pull):
            return
        raise OutsideError(
            f"pull request {pull.number} will not merge itself: {said or 'the repository allows no way to merge'}",
            hint=f"{self._hint(said)} Or merge it by hand: {pull.url}",
        )

    def _hint(self, said: str) -> str:
        if "not accessible" in said:
            return grant(_NEEDS, self.line.settings.identity)
        return "Allow it: gh repo edit --enable-auto-merge." if "not allowed" in said else "Look at what it lacks."

    @property
    def _path(self) -> str:
        return f"/repos/{self.line.settings.repository}"

    def _methods(self) -> Iterator[str]:
        """The ways that the repository allows, those first that keep a commit's message as it is."""
        found = self.line.get(self._path, Repository, doing="read the repository", needs="metadata=read")
        allowed = {
            "rebase": found.allow_rebase_merge,
            "squash": found.allow_squash_merge,
            "merge": found.allow_merge_commit,
        }
        return (method for method, is_allowed in allowed.items() if is_allowed is not False)

    def _is_merged(self, pull: Pull) -> bool:
        request = Request(
            method="GET",
            path=f"{self._path}/pulls/{pull.number}/merge",
            doing=f"see whether pull request {pull.number} is merged",
            needs="pull_requests=read",
        )
        try:
            self.line.send(request)
        except RefusedError as error:
            if error.status != _MISSING:
                raise
            return False
        return True

    def _enable(self, pull: Pull, method: str) -> str:
        """Ask for auto-merge; an empty text, or why not."""
        found = self.line.get(
            f"{self._path}/pulls/{pull.number}",
            PullRequest,
            doing=f"read pull request {pull.number}",
            needs="pull_requests=read",
        )
        variables = {"pull": found.node_id, "method": method.upper(), "head": pull.head}
        return self.line.graphql(_ENABLE, variables, doing="let a pull request merge itself", needs=_NEEDS).error

    def _merge(self, pull: Pull, method: str) -> str:
        body: dict[str, Any] = {"merge_method": method, "sha": pull.head}
        request = Request(
            method="PUT",
            path=f"{self._path}/pulls/{pull.number}/merge",
            doing=f"merge pull request {pull.number}",
            needs=_NEEDS,
            body=body,
        )
        try:
            self.line.send(request)
        except RefusedError as error:
            return error.what
        return ""
