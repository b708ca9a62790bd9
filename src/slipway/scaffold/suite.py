"""Expectation suites as text: Great Expectations' own JSON, laid out for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slipway.results import Severity


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One expectation, how much it counts and why it is there."""

    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    notes: str = field(default="")

    def to_dict(self) -> dict[str, Any]:
        """As Great Expectations 1.x reads it."""
        return {
            "type": self.type,
            "kwargs": dict(self.kwargs),
            "severity": self.severity.value,
            "meta": {"notes": self.notes} if self.notes else {},
        }


def suite_text(name: str, expectations: Sequence[Expectation]) -> str:
    """The suite with one key a line, so that a diff shows what was changed."""
    blocks = ",\n".join(_block(expectation.to_dict()) for expectation in expectations)
    return f'{{\n  "name": {json.dumps(name)},\n  "meta": {{}},\n  "expectations": [\n{blocks}\n  ]\n}}\n'


def _block(expectation: Mapping[str, Any]) -> str:
    lines = [f"      {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in expectation.items()]
    return "    {\n" + ",\n".join(lines) + "\n    }"
