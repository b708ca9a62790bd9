"""Judges which secrets and variables are set, and whether pull requests' branches can read them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from slipway.doctor.facts import PULLS, Names, Settings, Tree, Unseen
from slipway.doctor.finding import Finding, Need, State
from slipway.doctor.purposes import APP_ID, APP_KEY, CREDENTIALS, LOGIN, REVIEWS, WATCH, purpose
from slipway.doctor.said import finding, unseen
from slipway.doctor.workflows import Job

_WHO = "who releases"
_GITHUBS_REGISTRY = "ghcr.io/"


@dataclass(frozen=True)
class _Kind:
    """Secrets or variables."""

    word: str
    command: str
    names: Names
    asked: Callable[[Job], frozenset[str]]


def variables(tree: Tree, github: Settings) -> Iterator[Finding]:
    """The variables that the workflows name."""
    kind = _Kind("variable", "gh variable set", github.variables, lambda job: job.variables)
    for name, places in _places(tree, kind.asked).items():
        set_how = f"{kind.command} {name} --repo {github.name}"
        names = kind.names if all(places) else Names(everywhere=kind.names.everywhere)  # a job reads its own's alone
        yield _seen(name, kind, _set(name, names), set_how, _need(tree, name, REVIEWS))


def secrets(tree: Tree, github: Settings) -> Iterator[Finding]:
    """The secrets that the workflows name: each belongs to the environments of the jobs that ask for it."""
    kind = _Kind("secret", "gh secret set", github.secrets, lambda job: job.secrets)
    found = [
        one for name, places in _places(tree, kind.asked).items() for one in _secret(name, places, kind, tree, github)
    ]
    if tree.lands_by_branch:
        yield from (*found, _opener(tree, github, found))
    else:
        yield from (_either(one, found) for one in found)
        yield _pusher(github, found)


def _places(tree: Tree, asked: Callable[[Job], frozenset[str]]) -> Mapping[str, list[str]]:
    """Each name, with the environments of the jobs that ask for it."""
    jobs = tree.workflows.jobs
    names = sorted(set().union(*(asked(job) for job in jobs)))
    return {name: sorted({job.environment for job in jobs if name in asked(job)}) for name in names}


def _secret(name: str, places: list[str], kind: _Kind, tree: Tree, github: Settings) -> Iterator[Finding]:
    everywhere = kind.names.everywhere
    if not isinstance(everywhere, Unseen) and name in everywhere and all(places):
        moved = "; ".join(f"{kind.command} {name} --repo {github.name} --env {place}" for place in places)
        what = "any branch's workflow can read it: it is the whole repository's"
        yield finding(name, ok=False, what=what, how=f"{moved}; then gh secret delete {name} --repo {github.name}")
        return
    for place in places:
        names = kind.names if not place else Names(everywhere=kind.names.by_environment.get(place, frozenset()))
        how = f"{kind.command} {name} --repo {github.name}" + (f" --env {place}" if place else "")
        yield _seen(f"{name} ({place})" if place else name, kind, _set(name, names), how, _need(tree, name, place))


def _set(name: str, names: Names) -> bool | Unseen:
    """Whether a name is set anywhere that can be seen."""
    places = (names.everywhere, *names.by_environment.values())
    if any(name in place for place in places if not isinstance(place, Unseen)):
        return True
    return next((place for place in places if isinstance(place, Unseen)), False)


def _need(tree: Tree, name: str, place: str) -> Need:
    """Whether releases wait for it: images are pushed to ghcr.io with nothing set, and elsewhere by a login alone."""
    is_elsewhere = bool(tree.registry) and not tree.registry.startswith(_GITHUBS_REGISTRY)
    return Need.NECESSARY if is_elsewhere and name in LOGIN and place == REVIEWS else purpose(name).need


def _seen(told: str, kind: _Kind, is_set: bool | Unseen, how: str, need: Need) -> Finding:  # noqa: FBT001  not a switch
    about = purpose(told.partition(" ")[0])
    if isinstance(is_set, Unseen):
        return unseen(told, is_set, need=need)
    return finding(told, is_set, f"{kind.word}: {about.why}", how, need=need)


def _either(one: Finding, found: list[Finding]) -> Finding:
    """Of the two credentials that push to main one is enough: the other is then not missed."""
    name, _, place = one.name.partition(" ")
    if name not in CREDENTIALS or one.state is not State.MISSING:
        return one
    others = {f"{other} {place}".strip() for other in CREDENTIALS}
    if any(other.name in others and other.state is State.OK for other in found):
        return replace(one, state=State.OK, what="not needed beside the other", how="")
    return one


def _opener(tree: Tree, github: Settings, found: list[Finding]) -> Finding:
    """Whether an App opens the pull requests of releases.

    Those that a workflow's own token opens start no workflow, so that the check that a merge waits for never runs:
    https://docs.github.com/en/actions/concepts/security/github_token
    """
    keys = [one for one, credential in _releasing(found) if credential == APP_KEY]
    if not keys and tree.has_pipelines:
        return unseen(_WHO, Unseen(why="who opens the pull requests of releases is said in the cluster's Secret"))
    has_id = _set(APP_ID, github.variables)
    states = {one.state for one in keys}
    if has_id and State.OK in states:
        what = "an App opens the pull requests of releases (landing = branch)"
        return unseen(_WHO, has_id) if isinstance(has_id, Unseen) else finding(_WHO, ok=True, what=what)
    unknown = next((one for one in keys if one.state is State.UNKNOWN), None)
    if has_id and unknown:
        return unseen(_WHO, Unseen(why=unknown.what, how=unknown.how))
    how = (
        "Make a GitHub App that may write contents and pull requests, install it here, and then: "
        f"gh variable set {APP_ID} --repo {github.name}; gh secret set {APP_KEY} --repo {github.name} --env release"
    )
    what = "no check runs on pull requests that a workflow's own token opens, so no release would merge"
    return finding(_WHO, ok=False, what=what, how=how)


def _pusher(github: Settings, found: list[Finding]) -> Finding:
    """Whether anybody gets releases onto a main that takes nothing but pull requests."""
    theirs = _releasing(found)
    if kinds := {CREDENTIALS[credential] for one, credential in theirs if one.state is State.OK}:
        return _passes(_WHO, kinds, github)
    unknown = next((one for one, _ in theirs if one.state is State.UNKNOWN), None)
    if unknown:
        return unseen(_WHO, Unseen(why=unknown.what, how=unknown.how))
    how = (
        "Make a deploy key that may write, and put it in as SLIPWAY_DEPLOY_KEY (the ruleset lets deploy keys pass); "
        'or have releases open pull requests, which takes an App: [tool.slipway] landing = "branch".'
    )
    return finding(_WHO, ok=False, what="a protected main refuses a workflow's own token", how=how)


def _releasing(found: list[Finding]) -> list[tuple[Finding, str]]:
    """What is found of the credentials that releases go by, each with its name."""
    named = [(one, *one.name.partition(" ")[::2]) for one in found]
    return [(one, name) for one, name, place in named if name in CREDENTIALS and place != f"({WATCH})"]


def _passes(name: str, kinds: set[str], github: Settings) -> Finding:
    """Whether main's rules let one of these kinds of actors pass."""
    has_rules = not isinstance(github.rules, Unseen) and any(rule.type == PULLS for rule in github.rules)
    if has_rules and isinstance(github.passing, Unseen):
        return unseen(name, github.passing)
    passes = not has_rules or isinstance(github.passing, Unseen) or bool(kinds & github.passing)
    what = "an App or a deploy key, which main's rules let pass" if passes else "main's rules let neither of them pass"
    how = f"Add it to the ruleset's bypass list: https://github.com/{github.name}/settings/rules"
    return finding(name, passes, what, how)
