"""The doctor's judgement, on this repository's own workflows and ruleset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.github.administration import (
    Actions,
    BranchPolicies,
    Environment,
    ForkApproval,
    OwnersError,
    Rule,
    SelectedActions,
    WorkflowPermissions,
)
from slipway.adapters.github.documents import Repository
from slipway.doctor import tree as trees
from slipway.doctor import workflows
from slipway.doctor.decision import decide
from slipway.doctor.facts import Facts, Machine, Names, Settings, Tree, Tried, Unseen
from slipway.doctor.finding import Finding, Need, State
from slipway.doctor.purposes import PURPOSES
from slipway.settings import Settings as Environ

ROOT = Path(__file__).parents[3]
HERE = workflows.read(ROOT)
OWNERS = "* @acme/everyone\n/gitops/ @acme/release\n"
FINE = Tried(works=True, what="fine")
MACHINE = Machine(
    git=FINE,
    engine=FINE,
    s2i=FINE,
    skopeo=FINE,
    store=FINE,
    tracking=FINE,
    prometheus=FINE,
    data=FINE,
    shared_memory=2 << 30,
)
TREE = replace(
    trees.gather(Environ.from_environ({}, repo=ROOT)),
    owners=OWNERS,
    registry="ghcr.io/acme",
    builder="ghcr.io/acme/builder@sha256:1",
    lands_by_branch=False,
    has_gitops=True,
)
SECRETS = frozenset().union(*(job.secrets for job in HERE.jobs))
VARIABLES = frozenset().union(*(job.variables for job in HERE.jobs))
KEPT = BranchPolicies(protected_branches=False, custom_branch_policies=True)
UNSEEN = Unseen(why="GitHub refuses to read it", how="Give the token «Administration» (read)")


def settings(**changes: Any) -> Settings:
    made: dict[str, Any] = {
        "name": "acme/models",
        "repository": Repository(full_name="acme/models", allow_auto_merge=True),
        "rules": TREE.ruleset,
        "passing": frozenset({"DeployKey", "Integration"}),
        "environments": tuple(Environment(name=name, deployment_branch_policy=KEPT) for name in HERE.environments),
        "branches": dict.fromkeys(HERE.environments, ("main",)),
        "secrets": Names(everywhere=frozenset(), by_environment=dict.fromkeys(HERE.environments, SECRETS)),
        "variables": Names(everywhere=VARIABLES),
        "actions": Actions(enabled=True),
        "selected": SelectedActions(),
        "permissions": WorkflowPermissions(default_workflow_permissions="read", can_approve_pull_request_reviews=False),
        "forks": ForkApproval(approval_policy="first_time_contributors"),
        "owners": (),
    }
    return Settings(**made | changes)


def judged(tree: Tree = TREE, machine: Machine = MACHINE, **changes: Any) -> dict[str, Finding]:
    found = decide(Facts(machine=machine, tree=tree, github=settings(**changes)))
    assert len({(one.area, one.name) for one in found}) == len(found), "each thing is said once"
    return {one.name: one for one in found}


def test_where_everything_is_set_nothing_is_missed() -> None:
    assert {name: one for name, one in judged().items() if one.state is not State.OK} == {}


def test_what_is_set_asks_for_nothing() -> None:
    assert [one for one in judged().values() if one.how] == []


def rules_without(kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in TREE.ruleset if rule.type != kind)


def other_check() -> tuple[Rule, ...]:
    return (
        *rules_without("required_status_checks"),
        Rule(type="required_status_checks", parameters={"required_status_checks": [{"context": "ci"}]}),
    )


def with_secret(name: str, place: str | None) -> Names:
    """The secrets without one, or with it for all branches."""
    environments = dict.fromkeys(HERE.environments, SECRETS - {name})
    return Names(everywhere=frozenset({name} if place is None else ()), by_environment=environments)


MISSING: list[tuple[str, dict[str, Any], str]] = [
    ("rules of main", {"rules": ()}, "gh api -X POST repos/acme/models/rulesets --input .github/rulesets/main.json"),
    ("rules of main", {"rules": rules_without("pull_request")}, "rulesets"),
    ("required check", {"rules": other_check()}, "rulesets"),
    ("review by owners", {"rules": rules_without("pull_request")}, "rulesets"),
    ("environment release", {"environments": ()}, "environments/release/deployment-branch-policies -f name=main"),
    ("environment release", {"environments": (Environment(name="release"),)}, "deployment_branch_policy"),
    ("environment release", {"branches": {"release": ("main", "feature/*")}}, "deployment_branch_policy"),
    ("environment release", {"branches": {}}, "deployment_branch_policy"),
    ("SLIPWAY_STORE", {"variables": Names(everywhere=frozenset())}, "gh variable set SLIPWAY_STORE"),
    (
        "SLIPWAY_STORE",  # the job that asks first has no environment
        {"variables": Names(everywhere=frozenset(), by_environment={"release": VARIABLES})},
        "gh variable set SLIPWAY_STORE --repo acme/models",
    ),
    (
        "AWS_SECRET_ACCESS_KEY (release)",
        {"secrets": with_secret("AWS_SECRET_ACCESS_KEY", "release")},
        "gh secret set AWS_SECRET_ACCESS_KEY --repo acme/models --env release",
    ),
    (
        "AWS_SECRET_ACCESS_KEY",
        {"secrets": with_secret("AWS_SECRET_ACCESS_KEY", None)},
        "then gh secret delete AWS_SECRET_ACCESS_KEY --repo acme/models",
    ),
    ("actions that may run", {"actions": Actions(enabled=False)}, "-F enabled=true"),
    ("actions that may run", {"actions": Actions(enabled=True, allowed_actions="local_only")}, "settings/actions"),
    (
        "actions that may run",
        {"actions": Actions(enabled=True, allowed_actions="selected"), "selected": SelectedActions()},
        "settings/actions",
    ),
    (
        "default permissions",
        {
            "permissions": WorkflowPermissions(
                default_workflow_permissions="write", can_approve_pull_request_reviews=False
            )
        },
        "default_workflow_permissions=read",
    ),
]


@pytest.mark.parametrize(("name", "changes", "how"), MISSING)
def test_what_is_missing_is_said_with_how_to_set_it(name: str, changes: dict[str, Any], how: str) -> None:
    one = judged(**changes)[name]
    assert one.is_fault, one
    assert how in one.how


@pytest.mark.parametrize(
    ("registry", "missed"),
    [
        ("quay.io/acme", {"SLIPWAY_REGISTRY_HOST", "REGISTRY_USERNAME", "REGISTRY_PASSWORD (reviews)"}),
        ("ghcr.io/acme", set()),
    ],
)
def test_another_registry_than_githubs_needs_a_login_where_images_are_pushed(registry: str, missed: set[str]) -> None:
    names = {"SLIPWAY_REGISTRY_HOST", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"}
    found = judged(
        tree=replace(TREE, registry=registry),
        secrets=Names(everywhere=frozenset(), by_environment=dict.fromkeys(HERE.environments, SECRETS - names)),
        variables=Names(everywhere=VARIABLES - names),
    )
    assert {name for name, one in found.items() if one.is_fault} == missed
    assert found["REGISTRY_PASSWORD (release)"].state is State.MISSING
    assert found["REGISTRY_PASSWORD (release)"].need is Need.ADVISED


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("forks", {"forks": ForkApproval(approval_policy="first_time_contributors_new_to_github")}),
        ("owners", {"owners": (OwnersError(line=3, kind="Unknown owner"),)}),
    ],
)
def test_what_is_advised(name: str, changes: dict[str, Any]) -> None:
    assert judged(**changes)[name].state is State.MISSING


def test_chosen_actions_may_be_all_that_are_used() -> None:
    patterns = tuple(f"{one.partition('@')[0]}@*" for one in HERE.uses if not one.startswith("actions/"))
    chosen = SelectedActions(github_owned_allowed=True, patterns_allowed=patterns)
    found = judged(actions=Actions(enabled=True, allowed_actions="selected"), selected=chosen)
    assert found["actions that may run"].state is State.OK
    found = judged(
        actions=Actions(enabled=True, allowed_actions="selected"),
        selected=chosen.model_copy(update={"patterns_allowed": patterns[1:]}),
    )
    assert found["actions that may run"].is_fault


SEEN = (
    "rules",
    "passing",
    "environments",
    "secrets",
    "variables",
    "actions",
    "permissions",
    "forks",
    "owners",
    "repository",
)


@pytest.mark.parametrize("what", SEEN)
@pytest.mark.parametrize("lands_by_branch", [False, True])
def test_what_cannot_be_seen_is_no_fault(what: str, *, lands_by_branch: bool) -> None:
    changes: dict[str, Any] = {what: UNSEEN}
    if what in {"secrets", "variables"}:
        changes = {what: Names(everywhere=UNSEEN, by_environment=dict.fromkeys(HERE.environments, UNSEEN))}
    found = judged(tree=replace(TREE, lands_by_branch=lands_by_branch), **changes).values()
    assert not [one for one in found if one.is_fault]
    unknown = [one for one in found if one.state is State.UNKNOWN]
    assert unknown or what == ("passing" if lands_by_branch else "repository")
    assert {one.how for one in unknown} <= {UNSEEN.how}


def test_without_github_the_rest_is_judged_all_the_same() -> None:
    found = decide(Facts(machine=MACHINE, tree=TREE, github=UNSEEN))
    assert [one.state for one in found if one.area == "GitHub"] == [State.UNKNOWN]
    assert {one.state for one in found if one.area != "GitHub"} == {State.OK}


class TestWhoReleases:
    def names(self, *kept: str) -> Names:
        """Who watches has an App's key, which is no help to releases."""
        others = SECRETS - {"SLIPWAY_GITHUB_APP_KEY", "SLIPWAY_DEPLOY_KEY"}
        places = dict.fromkeys(HERE.environments, others | set(kept)) | {"watch": others | {"SLIPWAY_GITHUB_APP_KEY"}}
        return Names(everywhere=frozenset(), by_environment=places)

    @pytest.mark.parametrize(
        ("credential", "kind"), [("SLIPWAY_GITHUB_APP_KEY", "Integration"), ("SLIPWAY_DEPLOY_KEY", "DeployKey")]
    )
    def test_one_credential_is_enough_if_the_rules_let_it_pass(self, credential: str, kind: str) -> None:
        found = judged(secrets=self.names(credential), passing=frozenset({kind}))
        assert [one for one in found.values() if one.state is not State.OK] == []
        found = judged(secrets=self.names(credential), passing=frozenset({"RepositoryRole"}))
        assert found["who releases"].is_fault
        assert "bypass list" in found["who releases"].how
        assert judged(secrets=self.names(credential), passing=UNSEEN)["who releases"].state is State.UNKNOWN

    def test_none_is_not(self) -> None:
        assert judged(secrets=self.names())["who releases"].is_fault

    def test_pull_requests_of_their_own_need_an_app_and_auto_merge(self) -> None:
        """A workflow's own token would open them, and nothing would ever run on them."""
        tree = replace(TREE, lands_by_branch=True)
        found = judged(tree=tree, secrets=self.names("SLIPWAY_GITHUB_APP_KEY"))
        assert not [one for one in found.values() if one.is_fault]
        assert found["pull requests by workflows"].need is Need.ADVISED
        nobody = Names(everywhere=VARIABLES - {"SLIPWAY_GITHUB_APP_ID"})
        for found in (judged(tree, secrets=self.names("SLIPWAY_DEPLOY_KEY")), judged(tree, variables=nobody)):
            assert [one.name for one in found.values() if one.is_fault] == ["who releases"]
            assert "gh variable set SLIPWAY_GITHUB_APP_ID --repo acme/models" in found["who releases"].how
            assert "gh secret set SLIPWAY_GITHUB_APP_KEY" in found["who releases"].how
        of_the_cluster = replace(tree, workflows=replace(HERE, jobs=()))
        assert judged(tree=of_the_cluster)["who releases"].state is State.UNKNOWN
        off = judged(tree=tree, repository=Repository(full_name="acme/models", allow_auto_merge=False))
        assert "gh repo edit acme/models --enable-auto-merge" in off["auto-merge"].how


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda tree: replace(tree, owners=""), "CODEOWNERS"),
        (lambda tree: replace(tree, owners="# /gitops/ @acme\n"), "CODEOWNERS"),
        (lambda tree: replace(tree, owners="/gitops/ @example/release\n"), "CODEOWNERS"),
        (lambda tree: replace(tree, owners="/data/ @acme/data\n"), "CODEOWNERS"),
        (lambda tree: replace(tree, registry="localhost/slipway"), "registry"),
        (lambda tree: replace(tree, builder=""), "builder"),
        (lambda tree: replace(tree, has_models=False), "models"),
        (lambda tree: replace(tree, has_pipelines=False, workflows=replace(HERE, files=frozenset())), "workflows"),
        (lambda tree: replace(tree, workflows=replace(HERE, jobs=())), "workflows"),
        (lambda tree: replace(tree, workflows=replace(HERE, faulty=("x.yml",))), "workflows"),
    ],
)
def test_a_working_tree_that_lacks_something(change: Callable[[Tree], Tree], name: str) -> None:
    found = judged(tree=change(TREE))
    assert found[name].is_fault
    assert found[name].how


