"""What a decision does to `gitops/`: the files of the commit, and what its message says. Pure."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slipway.adapters.own_git import ENVIRONMENT, KEY, MODEL, SOURCE
from slipway.delivery import writer
from slipway.delivery.manifest import Release, Serving, manifest_path
from slipway.errors import InputError
from slipway.key import SHORT
from slipway.plan.history import State
from slipway.plan.rule import Because, Shape
from slipway.plan.served import manifests
from slipway.plan.standing import Kind, Standing
from slipway.spec import DeploymentMode, Platform

_ROOM = 60
"""Characters of a subject that say why."""
BUILDER = "Slipway-Builder"
"""One more trailer of a rebuild: what it is built upon."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A commit to be made. `files`: by path, None where one is removed."""

    verb: str
    subject: str
    message: str
    files: Mapping[str, bytes | None] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Last:
    """A manifest that was removed, with all that people wrote in it."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Current:
    """What stands in `gitops/` of a model, in the environment that is changed."""

    environment: str
    files: Mapping[str, bytes] = field(repr=False)
    last: Last | None = None
    """The manifest that was there before it was removed."""

    def manifest(self, model: str, platform: Platform = Platform.SELDON) -> tuple[str, bytes | None]:
        """The manifest's path, and its bytes if it is there; else where that platform has it."""
        places = manifests(model, self.environment)
        path = next((place for place in places if place in self.files), str(self.place(model, platform)))
        return path, self.files.get(path)

    def place(self, model: str, platform: Platform) -> str:
        """Where a platform has the model's manifest."""
        return str(manifest_path(model, self.environment, platform))


def released(state: State, current: Current, release: Release, shape: Shape, *, said: str = "") -> Change:
    """A release: beside the default while it is on trial; at once if nothing is live or no trial is wanted.

    `said` is one more sentence about it.
    """
    path, manifest = current.manifest(state.model, shape.platform)
    if manifest is None:
        content, share = _again(state.model, current, release, shape), "100%"
    elif not shape.canary_percent:
        content, share = writer.restored(manifest, path, release), "100%"
    else:
        content = writer.with_canary(manifest, path, release, percent=shape.canary_percent)
        share = f"canary {shape.canary_percent}%"
    change = _change(state, current, "release", release.key, f" {share}", {path: content})
    return _with(_with(change, _in_place(state, release)), said)


def restored(state: State, current: Current, shape: Shape, *, image: str = "") -> Change:
    """A release that was there before, with the full traffic, and in another image if one is named."""
    path, manifest = current.manifest(state.model, shape.platform)
    release = _wanted_release(state)
    release = replace(release, image=image or release.image)
    if manifest is None:
        content = _again(state.model, current, release, shape)
    else:
        content = writer.restored(manifest, path, release)
    change = _change(state, current, "restore", release.key, " 100%", {path: content})
    return _with(change, _in_place(state, release))


def _again(model: str, current: Current, release: Release, shape: Shape) -> bytes:
    """A manifest where there is none: as people had it before it was removed, if it can be edited, else a new one."""
    path, _ = current.manifest(model, shape.platform)
    if current.last is not None and current.last.path == path:
        with contextlib.suppress(InputError):
            return writer.restored(current.last.content, path, release)
    return writer.first(
        model,
        release,
        replicas=shape.replicas,
        platform=shape.platform,
        mode=shape.mode,
        environment=current.environment,
    )


def rolled_back(state: State, current: Current) -> Change:
    """The canary removed, whose promotion somebody took back."""
    path, manifest = current.manifest(state.model)
    canary = state.serving.canary if state.serving else None
    key = canary.key if canary else ""
    return _change(state, current, "rollback", key, "", {path: writer.without_canary(manifest or b"", path)})


def promoted(state: State, current: Current, *, verified: bool = False, said: str = "") -> Change:
    """The canary on trial gets the full traffic; `verified` where another environment follows this one."""
    path, manifest = current.manifest(state.model)
    key = state.trial.key if state.trial else ""
    content = writer.promoted(manifest or b"", path, verified=verified)
    return _with(_change(state, current, "promote", key, " 100%", {path: content}), said)


def verified(state: State, current: Current, release: Release, *, said: str = "") -> Change:
    """The default's release marked as verified, so that the next environment takes it."""
    path, manifest = current.manifest(state.model)
    content = writer.verified(manifest or b"", path)
    what = "It has the full traffic, and was verified there."
    return _with(_about(release, "verify", "", what, state.model, current, {path: content}), said)


def reverted(state: State, current: Current, standing: Standing, why: str) -> Change:
    """A release taken back: the canary away; one with the full traffic for what was there before it.

    Where that was on another platform, it moves back; with its mark, if it was verified there.
    """
    path, manifest = current.manifest(state.model)
    before, release = standing.before, standing.release
    files: dict[str, bytes | None] = {path: None}
    if standing.kind is Kind.CANARY:
        files[path] = writer.without_canary(manifest or b"", path)
    elif before:
        files = _restored_there(state.model, current, (path, manifest or b""), before)
    return _about(release, "revert", _short_of(why), _sentence_of(why), state.model, current, files)


def _restored_there(
    model: str, current: Current, manifest: tuple[str, bytes], before: Serving
) -> dict[str, bytes | None]:
    """What was served before, where it was served."""
    path, content = manifest
    content = writer.restored(content, path, before.default)
    files = _moved(model, current, (path, content), before.platform, before.mode)
    place = current.place(model, before.platform)
    return files | {place: writer.verified(files[place] or b"", place)} if before.default.verified else files


