"""`data push` and `data pull`: a model's data to the DVC remote and back, with a pointer in Git."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import spec
from slipway.adapters.data import files as data_files
from slipway.adapters.data import source as data_source
from slipway.adapters.data.dvc_config import CONFIG
from slipway.adapters.data.files import Sum
from slipway.adapters.git import WorkTree
from slipway.datasets.named import Named, check_inside, named
from slipway.datasets.pointer import SUFFIX, Pointer, Source
from slipway.errors import ExitCode, InputError, OutsideError, SlipwayError
from slipway.key import models as of_tree
from slipway.key import shaping_tables
from slipway.report import numbers
from slipway.screen import emit, emit_json

if TYPE_CHECKING:
    from slipway.adapters.data.remote import DataRemote
    from slipway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What a push did, and what is to be committed."""

    named: Named
    remote: str
    sent: bool
    untracked: bool
    """Whether Git kept the data themselves until now."""
    commit: tuple[str, ...]


def push(workspace: Workspace, model: str, file: Path | None, *, source: str | None, as_json: bool) -> int:
    """Move data to the remote: cache, remote, pointer, `.gitignore`, in this order: whatever ends it loses nothing.

    Raises `InputError` without a remote or a file, `StoreError` where the remote does not answer.
    """
    name = _data_name(workspace, model)
    remote = workspace.data().remote()
    with tempfile.TemporaryDirectory(prefix="slipway-data-", dir=_scratch(workspace)) as folder:
        origin = data_source.head(source) if source else None
        content = _content(workspace, name, file, origin, Path(folder))
        new = Named(name=name, pointer=_pointer(workspace, name, content, origin))
        pushed = _pushed(workspace, new, content, remote)
    if as_json:
        emit_json(_document(model, pushed))
    else:
        _show(workspace, pushed)
    return ExitCode.DONE


def _data_name(workspace: Workspace, model: str) -> str:
    path = str(spec.spec_path(spec.check_name(model)))
    content = WorkTree(root=workspace.settings.repo).read(path)
    if content is None:
        raise InputError(
            f"there is no model {model!r}: {path} does not exist",
            hint="To add one: slipway new MODEL --from FILE --target COLUMN.",
        )
    return str(spec.data_path(model, shaping_tables(content, path)))


def _scratch(workspace: Workspace) -> Path:
    folder = workspace.data().scratch
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _content(workspace: Workspace, name: str, file: Path | None, origin: Source | None, folder: Path) -> Path:
    """The file to push: the one that is named, the model's own, or the source's."""
    content = file or workspace.settings.repo / name
    if file is None:
        if content.is_symlink():
            raise InputError(f"{name} is a link", hint="Put the file itself there.")
        if origin is not None and not (content.is_file() and data_files.sum_of(content).md5 == origin.etag):
            return _from_source(workspace, origin, folder)
    if not content.is_file():
        raise InputError(f"there is no file {content}", hint=f"Name the data: slipway data push MODEL FILE ({name}).")
    if content.suffix.lower() != Path(name).suffix.lower():
        raise InputError(
            f"{content.name} cannot become {name}: it is of another kind",
            hint="Bring [data] path in model.toml up to date first.",
        )
    if origin is not None:
        _check_same(workspace, origin, content, folder)
    return content


def _from_source(workspace: Workspace, origin: Source, folder: Path) -> Path:
    to = folder / "source"
    with workspace.data().progress(f"fetch {origin.url}", origin.size or 0) as told:
        data_source.fetch(origin, to, told)
    return to


def _check_same(workspace: Workspace, origin: Source, content: Path, folder: Path) -> None:
    """See to it that the file is what the source holds: only then is its state the one that the data have."""
    ours = data_files.sum_of(content)
    theirs = ours.md5 if origin.etag == ours.md5 else data_files.sum_of(_from_source(workspace, origin, folder)).md5
    if ours.md5 != theirs:
        raise InputError(
            f"{content} is not what {origin.url} holds",
            hint="Leave the file out to take the source's, or leave --source out.",
        )


def _pointer(workspace: Workspace, name: str, content: Path, origin: Source | None) -> Pointer:
    """What the pointer is to say; a source that it names already is looked at as before."""
    found = data_files.sum_of(content)
    before = WorkTree(root=workspace.settings.repo).read(f"{name}{SUFFIX}")
    if origin is None and before is not None:
        origin = Pointer.parse(before, f"{name}{SUFFIX}").source
    return Pointer(path=Path(name).name, md5=found.md5, size=found.size, source=origin)


