"""`slipway new`: a folder from anybody's file, or one clear message and nothing written."""

from __future__ import annotations

import csv
import io
import warnings
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway import spec
from slipway.errors import ExitCode, InputError
from slipway.stages.new import run
from slipway.training.dataset import read
from slipway.training.features import dataset
from slipway.validation import expectations, suite

PENGUINS = "species,bill,mass,island,sex\n" + "".join(
    f"{('Adelie', 'Gentoo')[n % 2]},{38 + n % 2 * 8 + n % 13 / 10:.1f},{3500 + n % 2 * 1300 + n * 7 % 400},"
    f"{('Biscoe', 'Dream', 'Torgersen')[n % 3]},{('male', 'female', 'NA')[n % 5 % 3]}\n"
    for n in range(150)
)


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def failing(repo: Path, name: str = "birds") -> list[str]:
    """The expectations that the data which they were made from do not meet."""
    folder = repo / "data" / name
    parsed = spec.parse((folder / "model.toml").read_bytes(), "model.toml")
    table = read(folder / parsed.data.path, parsed.data)
    dataset(table, parsed)
    entries = suite.parse((folder / "expectations.json").read_bytes(), "expectations.json")
    suite.check(entries, table.column_names, "expectations.json")
    checks = expectations.run(entries, table, lambda rows: rows)
    return [f"{check.type} {check.column}: {check.observed}" for check in checks if not check.passed]


def left(repo: Path) -> list[Path]:
    return [path for path in repo.rglob("*") if path.is_file()]


def test_a_csv_becomes_a_model(tmp_path: Path) -> None:
    source = write(tmp_path, "penguins.csv", PENGUINS)
    repo = tmp_path / "repo"
    paths = run(repo, "birds", source, "species")
    assert [path.name for path in paths] == ["README.md", "expectations.json", "model.toml", "penguins.csv"]
    assert all(path.is_file() for path in paths)
    assert set(left(repo)) == set(paths)
    assert (repo / "data/birds/penguins.csv").read_bytes() == source.read_bytes()
    assert failing(repo) == []


def test_the_folder_can_be_read_by_others(tmp_path: Path) -> None:
    run(tmp_path / "repo", "birds", write(tmp_path, "p.csv", PENGUINS), "species")
    assert (tmp_path / "repo/data/birds").stat().st_mode & 0o055 == 0o055


def test_a_parquet_becomes_a_model(tmp_path: Path) -> None:
    rows = 300
    table = pa.table({
        "at": [datetime(2026, 1, 1) + timedelta(hours=n) for n in range(rows)],  # noqa: DTZ001
        "day": [date(2026, 1, 1 + n % 28) for n in range(rows)],
        "small": pa.array([n % 9 for n in range(rows)], pa.int8()),
        "half": pa.array([None if n % 10 == 0 else n / 2 for n in range(rows)], pa.float32()),
        "maybe": [None if n % 7 == 0 else n % 3 == 0 for n in range(rows)],
        "kind": pa.array(["a", "b", "c"] * 100).dictionary_encode(),
        "price": [n % 50 * 1.5 for n in range(rows)],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "sales.parquet")
    run(tmp_path / "repo", "birds", tmp_path / "sales.parquet", "price")
    assert failing(tmp_path / "repo") == []
    text = (tmp_path / "repo/data/birds/model.toml").read_text(encoding="utf-8")
    assert 'split_time = "at"' in text


def test_an_odd_spelling_of_missing_values_is_found(tmp_path: Path) -> None:
    text = "mpg,horsepower,maker\n" + "".join(
        f"{20 + n % 15}.5,{'?' if n % 30 == 0 else 60 + n % 90},{'-' if n % 4 else 'vw'}\n" for n in range(120)
    )
    run(tmp_path / "repo", "birds", write(tmp_path, "cars.csv", text), "mpg")
    parsed = spec.parse((tmp_path / "repo/data/birds/model.toml").read_bytes(), "model.toml")
    assert parsed.data.nulls[-1] == "?"
    assert failing(tmp_path / "repo") == []


def test_a_file_that_stands_in_the_folder_already_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "birds"
    folder.mkdir(parents=True)
    source = write(folder, "penguins.csv", PENGUINS)
    run(tmp_path, "birds", source, "species")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "expectations.json", "model.toml", "penguins.csv",
    ]  # fmt: skip
    assert failing(tmp_path) == []


def test_a_file_with_spaces_in_its_name_gets_a_plain_one(tmp_path: Path) -> None:
    run(tmp_path / "repo", "birds", write(tmp_path, "my data (2).CSV", PENGUINS), "species")
    assert (tmp_path / "repo/data/birds/train.csv").is_file()


