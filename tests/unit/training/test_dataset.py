from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import math
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from slipway.training.csv_text import scan
from slipway.training.dataset import line_of, lines_of, read
from slipway.training.faults import DataError
from slipway.training.recipe import DEFAULT_NULLS, DataTable

CSV = DataTable(path="train.csv")
PARQUET = DataTable(path="train.parquet")


def parquet(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def faults(content: bytes | Path, options: DataTable = CSV) -> list[tuple[int | None, str]]:
    with pytest.raises(DataError) as caught:
        read(content, options)
    return [(fault.line, fault.what) for fault in caught.value.faults]


GOOD = b"a,b\n1,x\n2,y\n"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", None, "the file is empty"),
        (b"\n\n", 1, "the file has no header"),
        (b"  \n \n", 1, "the file has no header"),
        (b"a,b\n", None, "the file has no rows"),
        (b"a,b", None, "the file has no rows"),
        (b"a,b\n1,x\n", None, "the file has one row"),
        (b"a,b\n1,x\n2,\xff\n", 3, "this is not UTF-8 (byte 0xff)"),
        (b"a,b\r1,x\r2,\xff\r", 3, "this is not UTF-8 (byte 0xff)"),
        (b"a,b\r\n1,x\r\n2,\xff\r\n", 3, "this is not UTF-8 (byte 0xff)"),
        (b"a,b\n1,x\n2,\xe2\x82", 3, "this is not UTF-8 (byte 0xe2)"),
        (b"a,b\n1,x\n2,\0\n", 3, "there is a NUL byte"),
        (b"\xef\xbb\xbf" + GOOD, 1, "the file begins with a UTF-8 byte-order mark"),
        ("a,b\n1,x\n".encode("utf-16"), 1, "the file begins with a UTF-16 byte-order mark"),
        (b"5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,other\n", 1, "the first line holds values"),
        (b"1,2\n3,4\n5,6\n", 1, "the first line holds values"),
        (b"id,0.2,0.2\n1,2,3\n4,5,6\n", 1, "the first line holds values"),
        (b"34,male\n35,male\n36,female\n", 1, "the first line holds values"),
        (b"a,b,a\n1,2,3\n4,5,6\n", 1, "2 columns are called 'a'"),
        (b"\n\na,a\n1,2\n4,5\n", 3, "2 columns are called 'a'"),
        (b"a,,b\n1,2,3\n4,5,6\n", 1, "column 2 has no name"),
        (b"a,b\n1,x\n2\n3,z\n", 3, "1 value where the header names 2"),
        (b'a,b\n"1\n2",x\n1,2,3\n', 4, "3 values where the header names 2"),
        (b"a;b\n1,5;2\n2,5;3\n", 1, "the values are separated by ';'"),
        (b"a\tb\n1\t2\n2\t3\n", 1, "the values are separated by '\\t'"),
        (b'a,b\n1,x\n2,"yy\n3,z\n4,w\n', 3, "a quote is opened here and never closed"),
        (b'a,b\n1,x\n2,"yy\n3,"z"\n4,w\n', 3, "',' expected after '\"'"),
        (b'a,b\n1,"x"y\n2,z\n', 2, "',' expected after '\"'"),
        (b"a,b\n1,x\ninf,y\n", 3, "column 'a' has 1 infinite value, the first in row 2"),
        (b"a,b\n1,x\n1e999,y\n-inf,z\n", 3, "column 'a' has 2 infinite values, the first in row 2"),
        (b"a,b\n1,x\n2,y\n?,z\n", 4, "column 'a' mixes 2 numbers with 1 text, the first being '?'"),
        (b"a,b\n2026-01-31,x\n2026-02-30,y\n", 3, "column 'a' mixes 1 date with 1 text"),
        (b"a,b\n1,x\ntrue,y\n", 3, "column 'a' mixes 1 number with 1 text"),
        (b"a,b\n007,x\n8,y\n", 2, "column 'a' has numbers that begin with 0"),
        (b"a,b\n1,x\n-08,y\n", 3, "column 'a' has numbers that begin with 0"),
        (b"a,b\n1,x\n  08,y\n", 3, "column 'a' has numbers that begin with 0"),
        (b'a,b\n1,x\n"0x1F",y\n', 3, "column 'a' has numbers that begin with 0"),
        (b"a,b\n1,x\n9007199254740993,y\n", 3, "column 'a' holds whole numbers beyond 2^53"),
        (b"a,b\n1.5,x\n123456789012345678901234,y\n", 3, "column 'a' holds whole numbers beyond 2^53"),
        (parquet(pa.table({"a": [1, 2]})), None, "this is a Parquet file"),
    ],
)
def test_a_csv_that_cannot_be_used_is_told_with_its_line(content: bytes, line: int | None, message: str) -> None:
    [(found, what)] = faults(content)
    assert found == line
    assert message in what


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[1], [2]]), "list<"),
        (pa.array([{"x": 1}, {"x": 2}]), "struct<"),
        (pa.array([b"x", b"y"]), "binary"),
        (pa.array([1, 2], pa.duration("s")), "duration[s]"),
        (pa.array([1.0, math.inf]), "has 1 infinite value"),
        (pa.array([1, 2**53 + 1]), "beyond 2^53"),
        (pa.array([1, 2**64 - 1], pa.uint64()), "beyond 2^53"),
        (pa.array([1, None], pa.int64()).cast(pa.timestamp("s")), None),
        (pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]), None),
        (pa.array([0, 2**31 - 1], pa.date32()), "cannot be read as date32[day]"),
        (pa.array([0, 2**62], pa.timestamp("ms")), "cannot be read as timestamp[ms]"),
    ],
)
def test_a_parquet_column_is_read_or_refused_by_name(column: pa.Array, message: str | None) -> None:
    content = parquet(pa.table({"fine": [1, 2], "odd": column}))
    if message is None:
        assert read(content, PARQUET).num_rows == 2
    else:
        [(line, what)] = faults(content, PARQUET)
        assert line is None
        assert message in what
        assert "'odd'" in what


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (pa.array(["x", None]).dictionary_encode(), pa.string(), ["x", None]),
        (pa.array([decimal.Decimal("1.50"), None]), pa.float64(), [1.5, None]),
        (pa.array([True, None]), pa.bool_(), [True, None]),
        (pa.array([1, None], pa.int8()), pa.int8(), [1, None]),
        (pa.array([1.5, math.nan]), pa.float64(), [1.5, None]),
        (pa.array([None, None]), pa.float64(), [None, None]),
        (pa.array(["x", "y"], pa.large_string()), pa.string(), ["x", "y"]),
        (pa.array([dt.time(12, 30), None]), pa.string(), ["12:30:00.000000", None]),
        (
            pa.array([0, 1], pa.timestamp("ns", tz="Europe/Berlin")),
            pa.timestamp("us"),
            [dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 1)],  # noqa: DTZ001
        ),
        (pa.array([0, 86_400_000], pa.date64()), pa.date32(), [dt.date(1970, 1, 1), dt.date(1970, 1, 2)]),
    ],
)
def test_parquet_types_become_plain_ones(column: pa.Array, kind: pa.DataType, values: list[object]) -> None:
    found = read(parquet(pa.table({"c": column, "d": [1, 2]})), PARQUET).column("c")
    assert found.type == kind
    assert found.to_pylist() == values


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
        (b"a,b\r1,x\r2,y\r", {"a": [1, 2], "b": ["x", "y"]}),
        (b"\n\na,b\n1,x\n\n2,y", {"a": [1, 2], "b": ["x", "y"]}),
        (b"a,b\n1,NA\n2,\n", {"a": [1, 2], "b": [None, None]}),
        (b"a,b\n1,NaN\n2.5,-nan\n", {"a": [1.0, 2.5], "b": [None, None]}),
        (b'a,b\n1,"x\ny, ""z"""\n2,w\n', {"a": [1, 2], "b": ['x\ny, "z"', "w"]}),
        (b'a,b\n1,5" pipe\n2,3/4" pipe\n', {"a": [1, 2], "b": ['5" pipe', '3/4" pipe']}),
        (b"a,b\n12:30,true\n23:59,false\n", {"a": ["12:30", "23:59"], "b": [True, False]}),
        (b"country,2019,2020\nFR,1,2\nDE,3,4\n", {"country": ["FR", "DE"], "2019": [1, 3], "2020": [2, 4]}),
        (b"nan,-1,1\n1,2,3\n3,4,5\n", {"nan": [1, 3], "-1": [2, 4], "1": [3, 5]}),
        (b"a,b\n1e30,x\n0.5,y\n0,z\n", {"a": [1e30, 0.5, 0.0], "b": ["x", "y", "z"]}),
        (b"a,b\n1," + b"x" * 3_000_000 + b"\n2,y\n", {"a": [1, 2], "b": ["x" * 3_000_000, "y"]}),
        (b"a" * 200_000 + b",b\n1,x\n2,y\n", {"a" * 200_000: [1, 2], "b": ["x", "y"]}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_unusual_csv_is_read_as_it_is(content: bytes, expected: dict[str, list[object]]) -> None:
    assert read(content, CSV).to_pydict() == expected


def test_codes_and_dropped_columns_may_be_what_numbers_may_not() -> None:
    content = b"zip,id,b\n01234,9007199254740993,x\n98765,9007199254740995,y\n"
    options = DataTable(path="train.csv", categorical=("zip",), drop=("id",))
    table = read(content, options)
    assert table.column("zip").to_pylist() == ["01234", "98765"]
    assert table.column("id").to_pylist() == [9007199254740993, 9007199254740995]


def test_many_ragged_rows_are_counted() -> None:
    found = faults(b"a,b\n" + b"1\n" * 1000)
    assert [line for line, _ in found] == [2, 3, 4, 5, 6, None]
    assert found[-1][1] == "and 995 more such rows"


def test_every_column_with_a_fault_is_named() -> None:
    content = b"a,b,c\n1,inf,x\n2,1,y\n?,2,z\n"
    assert [line for line, _ in faults(content)] == [4, 2]


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" + b"x" * 100, b"a,b\n1,2\n", b""])
def test_what_is_no_whole_parquet_file_is_told(content: bytes) -> None:
    faults(content, PARQUET)


def test_a_truncated_parquet_file_is_told() -> None:
    whole = parquet(pa.table({"a": list(range(1000))}))
    for length in (8, len(whole) // 2, len(whole) - 1):
        [(_, what)] = faults(whole[:length], PARQUET)
        assert "the file cannot be read as Parquet" in what


def test_parquet_text_that_is_not_utf8_is_told() -> None:
    odd = pa.array([b"x", b"\xff"]).view(pa.string())
    [(_, what)] = faults(parquet(pa.table({"a": odd})), PARQUET)
    assert "Invalid UTF8" in what


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", ["train.csv", "train.parquet"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_folder, "this is a folder"),
        (_pipe, "this is a pipe"),
        (_dangling, "it is a link to nothing"),
        (Path.exists, "the file cannot be read: No such file"),
    ],
)
def test_what_is_no_file_is_told_at_once(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / name)
    [(_, what)] = faults(tmp_path / name, DataTable(path=name))
    assert message in what


