"""`Forge`, `Proposer` and `Tracker` for one repository at GitHub."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

from slipway.adapters.github import download, identity, patience
from slipway.adapters.github.checks import Checks
from slipway.adapters.github.documents import Artifacts, IssueComment, PullRequest, Repository, WorkflowRun
from slipway.adapters.github.issues import Issues
from slipway.adapters.github.line import Line, Request
from slipway.adapters.github.merging import Merging
from slipway.adapters.github.refusals import RefusedError
from slipway.adapters.github.settings import Settings
from slipway.forge.interface import Artifact, Check, Comment, Issue, Pull, Run

_COMMENTS = "pull_requests=write"
_PULLS = "pull_requests=read"
_MISSING, _EXISTS = 404, 422


def connect(
    environ: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep, tries: int = patience.TRIES
) -> GitHub:
    """The repository that the environment names, asked so many times at most; nothing is asked of GitHub yet.

    Raises `InputError` that names what is missing in the environment.
    """
    return GitHub(settings=Settings.from_environ(environ), sleep=sleep, tries=tries)


def token(environ: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep) -> str:
    """What Git shows where it reads and writes the repository that the environment names; raises as `connect` does."""
    return identity.token(Settings.from_environ(environ), sleep, patience.TRIES)


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """A repository at GitHub. Everything raises `OutsideError`, with what to do next, where GitHub gives no answer."""

    settings: Settings
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    tries: int = patience.TRIES

    @property
    def repository(self) -> str:
        """`owner/name`."""
        return self.settings.repository

    @cached_property
    def login(self) -> str:
        """Who slipway is there."""
        return identity.login(self.line)

    @cached_property
    def line(self) -> Line:
        """Where requests go; they share one patience."""
        return identity.line(self.settings, self.sleep, self.tries)

    @property
    def _path(self) -> str:
        return f"/repos/{self.repository}"

    def pull(self, number: int) -> Pull | None:
        """A pull request; None if there is none with this number."""
        path, doing = f"{self._path}/pulls/{number}", f"read pull request {number}"
        found = self.line.find(path, PullRequest, doing=doing, needs=_PULLS)
        if found is None:  # what a token may not see is not there either: then this says so
            self.line.get(self._path, Repository, doing=f"read {self.repository}", needs="metadata=read")
        return found.pull() if found else None

    def pulls_from(self, repository: str, branch: str) -> Iterator[Pull]:
        """The open pull requests whose branch it is; the newest first."""
        return self._pulls(repository, branch, "open")

    def _pulls(self, repository: str, branch: str, state: str) -> Iterator[Pull]:
        owner = repository.partition("/")[0]
        if not owner or not branch:
            return
        pages = self.line.pages(
            f"{self._path}/pulls",
            tuple[PullRequest, ...],
            doing="list pull requests",
            needs=_PULLS,
            state=state,
            head=f"{owner}:{branch}",
        )
        for pull in (one.pull() for page in pages for one in page):
            # an owner may have several forks, and GitHub passes over a filter that it does not understand
            if pull.head_branch == branch and pull.head_repository.lower() == repository.lower():
                yield pull

    def pulls_of_commit(self, commit: str) -> Iterator[Pull]:
        """The open and merged pull requests that bring a commit; GitHub lists none here that was closed."""
        pages = self.line.pages(
            f"{self._path}/commits/{commit}/pulls",
            tuple[PullRequest, ...],
            doing=f"list the pull requests of {commit}",
            needs=_PULLS,
        )
        return (one.pull() for page in pages for one in page)

    def pull_of_branch(self, branch: str) -> Pull | None:
        """The open pull request of a branch of the repository itself."""
        return next(self.pulls_from(self.repository, branch), None)

    def pulls_of_branch(self, branch: str) -> Iterator[Pull]:
        """The pull requests of a branch of the repository itself, open or closed; the newest first."""
        return self._pulls(self.repository, branch, "all")

    def edit_pull(self, pull: Pull, *, title: str, body: str) -> None:
        """Put other texts in a pull request's place; one that is the same is not sent."""
        if pull.title != title or not _same(pull.body, body):
            self._update(pull, {"title": title, "body": body})

    def close_pull(self, pull: Pull, *, body: str) -> None:
        """Close a pull request, and say why in its text."""
        self._update(pull, {"state": "closed", "body": body})

    def _update(self, pull: Pull, content: Mapping[str, str]) -> None:
        path, doing = f"{self._path}/pulls/{pull.number}", f"edit pull request {pull.number}"
        self.line.send(Request(method="PATCH", path=path, doing=doing, needs=_COMMENTS, body=content))

    def open_pull(self, branch: str, base: str, title: str, body: str) -> Pull:
        """Open a pull request; one that is open already is what is wanted."""
        request = Request(
            method="POST",
            path=f"{self._path}/pulls",
            doing=f"open a pull request of {branch}",
            needs="pull_requests=write",
            body={"head": branch, "base": base, "title": title, "body": body},
            may_repeat=False,
        )
        try:
            return self.line.create(request, PullRequest, lambda: self._open(branch)).pull()
        except RefusedError as error:
            if error.status == _EXISTS and (found := self.pull_of_branch(branch)):
                return found
            raise

    def _open(self, branch: str) -> PullRequest | None:
        found = self.pull_of_branch(branch)
        path = f"{self._path}/pulls/{found.number}" if found else ""
        return self.line.find(path, PullRequest, doing=f"read {path}", needs=_PULLS) if found else None

    def merge_when_ready(self, pull: Pull) -> None:
        """Have it merged as soon as main's rules allow it; at once where there are none."""
        Merging(line=self.line).merge_when_ready(pull)

    def issues(self, label: str) -> Iterator[Issue]:
        """The issues that slipway opened with a label, open or closed; the newest first."""
        return self._issues.of_label(label)

    def open_issue(self, label: str, title: str, body: str) -> Issue:
        """Open an issue; where GitHub's answer is lost, it is looked for before another is opened."""
        return self._issues.open(label, title, body)

    def edit_issue(self, issue: Issue, *, title: str, body: str) -> None:
        """Put other texts in an issue's place; one that is the same is not sent."""
        if issue.title != title or not _same(issue.body, body):
            self._issues.update(issue, {"title": title, "body": body})

    def close_issue(self, issue: Issue, *, body: str) -> None:
        """Close an issue as done, and say why in its text."""
        self._issues.update(issue, {"state": "closed", "state_reason": "completed", "body": body})

    @property
    def _issues(self) -> Issues:
        return Issues(line=self.line, login=self.login)

    def run(self, run: int) -> Run:
        """A run of a workflow, as its newest attempt left it."""
        path, doing = f"{self._path}/actions/runs/{run}", f"read run {run}"
        return self.line.get(path, WorkflowRun, doing=doing, needs="actions=read").run()

    def artifacts(self, run: int) -> Iterator[Artifact]:
        """What a run left behind, all of its attempts."""
        path, doing = f"{self._path}/actions/runs/{run}/artifacts", f"list the artefacts of run {run}"
        pages = self.line.pages(path, Artifacts, doing=doing, needs="actions=read")
        return (one.artifact() for page in pages for one in page.artifacts)

    def download(self, artifact: Artifact, to: BinaryIO, limit: int) -> None:
        """Write an artefact's archive; `OutsideError` after more than `limit` bytes, whatever was said of it."""
        download.download(self.line, artifact, to, limit)

    def comments(self, pull: int) -> Iterator[Comment]:
        """The comments of a pull request, oldest first."""
        return (one.comment() for one in self._comments(pull))

    def _comments(self, pull: int) -> Iterator[IssueComment]:
        path, doing = f"{self._path}/issues/{pull}/comments", f"read the comments of pull request {pull}"
        pages = self.line.pages(path, tuple[IssueComment, ...], doing=doing, needs=_PULLS)
        return (one for page in pages for one in page)

    def comment(self, pull: int, body: str) -> Comment:
        """Write a new comment; where GitHub's answer is lost, it is looked for before it is written again."""
        request = Request(
            method="POST",
            path=f"{self._path}/issues/{pull}/comments",
            doing=f"write a comment on pull request {pull}",
            needs=_COMMENTS,
            body={"body": body},
            may_repeat=False,
        )
        return self.line.create(request, IssueComment, lambda: self._written(pull, body)).comment()

    def _written(self, pull: int, body: str) -> IssueComment | None:
        mine = [one for one in self._comments(pull) if one.user and one.user.login == self.login]
        return next((one for one in reversed(mine) if _same(one.body or "", body)), None)

    def edit(self, comment: int, body: str) -> None:
        """Put another text in a comment's place."""
        self.line.send(self._about(comment, "PATCH", "edit a comment", {"body": body}))

    def delete(self, comment: int) -> None:
        """Remove a comment; one that is gone is no error."""
        try:
            self.line.send(self._about(comment, "DELETE", "delete a comment"))
        except RefusedError as error:
            if error.status != _MISSING:
                raise

    def _about(self, comment: int, method: str, doing: str, body: Mapping[str, str] | None = None) -> Request:
        path = f"{self._path}/issues/comments/{comment}"
        return Request(method=method, path=path, doing=doing, needs=_COMMENTS, body=body)

    def check(self, check: Check) -> None:
        """Make a check run, or bring the one of the same name, commit and `external_id` up to date."""
        Checks(line=self.line, login=self.login).tell(check)


def _same(one: str, other: str) -> bool:
    """Whether a text is what was sent, however GitHub ends its lines."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
