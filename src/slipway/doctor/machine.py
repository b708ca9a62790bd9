"""Tries what a machine needs: nothing is installed, and of the store nothing is kept but one small entry."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters import engine, program, skopeo, tracking
from slipway.adapters.data.remote import DataRemote
from slipway.adapters.git import WorkTree
from slipway.adapters.line import EndpointError, Line
from slipway.adapters.prometheus import Prometheus
from slipway.adapters.store import Place, Store
from slipway.datasets.named import Named, named
from slipway.doctor.facts import Machine, Tried
from slipway.errors import OutsideError, SlipwayError
from slipway.key import models
from slipway.report.numbers import count

if TYPE_CHECKING:
    from slipway.settings import Settings

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where Ray keeps its objects
_PROBE = Place(model="_doctor", key="0" * 64, entry="probe")
_PROBED = {"probe.txt": b"Written by slipway doctor, to see whether this store can be.\n"}
_QUICK = 5.0
_S2I = "Get it from github.com/openshift/source-to-image (releases), or leave images to CI."
_DOWN, _MISSING = 500, 404


def gather(settings: Settings, store: Store, environ: Mapping[str, str]) -> Machine:
    """Everything that this machine answers, each within seconds."""
    return Machine(
        git=_try(lambda: program.run([program.find("git", "Install it."), "--version"], seconds=_QUICK).decode()),
        engine=_try(lambda: f"{engine.find().kind} builds images here"),
        s2i=_try(lambda: f"{program.find('s2i', _S2I)} makes images of models"),
        skopeo=_try(lambda: f"{skopeo.find()} talks to registries"),
        store=_try(lambda: _store(store, settings.store)),
        tracking=_tracking(settings.tracking_uri),
        prometheus=_try(lambda: _prometheus(settings)),
        data=_data(settings, environ),
        shared_memory=_shared_memory(),
    )


def _try(act: Callable[[], str]) -> Tried:
    try:
        return Tried(works=True, what=act().strip())
    except SlipwayError as error:
        what, _, how = str(error).partition("\n")
        return Tried(works=False, what=what, how=" ".join(how.split()))


def _store(store: Store, url: str) -> str:
    """Write an entry that is always the same, and read it: the second time it is there already."""
    store.put(_PROBE, _PROBED)
    store.get(_PROBE)
    return f"{tracking.without_credentials(url)} can be read and written"


def _tracking(uri: str) -> Tried:
    shown = tracking.without_credentials(uri)
    if tracking.database(uri) is not None:
        return Tried(works=True, what="a database of this machine, made when it is first needed")
    if not uri.startswith(("http://", "https://")):
        return Tried(works=None, what=f"{shown} was not tried")
    line = Line(uri.rstrip("/"), timeout=_QUICK)
    try:
        status = line.ask("GET", "/health").status
    except EndpointError as error:
        return Tried(works=False, what=f"{shown} {error.said}", how="Set MLFLOW_TRACKING_URI right, or start MLflow.")
    finally:
        line.close()
    works = status < _DOWN and status != _MISSING
    return Tried(works=works, what=f"{shown} answers with {status}", how="Does MLFLOW_TRACKING_URI lead to MLflow?")


def _prometheus(settings: Settings) -> str:
    """Ask it something that each one knows."""
    if not settings.prometheus:
        how = "SLIPWAY_PROMETHEUS=http://host:port, or prometheus in [tool.slipway]; a laptop does without."
        raise OutsideError("no address is known: settle and watch have nothing to ask", hint=how)
    found = replace(Prometheus.of(settings), timeout=_QUICK)
    found.query("vector(1)")
    return f"{found.url} answers settle and watch"


def _data(settings: Settings, environ: Mapping[str, str]) -> Tried | None:
    """See whether others find what this working tree's pointers name. One that cannot be read is told by its stages."""
    tree = WorkTree(root=settings.repo)
    pointed: list[Named] = []
    for model in models(tree):
        with suppress(SlipwayError):
            pointed += [one] if (one := named(tree, model)) else []
    return _try(lambda: _kept(DataRemote.of(settings.repo, environ), pointed)) if pointed else None


def _kept(remote: DataRemote, pointed: Sequence[Named]) -> str:
    if absent := [one.name for one in pointed if not remote.keeps(one.pointer)]:
        how = "Whoever has the file sends it there: slipway data push MODEL, or dvc push."
        raise OutsideError(f"{remote.url} does not have {', '.join(absent)}", hint=how)
    return f"{remote.url} has what {count(len(pointed), 'pointer')} of data/ {'name' if len(pointed) > 1 else 'names'}"


def _shared_memory() -> int | None:
    try:
        found = os.statvfs(_SHARED_MEMORY)
    except OSError:
        return None
    return found.f_frsize * found.f_blocks
