"""What GitHub answers, as far as slipway reads it. Anything else in an answer is passed over."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from slipway.forge.interface import Artifact, Comment, Issue, Pull, Run

_Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
_WAITS = "action_required"
"""How a run "ended" that has not begun, until a maintainer lets it run."""
_GHOST = "ghost"
"""Who wrote what an account wrote that is gone."""


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class Account(Answer):
    """A user, a bot or an organisation."""

    login: str


class RepositoryName(Answer):
    """A repository that something lies in."""

    full_name: str


class Repository(RepositoryName):
    """The repository itself. What a token may not see is None."""

    default_branch: str = "main"
    private: bool = False
    allow_auto_merge: bool | None = None
    allow_merge_commit: bool | None = None
    allow_rebase_merge: bool | None = None
    allow_squash_merge: bool | None = None


class Branch(Answer):
    """One side of a pull request; a deleted fork is None."""

    ref: str
    sha: _Commit
    repo: RepositoryName | None


class PullRequest(Answer):
    """A pull request."""

    number: int
    node_id: str
    state: str
    html_url: str
    title: str
    body: str | None = None
    merged_at: str | None = None
    """In lists too, which have no `merged`."""
    auto_merge: dict[str, Any] | None = None
    head: Branch
    base: Branch

    def pull(self) -> Pull:
        """In slipway's words."""
        return Pull(
            number=self.number,
            head=self.head.sha,
            head_repository=self.head.repo.full_name if self.head.repo else "",
            head_branch=self.head.ref,
            base_branch=self.base.ref,
            is_open=self.state == "open",
            is_merged=self.merged_at is not None,
            merges_itself=self.auto_merge is not None,
            url=self.html_url,
            title=self.title,
            body=self.body or "",
        )


class IssueEntry(Answer):
    """An issue, or a pull request, which GitHub lists among them."""

    number: int
    state: str
    html_url: str
    title: str
    body: str | None = None
    pull_request: dict[str, Any] | None = None

    def issue(self) -> Issue:
        """In slipway's words."""
        return Issue(
            number=self.number,
            is_open=self.state == "open",
            url=self.html_url,
            title=self.title,
            body=self.body or "",
        )


class IssueComment(Answer):
    """A comment."""

    id: int
    body: str | None = None
    user: Account | None = None

    def comment(self) -> Comment:
        """In slipway's words."""
        return Comment(id=self.id, author=self.user.login if self.user else _GHOST, body=self.body or "")


class WorkflowRun(Answer):
    """A run of a workflow."""

    id: int
    run_attempt: int = 1
    head_sha: _Commit
    head_branch: str | None
    head_repository: RepositoryName | None
    event: str
    path: str
    status: str | None
    conclusion: str | None
    html_url: str

    def run(self) -> Run:
        """In slipway's words."""
        return Run(
            id=self.id,
            attempt=self.run_attempt,
            head=self.head_sha,
            head_repository=self.head_repository.full_name if self.head_repository else "",
            head_branch=self.head_branch or "",
            event=self.event,
            path=self.path,
            is_done=self.status == "completed" and self.conclusion != _WAITS,
            waits=self.conclusion == _WAITS,
            was_cancelled=self.conclusion == "cancelled",
            has_failed=self.conclusion not in {None, "success", "cancelled", _WAITS},
            url=self.html_url,
        )


class RunArtifact(Answer):
    """What a run left behind."""

    id: int
    name: str
    size_in_bytes: int
    expired: bool

    def artifact(self) -> Artifact:
        """In slipway's words."""
        return Artifact(id=self.id, name=self.name, size=self.size_in_bytes, expired=self.expired)


class Artifacts(Answer):
    """A page of them."""

    artifacts: tuple[RunArtifact, ...]


class CheckOutput(Answer):
    """What a check run shows."""

    annotations_count: int = 0


class CheckApp(Answer):
    """Who made a check run."""

    slug: str | None = None


class CheckRun(Answer):
    """A check run."""

    id: int
    external_id: str | None = None
    output: CheckOutput = CheckOutput()
    app: CheckApp | None = None


class CheckRuns(Answer):
    """A page of them."""

    check_runs: tuple[CheckRun, ...]


class Installation(Answer):
    """A GitHub App in a repository."""

    id: int


class InstallationToken(Answer):
    """What an App shows instead of itself, for an hour."""

    token: str


class App(Answer):
    """A GitHub App."""

    slug: str


class GraphQLError(Answer):
    """Why GraphQL did not do something."""

    type: str = ""
    message: str


class GraphQL(Answer):
    """What GraphQL answers, its errors too, with a status of 200."""

    data: dict[str, Any] | None = None
    errors: tuple[GraphQLError, ...] = ()

    @property
    def error(self) -> str:
        """Why it was not done; empty if it was."""
        return self.errors[0].message if self.errors else ""

    @property
    def is_limited(self) -> bool:
        """Whether it was asked too much."""
        return any(error.type in {"RATE_LIMIT", "RATE_LIMITED"} for error in self.errors)

    @property
    def viewer(self) -> str:
        """Who asks, if that was asked."""
        viewer = (self.data or {}).get("viewer")
        return str(viewer.get("login") or "") if isinstance(viewer, dict) else ""
