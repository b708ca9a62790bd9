"""What a pull request's run left behind, wherever it lies. All of it may be written by an attacker."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from slipway.bundle import folder as names
from slipway.bundle import hostile, read
from slipway.bundle.document import Bundle, Plan
from slipway.bundle.read import Expected
from slipway.bundle.rejected import Rejected
from slipway.forge.gate import decide
from slipway.forge.interface import Artifact, Forge, Pull, Run, TooLargeError
from slipway.report.review import ModelReview
from slipway.trained import CARD, ONNX, Trained

_CHALLENGER = (CARD, ONNX)


class Source(Protocol):
    """Where bundles lie: a run's artefacts, or a folder."""

    def plan(self) -> Mapping[str, bytes] | None:
        """The files of the plan; None if there are none. Raises `Rejected`."""

    def bundle(self, model: str) -> Mapping[str, bytes] | None:
        """The files of a model's bundle; None if there are none. Raises `Rejected`."""

    def challenger(self, model: str) -> Mapping[str, bytes] | None:
        """The files of a model's challenger; None if there are none. Raises `Rejected`."""


@dataclass(frozen=True, kw_only=True)
class OfFolder:
    """Bundles in a folder that the pull request's jobs could write to."""

    root: Path

    def plan(self) -> Mapping[str, bytes] | None:
        """The plan's file."""
        return self._files("plan", (names.PLAN,))

    def bundle(self, model: str) -> Mapping[str, bytes] | None:
        """The bundle's file."""
        return self._files(model, (names.BUNDLE,))

    def challenger(self, model: str) -> Mapping[str, bytes] | None:
        """The challenger's files."""
        return self._files(f"{model}/{names.CHALLENGER_FOLDER}", _CHALLENGER)

    def _files(self, folder: str, wanted: Sequence[str]) -> Mapping[str, bytes] | None:
        return hostile.from_folder(self.root / folder, wanted) or None


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """The artefacts of a run. Of one name the newest counts: a part of a run may have been run again."""

    forge: Forge
    artifacts: Mapping[str, Artifact] = field(repr=False)

    @classmethod
    def of(cls, forge: Forge, run: Run) -> OfRun:
        """All that the run left behind; nothing is downloaded yet."""
        found = sorted(forge.artifacts(run.id), key=lambda artifact: artifact.id)
        return cls(forge=forge, artifacts={artifact.name: artifact for artifact in found if not artifact.expired})

    def plan(self) -> Mapping[str, bytes] | None:
        """The plan's file."""
        return self._files("slipway-plan", (names.PLAN,), hostile.MAX_BUNDLE)

    def bundle(self, model: str) -> Mapping[str, bytes] | None:
        """The bundle's file."""
        return self._files(f"slipway-model-{model}", (names.BUNDLE,), hostile.MAX_BUNDLE)

    def challenger(self, model: str) -> Mapping[str, bytes] | None:
        """The challenger's files."""
        return self._files(f"slipway-challenger-{model}", _CHALLENGER, hostile.MAX_CHALLENGER)

    def _files(self, name: str, wanted: Sequence[str], limit: int) -> Mapping[str, bytes] | None:
        artifact = self.artifacts.get(name)
        if artifact is None:
            return None
        if artifact.size > limit:
            raise Rejected(f"the artefact {name} has {artifact.size:,} bytes, of {limit:,} allowed")
        with tempfile.TemporaryDirectory(prefix="slipway-artefact-") as folder:
            archive = Path(folder) / "artefact.zip"
            try:
                with archive.open("wb") as stream:
                    self.forge.download(artifact, stream, limit)
            except TooLargeError as error:
                raise Rejected(error.what) from None
            return hostile.from_archive(archive, wanted)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of each model, checked; what was refused, with the reason in our own words."""

    plan: Plan | None
    plan_rejected: str = ""
    bundles: Mapping[str, Bundle] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Why a model's bundle was not taken."""

    @property
    def reviews(self) -> list[ModelReview]:
        """In the order of the plan."""
        order = self.plan.models if self.plan else ()
        return [self._review(model) for model in order if model not in self.rejected]

    def _review(self, model: str) -> ModelReview:
        bundle = self.bundles.get(model)
        if bundle is not None:
            return bundle.review(bundle.head)
        return ModelReview(model=model, error="its job ended before it left a review", is_outside=True)


def unless_doubtful(found: Found, *, has_failed: bool) -> Found:
    """What was found, unless its run failed and nothing of it says so: then a part of it is an earlier attempt's."""
    if not has_failed or found.plan is None or found.plan.refused or found.rejected:
        return found
    says_no = any(one.exit_code for one in decide(found.plan.models, found.reviews))
    return found if says_no else Found(plan=None, plan_rejected=_SILENT)


_SILENT = "A job of the run failed, and left nothing behind that says why. Look at the run, and run it again."
CANCELLED = Found(plan=None, plan_rejected="The run was cancelled. To have an answer, run it again.")


def collect(source: Source, pull: Pull) -> Found:
    """Read and check everything; what is wrong with one model says nothing about the others."""
    expected = Expected(pull_request=pull.number, head=pull.head)
    try:
        files = source.plan()
        plan = read.plan(files, expected) if files is not None else None
    except Rejected as error:
        return Found(plan=None, plan_rejected=f"what the run planned was not taken: {error.what}")
    bundles: dict[str, Bundle] = {}
    rejected: dict[str, str] = {}
    for model in plan.models if plan else ():
        try:
            content = source.bundle(model)
            if content is not None:
                bundles[model] = read.bundle(content, model, expected)
        except Rejected as error:
            rejected[model] = error.what
    return Found(plan=plan, bundles=bundles, rejected=rejected)


def challenger(source: Source, bundle: Bundle) -> Trained | None:
    """The challenger of a checked bundle; None if there is none. Raises `Rejected`."""
    files = source.challenger(bundle.model)
    return None if files is None else read.challenger(files, bundle)
