"""What is told of a step, to people and to programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from slipway.plan.rule import Wanted
from slipway.release.step import Done, Step
from slipway.reviewed_bytes import Bytes


def warning(step: Step) -> str:
    """What comes before all that is said of it."""
    return "warning: " if step.reviewed is Bytes.DIFFERENT else ""


def said(step: Step) -> str:
    """What people are told of a step besides its subject."""
    took = f", {step.seconds:.1f} s"
    trained = " (trained again: the store had no model of this key)" if step.trained else ""
    said = f": {'; '.join(step.reasons)}" if step.reasons else ""
    match step.done:
        case Done.COMMITTED:
            text = f"committed{trained}{took}{said}"
        case Done.PROPOSED:
            text = f"{'; '.join(step.reasons)}{took}"
        case Done.REFUSED:
            text = f"❌ not released{trained}: {_lines(step.reasons)}"
        case Done.FAILED:
            text = _lines(step.reasons)
        case Done.READY:
            text = f"{_ready(step)}{trained}{took}"
        case Done.LATER:
            text = f"later: {_lines(step.reasons)}"
        case Done.HELD:
            text = f"held: {_lines(step.reasons)}"
        case Done.NOTHING:
            text = _nothing(step)
    return text


def document(step: Step) -> dict[str, object]:
    """A step as JSON: what there is to say."""
    return {name: value for name, value in asdict(step).items() if value not in ("", (), None)}


def _ready(step: Step) -> str:
    """What a later run finds; it commits it."""
    image = f", with {step.image}" if step.image else ""
    return f"ready{image}: {'; '.join((step.subject, *step.reasons) if step.subject else step.reasons)}"


def _nothing(step: Step) -> str:
    said = _lines(step.reasons)
    if step.wanted is Wanted.HELD:
        return f"held: {said}"
    return f"nothing to do: {said}" if said else "nothing to do"


def _lines(reasons: Iterable[str]) -> str:
    return "\n  ".join(reasons)
