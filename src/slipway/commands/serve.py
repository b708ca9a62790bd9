"""`serve`: a model on this machine, behind the server that its image has, until somebody ends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from slipway import released
from slipway.adapters import server
from slipway.adapters.endpoint import PREDICT, Endpoint
from slipway.adapters.signals import until_ended
from slipway.commands.release import images
from slipway.errors import ExitCode, InputError
from slipway.key import SHORT
from slipway.screen import emit, emit_json
from slipway.spec import check_name

if TYPE_CHECKING:
    from slipway.adapters.server import Running
    from slipway.delivery.manifest import Release
    from slipway.released import Source
    from slipway.results import ModelCard
    from slipway.workspace import Workspace


class Which(Enum):
    """Which model is served."""

    LIVE = auto()
    """The default predictor of `gitops/`."""
    CANARY = auto()
    """The one on trial."""
    CHALLENGER = auto()
    """That of the working tree's key, from the store."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is served, and what people are told of it."""

    source: Source
    role: str
    remark: str = ""


def serve(workspace: Workspace, model: str, *, which: Which, port: int, as_json: bool) -> int:
    """Serve in the foreground; whoever ends it politely gets exit code 0, and nothing stays behind."""
    chosen = _chosen(workspace, check_name(model), which)
    with until_ended() as pause:
        try:
            with server.serve(chosen.source.files, port=port, pause=pause) as running:
                _tell(workspace, chosen, running, as_json=as_json)
                running.watch(pause)
        except KeyboardInterrupt:
            workspace.screen.say("Ended.")
    return ExitCode.DONE


def _chosen(workspace: Workspace, model: str, which: Which) -> Chosen:
    if which is Which.CHALLENGER:
        hint = f"Train it: slipway run {model}"
        source = released.reviewed(workspace, model, workspace.model(model).key, hint=hint)
        return Chosen(source=source, role="the challenger of the working tree")
    serving, environment = released.serving(workspace, model), workspace.settings.environment
    canary = serving.canary
    if which is Which.LIVE:
        trial = f"{canary.key[:SHORT]} is on trial with {serving.canary_percent}%: --canary serves it" if canary else ""
        source = _found(workspace, model, serving.default)
        return Chosen(source=source, role=f"live in {environment}", remark=trial)
    if canary is None:
        raise InputError(
            f"there is no canary of {model} in {environment}; {serving.default.key[:SHORT]} has all of the traffic",
            hint=f"Serve that one: slipway serve {model}",
        )
    source = _found(workspace, model, canary)
    return Chosen(source=source, role=f"the canary, with {serving.canary_percent}% in {environment}")


def _found(workspace: Workspace, model: str, release: Release) -> Source:
    return released.find(workspace, lambda: images(workspace.settings), model, release)


def _tell(workspace: Workspace, chosen: Chosen, running: Running, *, as_json: bool) -> None:
    card = chosen.source.card
    curl = curl_line(Endpoint(url=running.url), card)
    if as_json:
        emit_json(
            {
                "model": card.model,
                "key": card.key,
                "role": chosen.role,
                "url": running.url,
                "grpc": running.grpc,
                "metrics": running.metrics,
                "curl": curl,
            }
        )
        return
    emit(f"{card.model} {card.key[:SHORT]}, {chosen.role}" + (f" ({chosen.remark})" if chosen.remark else ""))
    emit(f"  REST     {running.url}{PREDICT}")
    if running.grpc:
        emit(f"  gRPC     {running.grpc}")
    emit(f"  metrics  {running.metrics}")
    emit(f"Ask it:\n  {curl}")
    workspace.screen.say("Ctrl-C ends it.")


def curl_line(endpoint: Endpoint, card: ModelCard) -> str:
    """A golden request, as a line for a shell."""
    golden = card.golden[0]
    return endpoint.curl([(*golden.numeric, *golden.categorical)], (*card.numeric, *card.categorical))
