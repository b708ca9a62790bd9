"""The RayJob's document: what is filled in, and what is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.ray_job import source
from slipway.adapters.ray_job.document import Owner, Wish, build, read
from slipway.errors import InputError
from slipway.spec import MODEL_NAME
from slipway.workspace import Workspace

TEMPLATE = Path(__file__).parents[3] / "tekton/ray/rayjob.yaml"


def wish(**changes: Any) -> Wish:
    given = {"model": "iris", "key": "ab" * 32, "run": "r1", "source": "s3://b/p/source.zip", "store": "s3://b/p"}
    return Wish(**(given | changes))


def test_what_slipway_knows_is_filled_in() -> None:
    document = build(read(TEMPLATE), wish(trials=6, queue="team", image="new@sha256:1"), namespace="here")
    spec, metadata = document["spec"], document["metadata"]
    assert spec["entrypoint"] == "env PYTHONPATH=src slipway tune --trials 6 -- iris"
    runtime = {"working_dir": "s3://b/p/source.zip", "env_vars": {"SLIPWAY_STORE": "s3://b/p"}}
    assert yaml.safe_load(spec["runtimeEnvYAML"]) == runtime
    assert metadata["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert spec["shutdownAfterJobFinishes"] is True
    assert str(document).count("new@sha256:1") == 3
    assert "slipway-tools" not in str(document)
    assert "image: slipway-tools" in TEMPLATE.read_text()


def test_it_ends_by_itself_though_the_template_forgets_to_say_so() -> None:
    template = read(TEMPLATE)
    for name in ("activeDeadlineSeconds", "ttlSecondsAfterFinished", "shutdownAfterJobFinishes", "backoffLimit"):
        del template["spec"][name]
    spec = build(template, wish(), namespace="here")["spec"]
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0
    assert spec["shutdownAfterJobFinishes"] is True


@pytest.mark.parametrize(("namespace", "owned"), [("slipway-ray", True), ("slipway", False)])
def test_a_pod_owns_only_what_lies_in_its_namespace(namespace: str, *, owned: bool) -> None:
    environ = {"SLIPWAY_POD_NAME": "p", "SLIPWAY_POD_UID": "u", "SLIPWAY_POD_NAMESPACE": namespace}
    metadata = build(read(TEMPLATE), wish(owner=Owner.from_environ(environ)), namespace="here")["metadata"]
    assert ("ownerReferences" in metadata) is owned
    assert Owner.from_environ({}) is None


@given(st.from_regex(MODEL_NAME, fullmatch=True), st.integers(0, 2**256 - 1))
def test_its_name_is_kuberays_to_take_and_says_what_is_searched(model: str, key: int) -> None:
    one = wish(model=model, key=f"{key:064x}")
    assert len(one.name) <= 47
    assert one.name[-1] != "-"
    assert one.name == wish(model=model, key=one.key, run="other").name
    assert one.name != wish(model=f"{model}x", key=one.key).name
    assert one.name != wish(model=model, key=f"{key ^ 1:064x}").name
    assert one.name != wish(model=model, key=one.key, store="s3://b/pull-requests/8").name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "no YAML"),
        ("kind: Job\napiVersion: batch/v1", "a RayJob of ray.io/v1"),
        ("kind: RayJob\napiVersion: ray.io/v1\n---\na: 1", "one document"),
        ("kind: RayJob\napiVersion: ray.io/v1", "no spec"),
        ("kind: RayJob\napiVersion: ray.io/v1\nspec: {clusterSelector: {a: b}}", "RAY_ADDRESS"),
        ("kind: RayJob\napiVersion: ray.io/v1\nspec: {rayClusterSpec: {headGroupSpec: 3}}", "without a container"),
        ("kind: RayJob\napiVersion: ray.io/v1\nspec: {submissionMode: HTTPMode}", "submissionMode"),
        ("kind: RayJob\napiVersion: ray.io/v1\nspec: {runtimeEnvYAML: '[1]'}", "no mapping"),
        ("kind: RayJob\napiVersion: ray.io/v1\nspec: {submissionMode: HTTPMode}", "without a container"),
    ],
)
def test_what_is_no_template_is_refused_with_all_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rayjob.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read(file)


def test_a_template_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read(tmp_path / "none.yaml")


def test_what_travels_is_what_the_key_is_made_of_and_the_code(workspace: Workspace) -> None:
    (workspace.settings.repo / "data/toy/.env").write_text("SECRET=1")
    (workspace.settings.repo / "src/slipway/__init__.py").write_text("")
    (workspace.settings.repo / "src/slipway/link.py").symlink_to("/etc/passwd")
    model = workspace.model("toy")
    content = source.pack(model)
    names = {name.removeprefix("repository/") for name in zipfile.ZipFile(io.BytesIO(content)).namelist()}
    training = {name for name in names if name.startswith("src/slipway/training/")}
    assert set(model.inputs.training) <= training
    assert names - training == {
        ".python-version",
        "data/toy/model.toml",
        "data/toy/train.csv",
        "pyproject.toml",
        "src/slipway/__init__.py",
        "uv.lock",
    }
    assert source.pack(model) == content


@pytest.mark.parametrize(
    ("url", "said"),
    [(".slipway/store", "a folder of this machine"), ("s3://b/$(id)", "characters"), ('s3://b/"', "characters")],
)
def test_a_store_that_pods_cannot_be_told_is_refused(url: str, said: str) -> None:
    assert source.check_store("s3://bucket/a/b-c_d.e/") == "s3://bucket/a/b-c_d.e"
    with pytest.raises(InputError, match=said):
        source.check_store(url)
