"""MLflow's registered models follow Git: `champion` and `challenger` are where main's `gitops/` says.

They are production's; every other environment has its own, such as `staging-champion`.

The registry decides nothing, so whatever goes wrong with it is a warning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.adapters.registry import Registry, Synced, Syncing
from slipway.adapters.registry_steps import Wanted
from slipway.errors import InputError
from slipway.plan import history
from slipway.plan.past import Repository
from slipway.plan.served import manifests
from slipway.settings import PRODUCTION
from slipway.workspace import Workspace


@dataclass(kw_only=True)
class Mirror:
    """Started early, because MLflow takes seconds to import; told at the end what main says."""

    workspace: Workspace
    _syncing: Syncing | None = None
    _told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By environment, what the registry says once it has followed."""

    def start(self) -> None:
        """Have MLflow ready soon."""
        self._syncing = Registry(uri=self.workspace.settings.tracking_uri).start()

    def follow(self, tip: str, *, retired: Iterable[str] = (), everything: bool = False) -> None:
        """Have the registry say what this commit of main says of every environment, unless it was told so before.

        With `everything`, whatever it was told, and for every model that main's history knows.
        """
        gone, wanted, told = frozenset(retired), list[Wanted](), dict[str, dict[str, Any]]()
        for environment in self.workspace.settings.through:
            known = {} if everything else self._known(environment)
            with history.read(self.workspace.git, tip, environment) as repository:
                found = _all_wanted(repository, {*known, *gone}, everything=everything)
            told[environment] = known | {one.model: _summary(one) for one in found}
            wanted += [
                one
                for one in found
                if everything or one.model in gone or known.get(one.model, _NOTHING) != told[environment][one.model]
            ]
        if (wanted or everything) and self._syncing is not None:
            self._syncing.tell(wanted)
            self._told = told

    def close(self) -> Synced:
        """Wait for it, and warn if it failed; what it changed."""
        if self._syncing is None:
            return Synced()
        synced = self._syncing.close()
        self._syncing = None
        if synced.problem:
            hint = "Git is right all the same; to repair it: slipway sync-registry"
            self.workspace.screen.say(f"warning: MLflow's registry does not follow: {synced.problem}. {hint}")
            return synced
        for environment, told in self._told.items():
            if told:
                self._marker(environment).parent.mkdir(parents=True, exist_ok=True)
                self._marker(environment).write_text(json.dumps(told))
        return synced

    def _known(self, environment: str) -> dict[str, Any]:
        """What the registry was told the last time, as far as this machine knows."""
        try:
            known = json.loads(self._marker(environment).read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _marker(self, environment: str) -> Path:
        settings = self.workspace.settings
        server = hashlib.sha256(f"{settings.tracking_uri} {environment}".encode()).hexdigest()[:8]
        return settings.local / "tracked" / f"registry-{server}.json"


_DEEP = 3
_NOTHING: Mapping[str, Any] = {"champion": None, "challenger": None, "images": {}}


def _summary(wanted: Wanted) -> dict[str, Any]:
    return {"champion": wanted.champion, "challenger": wanted.challenger, "images": dict(wanted.images)}


def _all_wanted(repository: Repository, names: Iterable[str], *, everything: bool) -> list[Wanted]:
    """What the registry is to say of these models, and of all that are served."""
    every = {*repository.served(), *names, *(_ever_served(repository) if everything else ())}
    return [one for model in sorted(every) if (one := _wanted(repository, model)) is not None]


def _ever_served(repository: Repository) -> Iterable[str]:
    """Every model that main's history has a manifest of."""
    for entry in repository.log:
        for path in entry.changed:
            parts = path.split("/")
            if len(parts) > _DEEP and path in manifests(parts[2], repository.environment):
                yield parts[2]


def _wanted(repository: Repository, model: str) -> Wanted | None:
    """What the registry is to say of a model; None where the manifest cannot be read: what was said before stays."""
    serving = repository.past(model).serving_at(repository.tip.id)
    if isinstance(serving, InputError):
        return None
    releases = [serving.default, *([serving.canary] if serving.canary else [])] if serving else []
    return Wanted(
        model=model,
        champion=serving.default.key if serving else None,
        challenger=serving.canary.key if serving and serving.canary else None,
        images={release.key: release.image for release in releases},
        commit=repository.tip.id,
        prefix="" if repository.environment == PRODUCTION else f"{repository.environment}-",
    )
