"""What `plan` says of real repositories, in which people and slipway do what they do."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.histories import Builder, Dial, Live, Meaning

from slipway.adapters.git import Git, WorkTree
from slipway.adapters.git_log import ShallowError
from slipway.delivery import manifest
from slipway.delivery.manifest import Release, Serving
from slipway.errors import InputError
from slipway.key import key_inputs
from slipway.plan import commit as commits
from slipway.plan import history
from slipway.plan.acts import releases
from slipway.plan.commit import Change, Current
from slipway.plan.history import State
from slipway.plan.rebuild import digest_of
from slipway.plan.rule import Shape, Wanted
from slipway.project import builder as builder_of
from slipway.release.view import taken_away
from slipway.spec import ServingTable, parse_toml

EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "20"))
MODELS = ("one", "two")
ENVIRONMENT = "production"
SHARED = "src/slipway/training/recipe.py"
IDLE = (Wanted.NONE, Wanted.HELD, Wanted.FAULTY)
ENVIRON = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
TOML = (
    '[model]\ntask = "regression"\ntarget = "y"\n\n[data]\npath = "data.csv"\n\n[search]\nmetric = "rmse"\n'
    "[search.random_forest]\nmax_depth = 2\n\n[serving]\nreplicas = {}\ncanary_percent = {}\n"
)


REPLICAS = re.compile(rb"replicas: \d+")


def git(root: Path, *arguments: str) -> str:
    done = run(root, *arguments)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout.strip()


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(root), "-c", "core.fsync=none", "-c", "gc.auto=0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRON)


def spec(model: str) -> str:
    return f"data/{model}/model.toml"


def image_of(model: str, key: str, builder: str) -> str:
    return f"registry.example/{model}@sha256:{hashlib.sha256(f'{key} {builder}'.encode()).hexdigest()}"


def manifest_of(model: str) -> str:
    return str(manifest.manifest_path(model, ENVIRONMENT))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what keys are made of, and no model yet."""
    root = tmp_path_factory.mktemp("template")
    git(root, "init", "--quiet", "--initial-branch=main", "--template=")
    files = {
        SHARED: "version = 0\n",
        "pyproject.toml": '[dependency-groups]\ntraining = ["numpy"]\n',
        "uv.lock": '[[package]]\nname = "numpy"\nversion = "1.26.4"\n',
        ".python-version": "3.12\n",
        "README.md": "Models.\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=Begin")
    return root


