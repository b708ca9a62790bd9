"""Where a model's keys come from: its own inputs, or, in a later environment, what the one before it verified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from slipway.errors import InputError
from slipway.key import SHORT
from slipway.spec import spec_path

if TYPE_CHECKING:
    from slipway.adapters.git_log import LogEntry
    from slipway.plan.past import ModelPast


class Keys(Protocol):
    """The key that a model has in each commit, as far as that can be told."""

    def may_change(self, entry: LogEntry) -> bool:
        """Whether a commit may have changed it."""

    def at(self, commit: str) -> str | InputError | None:
        """The key in a commit; None where there is no such model, and why where it cannot be told."""

    def at_first(self, commit: str) -> str | None:
        """The key in a commit up to which none could be told since the model was there."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the model's inputs are: the keys of the first environment."""

    past: ModelPast

    def may_change(self, entry: LogEntry) -> bool:
        """Whether it touched the model's folder, or what shapes every model."""
        return self.past.repository.shapes(entry, self.past.model)

    def at(self, commit: str) -> str | InputError | None:
        """The content key of the commit's files."""
        return self.past.repository.key(self.past.model, commit)

    def at_first(self, commit: str) -> str | None:
        """None: what cannot be read was no model yet."""
        del commit
        return None


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What has the full traffic in the environment before, once it was verified there.

    Anything else there is passed over, as inputs that cannot be read are: what is not verified yet, and a manifest
    that somebody removed while the model is still there. So a release which fails in the first environment never
    takes anything away from the next; only a model that is gone is gone from all of them.
    """

    past: ModelPast
    """The model's, in the environment before."""

    @cached_property
    def _places(self) -> tuple[str, ...]:
        """Asked about each commit of main's."""
        return *self.past.manifests, str(spec_path(self.past.model))

    def may_change(self, entry: LogEntry) -> bool:
        """Whether it touched the manifest there, or made or deleted the model."""
        return any(place in entry.changed for place in self._places)

    def at(self, commit: str) -> str | InputError | None:
        """The default predictor's key, if it is verified."""
        serving = self.past.serving_at(commit)
        if isinstance(serving, InputError):
            return serving
        where = self.past.repository.environment
        if serving is None:
            is_gone = self.past.repository.key(self.past.model, commit) is None
            return None if is_gone else InputError(f"nothing of it is released in {where}")
        default = serving.default
        return default.key if default.verified else InputError(f"{default.key[:SHORT]} is not verified in {where}")

    def at_first(self, commit: str) -> str | None:
        """What the environment before was to have: so it was meant here too, until there was something verified."""
        return self.past.key_at(commit)
