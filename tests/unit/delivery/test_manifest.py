"""What the manifest says is live."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.delivery.document import MAX_BYTES
from slipway.delivery.manifest import Release, Serving, live_key, manifest_path, read
from slipway.errors import InputError

KEY = "3fa9c1d2" * 8
GOOD = f"""\
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: iris
spec:
  predictors:
    - name: canary
      annotations:
        slipway.dev/key: {"ab" * 32}
    - name: default
      annotations:
        slipway.dev/key: {KEY}
"""
TRIAL = (Path(__file__).parents[2] / "manifests" / "on-trial.yaml").read_text()
LINES = TRIAL.splitlines()
DEFAULT = Release(
    key="3fa9c1d2" * 8,
    image=f"registry.example:5000/models/iris@sha256:{'ab' * 32}",
    commit="0123456789" * 4,
    metrics={"log_loss": 0.120457, "accuracy": 0.97},
    run="7be1f0a2b3c4d5e6f708192a3b4c5d6e",
)
CANARY = Release(
    key="91bb04ce" * 8, image=f"registry.example:5000/models/iris@sha256:{'cd' * 32}", commit="f" * 40, metrics={}
)


def test_the_default_predictor_is_the_champion() -> None:
    assert live_key(GOOD.encode(), "m.yaml") == KEY


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("a: [", "m.yaml:1: the manifest is not YAML"),
        ("", "is empty"),
        ("[]", "carries no key"),
        ("spec: {predictors: [{name: default}]}", "carries no key"),
        (GOOD.replace(KEY, "main"), "carries no key"),
        ("!!python/object/apply:os.system ['true']", "m.yaml:1: the manifest is not plain YAML: a tag"),
    ],
)
def test_a_broken_manifest_is_said_in_one_message(manifest: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        live_key(manifest.encode(), "m.yaml")


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_whatever_the_bytes_nothing_else_is_raised(content: bytes) -> None:
    with pytest.raises(InputError):
        live_key(content, "m.yaml")
    with pytest.raises(InputError):
        read(content, "m.yaml")


def test_the_path_is_the_designs() -> None:
    assert str(manifest_path("iris", "staging")) == "gitops/models/iris/staging/seldon-deployment.yaml"


def test_what_is_live_and_on_trial_is_read() -> None:
    assert read(TRIAL.encode(), "m.yaml") == Serving(default=DEFAULT, canary=CANARY, replicas=3, canary_percent=20)


MARK = "slipway.dev/verified"


@pytest.mark.parametrize("written", ['"true"', "'true'"])
def test_the_mark_of_a_verified_release_is_read(written: str) -> None:
    before = f"slipway.dev/mlflow-run: {DEFAULT.run}"
    assert TRIAL.count(before) == 1
    marked = read(TRIAL.replace(before, f"{before}\n        {MARK}: {written}").encode(), "m.yaml")
    assert marked.default == replace(DEFAULT, verified=True)
    assert marked.canary == CANARY


def line(part: str, *, last: bool = False) -> int:
    numbers = [number for number, text in enumerate(LINES, 1) if part in text]
    return numbers[-1 if last else 0]


@pytest.mark.parametrize(
    ("before", "after", "at", "said"),
    [
        ("kind: SeldonDeployment", "kind: Deployment", line("kind:"), "kind must be SeldonDeployment"),
        ("apiVersion: machinelearning.seldon.io/v1", "", None, "apiVersion is missing"),
        ("- name: default", "- name: main", line("- name: default"), "alone"),
        ("- name: canary", "- name: default", line("- name: canary"), "two predictors 'default'"),
        ("- name: canary", "- name: [canary]", line("- name: canary"), "name must be one value"),
        ("shadow: true", "shadow: false", line("- name: mirror"), "default and canary alone"),
        ("traffic: 80", "traffic: 80\n      shadow: true", line("- name: default"), "cannot be shadows"),
        ("traffic: 20", "traffic: 10", line("- name: default"), "default and canary sums to 90, not to 100"),
        ("traffic: 20", 'traffic: "20"', line("traffic: 20"), "traffic must be a whole number"),
        ("traffic: 20", "traffic: 0x14", line("traffic: 20"), "traffic must be a whole number"),
        ("traffic: 20", "", line("- name: canary"), "traffic is missing"),
        ("replicas: 3", "replicas: many", line("replicas: 3"), "replicas must be a whole number"),
        ("3fa9c1d2", "3FA9C1D2", line("dev/key"), "the annotation slipway.dev/key is not"),
        ("slipway.dev/commit: ffff", "slipway.dev/other: ffff", line("dev/key", last=True), "commit is missing"),
        (f"commit: {'f' * 40}", "commit: main", line("commit: fff"), "the annotation slipway.dev/commit is not"),
        ("0.97", "NaN", line("dev/metrics"), "is not a JSON object of numbers"),
        ("0.97", "true", line("dev/metrics"), "is not a JSON object of numbers"),
        ("0.97", "9" * 5000, line("dev/metrics"), "is not a JSON object of numbers"),
        ("0.97", "[" * 5000, line("dev/metrics"), "is not a JSON object of numbers"),
        ("7be1f0a2", "a/b", line("mlflow-run"), "the annotation slipway.dev/mlflow-run is not"),
        *[
            (
                f"slipway.dev/mlflow-run: {DEFAULT.run}",
                f"{MARK}: {value}",
                line("mlflow-run"),
                f"annotation {MARK} is not",
            )
            for value in ("true", '"false"', "", '"yes"', '"True"', "no")
        ],
        (f"@sha256:{'cd' * 32}", ":v2", line("@sha256:cd"), "'registry.example:5000/models/iris:v2' is not named"),
        (f"@sha256:{'cd' * 32}", f":v2@sha256:{'cd' * 32}", line("@sha256:cd"), "by its digest alone"),
        ("image: registry", "imagePullPolicy: registry", line("- name: model"), "image is missing"),
        ("- name: model", "- name: server", line("name: model"), "no container has that name"),
        ("- name: proxy", "- name: model", line("name: model"), "several containers have that name"),
        ("containers:", "initContainers:", None, "containers must be a list of mappings"),
        ("name: iris", "name: &iris iris", line("name: iris"), "an anchor (&iris)"),
        ("name: iris", "name: *iris", line("name: iris"), "an alias (*iris)"),
        ("name: iris", "name: !!str iris", line("name: iris"), "a tag"),
        ("name: iris", "name: iris\n  name: iris", line("name: iris") + 1, "'name' stands there twice"),
        ("name: iris", "? [name]\n  : iris", line("name: iris"), "a key must be one plain value"),
        ("name: iris", "<<: {name: iris}", line("name: iris"), "a key must be one plain value"),
        ("name: iris", "name: iris\n---", None, "several documents"),
        ("name: iris", "name: 'iris", None, "is not YAML"),
        ("name: iris", "name: iris\x07", None, "is not YAML"),
        ("name: iris", f"name: {'[' * 80}", line("name: iris"), "nested too deeply"),
        ("name: iris", f"name: {'a' * MAX_BYTES}", None, "larger than 1,000,000 bytes"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused_with_its_line(
    before: str, after: str, at: int | None, said: str
) -> None:
    broken = TRIAL.replace(before, after)
    assert broken != TRIAL
    with pytest.raises(InputError) as raised:
        read(broken.encode(), "m.yaml")
    message = str(raised.value)
    assert said in message
    assert message.startswith(f"m.yaml:{at}: " if at else "m.yaml:")
    assert len(raised.value.faults) == 1
    assert raised.value.faults[0].hint


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(InputError, match=r"m\.yaml:2: the manifest is not UTF-8"):
        read(b"a: b\nc: \xff\n", "m.yaml")


@given(data=st.data())
def test_a_damaged_manifest_is_read_or_refused(data: st.DataObject) -> None:
    content = TRIAL.encode()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    patch = data.draw(st.binary(max_size=8) | st.sampled_from([b"&a ", b"*a", b"!x ", b"- ", b"{", b"\n", b": ", b"'"]))
    with suppress(InputError):
        assert "@sha256:" in read(content[:start] + patch + content[end:], "m.yaml").default.image


def test_hundreds_are_read_within_a_second() -> None:
    content = TRIAL.encode()
    start = time.process_time()
    for _ in range(100):
        read(content, "m.yaml")
    assert (time.process_time() - start) / 100 < 0.01
