"""What manifests say, and said: at most one a model and environment, in the place of the platform that serves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from slipway.delivery import manifest
from slipway.delivery.manifest import Serving, manifest_paths
from slipway.errors import InputError

if TYPE_CHECKING:
    from slipway.adapters.git_log import LogEntry
    from slipway.adapters.objects import Objects

type Blobs = Mapping[str, str | None]
"""The Git objects of a manifest's places; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Touch:
    """A commit that changed the manifest, and its Git objects before and after."""

    entry: LogEntry
    before: Blobs
    after: Blobs


def manifests(model: str, environment: str) -> tuple[str, ...]:
    """Where a model's manifest may be in an environment: each platform has a place of its own."""
    return tuple(map(str, manifest_paths(model, environment)))


def find(read: Callable[[str], bytes | None], model: str, environment: str) -> tuple[str, bytes] | None:
    """A manifest's place and content, by what reads files; None where there is none. `InputError` where two are."""
    every = ((path, read(path)) for path in manifests(model, environment))
    found = [(path, content) for path, content in every if content is not None]
    if len(found) > 1:
        raise _doubled([path for path, _ in found])
    return found[0] if found else None


def read_blobs(objects: Objects, blobs: Blobs) -> Serving | InputError | None:
    """What a manifest says, by its place: there is one at most."""
    found = [(path, blob) for path, blob in blobs.items() if blob is not None]
    if len(found) > 1:
        return _doubled([path for path, _ in found])
    return next((read_manifest(objects.read(blob) or b"", path) for path, blob in found), None)


@lru_cache(maxsize=4096)
def read_manifest(content: bytes, file: str) -> Serving | InputError:
    """What a manifest says, or what is wrong with it; read once."""
    try:
        return manifest.read(content, file)
    except InputError as error:
        return error


def what(serving: Serving | None) -> tuple[str, ...]:
    """What is served, apart from how: a change of replicas, of the traffic's split or of the images is no act.

    Another image of a key is the same model on another builder, by a rebuild or by its revert.
    """
    if serving is None:
        return ()
    return tuple(release.key for release in (serving.default, serving.canary) if release)


def as_it_ended(serving: Serving | None, newer: Serving | None) -> Serving | None:
    """What an act put there, with the images that it had in the end, and whether it was verified by then."""
    if serving is None or newer is None:
        return serving
    canary = serving.canary and newer.canary and replace(serving.canary, image=newer.canary.image)
    default = replace(serving.default, image=newer.default.image, verified=newer.default.verified)
    return replace(serving, default=default, canary=canary)


def _doubled(paths: Sequence[str]) -> InputError:
    what = f"{' and '.join(paths)} both say what is live"
    return InputError(what, hint="A model has one manifest in an environment: delete the one that serves nothing.")
