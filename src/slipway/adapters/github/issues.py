"""Issues of slipway's own: opened once, found again by their label, edited in place.

https://docs.github.com/en/rest/issues/issues: GitHub makes a label that is not there yet, and lists pull requests too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.adapters.github.documents import IssueEntry
from slipway.adapters.github.line import Line, Request
from slipway.forge.interface import Issue

_NEEDS = "issues=write"


@dataclass(frozen=True, kw_only=True)
class Issues:
    """The issues of a repository."""

    line: Line = field(repr=False)
    login: str
    """Whoever else uses the label is left alone."""

    def of_label(self, label: str) -> Iterator[Issue]:
        """Those that this login opened with a label, open or closed; the newest first."""
        return (one.issue() for one in self._entries(label))

    def _entries(self, label: str) -> Iterator[IssueEntry]:
        pages = self.line.pages(
            f"{self._path}/issues",
            tuple[IssueEntry, ...],
            doing="list issues",
            needs="issues=read",
            state="all",
            labels=label,
            creator=self.login,
        )
        return (one for page in pages for one in page if one.pull_request is None)

    def open(self, label: str, title: str, body: str) -> Issue:
        """Open one; where GitHub's answer is lost, it is looked for before another is opened."""
        request = Request(
            method="POST",
            path=f"{self._path}/issues",
            doing="open an issue",
            needs=_NEEDS,
            body={"title": title, "body": body, "labels": [label]},
            may_repeat=False,
        )
        return self.line.create(request, IssueEntry, lambda: self._opened(label, title)).issue()

    def _opened(self, label: str, title: str) -> IssueEntry | None:
        return next((one for one in self._entries(label) if one.state == "open" and one.title == title), None)

    def update(self, issue: Issue, content: Mapping[str, Any]) -> None:
        """Change some of its fields."""
        path, doing = f"{self._path}/issues/{issue.number}", f"edit issue {issue.number}"
        self.line.send(Request(method="PATCH", path=path, doing=doing, needs=_NEEDS, body=content))

    @property
    def _path(self) -> str:
        return f"/repos/{self.line.settings.repository}"
