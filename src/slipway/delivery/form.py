"""What every platform's manifest can be asked and told. One form for each kind of document that says what is live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from slipway.delivery.document import Document, Node
from slipway.delivery.fields import Step
from slipway.delivery.served import Release, Serving


class Form(Protocol):
    """A kind of manifest. `now` is what it says before the steps; errors are `InputError`, with the line."""

    def key(self, document: Document) -> str:
        """The key that is live; asks for nothing else."""

    def serving(self, document: Document) -> Serving:
        """All that is live and on trial."""

    def owned(self, document: Document) -> Iterable[Node]:
        """The values that slipway may change; all else is people's."""

    def trial(self, now: Serving, release: Release, percent: int) -> Iterable[Step]:
        """The release on trial, in place of any that was."""

    def live(self, now: Serving, release: Release) -> Iterable[Step]:
        """The release with all the traffic, and nothing on trial."""

    def ended(self, now: Serving) -> Iterable[Step]:
        """What was live before the trial, with all the traffic."""

    def marked(self, now: Serving) -> Iterable[Step]:
        """The mark of a verified release on the default's."""

    def rebuilt(self, now: Serving, predictor: str, image: str) -> Iterable[Step]:
        """Another image of the release that a predictor has."""

    def configured(self, now: Serving, replicas: int, percent: int | None) -> Iterable[Step]:
        """So many replicas, and for a trial the share of the traffic."""
