"""What MLflow's model registry is changed to, so that it says what `gitops/` says; nothing in it decides anything.

Each key is one version of the registered model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from slipway.key import SHORT

KEY, IMAGE, COMMIT = "slipway.key", "slipway.image", "slipway.commit"
_MIRROR = "Follows gitops/ in Git, which alone says what is live. `slipway sync-registry` undoes changes made here."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `gitops/` says of one model. For a model that it no longer has, all is none or empty."""

    model: str
    champion: str | None
    """The key of the default predictor; None when nothing is live."""
    challenger: str | None
    """The key of the canary on trial."""
    images: Mapping[str, str]
    """The image of each key that has to have a version, by digest; champion and challenger are among them."""
    commit: str
    """The commit of main that says so."""
    prefix: str = ""
    """What the aliases begin with: another environment's are its own."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a registered model."""

    number: int
    key: str | None = None
    """None for one that somebody else made."""
    image: str = ""
    commit: str = ""

    @property
    def name(self) -> str:
        """As people are told."""
        return self.key[:SHORT] if self.key else f"version {self.number}"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the registry has of one model."""

    exists: bool = True
    aliases: Mapping[str, Version] = field(default_factory=dict)
    versions: Mapping[str, Sequence[Version]] = field(default_factory=dict)
    """Of each wanted key that has any, the oldest first."""
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of each other key: where its files are, and the run that recorded them, if there is one."""


class Call(StrEnum):
    """What the client can be asked to do."""

    CREATE_MODEL = "create_registered_model"
    CREATE_VERSION = "create_model_version"
    DELETE_VERSION = "delete_model_version"
    TAG = "set_model_version_tag"
    SET_ALIAS = "set_registered_model_alias"
    DELETE_ALIAS = "delete_registered_model_alias"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change to the registry."""

    call: Call
    arguments: Mapping[str, Any]
    line: str = ""
    """What people are told of it."""


def decide(wanted: Wanted, found: Found) -> tuple[Step, ...]:
    """What to do next. The number of a version is known once it is there, so all that needs one comes after.

    Of two versions of one key, made by two processes at once, the older stays: both see the same one.
    """
    missing = [key for key in wanted.images if key not in found.versions]
    if missing:
        return (*([] if found.exists else [_creation(wanted)]), *(_version(wanted, found, key) for key in missing))
    return (*_images(wanted, found), *_aliases(wanted, found), *_duplicates(wanted, found))


def _creation(wanted: Wanted) -> Step:
    return Step(call=Call.CREATE_MODEL, arguments={"name": wanted.model, "description": _MIRROR})


def _version(wanted: Wanted, found: Found, key: str) -> Step:
    tags = {KEY: key, IMAGE: wanted.images[key], COMMIT: wanted.commit}
    return Step(
        call=Call.CREATE_VERSION,
        arguments={"name": wanted.model, "tags": tags, "await_creation_for": 0, **found.sources[key]},
        line=f"{wanted.model}: {key[:SHORT]} registered",
    )


def _images(wanted: Wanted, found: Found) -> Iterator[Step]:
    for key, image in wanted.images.items():
        version = found.versions[key][0]
        if version.image != image:
            line = f"{wanted.model}: image of {version.name} {version.image or 'none'} -> {image}"
            yield _tag(wanted, version, IMAGE, image, line)


def _aliases(wanted: Wanted, found: Found) -> Iterator[Step]:
    for role, key in (("champion", wanted.champion), ("challenger", wanted.challenger)):
        alias = f"{wanted.prefix}{role}"
        now = found.aliases.get(alias)
        named = {"name": wanted.model, "alias": alias}
        version = found.versions[key][0] if key else None
        if version and (now is None or now.number != version.number):
            if version.commit != wanted.commit:  # first, or a kill in between would leave it as it is
                yield _tag(wanted, version, COMMIT, wanted.commit)
            line = f"{wanted.model}: {alias} {now.name if now else 'none'} -> {version.name}"
            yield Step(call=Call.SET_ALIAS, arguments={**named, "version": str(version.number)}, line=line)
        elif now and not version:
            yield Step(call=Call.DELETE_ALIAS, arguments=named, line=f"{wanted.model}: {alias} {now.name} -> none")


def _duplicates(wanted: Wanted, found: Found) -> Iterator[Step]:
    for key in wanted.images:
        for version in found.versions[key][1:]:
            yield Step(
                call=Call.DELETE_VERSION,
                arguments={"name": wanted.model, "version": str(version.number)},
                line=f"{wanted.model}: second version of {version.name} removed",
            )


def _tag(wanted: Wanted, version: Version, key: str, value: str, line: str = "") -> Step:
    arguments = {"name": wanted.model, "version": str(version.number), "key": key, "value": value}
    return Step(call=Call.TAG, arguments=arguments, line=line)
