"""How a repository is set up at GitHub, as far as the token may see: read, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import Field

from slipway.adapters.github.documents import Answer, Repository
from slipway.adapters.github.line import Line
from slipway.adapters.github.refusals import RefusedError

_ADMINISTRATION = "administration=read"
_MISSING = 404


class Rule(Answer):
    """A rule that holds for a branch, of a repository's ruleset or an organisation's."""

    type: str
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    ruleset_id: int | None = None


class Actor(Answer):
    """Whom a ruleset lets pass: `DeployKey`, `Integration` (an App), `RepositoryRole` and others."""

    actor_type: str


class Ruleset(Answer):
    """A ruleset; whom it lets pass is None for a token that may not see it."""

    bypass_actors: tuple[Actor, ...] | None = None


class BranchPolicies(Answer):
    """How an environment is kept to branches."""

    protected_branches: bool
    custom_branch_policies: bool


class Environment(Answer):
    """An environment of deployments; without a policy any branch may use it."""

    name: str
    deployment_branch_policy: BranchPolicies | None = None


class Environments(Answer):
    """A page of them."""

    environments: tuple[Environment, ...] = ()


class Named(Answer):
    """A secret, a variable or a branch policy."""

    name: str


class BranchPolicyNames(Answer):
    """A page of them."""

    branch_policies: tuple[Named, ...]


class Secrets(Answer):
    """A page of names: the values are never told."""

    secrets: tuple[Named, ...]


class Variables(Answer):
    """A page of names."""

    variables: tuple[Named, ...]


class Actions(Answer):
    """Which actions may run."""

    enabled: bool
    allowed_actions: str = "all"


class SelectedActions(Answer):
    """Which actions may run where not all may."""

    github_owned_allowed: bool = False
    verified_allowed: bool = False
    patterns_allowed: tuple[str, ...] = ()


class WorkflowPermissions(Answer):
    """What a job's token may where the job does not say."""

    default_workflow_permissions: str
    can_approve_pull_request_reviews: bool


class ForkApproval(Answer):
    """Whose pull requests from forks run only after somebody said so."""

    approval_policy: str


class OwnersError(Answer):
    """A line of CODEOWNERS that GitHub passes over."""

    line: int
    kind: str
    source: str = ""


class OwnersErrors(Answer):
    """All of them."""

    errors: tuple[OwnersError, ...]


@dataclass(frozen=True, kw_only=True)
class Administration:
    """A repository's settings. All of it raises `RefusedError`, which names the permission that is missing."""

    line: Line = field(repr=False)

    @property
    def _path(self) -> str:
        return f"/repos/{self.line.settings.repository}"

    def repository(self) -> Repository:
        """What it is, and how pull requests are merged."""
        return self._get("", Repository, "the repository", "metadata=read")

    def rules(self, branch: str) -> tuple[Rule, ...]:
        """The rules that hold for a branch."""
        pages = self._pages(f"/rules/branches/{_part(branch)}", tuple[Rule, ...], "rules of a branch", "metadata=read")
        return tuple(rule for page in pages for rule in page)

    def passing(self, rulesets: Iterable[int]) -> frozenset[str] | None:
        """What kinds of actors all of these rulesets let pass; None for a token that may not see it."""
        found: frozenset[str] | None = None
        for ruleset in rulesets:
            one = self._get(f"/rulesets/{ruleset}", Ruleset, "a ruleset", "administration=write")
            if one.bypass_actors is None:
                return None
            kinds = frozenset(actor.actor_type for actor in one.bypass_actors)
            found = kinds if found is None else found & kinds
        return found or frozenset()

    def environments(self) -> tuple[Environment, ...]:
        """The environments."""
        pages = self._pages("/environments", Environments, "environments", "actions=read")
        return tuple(one for page in pages for one in page.environments)

    def branches_of(self, environment: str) -> tuple[str, ...]:
        """The names of branches that may use an environment which is kept to some."""
        path = f"/environments/{_part(environment)}/deployment-branch-policies"
        pages = self._pages(path, BranchPolicyNames, "the branches of an environment", "actions=read")
        return tuple(one.name for page in pages for one in page.branch_policies)

    def secrets(self) -> frozenset[str]:
        """The names of the secrets that any branch's workflow can read, the organisation's too."""
        return self._secrets("/actions/secrets") | self._of_organisation(self._secrets, "secrets")

    def secrets_of(self, environment: str) -> frozenset[str]:
        """The names of an environment's own secrets."""
        return self._secrets(f"/environments/{_part(environment)}/secrets", "environments=read")

    def variables(self) -> frozenset[str]:
        """The names of the repository's variables, and of the organisation's."""
        return self._variables("/actions/variables") | self._of_organisation(self._variables, "variables")

    def variables_of(self, environment: str) -> frozenset[str]:
        """The names of an environment's own variables."""
        return self._variables(f"/environments/{_part(environment)}/variables", "environments=read")

    def actions(self) -> Actions:
        """Whether workflows run at all, and which actions."""
        return self._get("/actions/permissions", Actions, "what may run", _ADMINISTRATION)

    def selected_actions(self) -> SelectedActions:
        """The actions that may run, where not all may."""
        return self._get("/actions/permissions/selected-actions", SelectedActions, "what may run", _ADMINISTRATION)

    def workflow_permissions(self) -> WorkflowPermissions:
        """What a job's token may by default."""
        return self._get("/actions/permissions/workflow", WorkflowPermissions, "default permissions", _ADMINISTRATION)

    def fork_approval(self) -> ForkApproval | None:
        """Whose workflows wait for a maintainer; None where there can be no such forks."""
        path = "/actions/permissions/fork-pr-contributor-approval"
        try:
            return self._get(path, ForkApproval, "whose workflows wait", _ADMINISTRATION)
        except RefusedError as error:
            if error.status != _MISSING:
                raise
            return None

    def owners_errors(self) -> tuple[OwnersError, ...]:
        """What is wrong with CODEOWNERS on main."""
        return self._get("/codeowners/errors", OwnersErrors, "the errors of CODEOWNERS", "contents=read").errors

    def _of_organisation(self, read: Callable[[str], frozenset[str]], kind: str) -> frozenset[str]:
        """What an organisation shares with the repository; a person's has none."""
        try:
            return read(f"/actions/organization-{kind}")
        except RefusedError as error:
            if error.status != _MISSING:
                raise
            return frozenset()

    def _secrets(self, path: str, needs: str = "secrets=read") -> frozenset[str]:
        pages = self._pages(path, Secrets, "the names of secrets", needs)
        return frozenset(one.name for page in pages for one in page.secrets)

    def _variables(self, path: str, needs: str = "actions_variables=read") -> frozenset[str]:
        pages = self._pages(path, Variables, "the names of variables", needs)
        return frozenset(one.name for page in pages for one in page.variables)

    def _get[T](self, path: str, answer: type[T], what: str, needs: str) -> T:
        return self.line.get(self._path + path, answer, doing=f"read {what}", needs=needs)

    def _pages[T](self, path: str, answer: type[T], what: str, needs: str) -> Iterator[T]:
        return self.line.pages(self._path + path, answer, doing=f"read {what}", needs=needs)


def _part(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")
