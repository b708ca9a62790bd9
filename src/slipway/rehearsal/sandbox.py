"""Where a rehearsal plays: a bare remote and a clone of it, made anew each time, and a store that is kept.

Nothing outside of the sandbox is touched: no remote, store, registry, cluster or Git configuration of the user's.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from slipway.adapters.signals import held_back
from slipway.datasets.pointer import SUFFIX
from slipway.errors import InputError, OutsideError
from slipway.key import TRAINING
from slipway.rehearsal import spec_text
from slipway.spec import folder

_PROJECT = "pyproject.toml"
_SHARED = (_PROJECT, "uv.lock", ".python-version")
_PERSON = {"user.name": "You", "user.email": "you@example.org"}
_END = 3.0
"""Seconds for a command to put away what it works with."""
_OWN = ("SLIPWAY_", "MLFLOW_", "GIT_", "GITHUB_", "RAY_", "AWS_")


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A remote, a clone, a store and an MLflow database below one folder."""

    root: Path
    shown: Path
    """The root as people are told it: from the repository."""
    environ: Mapping[str, str] = field(repr=False)
    kept: Path | None = None
    """Where the clone of the rehearsal before is now, if somebody worked in it."""

    @classmethod
    def make(cls, repo: Path, model: str, place: Path, environ: Mapping[str, str]) -> Sandbox:
        """Lay out a repository with one model, as it is in `repo` now, with a bare remote. Nothing is committed."""
        root = repo / place
        before = cls(root=root, shown=place, environ=_environment(root, environ))
        sandbox = replace(before, kept=before.set_aside())
        for stale in (root / "remote.git", root / "clone"):
            if stale.exists():
                shutil.rmtree(stale)
        sandbox.clone.mkdir(parents=True)
        _copy(repo, sandbox.clone, model)
        sandbox.git("init", "--quiet", "--initial-branch=main")
        for name, value in _PERSON.items():
            sandbox.git("config", name, value)
        sandbox.git("init", "--quiet", "--bare", "--initial-branch=main", str(root / "remote.git"))
        sandbox.git("remote", "add", "origin", str(root / "remote.git"))
        return sandbox

    @property
    def clone(self) -> Path:
        """The clone that a person would work in."""
        return self.root / "clone"

    @property
    def store(self) -> Path:
        """The store, which is kept from one rehearsal to the next: equal keys are not trained twice."""
        return self.root / "store"

    def leave(self) -> None:
        """Note how the rehearsal leaves the clone, so that the next one sees what a person did in it since."""
        self._left.write_text(self._state(), encoding="utf-8")

    def set_aside(self) -> Path | None:
        """Move a clone that somebody worked in to a place of its own, with its remote; where it is then."""
        known = self._left.read_text(encoding="utf-8") if self._left.is_file() else None
        self._left.unlink(missing_ok=True)
        if known is None or not self.clone.is_dir() or self._state() == known:
            return None
        kept = next(place for number in itertools.count(1) if not (place := self.root / f"kept-{number}").exists())
        kept.mkdir()
        with contextlib.suppress(OutsideError):  # it may be no repository any more
            self.git("remote", "set-url", "origin", str(kept / "remote.git"))
        (self.root / "remote.git").rename(kept / "remote.git")
        self.clone.rename(kept / "clone")
        return kept

    @property
    def _left(self) -> Path:
        return self.root / "left"

    def _state(self) -> str:
        """The clone's branches, and what is not committed."""
        try:
            return f"{self.git('for-each-ref')}\n{self.git('status', '--porcelain')}\n"
        except OutsideError:
            return ""

    def git(self, *arguments: str) -> str:
        """The output of a git command in the clone; `OutsideError` if it fails."""
        command = ["git", "-C", str(self.clone), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environ)  # noqa: S603
        if done.returncode:
            raise OutsideError(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def slipway(self, *arguments: str) -> Iterator[str]:
        """Run the command line in the clone: each line as it is printed; the last item is its exit code."""
        process: subprocess.Popen[str] | None = None
        try:
            with held_back():
                process = self._started(arguments)
            yield from (line.rstrip("\n") for line in process.stdout or ())
            process.wait()
        except BaseException:
            if process is not None:
                _end(process)
            raise
        finally:
            if process is not None and process.stdout is not None:
                process.stdout.close()
        yield str(process.returncode)

    def _started(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        out, errors = subprocess.PIPE, subprocess.STDOUT
        return subprocess.Popen(  # noqa: S603  this very program
            _command(arguments), cwd=self.clone, env=self.environ, stdout=out, stderr=errors, text=True
        )

    def asked(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the clone: what it answers and what it tells people, apart."""
        return subprocess.run(  # noqa: S603  this very program
            _command(arguments), cwd=self.clone, env=self.environ, capture_output=True, text=True, check=False
        )

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file of the clone; where it is a link, the link makes room, for it may lead out of the sandbox."""
        file = self.clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def _end(process: subprocess.Popen[str]) -> None:
    """See a command end: by itself where the interrupt key was meant for it too, else because it is told to."""
    for told in (process.poll, process.terminate, process.kill):
        told()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END)
            return


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "slipway", *arguments]


def _environment(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what names the user's own places."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_OWN)}
    return kept | {
        "SLIPWAY_STORE": str(root / "store"),
        "SLIPWAY_DATA_CACHE": str(root / "data"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _copy(repo: Path, clone: Path, model: str) -> None:
    """What belongs to a model's key, and nothing else. A link stays one, as in Git: what it leads to is not copied.

    Data that a pointer names are the sandbox's own: it has no way to the remote that they came from.
    """
    for name in _SHARED:
        if not (repo / name).is_file():
            raise InputError(f"this repository has no {name}, which is part of every key")
        shutil.copy(repo / name, clone)
    project = clone / _PROJECT
    project.write_text(spec_text.without_slipway(project.read_text(encoding="utf-8")), encoding="utf-8")
    ignore = shutil.ignore_patterns("__pycache__", f"*{SUFFIX}", ".gitignore")
    for path in (TRAINING, str(folder(model))):
        if (repo / path).is_symlink():
            raise InputError(f"{path} is a link, and Git keeps no more of it", hint="Put the folder itself there.")
        shutil.copytree(repo / path, clone / path, ignore=ignore, symlinks=True)
    (clone / ".gitignore").write_text(".slipway/\n")
