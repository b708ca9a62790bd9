"""Git as slipway itself runs it: nobody's hooks, its own name on commits, and never a checkout."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from slipway.errors import OutsideError

AUTHOR, EMAIL = "slipway", "slipway@localhost"
"""Who commits, unless GIT_AUTHOR_NAME and its like say otherwise."""
MODEL, KEY, SOURCE, ENVIRONMENT = "Slipway-Model", "Slipway-Key", "Slipway-Source", "Slipway-Environment"
"""The trailers of each such commit, which no person's has: its model, the key that it is about, the commit that
asked for it, and the environment whose manifest it changes."""
_HOOKS = "SLIPWAY_GIT_HOOKS"
_NOTHING: Mapping[str, str] = MappingProxyType({})

Files = Mapping[str, bytes | None]
"""The files of a commit that differ from its parent's; None: removed."""


@dataclass(frozen=True, kw_only=True)
class OwnGit:
    """Git in one folder. A checked-out tree may bring hooks (core.hooksPath): none of them runs."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)

    def ask(
        self, arguments: Sequence[str], *, given: bytes = b"", hint: str = "", environ: Mapping[str, str] = _NOTHING
    ) -> str:
        """What a command says; `OutsideError` if it fails."""
        done = self.run(arguments, given=given, environ=environ)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise OutsideError(f"git {arguments[0]} failed: {said}", hint=hint)
        return done.stdout.decode(errors="replace").strip()

    def run(
        self, arguments: Sequence[str], *, given: bytes = b"", environ: Mapping[str, str] = _NOTHING
    ) -> subprocess.CompletedProcess[bytes]:
        """A command, however it ends."""
        command = ["git", "-C", str(self.root), f"--config-env=core.hooksPath={_HOOKS}", *arguments]
        environment = {**self.environ, "LC_ALL": "C", **environ, _HOOKS: os.devnull}
        return subprocess.run(  # noqa: S603
            command, input=given, capture_output=True, check=False, env=environment
        )

    def commit(self, parent: str, files: Files, message: str, when: datetime) -> str | None:
        """A commit on top of another; None if it would change nothing. No branch points to it yet."""
        before = self.ask(["rev-parse", f"{parent}^{{tree}}"])
        with tempfile.TemporaryDirectory(prefix="slipway-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.ask(["read-tree", parent], environ=index)
            entries = b"".join(self._entry(path, content, "0" * len(before)) for path, content in files.items())
            self.ask(["update-index", "-z", "--index-info"], given=entries, environ=index)
            tree = self.ask(["write-tree"], environ=index)
        if tree == before:
            return None
        named = self._identity(when)
        return self.ask(["commit-tree", tree, "-p", parent, "-F", "-"], given=message.encode(), environ=named)

    def _entry(self, path: str, content: bytes | None, nothing: str) -> bytes:
        """A line of the index; `nothing` is the name of no object, as long as the repository's names are."""
        if content is None:
            return f"0 {nothing}\t{path}\0".encode(errors="surrogateescape")
        blob = self.ask(["hash-object", "-w", "--no-filters", "--stdin"], given=content)
        return f"100644 {blob}\t{path}\0".encode()

    def _identity(self, when: datetime) -> dict[str, str]:
        own = {"NAME": AUTHOR, "EMAIL": EMAIL, "DATE": f"{int(when.timestamp())} +0000"}
        names = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in own.items()}
        said = {name: self.environ.get(name, "").strip() for name in names if "DATE" not in name}
        return names | {name: value for name, value in said.items() if value}
