"""Random histories of a model in two environments, told to a plain model of what its people mean in each.

Production's inputs are what staging verified: the same plain model (`tests.histories.Meaning`) is told both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.histories import Dial, Live, Meaning

from slipway.adapters.git import Git, WorkTree
from slipway.delivery import manifest
from slipway.delivery.manifest import Release, Serving
from slipway.key import key_inputs
from slipway.plan import commit as commits
from slipway.plan import history, served
from slipway.plan.acts import releases
from slipway.plan.commit import Change, Current, Last
from slipway.plan.history import State
from slipway.plan.rule import Shape, Wanted
from slipway.plan.standing import Kind, Standing, standing
from slipway.spec import Platform, ServingTable, parse_toml

EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "12"))
STAGING, PRODUCTION = "staging", "production"
BOTH = (STAGING, PRODUCTION)
EARLIER: dict[str, tuple[str, ...]] = {STAGING: (), PRODUCTION: (STAGING,)}
SPEC = "data/one/model.toml"
IDLE = (Wanted.NONE, Wanted.HELD)
ENVIRON = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
TOML = (
    '[model]\ntask = "regression"\ntarget = "y"\n\n[data]\npath = "data.csv"\n\n[search]\nmetric = "rmse"\n'
    "[search.random_forest]\nmax_depth = 2\n\n[serving]\ncanary_percent = {}\nplatform = '{}'\n"
)


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(root), "-c", "core.fsync=none", "-c", "gc.auto=0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRON)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what keys are made of, and no model yet."""
    root = tmp_path_factory.mktemp("template")
    files = {
        "src/slipway/training/recipe.py": "version = 0\n",
        "pyproject.toml": '[dependency-groups]\ntraining = ["numpy"]\n',
        "uv.lock": '[[package]]\nname = "numpy"\nversion = "1.26.4"\n',
        ".python-version": "3.12\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    run(root, "init", "--quiet", "--initial-branch=main", "--template=")
    run(root, "add", "--all")
    run(root, "commit", "--quiet", "--message=Begin")
    return root


@dataclass(kw_only=True)
class Line:
    """A repository at work, and what its people mean in each environment."""

    root: Path
    meanings: dict[str, Meaning] = field(default_factory=lambda: {name: Meaning() for name in BOTH})
    platforms: dict[str, Dial[str]] = field(default_factory=lambda: {name: Dial() for name in BOTH})
    verified: set[str] = field(default_factory=set)
    """The keys that staging ever verified."""
    is_told: bool = False
    """Whether staging has verified something since the model was there."""

    # ---- Git

    def git(self, *arguments: str) -> str:
        done = run(self.root, *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.strip()

    def read(self, path: str) -> bytes | None:
        return WorkTree(root=self.root).read(path)

    def write(self, path: str, content: str | bytes | None) -> None:
        file = self.root / path
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str) -> bool:
        self.git("add", "--all")
        return run(self.root, "commit", "--quiet", "--message", message).returncode == 0

    def look(self, environment: str) -> tuple[State, Standing | None, Last | None]:
        where = Git(root=self.root)
        tip = where.run("rev-parse", "main")
        with history.read(where, tip, environment, EARLIER[environment]) as repository:
            past = repository.past("one")
            state = history.state(repository, "one")
            found = standing(past, is_followed=environment == STAGING)
            gone = next(iter(past.touches()), None)
            blobs = gone.before.items() if gone and state.serving is None else ()
            last = next((Last(path=p, content=repository.objects.read(b) or b"") for p, b in blobs if b), None)
        return state, found, last

    def state(self, environment: str) -> State:
        return self.look(environment)[0]

    # ---- what stands there now

    def key(self) -> str | None:
        return key_inputs(WorkTree(root=self.root), "one").key if self.read(SPEC) is not None else None

    def serving(self, environment: str) -> Serving | None:
        found = served.find(self.read, "one", environment)
        return manifest.read(found[1], found[0]) if found else None

    def table(self) -> ServingTable | None:
        source = self.read(SPEC)
        return ServingTable.model_validate(parse_toml(source, "")["serving"]) if source is not None else None

    # ---- telling the plain model

    def told(self, done: dict[str, Callable[[Meaning], None]]) -> None:
        """What the newest commit of main means; `done`: by environment, what slipway did."""
        self._inputs()
        for environment, meaning in self.meanings.items():
            serving = self.serving(environment)
            live = lives(serving)
            if environment in done:
                done[environment](meaning)
                assert meaning.live == live, (environment, self.log())
            else:
                meaning.person(live)
            table = self.table()
            self.platforms[environment].turned(
                serving.platform.value if serving else None, table.platform.value if table else None
            )

    def _inputs(self) -> None:
        """What each environment is to have: the model's key, and what staging has verified."""
        key, staging = self.key(), self.serving(STAGING)
        if key != self.meanings[STAGING].key:
            self.meanings[STAGING].inputs(key)
        taken = self.meanings[PRODUCTION].key
        if staging is not None and staging.default.verified:
            self.verified.add(staging.default.key)
            self.is_told, taken = True, staging.default.key
        elif staging is None and key is None:
            self.is_told, taken = True, None
        elif taken is None:
            self.is_told = False  # it came back, and is not verified yet
        if taken != self.meanings[PRODUCTION].key:
            self.meanings[PRODUCTION].inputs(taken)

    def expected(self, environment: str) -> tuple[Wanted, str | None]:
        meaning = self.meanings[environment]
        if environment == PRODUCTION and not self.is_told:
            meaning = meaning.copy()
            meaning.inputs(meaning.aim)
        wanted, key = meaning.wanted()
        moves = self.platforms[environment].asks and meaning.live and not meaning.live.canary
        if environment == PRODUCTION:
            staging = self.serving(STAGING)
            wished = self.platforms[environment].wished
            moves = moves and bool(staging and staging.default.verified and staging.platform.value == wished)
        return (Wanted.CONFIGURE if moves and wanted in IDLE else wanted), key

    def agrees(self) -> None:
        for environment in BOTH:
            state, found, _ = self.look(environment)
            assert (state.decision.wanted, state.decision.key) == self.expected(environment), (environment, self.log())
            trial = self.meanings[environment].on_trial
            assert (state.trial.key if state.trial else None) == trial, (environment, self.log())
            assert (found is not None and found.kind is Kind.CANARY) == (trial is not None)
        keys = {release.key for release in releases(self.serving(PRODUCTION))}
        assert keys <= self.verified, self.log()

    def log(self) -> str:
        return self.git("log", "--format=%s%x20%(trailers:key=Slipway-Environment,valueonly,separator=%x20)")

    # ---- what slipway does

    def change(self, environment: str) -> Change:
        state, _, last = self.look(environment)
        folder = f"gitops/models/one/{environment}"
        files = {path: self.read(path) or b"" for path in WorkTree(root=self.root).files(folder)}
        current = Current(environment=environment, files=files, last=last)
        shape = Shape.of(self.table() or ServingTable())
        match state.decision.wanted:
            case Wanted.RELEASE:
                release = self._made(environment, state)
                return commits.released(state, current, release, shape)
            case Wanted.RESTORE:
                return commits.restored(state, current, shape)
            case Wanted.ROLLBACK:
                return commits.rolled_back(state, current)
            case Wanted.CONFIGURE:
                return commits.configured(state, current)
        assert state.decision.wanted is Wanted.RETIRE
        return commits.retired(state, current)

    def _made(self, environment: str, state: State) -> Release:
        """What staging builds; what production takes from there, to the digest."""
        key = state.decision.key or ""
        image = f"registry.example/one@sha256:{key}"
        if environment == PRODUCTION:
            assert state.decision.release
            assert (state.decision.release.key, state.decision.release.image) == (key, image)
            return state.decision.release
        assert state.decision.release is None
        return Release(key=key, image=image, commit=state.decision.because[0].commit, metrics={"rmse": 0.25})

    def apply(self, environment: str, change: Change, done: Callable[[Meaning], None]) -> None:
        for path, content in change.files.items():
            self.write(path, content)
        assert self.commit(change.message), (change.subject, self.log())
        self.told({environment: done})

    def release(self) -> None:
        """What one run does: each environment is brought to rest, staging first; a second run does nothing."""
        for environment in BOTH:
            for _ in range(5):
                state = self.state(environment)
                if state.decision.wanted in IDLE:
                    break
                change = self.change(environment)
                self.apply(environment, change, _meant(state, change))
            else:
                raise AssertionError((environment, "slipway never comes to rest", self.log()))
        assert all(self.state(environment).decision.wanted in IDLE for environment in BOTH)

    def settle(self, environment: str, *, well: bool) -> None:
        """What is seen of a release ends its trial."""
        state, found, _ = self.look(environment)
        if found is None or (state.decision.wanted in (Wanted.RESTORE, Wanted.ROLLBACK, Wanted.RETIRE)):
            return
        place = served.find(self.read, "one", environment)
        assert place
        current = Current(environment=environment, files=dict([place]))
        if not well:
            change = commits.reverted(state, current, found, "it answers wrongly")
            before = found.before
            left = Live(default=state.serving.default.key) if found.kind is Kind.CANARY and state.serving else None
            if found.kind is not Kind.CANARY and before:
                left = Live(default=before.default.key)
            self.apply(environment, change, lambda meaning: meaning.person(left))
            decision = self.state(environment).decision
            assert decision.wanted not in (Wanted.RELEASE, Wanted.RESTORE) or decision.key != found.release.key
        elif found.kind is Kind.CANARY:
            change = commits.promoted(state, current, verified=environment == STAGING)
            self.apply(environment, change, Meaning.promoted)
        elif found.kind is Kind.UNCONFIRMED:
            self.apply(environment, commits.verified(state, current, found.release), lambda _: None)

    def settle_badly(self) -> None:
        """Whatever is seen of any release from here on is bad: each goes, and none comes back by that."""
        self.release()
        for environment in BOTH:
            for _ in range(len(self.meanings[environment].full) * len(Platform) + 2):
                was = self.git("rev-parse", "main")
                self.settle(environment, well=False)
                if self.git("rev-parse", "main") == was:
                    break
                self.release()
                self.agrees()
            else:
                raise AssertionError((environment, "slipway takes back for ever", self.log()))

    # ---- what people do

    def edit(self, files: dict[str, str | None]) -> None:
        for path, text in files.items():
            self.write(path, text)
        if self.commit("Edit " + " ".join(files)):
            self.told({})

    def revert(self, paths: Sequence[str], back: int) -> None:
        """`git revert` of one of the newest commits that touched these paths."""
        if paths[0].startswith(f"gitops/models/one/{PRODUCTION}") and not self.is_told:
            return  # whoever answers before there is a question means something else
        found = self.git("rev-list", "main", "--", *paths).split()
        if back >= len(found):
            return
        if run(self.root, "revert", "--no-edit", found[back]).returncode:
            run(self.root, "revert", "--abort")
            self.git("reset", "--quiet", "--hard")
            return
        self.told({})


def _meant(state: State, change: Change) -> Callable[[Meaning], None]:
    key = state.decision.key or ""
    steps: dict[str, Callable[[Meaning], None]] = {
        "release": lambda meaning: meaning.released(key, trial="canary" in change.subject),
        "restore": lambda meaning: meaning.restored(key),
        "rollback": Meaning.rolled_back,
        "retire": Meaning.retired,
    }
    return steps.get(change.verb, lambda _: None)


def lives(serving: Serving | None) -> Live | None:
    if serving is None:
        return None
    return Live(default=serving.default.key, canary=serving.canary.key if serving.canary else None)


# ---- random histories

type Event = tuple[object, ...]

BACK = st.sampled_from([0, 0, 0, 1, 1, 2, 3])
ENVIRONMENT = st.sampled_from(BOTH)
OFTEN: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("ships"), st.sampled_from("AABBC"), st.sampled_from([10, 10, 0])),
    st.tuples(st.just("settle"), ENVIRONMENT, st.sampled_from([True, True, True, False])),
    st.tuples(st.just("settle"), ENVIRONMENT, st.just(True)),  # noqa: FBT003  drawn
    st.tuples(st.just("take back"), ENVIRONMENT, BACK),
    st.tuples(st.just("release")),
)
SELDOM: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("revert"), BACK),
    st.tuples(st.just("gone")),
    st.tuples(st.just("move"), st.sampled_from(["seldon", "kserve"])),
)
HISTORIES = st.lists(st.one_of(OFTEN, OFTEN, OFTEN, SELDOM), min_size=5, max_size=16)


