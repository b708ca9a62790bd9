"""What is made of a Prometheus that answers anything at all."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.prometheus import Sample
from slipway.errors import OutsideError
from slipway.live.selector import Selector
from slipway.report.text import clean
from slipway.watch import decision, evidence, marker
from slipway.watch.observe import Observer

KEY = "k" * 64
NAMES = st.sampled_from(
    ["a", "", "up to 3", "| x", "`" * 9, "<!-- /slipway-watch -->", "@somebody", "\u202e", "# x\n# y"]
)
VALUES = st.one_of(st.sampled_from([0.0, -1.0, 1e-300, 0.3, 40.0, 1e100, 1e308]), st.floats(-10, 1e6, allow_nan=False))
LABELS = st.fixed_dictionaries({"feature": NAMES, "bin": NAMES, "metric": st.sampled_from(["accuracy", "mae", "x"])})
SAMPLES = st.lists(st.builds(lambda labels, value: Sample(labels=labels, value=value), LABELS, VALUES), max_size=4)


@dataclass
class Anything:
    """It answers each question with the next of these."""

    answers: Sequence[Sequence[Sample]]

    def query(self, expression: str) -> Sequence[Sample]:
        if "slipway_model_info" in expression:
            return ()
        answer, *self.answers = (*self.answers, ())
        return answer


def look(*answers: Sequence[Sample]) -> decision.Live:
    selector = Selector(model="toy", namespace="models-production")
    observer = Observer(prometheus=Anything(answers), selector=selector, environment="production")
    return observer.look(KEY, over=timedelta(days=1))


@given(st.lists(SAMPLES, min_size=6, max_size=12))
def test_it_is_told_whole_or_not_at_all(answers: list[list[Sample]]) -> None:
    with contextlib.suppress(OutsideError):
        live = look(*answers)
        found = decision.findings(live)
        mark, text = marker.Marker.of("toy", ["it"]), evidence.stuck("toy", found, "there are none", live)
        said = marker.written(mark, text)
        assert marker.read(said) == mark
        assert marker.written(mark, text, f"{said}theirs") == f"{said}theirs"
        assert all(clean(line, len(line)) == line for line in evidence.summary(live))


def test_what_no_sum_can_be_made_of_is_no_answer() -> None:
    with pytest.raises(OutsideError, match=r"answered with 1e\+308"):
        look([Sample(labels={}, value=1e308)])