def test_a_file_on_disk_is_read_like_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(GOOD)
    (tmp_path / "train.parquet").write_bytes(parquet(pa.table({"a": [1, 2], "b": ["x", "y"]})))
    assert read(tmp_path / "train.csv", CSV) == read(tmp_path / "train.parquet", PARQUET) == read(GOOD, CSV)


@pytest.mark.parametrize("name", ["train.xlsx", "train", "train.csv.gz"])
def test_another_kind_of_file_is_refused(name: str) -> None:
    [(_, what)] = faults(GOOD, DataTable(path=name))
    assert "is not read" in what


def test_lines_are_those_of_an_editor() -> None:
    content = b'\na,b\n1,x\n\n2,"two\nlines"\n3,z\n'
    assert lines_of(content, [2, 0, 1]) == [7, 3, 5]
    assert line_of(content, 1) == 5


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_scan_does_not_depend_on_where_its_chunks_end(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.training.csv_text._CHUNK", cut)
    assert not scan(io.BytesIO(b'a,b\r\n"1","x""y"\r\n2,"z"')).leading_zeros
    assert scan(io.BytesIO(b'a,b\r\n"1","x""y"\r\n2,"z"')).regular_quotes
    assert scan(io.BytesIO(b"a,b\r\n1,x\r\n-007,y")).leading_zeros
    assert not scan(io.BytesIO(b'a,b\r\n1,x"y\r\n2,z"')).regular_quotes
    with pytest.raises(DataError) as caught:
        scan(io.BytesIO("a,é\r\n1,ü\r2,ö\n3,".encode() + b"\xff"))
    assert caught.value.faults[0].line == 4


# ---- properties

NAMES = st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=4, unique=True)
CELLS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.integers().map(str),
    st.integers(-99, 99).map(str),
    st.floats().map(str),
    st.floats(-10, 10).map(lambda number: f"{number:.3f}"),
    st.sampled_from(["", "NA", "007", "0x1f", "true", "False", "2026-01-31", "12:30", '"', "\r", "\n", ",", " 1 "]),
)


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[list[str], list[list[str]], bytes]:
    names = draw(NAMES)
    kinds = [draw(st.sampled_from([CELLS, st.integers(-(10**20), 10**20).map(str), st.just("x")])) for _ in names]
    rows = draw(st.lists(st.tuples(*kinds).map(list), min_size=2, max_size=6))
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))).writerows([names, *rows])
    return names, rows, stream.getvalue().encode()