def _pushed(workspace: Workspace, new: Named, content: Path, remote: DataRemote) -> Pushed:
    data, repo = workspace.data(), workspace.settings.repo
    kept, found = data.cache.keep(content, called=str(content))
    if found != Sum(md5=new.pointer.md5, size=new.pointer.size):
        raise InputError(f"{content} changed while it was read", hint="Run the command again.")
    sent = not remote.has(found.md5)
    if sent:
        with data.progress(f"send {new.name}", found.size or 0) as told:
            remote.put(kept, told)
    own = repo / new.name
    if own != content.absolute():
        _make_room(workspace, own)
        data_files.copy(kept, own, called=new.name, scratch=data.scratch)
    _write(repo / f"{new.name}{SUFFIX}", new.pointer.to_bytes())
    ignore = _ignored(own)
    untracked = _untracked(workspace, new.name)
    paths = (f"{new.name}{SUFFIX}", ignore.relative_to(repo).as_posix(), *_config(workspace))
    return Pushed(named=new, remote=remote.url, sent=sent, untracked=untracked, commit=paths)


def _make_room(workspace: Workspace, own: Path) -> None:
    """Keep what lies where the new data go; nobody else may have it."""
    if own.is_symlink():
        own.unlink()
    elif own.exists():
        workspace.data().cache.keep(own, called=str(own))


def _config(workspace: Workspace) -> tuple[str, ...]:
    """What says where the data are, while Git does not have it as it is: others could not fetch them."""
    git = workspace.git
    return () if not git.is_repository() or git.is_clean([CONFIG]) else (CONFIG,)


def _write(file: Path, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    if file.is_file() and not file.is_symlink() and file.read_bytes() == content:
        return
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        part.write_bytes(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _ignored(own: Path) -> Path:
    """The `.gitignore` beside the data, which names them as DVC would."""
    file = own.with_name(".gitignore")
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    line = f"/{own.name}"
    if line not in before.splitlines():
        gap = "" if not before or before.endswith("\n") else "\n"
        _write(file, f"{before}{gap}{line}\n".encode())
    return file


def _untracked(workspace: Workspace, name: str) -> bool:
    """Have Git forget the file, which stays where it is; whether it knew it."""
    git = workspace.git
    if not git.is_repository() or not git.run("ls-files", "--", f":(literal){name}"):
        return False
    git.run("rm", "--quiet", "--cached", "--", f":(literal){name}")
    return True


def _show(workspace: Workspace, pushed: Pushed) -> None:
    pointer = pushed.named.pointer
    how = "sent to" if pushed.sent else "is already in"
    emit(f"{pushed.named.name}  {how} {pushed.remote}  {numbers.size(pointer.size or 0)}, md5 {pointer.md5}")
    if pushed.untracked:
        workspace.screen.say(f"Git keeps {pushed.named.name} no longer; it stays where it is.")
    if not workspace.git.is_repository() or not workspace.git.is_clean(_with_data(pushed)):
        workspace.screen.say(f"Commit what names it: git add {' '.join(pushed.commit)} && git commit")


def _with_data(pushed: Pushed) -> Sequence[str]:
    return (*pushed.commit, pushed.named.name)


def _document(model: str, pushed: Pushed) -> dict[str, object]:
    pointer = pushed.named.pointer
    return {
        "model": model,
        "file": pushed.named.name,
        "md5": pointer.md5,
        "size": pointer.size,
        "source": None if pointer.source is None else pointer.source.url,
        "remote": pushed.remote,
        "sent": pushed.sent,
        "untracked": pushed.untracked,
        "commit": list(pushed.commit),
    }


def pull(workspace: Workspace, models: Sequence[str], *, as_json: bool) -> int:
    """Fetch what pointers name. Every model is seen to before the first fault is raised."""
    tree, repo = WorkTree(root=workspace.settings.repo), workspace.settings.repo
    found: dict[str, Named | None] = {}
    faults: list[SlipwayError] = []
    for model in models or of_tree(tree):
        try:
            name = _data_name(workspace, model)
            check_inside(repo / name, name, repo)
            if (one := named(tree, model)) is not None:
                workspace.data().place(one, repo / name)
            found[model] = one
        except SlipwayError as error:
            faults.append(error)
    if as_json and not faults:
        emit_json([_pulled(model, one) for model, one in found.items()])
    elif not as_json:
        for model, one in found.items():
            emit(f"{model}  {one.name} is here, md5 {one.pointer.md5}" if one else f"{model}  has its data in Git")
    if faults:
        raise _all(faults)
    return ExitCode.DONE


def _pulled(model: str, one: Named | None) -> dict[str, object]:
    return {"model": model, "file": one.name if one else None, "md5": one.pointer.md5 if one else None}


def _all(faults: Sequence[SlipwayError]) -> SlipwayError:
    """One error for all; what failed outside may go well the next time, whatever else is wrong."""
    if len(faults) == 1:
        return faults[0]
    text = "\n".join(map(str, faults))
    is_outside = any(error.exit_code is ExitCode.OUTSIDE_FAILED for error in faults)
    return OutsideError(text) if is_outside else InputError(text)