def test_a_machine_that_lacks_something() -> None:
    absent = Tried(works=False, what="is not there", how="Install it.")
    lacking = replace(MACHINE, git=absent, s2i=absent, prometheus=absent, data=absent, shared_memory=64 << 20)
    found = judged(machine=lacking)
    assert found["git"].is_fault
    assert found["data"].is_fault
    assert (found["s2i"].state, found["s2i"].need) == (State.MISSING, Need.ADVISED)
    assert (found["Prometheus"].state, found["Prometheus"].need) == (State.MISSING, Need.ADVISED)
    assert "data" not in judged(machine=replace(MACHINE, data=None)), "nothing is kept beyond Git"
    assert "0.1 GB" in found["shared memory"].what
    assert "--shm-size" in found["shared memory"].how


def test_every_secret_and_variable_of_the_workflows_has_its_purpose() -> None:
    """Else people would be told to set what nothing reads, or not told at all."""
    assert set(PURPOSES) == SECRETS | VARIABLES


@pytest.mark.parametrize("text", ["", "[]", "jobs: 7", "a: [", "jobs: {x: 7}"])
def test_a_workflow_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    folder = tmp_path / workflows.FOLDER
    folder.mkdir(parents=True)
    (folder / "odd.yml").write_text(text)
    assert workflows.read(tmp_path).faulty == ("odd.yml",)


def test_a_job_as_checks_and_settings_know_it() -> None:
    text = """
env: {A: "${{ secrets.SHARED }}"}
jobs:
  one:
    environment: {name: release, url: x}
    steps:
      - {uses: actions/checkout@abc, with: {token: "${{ secrets.GITHUB_TOKEN || vars.OTHER }}"}}
      - {uses: ./.github/actions/setup}
  two: {name: gate, environment: reviews}
"""
    one, two = workflows.parse("x.yml", text)
    assert (one.name, one.environment, *one.secrets) == ("one", "release", "SHARED")
    assert (*one.variables, *one.uses) == ("OTHER", "actions/checkout@abc")
    assert (two.name, two.environment, *two.secrets) == ("gate", "reviews", "SHARED")
