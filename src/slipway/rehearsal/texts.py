"""What a forge would be told, where there is one: a rehearsal has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.datasets.pointer import Pointer
from slipway.forge import verifying
from slipway.forge.verifying import TakenBack
from slipway.watch import evidence
from slipway.watch.decision import Live, findings
from slipway.watch.evidence import Update


def comment(model: str, environment: str, trial: Mapping[str, Any]) -> str:
    """The comment on the pull request whose release was taken back, of what `slipway settle --json` says of it."""
    taken = TakenBack(
        model=model,
        environment=environment,
        key=trial["key"],
        commit=trial["commit"],
        back=f"git revert {trial['commit'][:12]}",
        origin="",
        subject="",
        branch="main",
        reasons=trial["reasons"],
    )
    return verifying.text(taken).removeprefix(taken.marker)


def proposal(model: str, file: str, pointers: Sequence[str], live: Live) -> str:
    """The text of the pull request that brings newer data; `pointers` are the file's contents before and after."""
    before, after = (Pointer.parse(f"{content}\n".encode(), file) for content in pointers)
    return evidence.proposal(model, Update(file=file, before=before, after=after), findings(live), live)