def _same(cell: str, value: object) -> bool:
    match value:
        case None:
            return cell in DEFAULT_NULLS or "nan" in cell.lower()
        case bool():
            return cell.lower() == str(value).lower()
        case int():
            return cell.strip() == str(value) or cell.strip() == f"-{value}" == "-0"
        case float():
            whole = cell.strip().lstrip("+-").isdigit()
            return float(cell) == value and (not whole or abs(value) <= 2**53)
        case dt.datetime() | dt.date():
            return dt.datetime.fromisoformat(cell).date() == (value.date() if isinstance(value, dt.datetime) else value)
        case _:
            return cell == value


@settings(max_examples=400)
@given(csv_files())
@example((["a"], [["1"], ["0"], ["00"]], b"a\r\n1\r\n0\r\n00\r\n"))
def test_what_csv_writer_wrote_is_read_back_or_refused(file: tuple[list[str], list[list[str]], bytes]) -> None:
    names, rows, content = file
    try:
        table = read(content, CSV)
    except DataError:
        return
    assert table.column_names == names
    assert table.num_rows == len(rows)
    for row, found in zip(rows, table.to_pylist(), strict=True):
        for name, cell in zip(names, row, strict=True):
            assert _same(cell, found[name]), (name, cell, found[name])


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from([b"", b"a,b\n", b"PAR1", b"\xef\xbb\xbf", b'a,"b\n']))
@example(b"", b'a,"b\n')
def test_random_bytes_raise_nothing_but_a_data_error(content: bytes, start: bytes) -> None:
    for options in (CSV, PARQUET):
        try:
            read(start + content, options)
        except DataError as error:
            assert error.faults  # noqa: PT017


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_parquet_file_raises_nothing_but_a_data_error(place: int, byte: int) -> None:
    damaged = bytearray(DAMAGE)
    assume(place < len(damaged))
    damaged[place] = byte
    try:
        read(bytes(damaged), PARQUET)
    except DataError as error:
        assert error.faults  # noqa: PT017


DAMAGE = parquet(pa.table({"a": list(range(50)), "b": [f"text {n % 7}" for n in range(50)], "c": [True, None] * 25}))