def test_control_characters_do_not_break_the_spec(tmp_path: Path) -> None:
    text = "a\x01 code,\x02,y\n" + "".join(f"{n % 5},{n % 7},{('no', chr(3))[n % 50 == 0]}\n" for n in range(400))
    run(tmp_path / "repo", "birds", write(tmp_path, "odd.csv", text), "y")
    assert failing(tmp_path / "repo") == []


def test_an_existing_model_is_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path, "p.csv", PENGUINS)
    run(tmp_path / "repo", "birds", source, "species")
    before = {path: path.read_bytes() for path in left(tmp_path / "repo")}
    with pytest.raises(InputError, match="exists already"):
        run(tmp_path / "repo", "birds", source, "mass")
    assert {path: path.read_bytes() for path in left(tmp_path / "repo")} == before


@pytest.mark.parametrize(
    ("file", "content", "target", "told"),
    [
        ("p.csv", PENGUINS, "specie", "p.csv:1: there is no column 'specie'\n  Did you mean 'species'?"),
        ("p.csv", PENGUINS, "wing", "The columns are: species, bill"),
        ("p.csv", PENGUINS + "Adelie,1\n", "species", "p.csv:152: "),
        ("p.csv", "", "species", "p.csv: the file is empty"),
        ("p.csv", "a b c\n1 2 3\n4 5 6\n", "a", "separated by ' '"),
        ("p.txt", PENGUINS, "species", "is not read"),
        ("p.parquet", PENGUINS, "species", "not a Parquet file"),
        ("p.csv", "id,y\n" + "".join(f"a{n},{n % 2}\n" for n in range(50)), "y", "no column is left to learn 'y' from"),
        ("p.csv", "x,d\n" + "".join(f"{n},2026-01-{n:02}\n" for n in range(1, 29)), "d", "holds dates"),
        ("p.csv", "x,y\n1,\n2,\n3,\n", "y", "has no value in any row"),
        ("p.csv", "x,y\n1,4\n2,4\n4,4\n", "y", "has the same value in every row"),
    ],
    ids=[
        "close",
        "target",
        "ragged",
        "empty",
        "spaces",
        "ending",
        "kind",
        "no-features",
        "date",
        "null-target",
        "constant",
    ],
)
def test_what_will_not_do_is_said_and_nothing_written(
    file: str, content: str, target: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        run(tmp_path / "repo", "birds", write(tmp_path, file, content), target)
    assert told in str(caught.value)
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    assert not (tmp_path / "repo").exists()


@pytest.mark.parametrize("name", ["Birds", "my model", "../birds", "-x", ""])
def test_a_name_must_do_for_kubernetes(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot name a model"):
        run(tmp_path / "repo", name, write(tmp_path, "p.csv", PENGUINS), "species")


@pytest.mark.parametrize("source", ["nowhere.csv", "."])
def test_a_file_that_cannot_be_opened_is_named(source: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path / "repo", "birds", tmp_path / source, "species")


VALUES: tuple[st.SearchStrategy[Any], ...] = (
    st.integers(-(2**40), 2**40),
    st.integers(0, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1),
    st.booleans(),
    st.dates(date(1950, 1, 1), date(2050, 1, 1)),
    st.sampled_from(["red", "green", "blue"]),
    st.text(max_size=30),
)
NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6, unique=True)


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[str, str]:
    """A CSV of anything, and the name of one of its columns."""
    names = draw(NAMES)
    kinds = draw(st.lists(st.sampled_from(VALUES), min_size=len(names), max_size=len(names)))
    rows = draw(st.integers(2, 60))
    gaps = draw(st.sampled_from([0, 0, 7]))
    columns = [draw(st.lists(kind, min_size=rows, max_size=rows)) for kind in kinds]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for number, row in enumerate(zip(*columns, strict=True)):
        writer.writerow(["" if gaps and (number + place) % gaps == 1 else cell for place, cell in enumerate(row)])
    return text.getvalue(), draw(st.sampled_from(names))


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(csv_files())
def test_anything_gives_a_model_or_a_message(tmp_path_factory: pytest.TempPathFactory, drawn: tuple[str, str]) -> None:
    text, target = drawn
    folder = tmp_path_factory.mktemp("any")
    source = write(folder, "any.csv", text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            run(folder / "repo", "birds", source, target)
        except InputError:
            assert left(folder / "repo") == []
            return
    assert failing(folder / "repo") == []
