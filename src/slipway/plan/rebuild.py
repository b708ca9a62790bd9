"""What a new builder asks of what is served: the same models in new images. Pure.

A rebuild changes the image of a key and nothing else, so it is no act (`slipway.plan.acts`): it releases, holds and
restores nothing. It has a hold of its own. An image that a person took away from a key, by reverting the rebuild or
by hand, does not come back by itself, until the repository names another builder or they put it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from slipway.delivery.manifest import Serving
from slipway.plan.acts import releases


class Images(Protocol):
    """What a manifest served, and who changed it."""

    def servings(self) -> Iterable[tuple[str, Serving | None]]:
        """Each commit that changed the manifest, with what it says since, newest first."""

    def is_own(self, commit: str) -> bool:
        """Whether slipway made the commit, or what it merged."""

    def builder_changed_since(self, commit: str) -> bool:
        """Whether the repository names another builder since a commit, or did in between."""


def taken_away(key: str, digest: str, past: Images) -> str | None:
    """The person's commit that took an image away from a key, if the image is held for it; while it is served: none.

    Only the times count at which the key is served: it may have been away in between.
    """
    newer = None
    for commit, serving in past.servings():
        found = [digest_of(release.image) for release in releases(serving) if release.key == key]
        if digest in found:
            return newer if newer and not (past.is_own(newer) or past.builder_changed_since(newer)) else None
        if found:
            newer = commit
    return None


def digest_of(image: str) -> str:
    """What an image is, whatever the registry that it is in."""
    return image.rpartition("@")[2]
