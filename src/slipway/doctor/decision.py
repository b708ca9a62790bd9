"""Judges the facts. Pure: what to do next is said here, and done by people."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.doctor import on_github
from slipway.doctor.facts import Facts, Machine, Tree, Tried, Unseen
from slipway.doctor.finding import Area, Finding, Need, State
from slipway.doctor.said import unseen

_GB = 1 << 30
_SHARED = _GB
"""What Ray wants to keep a search's data in; containers get 64 MB by default."""
_WORKFLOWS = ("pull-request.yml", "report.yml", "release.yml")
_LOCAL_REGISTRY = "localhost"
_PLACEHOLDER = "@example/"


def decide(facts: Facts) -> tuple[Finding, ...]:
    """Everything that was looked at, in the order in which people set it."""
    return (*_machine(facts.machine), *_tree(facts.tree), *_github(facts))


def _machine(machine: Machine) -> Iterator[Finding]:
    yield _tried("git", machine.git, Need.NECESSARY)
    yield _tried("store", machine.store, Need.NECESSARY)
    yield _tried("MLflow", machine.tracking, Need.ADVISED)
    yield _tried("engine", machine.engine, Need.ADVISED)
    yield _tried("s2i", machine.s2i, Need.ADVISED)
    yield _tried("skopeo", machine.skopeo, Need.ADVISED)
    yield _tried("Prometheus", machine.prometheus, Need.ADVISED)
    if machine.data is not None:
        yield _tried("data", machine.data, Need.NECESSARY)
    if machine.shared_memory is not None:
        size = f"{machine.shared_memory / _GB:.1f} GB for Ray's objects"
        how = "Give a container more: --shm-size=2g; in Kubernetes, an emptyDir of medium Memory at /dev/shm."
        enough = machine.shared_memory >= _SHARED
        yield _tried("shared memory", Tried(works=enough, what=size, how=how), Need.ADVISED)


def _tried(name: str, tried: Tried, need: Need) -> Finding:
    state = State.UNKNOWN if tried.works is None else State.OK if tried.works else State.MISSING
    how = "" if tried.works else tried.how
    return Finding(area=Area.MACHINE, name=name, state=state, need=need, what=tried.what, how=how)


def _tree(tree: Tree) -> Iterator[Finding]:
    yield _of_tree(
        "models", tree.has_models, "a model is a folder of data/", "slipway new MODEL --from FILE --target COLUMN"
    )
    yield _workflows(tree)
    yield _of_tree(
        "registry",
        bool(tree.registry) and not tree.registry.startswith(_LOCAL_REGISTRY),
        tree.registry or "where images are pushed to",
        'pyproject.toml: [tool.slipway] registry = "ghcr.io/OWNER/NAME"',
    )
    yield _of_tree(
        "builder",
        bool(tree.builder),
        tree.builder or "the image that models are built upon; without it, images are folders of one machine",
        'pyproject.toml: [tool.slipway] builder = "NAME@sha256:…"; gh workflow run builder.yml makes one',
    )
    yield _of_tree(
        "gitops",
        tree.has_gitops,
        "gitops/ says what is live; the first release makes it",
        "gh workflow run release.yml",
        need=Need.ADVISED,
    )
    yield _owners(tree)


def _workflows(tree: Tree) -> Finding:
    missing = [name for name in _WORKFLOWS if name not in tree.workflows.files]
    if tree.workflows.faulty:
        return _of_tree(
            "workflows", ok=False, what=f"cannot be read: {', '.join(tree.workflows.faulty)}", how="Mend it."
        )
    if not missing and (unknown := on_github.required(tree.ruleset) - {job.name for job in tree.workflows.jobs}):
        what = f"no workflow has a job named {', '.join(sorted(unknown))}, and the ruleset waits for it"
        return _of_tree("workflows", ok=False, what=what, how="Make .github/rulesets/main.json and the job agree.")
    what = f"{', '.join(missing)} missing" if missing else "review, report and release"
    need = Need.ADVISED if tree.has_pipelines else Need.NECESSARY
    return _of_tree("workflows", not missing, what, "Copy .github/ from slipway's own repository.", need=need)


def _owners(tree: Tree) -> Finding:
    lines = [line for line in tree.owners.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    invented = any(_PLACEHOLDER in line for line in lines)
    covers = any(line.split()[0].startswith(("*", "/gitops", "gitops")) for line in lines)
    what = "names nobody who is there" if invented else "says who reviews what goes live"
    how = "Put your own teams into .github/CODEOWNERS, with a line for /gitops/."
    return _of_tree("CODEOWNERS", covers and not invented, what, how)


def _of_tree(name: str, ok: bool, what: str, how: str, *, need: Need = Need.NECESSARY) -> Finding:  # noqa: FBT001  its state
    state = State.OK if ok else State.MISSING
    return Finding(area=Area.REPOSITORY, name=name, state=state, need=need, what=what, how="" if ok else how)


def _github(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.github, Unseen):
        yield unseen("settings", facts.github)
        return
    yield from on_github.decide(facts.tree, facts.github)
