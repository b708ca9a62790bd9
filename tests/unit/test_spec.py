"""`model.toml`: every fault at once, each with its line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import ExitCode, InputError
from slipway.spec import DeploymentMode, ModelSpec, Platform, check_name, key_lines, parse
from slipway.training.recipe import IntRange, dimensions

GOOD = """\
[model]
task = "classification"
target = "species"
[data]
path = "train.csv"
slices = ["season"]
[search]
trials = 10
metric = "log_loss"
[search.random_forest]
max_depth = { int = [2, 16] }
n_estimators = 100
max_features = { choice = ["sqrt", 0.5] }
[gate]
max_slice_regression = 0.05
"""


def faults(text: str) -> list[str]:
    with pytest.raises(InputError) as raised:
        parse(text.encode(), "model.toml")
    assert raised.value.exit_code is ExitCode.BAD_INPUT
    return [str(fault).splitlines()[0] for fault in raised.value.faults]


def test_a_good_spec_has_its_values_and_defaults() -> None:
    spec = parse(GOOD.encode(), "model.toml")
    assert (spec.search.trials, spec.search.batch, spec.gate.confidence, spec.serving.replicas) == (10, 8, 0.95, 2)
    forest = spec.search.families["random_forest"]
    assert list(dimensions(forest)) == ["max_depth", "max_features", "n_estimators"]
    assert dimensions(forest)["max_depth"] == IntRange(bounds=(2, 16))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"classification"', '"clustering"', "model.toml:2: [model] task: input should be 'classification' or"),
        ('target = "species"', "", "model.toml:1: [model] target is missing"),
        ("slices", "slises", "model.toml:6: [data] slises is not known here"),
        ("trials = 10", 'trials = "10"', "model.toml:8: [search] trials: input should be a valid integer, not '10'"),
        ("trials = 10", "trials = 0", "model.toml:8: [search] trials: input should be greater than or equal to 1"),
        ("log_loss", "rmse", "model.toml:9: [search] metric rmse does not judge a classification"),
        ("[2, 16]", "[16, 2]", "model.toml:11: [search.random_forest] max_depth: the first bound must be below"),
        ("[2, 16]", "[0, 9], log = true", "model.toml:11: [search.random_forest] max_depth: a logarithmic scale"),
        ("int =", "integer =", "model.toml:11: [search.random_forest] max_depth cannot be read"),
        ("max_depth", "depth", "model.toml:11: [search.random_forest] depth is not known here"),
        ("[search.random_forest]", "[search.forest]", "model.toml:10: [search] forest is not known here"),
        ("[gate]", "[gates]", "model.toml:14: [gates] is not known here"),
        (
            'slices = ["season"]',
            'split_key = ["a"]\nsplit_time = "b"',
            "model.toml:4: [data]: split_key and split_time",
        ),
        ("[model]", "[model", "model.toml:1: this is not TOML"),
    ],
)
def test_each_fault_is_named_with_its_line(old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert any(fault.startswith(said) for fault in faults(GOOD.replace(old, new, 1))), faults(GOOD.replace(old, new, 1))


def test_all_faults_come_at_once_in_the_files_order() -> None:
    text = GOOD.replace("trials = 10", "trials = -1").replace("task", "taks").replace("0.05", '"much"')
    found = faults(text)
    assert len(found) == 4  # task is missing as well
    lines = [int(fault.split(":")[1]) for fault in found]
    assert lines == sorted(lines)


def test_a_slip_of_the_pen_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="Did you mean 'slices'"):
        parse(GOOD.replace("slices", "slises").encode(), "model.toml")


@pytest.mark.parametrize("name", ["", "Iris", "1iris", "a/b", "..", "a b", "a_b", "x" * 41, "ä"])
def test_names_that_cannot_be_folders_or_kubernetes_objects_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        check_name(name)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_there_is_a_spec_or_an_input_error(content: bytes) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse(content, "model.toml"), ModelSpec)


@given(st.data())
def test_a_damaged_line_never_raises_anything_else(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    place = data.draw(st.integers(0, len(lines) - 1))
    lines[place] = data.draw(st.text(max_size=40))
    with contextlib.suppress(InputError):
        parse("\n".join(lines).encode("utf-8", "replace"), "model.toml")


def test_lines_are_found_by_dotted_path() -> None:
    lines = key_lines(GOOD)
    assert lines["search", "random_forest"] == 10
    assert lines["search", "random_forest", "n_estimators"] == 12


def test_a_platform_is_named_as_any_other_value() -> None:
    text = GOOD + '\n[serving]\nplatform = "kserve"\ndeployment_mode = "knative"\n'
    serving = parse(text.encode(), "model.toml").serving
    assert (serving.platform, serving.deployment_mode) == (Platform.KSERVE, DeploymentMode.KNATIVE)
    with pytest.raises(InputError, match=r"\[serving\] platform: .*'seldon' or 'kserve', not 'elsewhere'"):
        parse(text.replace("kserve", "elsewhere").encode(), "model.toml")
