"""What happens after the merge: `plan` on a long history, `release`, `restore`, and the whole rehearsal."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from rich.console import Console

from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.key import key_inputs
from tests.benchmarks.measure import ROOT, Figure, fastest, repository, slipway

PLAN_LIMIT, RELEASE_LIMIT, RESTORE_LIMIT, REHEARSAL_LIMIT = 2.0, 3.0, 3.0, 75.0
_SPEC = (
    '[model]\ntask = "regression"\ntarget = "y"\n[data]\npath = "train.csv"\n'
    '[search]\nmetric = "rmse"\n[search.random_forest]\nmax_depth = 2\n'
)
_WANTING = 10
"""Every so many models is left with a key that is not released yet."""


def measure(console: Console) -> Iterator[Figure]:
    """The targets of what a merge and a revert cost."""
    console.rule("delivery")
    yield from _plans()
    yield from _releases()
    yield _rehearsal()


def _plans() -> Iterator[Figure]:
    small, took = _planned(20, 500), _planned(200, 5_000)
    yield Figure(
        name="plan on main, 200 models, 5,000 commits",
        value=f"{took:.2f} s",
        against="20 models, 500 commits: " + f"{small:.2f} s",
        target=f"≤ {PLAN_LIMIT:g} s",
        met=took <= PLAN_LIMIT,
    )
    longer, more = _planned(200, 50_000), _planned(2_000, 5_000)
    yield Figure(name="plan, ten times the history", value=f"{longer / took:.1f} times", against=f"{longer:.2f} s")
    yield Figure(name="plan, ten times the models", value=f"{more / took:.1f} times", against=f"{more:.2f} s")


def _planned(models: int, commits: int) -> float:
    """The fastest of three plans of a main with so many models and commits, each a merge or its release."""
    with history(models, commits) as place:
        return fastest(3, "plan", "--repo", place).seconds


@dataclass(frozen=True)
class Files:
    """A tree in memory, for keys."""

    content: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """A file's bytes."""
        return self.content.get(path)

    def files(self, prefix: str) -> dict[str, str]:
        """The files below a folder."""
        return {path: "" for path in self.content if path.startswith(f"{prefix}/")}

    def digest(self, path: str) -> str | None:
        """A file's SHA-256."""
        return sha256(self.content[path]).hexdigest() if path in self.content else None


@contextmanager
def history(models: int, commits: int) -> Iterator[Path]:
    """A clone whose main has so many models and commits."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        place = Path(folder)
        _git(place, "init", "-q", "-b", "main")
        _git(place, "fast-import", "--quiet", given="".join(_stream(models, commits)))
        _git(place, "reset", "-q", "--hard")
        yield place


def _stream(models: int, commits: int) -> Iterator[str]:
    shared = Files({name: (ROOT / name).read_bytes() for name in ("pyproject.toml", "uv.lock", ".python-version")})
    training = ROOT / "src/slipway/training"
    shared.content.update({str(f.relative_to(ROOT)): f.read_bytes() for f in sorted(training.rglob("*.py"))})
    names = [f"model-{number:04d}" for number in range(models)]
    first = {path: content.decode() for path, content in shared.content.items()}
    first |= {f"data/{name}/model.toml": _SPEC for name in names} | {
        f"data/{name}/train.csv": "x,y\n" for name in names
    }
    yield _commit(0, "Begin", first)
    rounds = (commits - 1) // 2
    for number in range(rounds):
        name = names[number % models]
        data = f"x,y\n{number},1\n"
        yield _commit(2 * number + 1, f"Merge {number}", {f"data/{name}/train.csv": data})
        if number >= rounds - models and number % _WANTING == 0:
            continue
        yield _commit(2 * number + 2, f"release({name}): {number}", _released(shared, name, data, number))


def _released(shared: Files, name: str, data: str, number: int) -> dict[str, str]:
    own = {f"data/{name}/model.toml": _SPEC.encode(), f"data/{name}/train.csv": data.encode()}
    key = key_inputs(Files(shared.content | own), name).key
    image = f"registry.example.org/models/{name}@sha256:{key}"
    release = Release(key=key, image=image, commit=f"{number:040x}", metrics={"rmse": 1.5})
    return {str(manifest_path(name, "production")): writer.first(name, release, replicas=2).decode()}


def _commit(mark: int, subject: str, files: dict[str, str]) -> str:
    changes = "".join(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n" for path, text in files.items())
    who = f"committer bench <bench@example.org> {1_700_000_000 + mark} +0000"
    return f"commit refs/heads/main\n{who}\ndata {len(subject)}\n{subject}\n{changes}\n"


def _releases() -> Iterator[Figure]:
    """A reviewed key released, and the one before restored, each as the command line's whole time."""
    with repository("iris") as place:
        slipway("run", "iris", "--repo", place)
        slipway("release", "--repo", place)  # makes MLflow's registry, once for each server
        _merge(place, "max_depth = { int = [2, 8] }", "max_depth = { int = [2, 9] }")
        lenient = (
            (place / "data/iris/model.toml").read_text().replace("min_improvement = 0.0", "min_improvement = -1.0")
        )
        (place / "data/iris/model.toml").write_text(lenient)
        _git(place, "commit", "-q", "-a", "-m", "Merge a wider search")
        slipway("run", "iris", "--repo", place)
        yield _step(place, "release of a reviewed key", "release", RELEASE_LIMIT)
        _git(place, "revert", "--no-edit", _git(place, "log", "-1", "--format=%H", "--grep=^Merge a wider search"))
        yield _step(place, "restore of a released key", "restore", RESTORE_LIMIT)


def _merge(place: Path, old: str, new: str) -> None:
    spec = place / "data/iris/model.toml"
    spec.write_text(spec.read_text().replace(old, new))


def _git(place: Path, *arguments: str, given: str = "") -> str:
    command = ["git", "-C", str(place), "-c", "user.name=bench", "-c", "user.email=bench@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=given).stdout.strip()


def _step(place: Path, name: str, wanted: str, limit: float) -> Figure:
    took = slipway("release", "--repo", place, "--json")
    (step,) = json.loads(took.output)["steps"]
    if (step["wanted"], step["done"]) != (wanted, "committed"):
        raise SystemExit(f"expected {wanted}, and got {step}")
    return Figure(
        name=name,
        value=f"{took.seconds:.2f} s",
        against=f"until it is on main {step['seconds']:.2f} s",
        target=f"≤ {limit:g} s",
        met=took.seconds <= limit,
    )


def _rehearsal() -> Figure:
    with repository("iris") as place:
        took = slipway("rehearse", "iris", "--repo", place, "--json")
        scenes = json.loads(took.output)["scenes"]
        shutil.rmtree(place / ".slipway")
    return Figure(
        name="slipway rehearse iris",
        value=f"{took.seconds:.1f} s",
        against=", ".join(f"{scene['seconds']:.1f}" for scene in scenes),
        target=f"≤ {REHEARSAL_LIMIT:g} s",
        met=took.seconds <= REHEARSAL_LIMIT,
    )
