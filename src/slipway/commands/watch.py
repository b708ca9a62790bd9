"""`watch`: what has drifted, and what is proposed about it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.adapters.credentials import names_a_repository
from slipway.adapters.data import source as data_source
from slipway.adapters.main_branch import MainBranch
from slipway.adapters.prometheus import Prometheus
from slipway.errors import ExitCode
from slipway.screen import emit, emit_json
from slipway.stages.watch import Watcher
from slipway.watch.outcome import Until

if TYPE_CHECKING:
    from slipway.adapters.data.files import Sum
    from slipway.datasets.pointer import Source
    from slipway.forge.watching import Watched
    from slipway.watch.decision import Live
    from slipway.watch.drift import Moved
    from slipway.watch.labels import Quality
    from slipway.watch.outcome import Outcome
    from slipway.workspace import Workspace

_WORST = (ExitCode.OUTSIDE_FAILED, ExitCode.BAD_INPUT, ExitCode.VERDICT_NO)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How it is looked."""

    prometheus: str | None
    """Its address, where it is another than the settings'."""
    over: timedelta
    """How much of the live traffic."""
    until: Until


def watch(workspace: Workspace, models: Sequence[str], look: Look, *, as_json: bool) -> int:
    """Look at these models, or at all; propose newer data, and tell of drift that none can mend."""
    workspace.check_history()
    is_asked = look.until is not Until.DATA and (look.prometheus or workspace.settings.prometheus)
    watcher = Watcher(
        workspace=workspace,
        main=MainBranch.of(workspace.git),
        data=S3Data(workspace=workspace, environ=os.environ),
        prometheus=Prometheus.of(workspace.settings, look.prometheus) if is_asked else None,
        forge=_forge(os.environ),
        over=look.over,
        until=look.until,
        pause=time.sleep,
    )
    outcomes = watcher.watch(models)
    if as_json:
        emit_json({"main": watcher.tip.id, "models": [_document(one) for one in outcomes]})
    else:
        emit("\n".join(map(_told, outcomes)) or "There are no models to look at.")
    codes = {one.exit_code for one in outcomes}
    return next((code for code in _WORST if code in codes), ExitCode.DONE)


@dataclass(frozen=True, kw_only=True)
class S3Data:
    """Data in S3: a source's, and those that pointers lead to."""

    workspace: Workspace
    environ: Mapping[str, str] = field(repr=False)

    def head(self, url: str) -> Source:
        """What a source holds now."""
        return data_source.head(url)

    def keep(self, source: Source, config: bytes | None) -> Sum:
        """Fetch it once, keep it for this machine's stages, and send it to the remote."""
        data = self.workspace.data(config)
        data.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="slipway-watch-", dir=data.scratch) as folder:
            file = Path(folder) / "data"
            with data.progress(f"fetch {source.url}", source.size or 0) as told:
                data_source.fetch(source, file, told)
            kept, found = data.cache.keep(file, called=source.url)
            data.remote().put(kept)
        return found


def _forge(environ: Mapping[str, str]) -> Watched | None:
    """The repository at GitHub, where the environment says which, and shows credentials; raises as `connect` does."""
    if not names_a_repository(environ):
        return None
    from slipway.adapters.github import connect

    return connect(environ)


def _told(outcome: Outcome) -> str:
    said = [f"  {line}" for one in outcome.said for line in one.split("\n")]
    return "\n".join([f"{outcome.model}:", *said, *([f"  {outcome.url}"] if outcome.url else [])])


def _document(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "model": outcome.model,
        "decision": type(outcome.decision).__name__.lower() if outcome.decision else "failed",
        "said": list(outcome.said),
        "live": _live(outcome.live) if outcome.live else None,
        "data": outcome.fresh.state.value if outcome.fresh else None,
        "branch": outcome.branch,
        "url": outcome.url,
    }


def _live(live: Live) -> Mapping[str, Any]:
    return {
        "key": live.key,
        "environment": live.environment,
        "seconds": live.seconds,
        "rows": round(live.rows),
        "drift": [_moved(one) for one in live.moved],
        "labels": _quality(live.quality) if live.quality else None,
    }


def _moved(moved: Moved) -> Mapping[str, Any]:
    return {
        "subject": moved.counts.subject.value,
        "name": moved.counts.name,
        "rows": round(moved.rows),
        "psi": moved.psi,
        "noise": moved.noise,
        "drifted": moved.has_drifted,
    }


def _quality(quality: Quality) -> Mapping[str, Any]:
    return {
        "metric": quality.metric.value,
        "rows": round(quality.now.rows) if quality.now else 0,
        "value": quality.now.value if quality.now else None,
        "holdout": quality.before.value if quality.before else None,
        "worse": quality.has_regressed,
    }
