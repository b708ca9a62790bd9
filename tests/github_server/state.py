"""What the tests' GitHub knows: plain records that a test may read and change at any time."""

from __future__ import annotations

import hashlib
import io
import itertools
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ACTIONS = "github-actions[bot]"
"""Who GITHUB_TOKEN is."""

TOKEN = "ghs_" + "t0ken" * 7
"""A token as GitHub Actions hands it to a job; the server knows it from the start."""

OWNER, NAME = "acme", "models"


@dataclass(kw_only=True)
class Pull:
    """A pull request."""

    number: int
    head: str
    branch: str
    repository: str | None
    """Where its branch lies; None after the fork was deleted."""
    base: str = "main"
    title: str = ""
    body: str = ""
    is_open: bool = True
    is_merged: bool = False
    merges_itself: bool = False
    """Somebody asked for auto-merge."""
    commits: set[str] = field(default_factory=set)
    """Commits that it brought, its merge's too."""


@dataclass(kw_only=True)
class Issue:
    """An issue. GitHub numbers issues and pull requests together."""

    number: int
    author: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    is_open: bool = True
    reason: str | None = None


@dataclass(kw_only=True)
class Comment:
    """A comment on a pull request; its author is None once the account is gone."""

    id: int
    pull: int
    author: str | None
    body: str


@dataclass(kw_only=True)
class Artifact:
    """What a run left behind: an archive's bytes."""

    id: int
    run: int
    name: str
    content: bytes
    expired: bool = False
    size: int | None = None
    """What the server says of its size; None for the truth."""


@dataclass(kw_only=True)
class Run:
    """A run of a workflow."""

    id: int
    head: str
    branch: str
    repository: str | None
    attempt: int = 1
    event: str = "pull_request"
    path: str = ".github/workflows/pull-request.yml"
    status: str = "completed"
    conclusion: str | None = "success"


@dataclass(kw_only=True)
class Check:
    """A check run, with every annotation that it was ever sent."""

    id: int
    name: str
    head: str
    app: str
    external_id: str
    status: str
    conclusion: str | None
    title: str
    summary: str
    url: str
    annotations: list[Mapping[str, Any]] = field(default_factory=list)


def archive(files: Mapping[str, bytes]) -> bytes:
    """An artefact's archive, as actions/upload-artifact makes one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()


@dataclass(kw_only=True)
class State:
    """One repository, `acme/models`, and who may ask."""

    owner: str = OWNER
    name: str = NAME
    private: bool = False
    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: ACTIONS})
    """Logins by token."""
    denied: set[str] = field(default_factory=set)
    """Permissions that no token has, as GitHub writes them: `checks=write`."""
    app_slug: str = "slipway"
    app_key: str = ""
    """The public half of the App's key, PEM; without one there is no App."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Further answers to GET, by path below the repository, such as `/rulesets`."""
    merges: frozenset[str] = frozenset({"merge", "rebase", "squash"})
    auto_merge: bool = True
    is_ready: bool = False
    """Whether nothing is left to wait for before a merge: GitHub then refuses auto-merge."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    checks: dict[int, Check] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001), repr=False)

    @property
    def repository(self) -> str:
        return f"{self.owner}/{self.name}"

    def new_id(self) -> int:
        return next(self._ids)

    def open_pull(
        self,
        *,
        head: str = "",
        branch: str = "change",
        repository: str = "",
        base: str = "main",
        title: str = "Change",
        body: str = "",
    ) -> Pull:
        """Open a pull request: from the repository itself, or from the fork that is named."""
        number = self._number()
        commit = head or hashlib.sha1(f"{branch} {number}".encode()).hexdigest()  # noqa: S324  as Git names commits
        pull = Pull(
            number=number,
            head=commit,
            branch=branch,
            repository=repository or self.repository,
            base=base,
            title=title,
            body=body,
            commits={commit},
        )
        self.pulls[number] = pull
        return pull

    def _number(self) -> int:
        return max([*self.pulls, *self.issues], default=0) + 1

    def open_issue(self, author: str, title: str, body: str = "", labels: tuple[str, ...] = ()) -> Issue:
        """Somebody opens an issue."""
        issue = Issue(number=self._number(), author=author, title=title, body=body, labels=labels)
        self.issues[issue.number] = issue
        return issue

    def push(self, pull: Pull, head: str) -> None:
        """Another commit becomes a pull request's newest."""
        pull.head = head
        pull.commits.add(head)

    def merge(self, pull: Pull, commit: str) -> None:
        """Merge a pull request with this commit on main."""
        pull.is_open, pull.is_merged = False, True
        pull.commits.add(commit)

    def say(self, pull: Pull, author: str | None, body: str) -> Comment:
        """Somebody comments."""
        comment = Comment(id=self.new_id(), pull=pull.number, author=author, body=body)
        self.comments[comment.id] = comment
        return comment

    def said(self, pull: Pull) -> list[Comment]:
        """A pull request's comments, oldest first."""
        return [comment for comment in self.comments.values() if comment.pull == pull.number]

    def add_run(self, pull: Pull, artifacts: Mapping[str, bytes] | None = None, **fields: Any) -> Run:
        """A workflow ran for a pull request's newest commit, and left these archives behind."""
        made: dict[str, Any] = {"head": pull.head, "branch": pull.branch, "repository": pull.repository}
        run = Run(id=self.new_id(), **(made | fields))
        self.runs[run.id] = run
        for name, content in (artifacts or {}).items():
            self.add_artifact(run, name, content)
        return run

    def add_artifact(self, run: Run, name: str, content: bytes, **fields: Any) -> Artifact:
        """A run leaves an archive behind; the same name twice is what a second attempt does."""
        artifact = Artifact(id=self.new_id(), run=run.id, name=name, content=content, **fields)
        self.artifacts[artifact.id] = artifact
        return artifact

    def checks_of(self, head: str) -> list[Check]:
        """A commit's check runs, oldest first."""
        return [check for check in self.checks.values() if check.head == head]
