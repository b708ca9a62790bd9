"""What a command hands on to the engine's next job: files for Tekton, GitHub's own for Actions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Self

from slipway.errors import OutsideError

_MODELS, _HEAD, _NAME, _DIGEST = "models", "head", "image-name", "image-digest"
_OWN, _IMAGES = "image-by-this-workflow", "images"


@dataclass(frozen=True, kw_only=True)
class Made:
    """An image, by its name and digest."""

    name: str
    digest: str
    by_this_workflow: bool
    """Whether this workflow built it, now or earlier: of what others built it attests nothing."""

    @classmethod
    def of(cls, reference: str, *, by_this_workflow: bool = False) -> Self:
        """An image of this reference; without one, no image."""
        name, _, digest = reference.rpartition("@")
        return cls(name=name, digest=digest, by_this_workflow=by_this_workflow)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where results are written to; a file that was not asked for is not written."""

    files: Mapping[str, Path] = field(default_factory=dict)
    """By the result's name."""
    github: Path | None = None
    """GITHUB_OUTPUT: a line for each result."""
    summary: Path | None = None
    """GITHUB_STEP_SUMMARY: Markdown that GitHub shows beside the job."""

    @classmethod
    def of(
        cls,
        environ: Mapping[str, str],
        *,
        models: Path | None = None,
        head: Path | None = None,
        image_url: Path | None = None,
        image_digest: Path | None = None,
        images: Path | None = None,
    ) -> Self:
        """What the command line and the environment name."""
        named = {_MODELS: models, _HEAD: head, _NAME: image_url, _DIGEST: image_digest, _IMAGES: images}
        return cls(
            files={name: path for name, path in named.items() if path is not None},
            github=_path(environ, "GITHUB_OUTPUT"),
            summary=_path(environ, "GITHUB_STEP_SUMMARY"),
        )

    def models(self, names: Sequence[str]) -> None:
        """The models that the next jobs are about; both engines make their matrix of this array."""
        self._write(_MODELS, json.dumps(list(names)))

    def head(self, commit: str) -> None:
        """The commit that the run is about."""
        self._write(_HEAD, commit)

    @property
    def is_of_one_image(self) -> bool:
        """Whether files are asked for that hold one image alone."""
        return not {_NAME, _DIGEST}.isdisjoint(self.files)

    def image(self, image: Made) -> None:
        """An image, as Tekton Chains and GitHub's attestation know it."""
        self._write(_NAME, image.name)
        self._write(_DIGEST, image.digest)
        self._tell(_OWN, json.dumps(image.by_this_workflow))

    def images(self, images: Sequence[Made]) -> None:
        """Several images: of GitHub's array the next job signs each; the file is Tekton Chains' type hint `IMAGES`."""
        self._tell(_IMAGES, json.dumps([asdict(image) for image in images]))
        self._file(_IMAGES, ",".join(f"{image.name}@{image.digest}" for image in images))

    def summarize(self, markdown: str) -> None:
        """Show people a text beside the job."""
        if self.summary is not None:
            _append(self.summary, markdown)

    def _write(self, name: str, value: str) -> None:
        self._file(name, value)
        self._tell(name, value)

    def _file(self, name: str, value: str) -> None:
        if name in self.files:
            _replace(self.files[name], _line(name, value))

    def _tell(self, name: str, value: str) -> None:
        if self.github is not None:
            _append(self.github, f"{name}={_line(name, value)}\n")


def _line(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        msg = f"a result of one line was expected: {name}"
        raise ValueError(msg)
    return value


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _replace(path: Path, text: str) -> None:
    _write(path, text, "w")


def _append(path: Path, text: str) -> None:
    """Add to a file, which GitHub hands out with what earlier steps wrote."""
    _write(path, text, "a")


def _write(path: Path, text: str, mode: Literal["a", "w"]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise OutsideError(f"{path} cannot be written: {error.strerror}", hint="May this job write there?") from None