@dataclass(kw_only=True)
class Main:
    """A repository at work, and the plain model of what its people mean."""

    root: Path
    meanings: dict[str, Meaning] = field(default_factory=lambda: {model: Meaning() for model in MODELS})
    replicas: dict[str, Dial[int]] = field(default_factory=lambda: {model: Dial() for model in MODELS})
    percent: dict[str, Dial[int]] = field(default_factory=lambda: {model: Dial() for model in MODELS})
    builders: dict[str, Builder] = field(default_factory=lambda: {model: Builder() for model in MODELS})
    seen: list[Release] = field(default_factory=list)
    proposed: dict[str, tuple[State, Change]] = field(default_factory=dict)

    # ---- Git

    def git(self, *arguments: str) -> str:
        return git(self.root, *arguments)

    def tip(self) -> str:
        return self.git("rev-parse", "main")

    def write(self, path: str, text: str | bytes | None) -> None:
        file = self.root / path
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode() if isinstance(text, str) else text)

    def read(self, path: str) -> bytes | None:
        return WorkTree(root=self.root).read(path)

    def commit(self, message: str) -> bool:
        """Whether there was anything to commit."""
        self.git("add", "--all")
        return run(self.root, "commit", "--quiet", "--message", message).returncode == 0

    def state(self, model: str, tip: str = "main", root: Path | None = None) -> State:
        where = Git(root=root or self.root)
        with history.read(where, where.run("rev-parse", tip), ENVIRONMENT) as repository:
            return history.state(repository, model)

    # ---- what stands there now

    def key(self, model: str) -> str | InputError | None:
        if self.read(spec(model)) is None:
            return None
        try:
            return key_inputs(WorkTree(root=self.root), model).key
        except InputError as error:
            return error

    def serving(self, model: str) -> Serving | InputError | None:
        if (content := self.read(manifest_of(model))) is None:
            return None
        try:
            return manifest.read(content, manifest_of(model))
        except InputError as error:
            return error

    def table(self, model: str) -> ServingTable | None:
        if (source := self.read(spec(model))) is None:
            return None
        try:
            return ServingTable.model_validate(parse_toml(source, "")["serving"])
        except InputError:
            return None

    # ---- telling the plain model

    def told(self, done: dict[str, Callable[[Meaning], None]] | None = None, *, signed: bool = True) -> None:
        """What the newest commit of main means; `done`: by model, what slipway did. `signed`: the commit says so."""
        for model in MODELS:
            self.builders[model].named(self.builder())
            meaning, key, serving = self.meanings[model], self.key(model), self.serving(model)
            if not isinstance(key, InputError) and key != meaning.key:
                meaning.inputs(key)
            if not isinstance(serving, InputError):
                live = lives(serving)
                if live != meaning.live:
                    self.proposed.pop(model, None)  # its branch is in conflict now, and is written anew
                if done and model in done:
                    done[model](meaning)
                    assert meaning.live == live
                else:
                    meaning.person(live)
                images = {release.key: release.image for release in releases(serving)}
                self.builders[model].shown(images, own=bool(done and model in done and signed))
                table = self.table(model)
                wished = (table.replicas, table.canary_percent) if table else (None, None)
                shown = (serving.replicas, serving.canary_percent) if serving else (None, None)
                self.replicas[model].turned(shown[0], wished[0])
                self.percent[model].turned(shown[1], wished[1])
                self.seen += [r for r in (serving.default,) if r not in self.seen] if serving else []

    def agrees(self) -> None:
        for model in MODELS:
            meaning, state = self.meanings[model], self.state(model)
            if isinstance(self.key(model), InputError) or isinstance(self.serving(model), InputError):
                assert state.decision.wanted is Wanted.FAULTY
                continue
            wanted, key = meaning.wanted()
            asks = (self.replicas[model].asks, self.percent[model].asks)
            if any(asks) and wanted in IDLE and meaning.live:
                wanted = Wanted.CONFIGURE
            assert (state.decision.wanted, state.decision.key) == (wanted, key), (model, self.log())
            assert (state.trial.key if state.trial else None) == meaning.on_trial, (model, self.log())
            served, wish = releases(state.serving), self.builder()
            asked = [one.key for one in served if self.builders[model].asks(one.key, image_of(model, one.key, wish))]
            assert self.to_rebuild(model) == asked, (model, self.log())

    def log(self) -> str:
        return self.git("log", "--first-parent", "--format=%s")

    # ---- what slipway does

    def builder(self) -> str:
        """What the repository names."""
        return builder_of(self.read("pyproject.toml"))

    def to_rebuild(self, model: str) -> list[str]:
        """The keys that are served, and to be built upon the builder of now."""
        serving, tip = self.serving(model), self.tip()
        served = releases(serving) if isinstance(serving, Serving) else ()
        wished = [(one.key, one.image, image_of(model, one.key, self.builder())) for one in served]
        here = Git(root=self.root)
        return [
            key
            for key, now, new in wished
            if now != new and not taken_away(here, tip, ENVIRONMENT, (model, key, digest_of(new)))
        ]

    def rebuild(self, model: str) -> None:
        """What `slipway rebuild` does: a commit for each key."""
        for key in self.to_rebuild(model):
            state, path = self.state(model), manifest_of(model)
            release = next(one for one in releases(state.serving) if one.key == key)
            current = Current(environment=ENVIRONMENT, files={path: self.read(path) or b""})
            new = image_of(model, key, self.builder())
            self.apply(model, state, commits.rebuilt(state, current, release, new, self.builder() or "none"))

    def change(self, model: str, state: State, *, trial: bool = True) -> Change:
        folder = f"gitops/models/{model}/{ENVIRONMENT}"
        files = {path: self.read(path) or b"" for path in WorkTree(root=self.root).files(folder)}
        current = Current(environment=ENVIRONMENT, files=files)
        table = self.table(model) or ServingTable()
        shape = Shape(replicas=table.replicas, canary_percent=table.canary_percent if trial else 0)
        decision = state.decision
        match decision.wanted:
            case Wanted.RELEASE:
                assert decision.key
                image = image_of(model, decision.key, self.builder())
                source = decision.because[0].commit
                new = Release(key=decision.key, image=image, commit=source, metrics={"log_loss": 0.25})
                return commits.released(state, current, new, shape)
            case Wanted.RESTORE:
                return commits.restored(state, current, shape)
            case Wanted.ROLLBACK:
                return commits.rolled_back(state, current)
            case Wanted.CONFIGURE:
                return commits.configured(state, current)
        assert decision.wanted is Wanted.RETIRE
        return commits.retired(state, current)

    def step(self, state: State, change: Change) -> Callable[[Meaning], None]:
        key = state.decision.key or ""
        match change.verb:
            case "release":
                trial = "canary" in change.subject
                return lambda meaning: meaning.released(key, trial=trial)
            case "restore":
                return lambda meaning: meaning.restored(key)
            case "rollback":
                return Meaning.rolled_back
            case "promote":
                return Meaning.promoted
            case "retire":
                return Meaning.retired
        return lambda _: None

    def slipway(self, model: str, *, verdict: bool = True, trial: bool = True) -> bool:
        """One step of `slipway release`: whether it committed anything."""
        state = self.state(model)
        if state.decision.wanted in IDLE or (state.decision.wanted is Wanted.RELEASE and not verdict):
            return False
        self.apply(model, state, self.change(model, state, trial=trial))
        return True

    def settle(self, model: str) -> None:
        for _ in range(4):
            if not self.slipway(model):
                return
        raise AssertionError("slipway never comes to rest")

    def promote(self, model: str) -> None:
        state = self.state(model)
        if state.trial and state.decision.wanted is not Wanted.FAULTY:
            path = manifest_of(model)
            current = Current(environment=ENVIRONMENT, files={path: self.read(path) or b""})
            self.apply(model, state, commits.promoted(state, current))

    def apply(self, model: str, state: State, change: Change) -> None:
        for path, content in change.files.items():
            self.write(path, content)
        assert self.commit(change.message)
        self.told({model: self.step(state, change)})

    def propose(self, model: str) -> None:
        """The next step waits on a branch of its own."""
        state = self.state(model)
        if state.decision.wanted in (*IDLE, Wanted.RETIRE):
            return
        self.git("checkout", "--quiet", "-B", f"slipway/{model}")
        change = self.change(model, state)
        for path, content in change.files.items():
            self.write(path, content)
        assert self.commit(change.message)
        self.git("checkout", "--quiet", "main")
        self.proposed[model] = state, change

    def land(self, model: str, how: str) -> None:
        """Somebody merges that branch, late perhaps."""
        if model in self.proposed:
            done = self.step(*self.proposed.pop(model))
            self.lands(f"slipway/{model}", how, {model: done})

    # ---- what people do

    def names_builder(self, name: str) -> None:
        text = (self.read("pyproject.toml") or b"").decode().partition("[tool.slipway]")[0]
        self.edit({"pyproject.toml": f"{text}[tool.slipway]\nbuilder = '{name}'\n"}, "direct", 0)

    def by_hand(self, model: str, which: int, *, commit: bool) -> None:
        """An older release written into the default predictor: key and image, and perhaps its commit."""
        serving, found = self.serving(model), self.read(manifest_of(model))
        known = [release for release in self.seen if f"/{model}@" in release.image]
        if not isinstance(serving, Serving) or found is None or not known:
            return
        older, now = known[which % len(known)], serving.default
        if serving.canary and older.key in (serving.canary.key, now.key):
            return
        edits = [(now.key, older.key), (now.image, older.image)] + ([(now.commit, older.commit)] if commit else [])
        head, mark, canary = found.partition(b"    - name: canary")
        head, mark, canary = (
            (head, mark, canary) if not head.count(b'"canary"') else found.partition(b'    - name: "canary"')
        )
        for old, new in edits:
            head = head.replace(old.encode(), new.encode())
        self.edit({manifest_of(model): head + mark + canary}, "direct", 0)

    def edit(self, files: dict[str, str | bytes | None], how: str, behind: int) -> None:
        """A pull request from a branch that is some commits old."""
        base = self.back(behind)
        if how == "direct" or base is None:
            self.branch_commit(files)
            self.told()
            return
        self.git("checkout", "--quiet", "-B", "topic", base)
        if how == "rebase":
            self.branch_commit({"README.md": f"{base}\n"})
        self.branch_commit(files)
        self.git("checkout", "--quiet", "main")
        self.lands("topic", how)

    def branch_commit(self, files: dict[str, str | bytes | None]) -> None:
        for path, text in files.items():
            self.write(path, text)
        self.commit("Edit " + " ".join(files))

    def lands(self, branch: str, how: str, done: dict[str, Callable[[Meaning], None]] | None = None) -> bool:
        if how == "rebase":
            for picked in self.git("rev-list", "--reverse", f"main..{branch}").split():
                if run(self.root, "cherry-pick", picked).returncode:
                    run(self.root, "cherry-pick", "--abort")
                    self.git("reset", "--quiet", "--hard")
                    return False
                self.told(done)
            return True
        arguments = ["--no-ff", "--no-edit"] if how == "merge" else ["--squash"]
        before = self.tip()
        if run(self.root, "merge", "--quiet", *arguments, branch).returncode:
            self.git("reset", "--quiet", "--hard")
            return False
        if how == "squash":
            self.commit(f"Squash {branch}")
        if self.tip() != before:
            self.told(done, signed=how != "squash")
        return True

    def take_back(self, model: str, count: int) -> None:
        """`git revert` of one of the newest commits that touched a model's manifest."""
        every = self.git("rev-list", "--first-parent", "main").split()
        touched = self.git("rev-list", "--first-parent", "main", "--", manifest_of(model)).split()
        if count < len(touched):
            self.revert(every.index(touched[count]))

    def back(self, count: int) -> str | None:
        found = self.git("rev-list", "--first-parent", f"--skip={count}", "--max-count=1", "main")
        return found or None

    def revert(self, back: int, count: int = 1) -> None:
        """`git revert` of some commits, newest first, in one commit."""
        for at in range(back, back + count):
            commit = self.back(at)
            if commit is None or self.back(at + 1) is None:
                break
            merge = ["--mainline=1"] if len(self.git("rev-list", "--parents", "-1", commit).split()) > 2 else []
            if run(self.root, "revert", "--no-commit", *merge, commit).returncode:
                run(self.root, "revert", "--abort")
                self.git("reset", "--quiet", "--hard")
                return
        subjects = self.git("log", "--first-parent", f"--skip={back}", f"--max-count={count}", "--format=%s")
        if self.commit(f"Revert {subjects.splitlines()}"):
            self.told()
        run(self.root, "revert", "--quit")
        self.git("reset", "--quiet", "--hard")


