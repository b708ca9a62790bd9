"""The record of a search that is under way."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from slipway.journal import Journal
from slipway.training.trial import Outcome, TrialState


def outcome(number: int) -> Outcome:
    return Outcome(
        number=number,
        family="xgboost",
        params={"max_depth": 3, "learning_rate": 0.1},
        state=TrialState.COMPLETE,
        score=0.5,
        fold_scores=(0.4, 0.6),
        rounds=7,
        seconds=1.25,
    )


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    journal = Journal(file=tmp_path / "deep" / "trials.jsonl")
    assert journal.read() == {}
    for number in (2, 0, 1):
        journal.append(outcome(number))
    assert journal.read() == {number: outcome(number) for number in range(3)}
    journal.remove()
    journal.remove()
    assert journal.read() == {}


@given(cut=st.integers(0, 400), junk=st.binary(max_size=30))
def test_a_line_that_was_cut_short_is_left_out(tmp_path_factory: object, cut: int, junk: bytes) -> None:
    file = Path(tmp_path_factory.mktemp("journal")) / "trials.jsonl"  # type: ignore[attr-defined]
    journal = Journal(file=file)
    for number in range(2):
        journal.append(outcome(number))
    file.write_bytes(file.read_bytes()[:cut] + junk)
    assert all(found == outcome(number) for number, found in journal.read().items() if number in (0, 1))
