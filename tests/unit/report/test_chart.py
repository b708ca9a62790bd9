from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.report.plots import chart
from slipway.report.plots.chart import Chart
from slipway.results import CalibrationBin, Comparison, Diagnostics

from . import samples

NUMBER = r"-?\d+(\.\d+)?"
LISTED = rf"\[{NUMBER}(, {NUMBER})*\]"
MERMAID = re.compile(
    r'%%\{init: (?P<init>\{.*\})\}%%\nxychart-beta\n    title "(?P<title>[a-z:, ]+)"\n'
    rf'    x-axis "[a-z ]+" \["{NUMBER}"(, "{NUMBER}")*\]\n    y-axis {NUMBER} --> {NUMBER}\n'
    rf"(?P<lines>(    line {LISTED}(\n|$)){{2,3}})"
)


def drawn(found: Chart | None) -> re.Match[str]:
    match = MERMAID.fullmatch(str(found))
    assert match, str(found)
    return match


def lines(found: Chart | None) -> dict[str, dict[float, float]]:
    assert found is not None
    return {name: dict(zip(found.places, line, strict=True)) for name, line in found.lines.items()}


def compared(report: str) -> Comparison:
    comparison = samples.CASES[report]().comparison
    assert comparison is not None
    return comparison


def calibrated(*bins: tuple[float, float]) -> Diagnostics:
    return Diagnostics(calibration=tuple(CalibrationBin(predicted=p, observed=o, rows=9) for p, o in bins))


def test_calibration_is_read_off_at_round_numbers() -> None:
    comparison = compared("binary").model_copy(
        update={
            "champion_diagnostics": calibrated((0.05, 0.2), (0.95, 0.8)),
            "challenger_diagnostics": calibrated((0.0, 0.0), (0.5, 0.4), (1.0, 1.0)),
        }
    )
    found = lines(chart.of_calibration(comparison))
    assert list(found) == ["perfect", "champion", "challenger"]
    assert found["perfect"] == {x: x for x in found["perfect"]}
    assert [round(x, 9) for x in found["champion"]] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert list(found["champion"].values())[4] == pytest.approx(0.5)
    assert list(found["challenger"].values())[4] == pytest.approx(0.4)


@pytest.mark.parametrize("report", ["binary", "many-classes", "regression"])
def test_charts_are_mermaid_that_names_its_colours(report: str) -> None:
    make = chart.of_predictions if report == "regression" else chart.of_calibration
    match = drawn(make(compared(report)))
    assert match["title"] == "grey: perfect, orange: champion, blue: challenger"
    assert match["lines"].count("line") == 3
    colours = json.loads(match["init"])["themeVariables"]["xyChart"]["plotColorPalette"]
    assert len(re.findall(r"#[0-9a-f]{6}", colours)) == 3


def test_the_baseline_has_no_curve() -> None:
    found = chart.of_calibration(samples.binary().comparison.model_copy(update={"champion": champion("baseline")}))  # type: ignore[union-attr]
    assert drawn(found)["title"] == "grey: perfect, blue: challenger"


def champion(kind: str) -> object:
    return compared("first-model").champion if kind == "baseline" else compared("promote").champion


def test_models_that_hardly_meet_are_not_drawn_together() -> None:
    apart = {"champion_diagnostics": calibrated((0.0, 0.0), (0.1, 0.1))}
    assert list(lines(chart.of_calibration(compared("binary").model_copy(update=apart)))) == ["perfect", "challenger"]


@pytest.mark.parametrize(
    "bins", [(), ((0.5, 0.5),), ((0.5, 0.5), (0.5, 0.6)), ((0.0, 0.0), (1e300, 1.0)), ((1e-300, 0.0), (2e-300, 1.0))]
)
def test_what_is_no_curve_is_not_drawn(bins: tuple[tuple[float, float], ...]) -> None:
    flat = {"challenger_diagnostics": calibrated(*bins)}
    assert chart.of_calibration(compared("binary").model_copy(update=flat)) is None


FLOATS = st.one_of(st.floats(-1e12, 1e12), st.floats(-1e-6, 1e-6), st.sampled_from([0.0, 5e-324, 1e200]))


@given(st.lists(st.tuples(FLOATS, FLOATS), max_size=40), st.lists(st.tuples(FLOATS, FLOATS), max_size=40))
def test_any_predictions_give_mermaid_or_nothing(
    before: list[tuple[float, float]], now: list[tuple[float, float]]
) -> None:
    def diagnostics(points: list[tuple[float, float]]) -> Diagnostics:
        return Diagnostics(actual=tuple(a for a, _ in points), predicted=tuple(p for _, p in points))

    updates = {"champion_diagnostics": diagnostics(before), "challenger_diagnostics": diagnostics(now)}
    found = chart.of_predictions(compared("regression").model_copy(update=updates))
    assert found is None or drawn(found)


def test_no_word_of_the_data_is_in_a_chart() -> None:
    report = samples.hostile(columns=3)
    assert report.comparison is not None
    hostile = report.comparison.model_copy(update={"classes": ('"] line [1', "%%{init")})
    drawn(chart.of_calibration(hostile))