def lives(serving: Serving | None) -> Live | None:
    if serving is None:
        return None
    return Live(default=serving.default.key, canary=serving.canary.key if serving.canary else None)


# ---- random histories

type Event = tuple[object, ...]

HOW = st.sampled_from(["direct", "merge", "squash", "rebase"])
MODEL = st.sampled_from(["one", "one", "one", "two"])
BACK = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5])
LETTER = st.sampled_from("AABBBC")
OFTEN: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("ships"), MODEL, LETTER, HOW),
    st.tuples(st.just("take back"), MODEL, st.sampled_from([0, 0, 0, 0, 1, 2])),
    st.tuples(st.just("data"), st.sampled_from([("one",), ("one",), ("two",), MODELS]), LETTER, HOW, BACK),
    st.tuples(st.just("revert"), BACK),
    st.tuples(st.sampled_from(["promote", "settle", "settle"]), MODEL),
)
SELDOM: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("shared"), st.integers(0, 1), HOW),
    st.tuples(st.just("gone"), MODEL, HOW),
    st.tuples(st.just("serving"), MODEL, st.integers(1, 3), st.sampled_from([0, 10, 20])),
    st.tuples(st.just("run"), MODEL, st.booleans(), st.booleans()),
    st.tuples(st.just("reverts"), BACK, st.integers(2, 4)),
    st.tuples(st.just("by hand"), MODEL, st.integers(0, 9), st.booleans()),
    st.tuples(st.just("replicas"), MODEL, st.integers(1, 3)),
    st.tuples(st.sampled_from(["delete", "break", "break inputs", "mend", "propose"]), MODEL),
    st.tuples(st.just("land"), MODEL, st.sampled_from(["merge", "squash"])),
    st.tuples(st.just("builder"), st.sampled_from("xy")),
    st.tuples(st.just("rebuild"), MODEL, st.sampled_from("xyz")),
)
BEGIN: tuple[Event, ...] = (("ships", "one", "A", "direct"),)
HISTORIES = st.lists(st.one_of(OFTEN, OFTEN, OFTEN, SELDOM), min_size=4, max_size=14).map(lambda some: [*BEGIN, *some])