def rebuilt(state: State, current: Current, release: Release, image: str, builder: str) -> Change:
    """Another image of a release that is served, upon another builder."""
    path, manifest = current.manifest(state.model)
    content = writer.rebuilt(manifest or b"", path, release.key, image)
    what = "The model is the same, byte for byte: only what it is built upon is another."
    said = f"on builder {_short(builder)}"
    change = _about(release, "rebuild", said, what, state.model, current, {path: content})
    return replace(change, message=f"{change.message}{BUILDER}: {builder}\n")


def _about(
    release: Release, verb: str, said: str, what: str, model: str, current: Current, files: Mapping[str, bytes | None]
) -> Change:
    """A change of a release that is served, which no commit of people's asked for."""
    subject = f"{verb}({model}): {release.key[:SHORT]} {said}".rstrip()
    trailers = {MODEL: model, KEY: release.key, ENVIRONMENT: current.environment, SOURCE: release.commit}
    message = "\n".join([subject, "", what, "", *_trailers(trailers)]) + "\n"
    return Change(verb=verb, subject=subject, message=message, files=files)


def _short(builder: str) -> str:
    """A builder as people are told it: by its digest, if it has one."""
    return (builder.rpartition("sha256:")[2] or builder).removeprefix("source-")[:SHORT]


def configured(state: State, current: Current) -> Change:
    """Only how it is served; on another platform, that is another manifest in the place of this one."""
    path, manifest = current.manifest(state.model)
    serving, shape = state.serving, state.shape
    if serving is None or shape is None:  # pragma: no cover  what is to be configured is served
        raise ValueError("nothing is to be configured")
    said = f"{shape.replicas} replica{'s' if shape.replicas > 1 else ''}"
    if shape.canary_percent is not None:
        said += f", canary {shape.canary_percent}%"
    content = writer.configured(manifest or b"", path, replicas=shape.replicas, percent=shape.canary_percent or 0)
    files: dict[str, bytes | None] = {path: content}
    if not serving.is_on(shape.platform, shape.mode):
        said = f"{said}, {_platform(shape)}"
        files = _moved(state.model, current, (path, content), shape.platform, shape.mode)
    return _change(state, current, "configure", None, said, files)


def _moved(
    model: str, current: Current, manifest: tuple[str, bytes], platform: Platform, mode: DeploymentMode
) -> dict[str, bytes | None]:
    """One platform's manifest away, and another's in its place."""
    path, content = manifest
    environment = current.environment
    moved = writer.moved(content, path, model, platform=platform, mode=mode, environment=environment)
    return {path: None, current.place(model, platform): moved}


def _platform(shape: Shape) -> str:
    return f"on {shape.platform.value}" + (f" {shape.mode.value}" if shape.platform is Platform.KSERVE else "")


def retired(state: State, current: Current) -> Change:
    """The manifest, and whatever stands beside it, removed."""
    key = state.serving.default.key if state.serving else ""
    return _change(state, current, "retire", key, "", dict.fromkeys(current.files))


def _wanted_release(state: State) -> Release:
    """What is restored. Unless a person put it back themselves, it names the commit that asked for it now."""
    release = state.decision.release
    if release is None:  # pragma: no cover  the rule names one with every restoration
        raise ValueError("nothing is to be restored")
    put_back = state.serving is not None and state.serving.canary == release
    return release if put_back else replace(release, commit=_source(state))


def _source(state: State) -> str:
    because = state.decision.because
    return because[0].commit if because else ""


def _change(
    state: State, current: Current, verb: str, key: str | None, said: str, files: Mapping[str, bytes | None]
) -> Change:
    about = f"{key[:SHORT]}{said}" if key else said
    subject = f"{verb}({state.model}): {about}"
    trailers = {
        MODEL: state.model,
        KEY: key or state.key,
        ENVIRONMENT: current.environment,
        SOURCE: _source(state),
    }
    lines = [*(_sentence(because) for because in state.decision.because), "", *_trailers(trailers)]
    return Change(verb=verb, subject=subject, message="\n".join([subject, "", *lines]) + "\n", files=files)


def _in_place(state: State, release: Release) -> str:
    """What a release replaces that was not settled yet."""
    trial = state.trial
    return f"in place of {trial.key[:SHORT]}, which was on trial" if trial and trial.key != release.key else ""


def _with(change: Change, said: str) -> Change:
    """The change with one more sentence in its message, before the trailers; without one, as it is."""
    if not said:
        return change
    body, _, trailers = change.message.rpartition("\n\n")
    return replace(change, message=f"{body}\n{_sentence_of(said)}\n\n{trailers}")


def _sentence_of(said: str) -> str:
    """One line, whatever was said: what another program answered must not become a trailer."""
    line = " ".join("".join(each if each.isprintable() else " " for each in said).split())
    return f"{line[:1].upper()}{line[1:].rstrip('.')}."


def _short_of(said: str) -> str:
    """As much as a subject has room for."""
    return textwrap.shorten(_sentence_of(said)[:-1], _ROOM, placeholder=" …")[:_ROOM]


def _sentence(because: Because) -> str:
    return f"{because.commit[:12]} {because.what}."


def _trailers(named: Mapping[str, str | None]) -> list[str]:
    return [f"{name}: {value}" for name, value in named.items() if value]
