"""Asks GitHub how the repository is set up. What the token may not see is told with the permission that it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from slipway.doctor.facts import PULLS, Names, Seen, Settings, Unseen
from slipway.errors import InputError, OutsideError

if TYPE_CHECKING:
    from slipway.adapters.git import Git
    from slipway.adapters.github.administration import Administration, Environment, Rule
    from slipway.doctor.workflows import Workflows

_REMOTE = re.compile(r"(?:https://(?:[^@/]*@)?|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_ASK = "export GITHUB_TOKEN=$(gh auth token) GITHUB_REPOSITORY=OWNER/NAME, and ask again: an administrator sees most."
_TRIES = 2
"""A doctor says soon that nobody is there."""


def gather(environ: Mapping[str, str], git: Git, workflows: Workflows) -> Seen[Settings]:
    """A repository's settings; without a token or a network, why there are none to see."""
    from slipway.adapters.github import connect
    from slipway.adapters.github.administration import Administration

    try:
        forge = connect(_with_repository(environ, git), tries=_TRIES)
        ask = Administration(line=forge.line)
        repository = ask.repository()
    except (InputError, OutsideError) as error:
        return _unseen(error)
    rules = _see(lambda: ask.rules(repository.default_branch))
    environments = _see(ask.environments)
    names = _existing(environments, workflows)
    actions = _see(ask.actions)
    return Settings(
        name=repository.full_name,
        repository=repository,
        rules=rules,
        passing=_passing(ask, rules),
        environments=environments,
        branches=_branches(ask, environments),
        secrets=Names(everywhere=_see(ask.secrets), by_environment=_each(names, ask.secrets_of)),
        variables=Names(everywhere=_see(ask.variables), by_environment=_each(names, ask.variables_of)),
        actions=actions,
        selected=_see(ask.selected_actions) if _is_selected(actions) else Unseen(why="not asked for"),
        permissions=_see(ask.workflow_permissions),
        forks=_see(ask.fork_approval),
        owners=_see(ask.owners_errors),
    )


def _with_repository(environ: Mapping[str, str], git: Git) -> Mapping[str, str]:
    """The environment; on a clone of GitHub's, the repository's name is that of its remote."""
    if environ.get("GITHUB_REPOSITORY") or environ.get("GITHUB_API_URL"):
        return environ
    from slipway.adapters.main_place import find

    remote = find(git, environ).remote if git.is_repository() else None
    found = _REMOTE.fullmatch(git.run("remote", "get-url", remote)) if remote else None
    return {**environ, "GITHUB_REPOSITORY": found[1]} if found else environ


def _see[T](ask: Callable[[], T]) -> Seen[T]:
    try:
        return ask()
    except OutsideError as error:
        return _unseen(error)


def _unseen(error: InputError | OutsideError) -> Unseen:
    if isinstance(error, InputError):
        return Unseen(why="; ".join(fault.what for fault in error.faults), how=_ASK)
    return Unseen(why=error.what, how=error.hint)


def _passing(ask: Administration, rules: Seen[tuple[Rule, ...]]) -> Seen[frozenset[str]]:
    """Whom the rulesets that ask for pull requests let pass."""
    if isinstance(rules, Unseen):
        return rules
    rulesets = {rule.ruleset_id for rule in rules if rule.type == PULLS and rule.ruleset_id is not None}
    found = _see(lambda: ask.passing(sorted(rulesets)))
    return found if found is not None else Unseen(why="the token may not see whom main's rules let pass", how=_ASK)


def _existing(environments: Seen[tuple[Environment, ...]], workflows: Workflows) -> list[str]:
    if isinstance(environments, Unseen):
        return workflows.environments
    return [name for name in workflows.environments if name in {one.name for one in environments}]


def _each[T](names: list[str], ask: Callable[[str], T]) -> Mapping[str, Seen[T]]:
    return {name: _see(partial(ask, name)) for name in names}


def _branches(ask: Administration, environments: Seen[tuple[Environment, ...]]) -> Mapping[str, Seen[tuple[str, ...]]]:
    if isinstance(environments, Unseen):
        return {}
    policies = {one.name: one.deployment_branch_policy for one in environments}
    return _each(
        [name for name, policy in policies.items() if policy and policy.custom_branch_policies], ask.branches_of
    )


def _is_selected(actions: object) -> bool:
    return getattr(actions, "allowed_actions", "") == "selected"
