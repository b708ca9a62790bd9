from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.errors import InputError
from slipway.forge.interface import Annotation, Level
from slipway.report import ReportInput
from slipway.report.pull_request.entry import entries
from slipway.report.pull_request.remarks import MOST, remarks
from slipway.report.review import ModelReview
from slipway.results import FailingRow, Leakage, Severity
from slipway.training.faults import Fault

from . import samples

NOTHING = Leakage(duplicates=0, share=0.0, severity=Severity.INFO)


def of(*reviews: ModelReview) -> list[tuple[str, int, str]]:
    return [(a.path, a.line, a.level.value) for a in remarks(entries(reviews, {}))]


def checked(report: ReportInput, **changes: object) -> ModelReview:
    validation = report.validation.model_copy(update=changes)
    return ModelReview(model=report.model, report=replace(report, validation=validation))


def wrong(*faults: Fault, model: str = "iris", is_outside: bool = False) -> ModelReview:
    return ModelReview(model=model, error=str(InputError(faults)), is_outside=is_outside)


def test_failing_rows_are_remarked_on_the_worst_first() -> None:
    found = remarks(entries([checked(samples.rejected())], {}))
    assert [(a.line, a.level) for a in found] == [
        *((line, Level.FAILURE) for line in (17, 93, 94, 120, 121)),
        *((line, Level.WARNING) for line in (17, 35, 144)),
    ]
    assert found[3] == Annotation(
        path="data/iris/train.csv",
        line=120,
        level=Level.FAILURE,
        title="species: one of setosa, versicolor, virginica",
        message="found: virginia",
    )
    assert found[-1].title == "not on the training side as well"


def test_severity_decides_how_loud_a_remark_is() -> None:
    checks = tuple(samples.failed_check(severity=s, examples=(FailingRow(line=2, value="1"),)) for s in Severity)
    assert [level for _, _, level in of(checked(samples.promote(), checks=checks, leakage=NOTHING))] == [
        "failure", "warning", "notice",
    ]  # fmt: skip


FOREIGN = [
    "data/wine/train.csv", "../data/iris/train.csv", "data/iris/../wine/train.csv", "/data/iris/train.csv",
    "data/iris//train.csv", "data/iris/./train.csv", "data/iris", ".github/x.csv", "data/iris/\u202ea.csv",
    "data\\iris\\train.csv", "",
]  # fmt: skip


@pytest.mark.parametrize("path", [*FOREIGN, "data/iris/train.parquet", "data/iris/a\nb.csv"])
def test_rows_are_remarked_on_in_the_models_own_csv_alone(path: str) -> None:
    assert of(checked(samples.rejected(), data_file=path)) == []


@pytest.mark.parametrize("path", FOREIGN)
def test_faults_are_remarked_on_in_the_models_own_files_alone(path: str) -> None:
    assert of(wrong(Fault(file=path, line=3, what="is wrong"))) == []


def test_lines_that_no_file_has_are_left_out() -> None:
    rows = tuple(FailingRow(line=line, value="x") for line in (-1, 0, 1, 2**31))
    review = checked(samples.promote(), checks=(samples.failed_check(examples=rows),), leakage=NOTHING)
    assert [line for _, line, _ in of(review)] == [1]


def test_there_are_no_more_than_somebody_would_read() -> None:
    rows = tuple(FailingRow(line=line, value="x") for line in range(1, MOST + 50))
    warned = samples.failed_check(severity=Severity.WARNING, examples=rows)
    blocked = samples.failed_check(examples=rows[:3])
    found = of(checked(samples.promote(), checks=(warned, blocked)))
    assert len(found) == MOST
    assert [level for _, _, level in found].count("failure") == 3


def test_faults_are_remarked_on_as_they_write_themselves() -> None:
    faults = (
        Fault(file="data/iris/model.toml", line=12, what="[search] trails: is not known", hint="Did you mean trials?"),
        Fault(file="data/iris/expectations.json", line=3, what="there is no column 'a: b'"),
        Fault(file="data/iris/model.toml", what="the file has no [model]"),
        Fault(what="nothing of it is known"),
        Fault(file="src/slipway/key.py", line=1, what="is wrong"),
        Fault(file="data/wine/model.toml", line=1, what="is wrong"),
    )
    found = remarks(entries([wrong(*faults)], {}))
    assert [(a.path, a.line, a.message) for a in found] == [
        ("data/iris/model.toml", 12, "[search] trails: is not known\nDid you mean trials?"),
        ("data/iris/expectations.json", 3, "there is no column 'a: b'"),
    ]
    assert {(a.title, a.level) for a in found} == {("iris cannot be reviewed", Level.FAILURE)}


def test_what_failed_outside_is_no_line_of_the_change() -> None:
    assert of(wrong(Fault(file="data/iris/model.toml", line=1, what="x"), is_outside=True)) == []


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_texts_are_short_visible_lines(text: str) -> None:
    row = samples.failed_check(column=text, expected=text, observed=text, examples=(FailingRow(line=2, value=text),))
    found = remarks(entries([checked(samples.promote(), checks=(row,))], {}))
    found += remarks(entries([wrong(Fault(file="data/iris/model.toml", line=2, what=text or "x", hint=text))], {}))
    assert len(found) >= 2
    for remark in found:
        assert len(remark.message) < 1_000
        assert len(remark.title) < 200
        assert all(c.isprintable() or c == "\n" for c in f"{remark.title}{remark.message}".replace("\u200d", ""))
