"""What a decision does to `gitops/`: the files of the commit, and what its message says. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slipway.adapters.own_git import ENVIRONMENT, KEY, MODEL, SOURCE
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.errors import InputError
from slipway.key import SHORT
from slipway.plan.history import State
from slipway.plan.rule import Because, Shape

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

    def manifest(self, model: str) -> tuple[str, bytes | None]:
        """The manifest's path, and its bytes if it is there."""
        path = str(manifest_path(model, self.environment))
        return path, self.files.get(path)


def released(state: State, current: Current, release: Release, shape: Shape, *, said: str = "") -> Change:
    """A release: beside the default while it is on trial; at once if nothing is live or no trial is wanted.

    `said` is one more sentence about it.
    """
    path, manifest = current.manifest(state.model)
    if manifest is None:
        content, share = _again(state.model, current, release, shape), "100%"
    elif not shape.canary_percent:
        content, share = writer.restored(manifest, path, release), "100%"
    else:
        content = writer.with_canary(manifest, path, release, percent=shape.canary_percent)
        share = f"canary {shape.canary_percent}%"
    change = _change(state, current, "release", release.key, f" {share}", {path: content})
    return _with(change, said) if said else change


def restored(state: State, current: Current, shape: Shape, *, image: str = "") -> Change:
    """A release that was there before, with the full traffic, and in another image if one is named."""
    path, manifest = current.manifest(state.model)
    release = _wanted_release(state)
    release = replace(release, image=image or release.image)
    if manifest is None:
        content = _again(state.model, current, release, shape)
    else:
        content = writer.restored(manifest, path, release)
    return _change(state, current, "restore", release.key, " 100%", {path: content})


def _again(model: str, current: Current, release: Release, shape: Shape) -> bytes:
    """A manifest where there is none: as people had it before it was removed, if it can be edited, else a new one."""
    path, _ = current.manifest(model)
    if current.last is not None:
        with contextlib.suppress(InputError):
            return writer.restored(current.last.content, path, release)
    return writer.first(model, release, replicas=shape.replicas)


def rolled_back(state: State, current: Current) -> Change:
    """The canary removed, whose promotion somebody took back."""
    path, manifest = current.manifest(state.model)
    canary = state.serving.canary if state.serving else None
    key = canary.key if canary else ""
    return _change(state, current, "rollback", key, "", {path: writer.without_canary(manifest or b"", path)})


def promoted(state: State, current: Current) -> Change:
    """The canary on trial gets the full traffic."""
    path, manifest = current.manifest(state.model)
    key = state.trial.key if state.trial else ""
    return _change(state, current, "promote", key, " 100%", {path: writer.promoted(manifest or b"", path)})


def rebuilt(state: State, current: Current, release: Release, image: str, builder: str) -> Change:
    """Another image of a release that is served, upon another builder."""
    path, manifest = current.manifest(state.model)
    content = writer.rebuilt(manifest or b"", path, release.key, image)
    subject = f"rebuild({state.model}): {release.key[:SHORT]} on builder {_short(builder)}"
    trailers = {
        MODEL: state.model,
        KEY: release.key,
        ENVIRONMENT: current.environment,
        SOURCE: release.commit,
        BUILDER: builder,
    }
    lines = ["The model is the same, byte for byte: only what it is built upon is another.", "", *_trailers(trailers)]
    message = "\n".join([subject, "", *lines]) + "\n"
    return Change(verb="rebuild", subject=subject, message=message, files={path: content})


def _short(builder: str) -> str:
    """A builder as people are told it: by its digest, if it has one."""
    return (builder.rpartition("sha256:")[2] or builder).removeprefix("source-")[:SHORT]


def configured(state: State, current: Current) -> Change:
    """Only how it is served."""
    path, manifest = current.manifest(state.model)
    shape = state.shape or Shape(replicas=1, canary_percent=None)
    percent = shape.canary_percent or 0
    content = writer.configured(manifest or b"", path, replicas=shape.replicas, percent=percent)
    said = f"{shape.replicas} replica{'s' if shape.replicas > 1 else ''}"
    if shape.canary_percent is not None:
        said += f", canary {shape.canary_percent}%"
    return _change(state, current, "configure", None, f"{said}", {path: content})


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


def _with(change: Change, said: str) -> Change:
    """The change with one more sentence in its message, before the trailers."""
    body, _, trailers = change.message.rpartition("\n\n")
    return replace(change, message=f"{body}\n{said[0].upper()}{said[1:]}.\n\n{trailers}")


def _sentence(because: Because) -> str:
    return f"{because.commit[:12]} {because.what}."


def _trailers(named: Mapping[str, str | None]) -> list[str]:
    return [f"{name}: {value}" for name, value in named.items() if value]