def happens(line: Line, event: Event) -> None:
    match event:
        case "ships", str() as letter, int() as percent:
            platform = (line.table() or ServingTable()).platform.value
            line.edit({"data/one/data.csv": f"{letter}\n", SPEC: TOML.format(percent, platform)})
            line.release()
        case "settle", str() as environment, bool() as well:
            line.settle(environment, well=well)
        case "take back", str() as environment, int() as back:
            line.revert([f"gitops/models/one/{environment}"], back)
        case "revert", int() as back:
            line.revert(["data/one"], back)
        case ("gone",):
            line.edit({SPEC: None, "data/one/data.csv": None})
        case "move", str() as name:
            if (source := line.read(SPEC)) is not None:
                was = (line.table() or ServingTable()).platform.value
                line.edit({SPEC: source.decode().replace(f"'{was}'", f"'{Platform(name).value}'")})
        case _:
            line.release()


@contextmanager
def repository(template: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "main"
        shutil.copytree(template, root)
        yield root


SHIPS_A: tuple[Event, ...] = (("ships", "A", 10), ("settle", STAGING, True), ("release",))
SHIPS_B: tuple[Event, ...] = (*SHIPS_A, ("ships", "B", 10), ("settle", STAGING, True), ("release",))
AT_ONCE: tuple[Event, ...] = (("ships", "A", 0),)
BACK_AGAIN: tuple[Event, ...] = (*SHIPS_B, ("settle", PRODUCTION, True), ("revert", 0), ("release",))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@example(events=[*SHIPS_B, ("settle", PRODUCTION, False), ("release",), ("ships", "C", 10), ("settle", STAGING, True)])
@example(events=[*SHIPS_B, ("take back", STAGING, 0), ("release",), ("take back", STAGING, 0), ("release",)])
@example(events=[*BACK_AGAIN, ("revert", 0), ("release",), ("gone",), ("release",), ("revert", 0), ("release",)])
@example(events=[*SHIPS_B, ("move", "kserve"), ("release",), ("take back", STAGING, 0), ("release",)])
@example(events=[*SHIPS_A, ("ships", "B", 0), ("ships", "C", 0)])
@example(events=[*SHIPS_A, ("settle", PRODUCTION, True), ("move", "kserve"), ("release",), ("settle", STAGING, True)])
@example(
    events=[("ships", "A", 0), ("settle", STAGING, False), ("release",), ("ships", "B", 0), ("settle", STAGING, True)]
)
@given(events=HISTORIES)
def test_each_environment_has_what_people_mean(template: Path, events: Sequence[Event]) -> None:
    with repository(template) as root:
        line = Line(root=root)
        for event in events:
            happens(line, event)
            line.agrees()
        line.settle_badly()
