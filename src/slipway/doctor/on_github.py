"""Judges a repository's settings at GitHub against what its own workflows and its ruleset ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch

from slipway.adapters.github.administration import Environment, Rule, SelectedActions
from slipway.doctor.facts import PULLS, Settings, Tree, Unseen
from slipway.doctor.finding import Finding, Need
from slipway.doctor.said import finding, unseen
from slipway.doctor.secrets import secrets, variables

_CHECKS = "required_status_checks"
_MAIN = {"main", "master"}
_RULESET = "gh api -X POST repos/{}/rulesets --input .github/rulesets/main.json"
_API = "gh api -X PUT repos/{}"


def decide(tree: Tree, github: Settings) -> Iterator[Finding]:
    """Everything, in the order in which it is set."""
    yield from _rules(tree, github)
    yield from _environments(tree, github)
    yield from variables(tree, github)
    yield from secrets(tree, github)
    yield from _actions(tree, github)
    yield from _merging(tree, github)
    yield _owners(github)


def required(rules: Iterable[Rule]) -> set[str]:
    """The checks that rules wait for."""
    found = (rule.parameters.get("required_status_checks", ()) for rule in rules if rule.type == _CHECKS)
    return {check["context"] for checks in found for check in checks}


def _rules(tree: Tree, github: Settings) -> Iterator[Finding]:
    how = _RULESET.format(github.name)
    if isinstance(github.rules, Unseen):
        yield unseen("rules of main", github.rules)
        return
    held = {rule.type for rule in github.rules}
    wanted = {rule.type for rule in tree.ruleset} | {PULLS, _CHECKS}
    lacking = sorted(kind.replace("_", " ") for kind in wanted - held)
    what = f"main lacks the rules: {', '.join(lacking)}" if lacking else "main is changed as its ruleset says alone"
    yield finding("rules of main", not lacking, what, how)
    gates = required(tree.ruleset) or {"gate"}
    missing = sorted(gates - required(github.rules))
    what = (
        f"a merge does not wait for {', '.join(missing)}"
        if missing
        else f"a merge waits for {', '.join(sorted(gates))}"
    )
    yield finding("required check", not missing, what, how)
    reviewed = any(rule.type == PULLS and rule.parameters.get("require_code_owner_review") for rule in github.rules)
    what = "a merge waits for the owners' review" if reviewed else "a merge does not wait for the owners' review"
    yield finding("review by owners", reviewed, what, how)


def _environments(tree: Tree, github: Settings) -> Iterator[Finding]:
    for name in tree.workflows.environments:
        told = f"environment {name}"
        if isinstance(github.environments, Unseen):
            yield unseen(told, github.environments)
            continue
        found = next((one for one in github.environments if one.name == name), None)
        yield _environment(told, found, github)


def _environment(told: str, found: Environment | None, github: Settings) -> Finding:
    name = told.rpartition(" ")[2]
    place = f"repos/{github.name}/environments/{name}"
    how = (
        f"gh api -X PUT {place} -F 'deployment_branch_policy[protected_branches]=false' "
        "-F 'deployment_branch_policy[custom_branch_policies]=true' && "
        f"gh api -X POST {place}/deployment-branch-policies -f name=main"
    )
    if found is None:
        return finding(told, ok=False, what="it is not there, so its secrets are nowhere", how=how)
    policy = found.deployment_branch_policy
    if policy is None:
        return finding(told, ok=False, what="any branch may use it, and read its secrets", how=how)
    if policy.protected_branches:
        return finding(told, ok=True, what="for protected branches alone")
    branches = github.branches.get(name, ())
    if isinstance(branches, Unseen):
        return unseen(told, branches)
    others = sorted(set(branches) - _MAIN)
    what = f"{', '.join(others)} may use it too" if others else "for main alone"
    return finding(told, bool(branches) and not others, what if branches else "no branch may use it", how)


def _actions(tree: Tree, github: Settings) -> Iterator[Finding]:
    name, settings = "actions that may run", f"https://github.com/{github.name}/settings/actions"
    if isinstance(github.actions, Unseen):
        yield unseen(name, github.actions)
    elif not github.actions.enabled:
        how = f"{_API.format(github.name)}/actions/permissions -F enabled=true -f allowed_actions=all"
        yield finding(name, ok=False, what="GitHub Actions are switched off", how=how)
    elif github.actions.allowed_actions == "selected" and isinstance(github.selected, Unseen):
        yield unseen(name, github.selected)
    else:
        barred = _barred(tree, github)
        yield finding(
            name, not barred, f"not allowed: {', '.join(barred)}" if barred else "all that are used", settings
        )
    yield from _tokens(tree, github)


def _barred(tree: Tree, github: Settings) -> list[str]:
    """The actions that workflows use and the settings forbid. Who is a verified creator cannot be seen from here."""
    if isinstance(github.actions, Unseen) or github.actions.allowed_actions == "all":
        return []
    chosen = github.selected if isinstance(github.selected, SelectedActions) else SelectedActions()
    if github.actions.allowed_actions == "local_only":
        chosen = SelectedActions()
    used = [one for one in tree.workflows.uses if not chosen.verified_allowed]
    owned = ("actions/", "github/") if chosen.github_owned_allowed else ()
    allowed = [one for one in used if one.startswith(owned) or any(fnmatch(one, p) for p in chosen.patterns_allowed)]
    return sorted({one.partition("@")[0] for one in used if one not in allowed})


def _tokens(tree: Tree, github: Settings) -> Iterator[Finding]:
    name, place = "default permissions", f"{_API.format(github.name)}/actions/permissions"
    if isinstance(github.permissions, Unseen):
        yield unseen(name, github.permissions)
    else:
        is_read = github.permissions.default_workflow_permissions == "read"
        what = "a job's token may only read where the job says nothing"
        how = f"{place}/workflow -f default_workflow_permissions=read"
        yield finding(name, is_read, what if is_read else "a job's token may write where the job says nothing", how)
        if tree.lands_by_branch:
            opens = github.permissions.can_approve_pull_request_reviews
            how = f"{place}/workflow -f default_workflow_permissions=read -F can_approve_pull_request_reviews=true"
            what = (
                "releases open pull requests, which a workflow's token may do only if it is allowed; an App always may"
            )
            yield finding("pull requests by workflows", opens, what, how, need=Need.ADVISED)
    name = "forks"
    if isinstance(github.forks, Unseen):
        yield unseen(name, github.forks, need=Need.ADVISED)
    elif github.forks is not None:
        careful = github.forks.approval_policy != "first_time_contributors_new_to_github"
        how = f"{place}/fork-pr-contributor-approval -f approval_policy=all_external_contributors"
        what = "whose first pull request it is waits for a maintainer before its code runs"
        yield finding(name, careful, what if careful else "strangers' code runs unasked", how, need=Need.ADVISED)


def _merging(tree: Tree, github: Settings) -> Iterator[Finding]:
    if not tree.lands_by_branch:
        return
    name, how = "auto-merge", f"gh repo edit {github.name} --enable-auto-merge"
    if isinstance(github.repository, Unseen):
        yield unseen(name, github.repository)
    elif github.repository.allow_auto_merge is None:
        yield unseen(
            name, Unseen(why="the token may not see it", how="Ask with a token that may write to the repository.")
        )
    else:
        what = "the pull requests of releases merge themselves"
        yield finding(name, github.repository.allow_auto_merge, what, how)


def _owners(github: Settings) -> Finding:
    if isinstance(github.owners, Unseen):
        return unseen("owners", github.owners, need=Need.ADVISED)
    wrong = ", ".join(f"line {error.line}: {error.kind}" for error in github.owners)
    what = f"GitHub passes over {wrong}" if wrong else "GitHub knows all whom CODEOWNERS names"
    return finding("owners", not wrong, what, "Mend .github/CODEOWNERS; who is named must be able to write.")
