"""The images that commits put in: built, or seen to be there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from slipway import reviewed_bytes
from slipway.adapters import skopeo
from slipway.adapters.image import Image
from slipway.errors import InputError, OutsideError

if TYPE_CHECKING:
    from slipway.adapters.image import Images
    from slipway.delivery.manifest import Release
    from slipway.plan.history import State
    from slipway.stages.package import Packaged
    from slipway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Shipping:
    """Where images are made now, and where others were made before."""

    workspace: Workspace
    images: Images
    elsewhere: Callable[[Image], bool]
    """Whether an image is where these settings make none: other settings released it."""
    made: dict[str, Packaged] = field(default_factory=dict, repr=False)
    """Each model's newest image of this run. What fails after it was recorded takes nothing of it back."""
    _workflows: dict[str, str] = field(default_factory=dict, repr=False)
    """Which workflow built an image, where its record was read."""

    def built(self, state: State, key: str, commit: str) -> Packaged:
        """The image of a key that was judged; built unless it is there. `StoreError` where the key has two models."""
        from slipway.stages import package

        reviewed_bytes.check_undisputed(self.workspace.store, state.model, key)
        self.check_registry(state)
        note = partial(self._note, state.model)
        found = package.run(self.workspace, self.images, state.model, key, commit=commit, pushed=note)
        note(found)
        return found

    def _note(self, model: str, made: Packaged) -> None:
        self.made[model] = made
        self._workflows[made.image] = made.workflow

    def is_by_this_workflow(self, image: str) -> bool:
        """Whether the workflow that runs this built an image, now or in an earlier run: only then may it say so.

        Others build into the same registry: a laptop, Tekton. False wherever no workflow runs this.
        """
        own = self.workspace.settings.workflow
        return bool(own) and self._workflows.get(image) == own

    def is_built(self, model: str, key: str) -> bool:
        """Whether the image of a key was built upon the builder of now, by whichever job; nothing looks where it is."""
        from slipway.stages import package

        return package.is_recorded(self.workspace, self.images, model, key)

    def newest(self, model: str, release: Release) -> str:
        """The image of a release that this builder's record names, if that is there: older bases have holes.

        Else its own, for nothing is built before it is restored. One that every cluster can pull is not replaced by
        one that only this machine has.
        """
        from slipway.stages import package

        own = Image.parse(release.image)
        known = package.recorded(self.workspace, self.images, model, release.key)
        image = Image.parse(known.image) if known else own
        if known:
            self._workflows[known.image] = known.workflow
        is_worse = skopeo.is_hosted(own.name) and not skopeo.is_hosted(image.name)
        return release.image if is_worse or image.digest == own.digest else image.reference

    def check_registry(self, state: State) -> None:
        """See to it that no image that only this machine has follows one that every cluster can pull."""
        served = Image.parse(state.serving.default.image).name if state.serving else ""
        if served and skopeo.is_hosted(served) and not skopeo.is_hosted(self.images.name(state.model)):
            raise InputError(
                f"{state.model}: {served} is served, and the next image would be on this machine alone",
                hint="Set SLIPWAY_BUILDER and SLIPWAY_REGISTRY as the release before had them.",
            )

    def check_there(self, model: str, release: Release) -> None:
        """See to it that the image of what is restored is there; one that is lost is built again, from the store.

        Its own name says where it is: it may have been released with other settings.
        """
        from slipway.stages import package

        image = Image.parse(release.image)
        if self.images.has(image) or self.elsewhere(image):
            return
        if image.name != self.images.name(model):
            raise _lost(image)
        package.again(self.workspace, self.images, model, release)


def _lost(image: Image) -> OutsideError:
    """What is said of an image that is gone, and would not be built under its name with these settings."""
    registry = image.name.rpartition("/")[0]
    if skopeo.is_hosted(image.name):
        return OutsideError(
            f"{image.reference} is gone from its registry, which is not the one of SLIPWAY_REGISTRY",
            hint=f"Restore it from a backup. To build it again, set SLIPWAY_REGISTRY={registry}, and SLIPWAY_BUILDER "
            "to what it was built upon. Or release the key anew by a pull request.",
        )
    return OutsideError(
        f"{image.reference} was released without a builder, and is not beside this store",
        hint=f"To build it again, unset SLIPWAY_BUILDER and set SLIPWAY_REGISTRY={registry}. "
        "Or release the key anew by a pull request.",
    )