def happens(main: Main, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915  a table of what people do
    match event:
        case "data", models, str() as letter, str() as how, int() as back:
            files: dict[str, str | bytes | None] = {}
            for model in models:  # type: ignore[attr-defined]  # drawn from tuples of names
                files[f"data/{model}/data.csv"] = f"{letter}\n"
                if main.read(spec(model)) is None:
                    files[spec(model)] = TOML.format(2, 10)
            main.edit(files, how, back)
        case "ships", str() as model, str() as letter, str() as how:
            happens(main, ("data", (model,), letter, how, 0))
            main.settle(model)
        case "take back", str() as model, int() as count:
            main.take_back(model, count)
        case "shared", version, str() as how:
            main.edit({SHARED: f"version = {version}\n"}, how, 0)
        case "gone", str() as model, str() as how:
            main.edit({spec(model): None, f"data/{model}/data.csv": None}, how, 0)
        case "serving", str() as model, replicas, percent if main.read(spec(model)) is not None:
            main.edit({spec(model): TOML.format(replicas, percent)}, "direct", 0)
        case "run", str() as model, bool() as verdict, bool() as trial:
            main.slipway(model, verdict=verdict, trial=trial)
        case "settle", str() as model:
            main.settle(model)
        case "promote", str() as model:
            main.promote(model)
        case "revert", int() as back:
            main.revert(back)
        case "reverts", int() as back, int() as count:
            main.revert(back, count)
        case "by hand", str() as model, int() as which, bool() as commit:
            main.by_hand(model, which, commit=commit)
        case "delete", str() as model:
            main.edit({manifest_of(model): None}, "direct", 0)
        case "replicas", str() as model, int() as count:
            found = main.read(manifest_of(model)) or b""
            main.edit({manifest_of(model): REPLICAS.sub(b"replicas: %d" % count, found) or None}, "direct", 0)
        case "break", str() as model if text := main.read(manifest_of(model)):
            main.edit({manifest_of(model): b"{" + text}, "direct", 0)
        case "break inputs", str() as model if text := main.read(spec(model)):
            main.edit({spec(model): b"[" + text}, "direct", 0)
        case "mend", str() as model:
            files = {path: (main.read(path) or b"").lstrip(b"{[") or None for path in (manifest_of(model), spec(model))}
            if (toml := files[spec(model)]) is not None:
                files[spec(model)] = b"[" + bytes(toml)  # type: ignore[arg-type]  # bytes it is
            main.edit(files, "direct", 0)
        case "propose", str() as model:
            main.propose(model)
        case "land", str() as model, str() as how:
            main.land(model, how)
        case "builder", str() as name:
            main.names_builder(name)
        case "rebuild", str() as model, str() as name:
            happens(main, ("builder", name))
            main.rebuild(model)


def told(root: Path, events: Sequence[Event]) -> Main:
    main = Main(root=root)
    for event in events:
        happens(main, event)
    return main


@contextmanager
def repository(template: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "main"
        shutil.copytree(template, root)
        yield root


def some(examples: int) -> settings:
    slow = [HealthCheck.too_slow]
    return settings(max_examples=examples, suppress_health_check=slow)


B_IS_ON_TRIAL: tuple[Event, ...] = (*BEGIN, ("ships", "one", "B", "merge"))
B_IS_LIVE: tuple[Event, ...] = (*B_IS_ON_TRIAL, ("promote", "one"))
C_ON_TRIAL: Event = ("ships", "one", "C", "squash")
SETTLE: Event = ("settle", "one")


@some(EXAMPLES)
@example(events=[*B_IS_ON_TRIAL, C_ON_TRIAL, ("revert", 0), ("promote", "one"), SETTLE])
@example(events=[*B_IS_LIVE, ("revert", 0), ("data", ("one",), "C", "merge", 0), SETTLE, ("revert", 0)])
@example(events=[*B_IS_LIVE, C_ON_TRIAL, ("reverts", 0, 3), SETTLE])
@example(events=[*B_IS_ON_TRIAL, ("gone", "one", "squash"), SETTLE, ("revert", 0), SETTLE])
@example(events=[*B_IS_LIVE, ("by hand", "one", 0, False), SETTLE])
@example(events=[*B_IS_ON_TRIAL, ("rebuild", "one", "x"), ("promote", "one"), ("take back", "one", 1), SETTLE])
@example(events=[*B_IS_LIVE, ("rebuild", "one", "x"), ("revert", 0), C_ON_TRIAL, ("rebuild", "one", "x")])
@example(events=[*B_IS_LIVE, ("rebuild", "one", "x"), ("revert", 1), ("rebuild", "one", "y"), ("revert", 2)])
@example(events=[*B_IS_LIVE, ("delete", "one"), ("break inputs", "one"), ("mend", "one"), SETTLE])
@given(events=HISTORIES)
def test_plan_says_what_people_mean(template: Path, events: Sequence[Event]) -> None:
    with repository(template) as root:
        main = Main(root=root)
        for event in events:
            happens(main, event)
            main.agrees()


@some(EXAMPLES // 3)
@given(events=HISTORIES, depth=st.integers(1, 12))
def test_a_shallow_clone_says_the_same_or_that_it_is_shallow(
    template: Path, events: Sequence[Event], depth: int
) -> None:
    with repository(template) as root:
        main = told(root, events)
        clone = root.parent / "clone"
        git(root.parent, "clone", "--quiet", f"--depth={depth}", f"file://{root}", str(clone))
        whole = [main.state(model) for model in MODELS]
        for model, expected in zip(MODELS, whole, strict=True):
            with suppress(ShallowError):
                assert main.state(model, root=clone) == expected
        if (clone / ".git" / "shallow").exists():
            git(clone, "fetch", "--quiet", "--unshallow")
        assert [main.state(model, root=clone) for model in MODELS] == whole


@some(EXAMPLES // 3)
@given(events=HISTORIES)
def test_a_revert_of_what_slipway_did_stays(template: Path, events: Sequence[Event]) -> None:
    with repository(template) as root:
        main = told(root, events)
        meaning = main.meanings["one"]
        before, was = main.tip(), meaning.live
        if main.state("one").trial:
            main.promote("one")
        else:
            main.slipway("one")
        done = meaning.live
        if main.tip() == before or done in (None, was):
            return
        main.revert(0)
        left = meaning.live
        main.settle("one")
        assert meaning.live != done
        assert left is None or meaning.live is not None
        assert main.state("one").decision.wanted in IDLE
