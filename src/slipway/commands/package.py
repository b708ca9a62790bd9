"""`package` and `image`: what a model's image is built of, and the image."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from slipway import released
from slipway.adapters.image import Image
from slipway.commands.release import images, registry
from slipway.errors import ExitCode, InputError, SlipwayError
from slipway.key import SHORT, key_inputs
from slipway.screen import emit, emit_json
from slipway.spec import check_name
from slipway.stages import package as stage
from slipway.workspace import Workspace

_PLACEHOLDER = "BUILDER"


def package(workspace: Workspace, model: str, *, key: str | None, out: Path | None, as_json: bool) -> int:
    """Write the S2I source folder, and print where it is."""
    key = _key(workspace, model, key)
    folder = out or workspace.settings.local / "package" / model
    files = stage.files(workspace, model, key)
    stage.write(folder, files)
    if as_json:
        emit_json({"model": model, "key": key, "folder": str(folder), "files": sorted(files)})
        return ExitCode.DONE
    emit(str(folder))
    builder = workspace.settings.builder or _PLACEHOLDER
    next_line = shlex.join(["s2i", "build", str(folder), builder, f"{workspace.settings.registry}/{model}", "--copy"])
    workspace.screen.say(f"Its image, recorded and pushed: slipway image {model}\nBy hand, with Docker: {next_line}")
    return ExitCode.DONE


def image(workspace: Workspace, model: str, *, key: str | None, builder: str | None, as_json: bool) -> int:
    """Build, push and record the image, unless it is there; print its name with its digest."""
    workspace = _with_builder(workspace, builder)
    key = _key(workspace, model, key)
    began = workspace.clock()
    done = stage.run(workspace, images(workspace.settings), model, key, commit=_commit(workspace, model, key))
    seconds = workspace.clock() - began
    if not workspace.settings.builder:
        workspace.screen.say(
            "No builder is named, so the image is a folder of this machine that holds the model alone. "
            "For one that runs: --builder NAME@sha256:…, or SLIPWAY_BUILDER."
        )
    what = "nothing to do, it is there" if done.reused else f"built, pushed and recorded in {seconds:.1f} s"
    workspace.screen.say(f"{model} {key[:SHORT]}: {what}")
    _tell(model, key, Image.parse(done.image), {"reused": done.reused}, as_json=as_json)
    return ExitCode.DONE


def unpushed(workspace: Workspace, model: str, *, key: str | None, builder: str | None, as_json: bool) -> int:
    """Build the image, and print its name with the digest that it would have; nothing is pushed or recorded."""
    workspace = _with_builder(workspace, builder)
    key = _key(workspace, model, key)
    if not workspace.settings.builder:
        raise InputError("no builder is named", hint="Name it with --builder NAME@sha256:…, or in SLIPWAY_BUILDER.")
    began = workspace.clock()
    kept = registry(workspace.settings, workspace.settings.builder)
    made = kept.make(model, key, stage.files(workspace, model, key))
    took = workspace.clock() - began
    workspace.screen.say(f"{model} {key[:SHORT]}: built in {took:.1f} s; nothing was pushed or recorded")
    _tell(model, key, made.image, {"pushed": False}, as_json=as_json)
    return ExitCode.DONE


def _tell(model: str, key: str, built: Image, more: dict[str, bool], *, as_json: bool) -> None:
    if as_json:
        emit_json({"model": model, "key": key, "image": built.reference, "digest": built.digest, **more})
    else:
        emit(built.reference)


def _with_builder(workspace: Workspace, builder: str | None) -> Workspace:
    """The workspace, with the builder that the command line names before the environment's."""
    return replace(workspace, settings=replace(workspace.settings, builder=builder)) if builder else workspace


def _commit(workspace: Workspace, model: str, key: str) -> str:
    """The commit that is checked out, if its files have this key; else it is not known which commit made the model."""
    try:
        head = workspace.git.resolve("HEAD")
        if head is not None and key_inputs(workspace.git.commit(head), model).key == key:
            return head
    except SlipwayError:
        pass
    return ""


def _key(workspace: Workspace, model: str, digits: str | None) -> str:
    """The key that was asked for, else the working tree's."""
    if digits is None:
        return workspace.model(model).key
    return released.whole_key(workspace, check_name(model), digits)
