from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from slipway.report import ReportInput, parameters, plots
from slipway.report.plots import Plot, canvas

from . import samples


def all_plots(report: ReportInput) -> list[Plot]:
    return [*plots.for_comment(report), *plots.for_page(report, parameters.importances(report))]


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("promote", ["improvement", "diagnosis: Confusion"]),
        ("binary", ["improvement", "diagnosis: Calibration"]),
        ("regression", ["improvement", "diagnosis: Predictions"]),
        ("many-classes", ["improvement", "diagnosis: Calibration"]),
        ("rejected", []),
        ("nothing-found", []),
    ],
)
def test_the_comment_has_at_most_two_plots(name: str, drawn: list[str]) -> None:
    found = plots.for_comment(samples.CASES[name]())
    assert [p.name if p.name == "improvement" else f"{p.name}: {p.title}" for p in found] == drawn


@pytest.mark.parametrize("name", samples.CASES)
def test_no_text_is_cut_off(name: str) -> None:
    with canvas.drawing():
        for plot in all_plots(samples.CASES[name]()):
            sheet = plot.draw(canvas.LIGHT)
            renderer = FigureCanvasAgg(sheet).get_renderer()  # type: ignore[no-untyped-call]
            box = sheet.get_tightbbox(renderer)
            width, height = sheet.get_size_inches()
            assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, (plot.name, box)


def test_pictures_are_twice_the_width_of_a_comment_and_always_the_same() -> None:
    found = plots.for_comment(samples.promote())
    first, second = plots.pngs(found), plots.pngs(found)
    assert sorted(first) == [
        "diagnosis-dark.png",
        "diagnosis-light.png",
        "improvement-dark.png",
        "improvement-light.png",
    ]
    assert first == second
    assert {Image.open(io.BytesIO(content)).width for content in first.values()} == {1_600}


@pytest.mark.parametrize("name", ["promote", "regression", "hostile"])
def test_drawings_are_xml_without_colours_of_their_own(name: str) -> None:
    report = samples.CASES[name]()
    found = plots.for_page(report, parameters.importances(report))
    drawn = plots.svgs(found)
    assert drawn == plots.svgs(found)
    for text in drawn.values():
        ET.fromstring(text)  # noqa: S314  made by our own code
        assert "style=" not in text
        assert "var(--ink)" in text or "var(--muted)" in text


def test_the_words_say_what_the_picture_shows() -> None:
    improvement, diagnosis = plots.for_comment(samples.block_by_slice())
    assert improvement.alt == (
        "Improvement in log loss, positive is better, with 95% interval. Whole holdout: +0.071 [+0.031, +0.111]; the "
        "gate asks for more than 0. Slices, worst first: season = winter −0.19 [−0.30, −0.08], regressed; "
        "season = summer +0.066 [0.000, +0.132]; season = spring +0.070 [+0.010, +0.130]."
    )
    assert "The challenger: setosa 100% of 13, versicolor 92% of 12, virginica 92% of 13." in diagnosis.alt


def test_many_slices_are_cut_with_a_word() -> None:
    assert "Slices, the 12 worst of 29:" in plots.for_comment(samples.binary())[0].alt
