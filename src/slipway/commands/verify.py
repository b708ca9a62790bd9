"""`verify`: whether an endpoint serves the release that was reviewed, check by check, and what to do next."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway import released, spec
from slipway.adapters.endpoint import Endpoint
from slipway.adapters.git import WorkTree
from slipway.commands.release import images
from slipway.errors import ExitCode, InputError
from slipway.key import SHORT
from slipway.results import ReasonState
from slipway.screen import emit, emit_json, plain
from slipway.stages import verify as stage
from slipway.verification.findings import Limits

if TYPE_CHECKING:
    from slipway.delivery.manifest import Release
    from slipway.results import ModelCard
    from slipway.verification.document import Verification
    from slipway.workspace import Workspace

_STYLES = {ReasonState.PASS: "green", ReasonState.WARN: "yellow", ReasonState.FAIL: "bold red"}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked of which endpoint."""

    url: str
    key: str | None = None
    """Or its first digits; the canary's is the default, else that of the default predictor."""
    requests: int = 300
    clients: int = 4
    max_p99_ms: float | None = None
    """`[gate] max_p99_ms` of the model's spec is the default. It was measured inside of a process; see the stage."""
    metrics: str | None = None


def verify(workspace: Workspace, model: str, wish: Wish, *, as_json: bool) -> int:
    """Ask, and print what was found; exit code 0 if the release is verified, 1 if not."""
    if wish.max_p99_ms is not None and not (math.isfinite(wish.max_p99_ms) and wish.max_p99_ms > 0):
        raise InputError(f"a limit of {wish.max_p99_ms} ms is none", hint="Name milliseconds: --max-p99 25")
    endpoint = Endpoint.parse(wish.url)
    metrics = Endpoint.parse(wish.metrics).url if wish.metrics else None
    card = _card(workspace, model, wish.key)
    limits = Limits(
        max_p99_ms=wish.max_p99_ms or _limit(workspace, model),
        requests=wish.requests,
        clients=min(wish.clients, wish.requests),
    )
    asked = stage.Asked(
        url=endpoint.url,
        connect=endpoint.connect,
        counts=lambda: stage.counts(endpoint, metrics),
        clock=workspace.clock,
    )
    with workspace.screen.progress(f"Asking {model}", stage.steps(card, limits)) as advance:
        found = stage.run(card, asked, limits, advance)
    if as_json:
        emit_json(found.model_dump(mode="json"))
    else:
        _show(found, next_step=_next_step(workspace, found))
    return ExitCode.DONE if found.passed else ExitCode.VERDICT_NO


def _card(workspace: Workspace, model: str, digits: str | None) -> ModelCard:
    """The card of the release that is expected: of `gitops/`, or by its key of whatever was reviewed."""
    if digits is None:
        now = released.serving(workspace, model)
        return _found(workspace, model, now.canary or now.default)
    key = released.whole_key(workspace, model, digits)
    release = next((one for one in released.served(workspace, model) if one.key == key), None)
    hint = f"Is it a key of {model}? slipway history {model} --json has all that were released."
    return _found(workspace, model, release) if release else released.reviewed(workspace, model, key, hint=hint).card


def _found(workspace: Workspace, model: str, release: Release) -> ModelCard:
    return released.find(workspace, lambda: images(workspace.settings), model, release).card


def _limit(workspace: Workspace, model: str) -> float | None:
    """The gate's limit of the spec in the working tree; None where there is no spec any more."""
    path = str(spec.spec_path(model))
    source = WorkTree(root=workspace.settings.repo).read(path)
    return None if source is None else spec.parse(source, path).gate.max_p99_ms


def _next_step(workspace: Workspace, found: Verification) -> str:
    """What follows a verified canary; nothing where what was verified is no canary."""
    on_trial = [one.key for one in released.served(workspace, found.model)][:-1]
    if not found.passed or found.key not in on_trial:
        return ""
    return f"slipway promote {found.model} --key {found.key[:SHORT]}"


def _show(found: Verification, *, next_step: str) -> None:
    word = "verified" if found.passed else "not verified"
    state = ReasonState.PASS if found.passed else ReasonState.FAIL
    _line((word, state), f": {found.model} {found.key[:SHORT]} at {found.url}")
    for reason in found.reasons:
        _line((f"{reason.state.value:5}", reason.state), f" {reason.check:9} {reason.text}")
        if reason.hint:
            emit(f"{'':16}{reason.hint}")
    if next_step:
        emit(f"To give it the full traffic: {next_step}")


def _line(marked: tuple[str, ReasonState], rest: str) -> None:
    """A line whose first word is coloured where a terminal wants that."""
    from rich.console import Console
    from rich.text import Text

    terminal = Console(file=sys.stdout)
    if terminal.is_terminal:
        word, state = marked
        terminal.print(Text.assemble((word, _STYLES[state]), plain(rest)), soft_wrap=True)
    else:
        emit(f"{marked[0]}{rest}")
