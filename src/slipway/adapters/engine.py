"""What makes an image of an S2I source folder: s2i writes a Dockerfile, and buildah, podman or docker builds it."""

from __future__ import annotations

import fcntl
import json
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from slipway.adapters import program
from slipway.adapters.program import Which
from slipway.delivery import oci
from slipway.errors import OutsideError

_QUICK = 60.0
"""Seconds for what only asks or writes a few files."""
_S2I = "Get it from github.com/openshift/source-to-image (releases), or build images where it is."
_ENGINE = "Install one: dnf install buildah, or apt install buildah."

type Json = dict[str, Any]


class Kind(StrEnum):
    """The engines, in the order in which they are looked for: the first two need no daemon."""

    BUILDAH = "buildah"
    PODMAN = "podman"
    DOCKER = "docker"


_ALIVE = {Kind.BUILDAH: "--version", Kind.PODMAN: "--version", Kind.DOCKER: "info"}
"""What an engine answers if it can be used: docker's daemon must be up."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answers. Where its images are kept, and how it isolates, is for its own configuration to say."""

    kind: Kind
    path: str

    def build(self, folder: Path, tag: str, *, tls: bool) -> None:
        """Build a folder's Dockerfile; `OutsideError` with the last lines of the engine's output.

        What can vary from run to run is fixed, though `delivery.oci` writes down anew what is shipped.
        """
        self._build(folder, tag, [] if tls or self.kind is Kind.DOCKER else ["--tls-verify=false"])

    def config(self, tag: str) -> Json:
        """How an image is configured, in the words of OCI."""
        if self.kind is Kind.BUILDAH:
            found: Json = json.loads(self._run("inspect", "--type", "image", tag))["OCIv1"]
        else:
            (found,) = json.loads(self._run("image", "inspect", tag))
        config: Json = found.get("config") or found.get("Config") or {}
        return config

    def read(self, tag: str, paths: Iterable[str]) -> dict[str, bytes]:
        """Some of an image's files and folders, by their path from its root; the rest of the image is not written."""
        where = f"what {self.kind} built"
        if self.kind is not Kind.DOCKER:
            return oci.unpacked(self._output(tag, paths), "", where)
        container = self._run("create", tag).decode().strip()
        try:
            tars = {path: self._run("cp", f"{container}:/{path}", "-") for path in paths}
        finally:
            program.attempt([self.path, "rm", container], seconds=_QUICK)
        return {
            f"{posixpath.dirname(path)}/{name}": content
            for path, tar in tars.items()
            for name, content in oci.unpacked(tar, "", where).items()
        }

    def remove(self, tag: str) -> None:
        """Take an image away, if it is there."""
        program.attempt([self.path, "rmi", tag], seconds=_QUICK)

    def _output(self, tag: str, paths: Iterable[str]) -> bytes:
        """A tar of paths of an image, by a build that keeps nothing else. Docker's older builder knows no output."""
        out = f"{tag}-files"
        with tempfile.TemporaryDirectory(prefix="slipway-image-") as place:
            folder = Path(place) / "context"
            folder.mkdir()
            copies = "".join(f"COPY --from={tag} /{path} /{path}\n" for path in paths)
            (folder / "Dockerfile").write_text(f"FROM scratch\n{copies}", encoding="utf-8")
            try:
                self._build(folder, out, ["--output", "type=tar,dest=files.tar"], cwd=Path(place))
            finally:
                self.remove(out)
            return (Path(place) / "files.tar").read_bytes()

    def _build(self, folder: Path, tag: str, options: list[str], *, cwd: Path | None = None) -> None:
        if self.kind is Kind.DOCKER:
            fixed = ["--no-cache", "--pull=false"]
        else:
            fixed = ["--pull=false", "--layers=false", "--force-rm", "--timestamp", "0", "--identity-label=false"]
        command = "bud" if self.kind is Kind.BUILDAH else "build"
        file = str(folder / "Dockerfile")
        self._run(command, *fixed, *options, "--file", file, "--tag", tag, str(folder), cwd=cwd)

    def _run(self, *arguments: str, cwd: Path | None = None) -> bytes:
        return program.run([self.path, *arguments], cwd=cwd)


def find(which: Which = shutil.which) -> Engine:
    """The first engine that is installed and answers; `OutsideError` says what was looked for."""
    silent = []
    for kind in Kind:
        path = which(kind)
        if path is None:
            continue
        done = program.attempt([path, _ALIVE[kind]], seconds=_QUICK)
        if done.returncode == 0:
            return Engine(kind=kind, path=path)
        silent.append(f"; {kind} is there and does not answer: {program.tail(done).rpartition('\n')[2]}")
    raise OutsideError(
        f"no engine can build an image here: looked for {', '.join(Kind)}{''.join(silent)}", hint=_ENGINE
    )


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One build of this name and user at a time; the lock ends with its process, however that ends.

    It guards the engine's own images, so it lies on the machine that has them, not in a clone: pods that share a clone
    have each an engine of their own, and wait for nobody.
    """
    file = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}.lock"
    try:
        lock = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutsideError(
            f"the image cannot be built: {file} cannot be locked: {error.strerror}",
            hint="Take it away: it holds nothing.",
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def dockerfile(source: Path, to: Path, *, base: str, scripts: str, user: str, model: str) -> None:
    """Have s2i write the Dockerfile of a source folder, with what it copies, into `to`.

    It is told what the builder's labels say, for it reads no labels of a registry without TLS.
    """
    s2i = program.find("s2i", _S2I)
    told = ["--image-scripts-url", scripts, "--assemble-user", user]
    written = ["--copy", "--as-dockerfile", str(to / "Dockerfile")]
    program.run([s2i, "build", ".", base, model, *told, *written], cwd=source, seconds=_QUICK)
