from __future__ import annotations

import json

import pytest

from slipway.errors import InputError
from slipway.results import Severity
from slipway.validation.suite import check, parse

FILE = "data/toy/expectations.json"
BETWEEN = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": 0}}


def suite(*entries: object) -> bytes:
    return json.dumps({"name": "toy", "expectations": entries}, indent=1).encode()


def lines(content: bytes, columns: tuple[str, ...] = ("x", "y")) -> list[tuple[int | None, str]]:
    with pytest.raises(InputError) as caught:
        check(parse(content, FILE), columns, FILE)
    assert {fault.file for fault in caught.value.faults} == {FILE}
    return [(fault.line, fault.what) for fault in caught.value.faults]


def test_entries_keep_their_line_number_and_severity() -> None:
    content = b"""{"meta": {"expectations": [1, 2]}, "name": "toy",

 "expectations": [{"type": "a", "kwargs": {}}, {"type": "b",
   "kwargs": {"x": "]}"}, "severity": "info"},
  {"type": "c", "kwargs": {}, "severity": null, "description": "as agreed"}
]}"""
    found = parse(content, FILE)
    assert [(e.number, e.line, e.type, e.severity) for e in found] == [
        (1, 3, "a", Severity.CRITICAL),
        (2, 3, "b", Severity.INFO),
        (3, 5, "c", Severity.CRITICAL),
    ]
    assert found[2].description == "as agreed"


@pytest.mark.parametrize("content", [suite(), b'\xef\xbb\xbf{"name": "toy", "expectations": []}'])
def test_a_suite_may_be_empty(content: bytes) -> None:
    check(parse(content, FILE), ["x"], FILE)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "this is not JSON"),
        (b'{"name": "toy",\n "expectations": [}', 2, "this is not JSON: Expecting value (column 19)"),
        (b'{"name": "toy",\n "x": "\xff"}', 2, "the file is not UTF-8"),
        (b"[" * 100_000, None, "nested too deeply"),
        (b"[]", 1, "this is not an expectation suite"),
        (b'{"name": "toy", "expectations": {}}', 1, "this is not an expectation suite"),
        (b'{"expectations": []}', 1, "the suite has no name"),
        (b'{"name": "toy", "expectations": [], "expectation": []}', 1, "'expectation' is not known in a suite"),
        (b'{"name": "toy", "expectations": [],\n "suite_parameters": {"a": 1}}', 1, "suite_parameters are not"),
        (b'{"name": "toy", "expectations": [\n3]}', 2, "expectation 1: it must be an object"),
        (suite({"kwargs": {}}), 4, 'expectation 1: its "type" must be a text'),
        (suite({"type": "x", "kwargs": []}), 4, 'expectation 1: its "kwargs" must be an object'),
        (suite({**BETWEEN, "severity": "high"}), 4, 'its "severity" must be one of critical, warning, info'),
        (suite({**BETWEEN, "severity": ["info"]}), 4, 'its "severity" must be one of'),
        (suite({**BETWEEN, "description": 3}), 4, 'its "description" must be a text'),
        (suite({**BETWEEN, "serverity": "info"}), 4, "'serverity' is not known here; did you mean 'severity'?"),
        (suite({"type": "x", "kwargs": {"a": {"$PARAMETER": "b"}}}), 4, "suite parameters are not supported"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_of_form_has_its_line(content: bytes, line: int | None, message: str) -> None:
    [(found, what)] = lines(content)
    assert found == line
    assert message in what


@pytest.mark.parametrize(
    ("kind", "kwargs", "message"),
    [
        ("expect_column_values_to_be_betwen", {"column": "x"}, "did you mean 'expect_column_values_to_be_between'?"),
        ("expect_nothing", {}, "Great Expectations has no such expectation"),
        ("expect_column_values_to_be_between", {"column": "x", "min": 0, "min_value": 0}, "'min' is not one of its"),
        ("expect_column_values_to_be_in_set", {"column": "x"}, "its kwargs lack 'value_set'"),
        ("expect_column_values_to_be_between", {"column": "x"}, "min_value and max_value cannot both be None"),
        ("expect_column_values_to_be_unique", {"column": "x", "mostly": 3}, "mostly = 3"),
        ("expect_column_values_to_be_unique", {"column": "X"}, "the data have no column 'X'; did you mean 'x'?"),
        ("expect_column_pair_values_to_be_equal", {"column_A": "x", "column_B": "q"}, "the data have no column 'q'"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["x", "q"]}, "the data have no column 'q'"),
    ],
)
def test_what_the_library_refuses_is_an_error(kind: str, kwargs: dict[str, object], message: str) -> None:
    found = lines(suite(BETWEEN, {"type": kind, "kwargs": kwargs}))
    assert {line for line, _ in found} == {11}
    assert any(message in what for _, what in found)
    assert all(what.startswith(f"expectation 2 ({kind}): ") for _, what in found)


def test_every_fault_is_named_at_once() -> None:
    wrong = {"type": "expect_nothing", "kwargs": {}}
    absent = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "q"}}
    assert [line for line, _ in lines(suite(wrong, BETWEEN, absent))] == [4, 15]


def test_a_table_may_be_asked_for_columns_that_it_lacks() -> None:
    check(
        parse(
            suite(
                {"type": "expect_column_to_exist", "kwargs": {"column": "q"}},
                {"type": "expect_table_columns_to_match_ordered_list", "kwargs": {"column_list": ["q"]}},
            ),
            FILE,
        ),
        ["x"],
        FILE,
    )
