"""What is live is copied into a store that pull requests' runs can read. Into a folder and into a bucket."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto import settings as moto

from slipway import champion, champions, trained
from slipway.adapters.git import Git
from slipway.adapters.store import Store, open_store
from slipway.adapters.store_s3 import Bucket
from slipway.commands import ci
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.errors import ExitCode, StoreError
from slipway.workspace import Workspace

from .adapters.test_store import s3, store  # noqa: F401  fixtures
from .delivery.test_source_image import CARD, ONNX

A, B = "a" * 64, "b" * 64
PATH = str(manifest_path("toy", "production"))


def release(key: str) -> Release:
    return Release(key=key, image=f"registry.example/toy@sha256:{key}", commit=key[:40], metrics={})


LIVE = writer.first("toy", release(A), replicas=2)
TRIAL = writer.with_canary(LIVE, PATH, release(B), percent=10)


@pytest.fixture
def workspace(workspace: Workspace, tmp_path: Path) -> Workspace:
    """One whose store is not the one that is copied to."""
    return replace(workspace, store=open_store(str(tmp_path / "releases")))


@pytest.fixture
def serve(repository: Git, commit: Callable[[str], str]) -> Callable[[bytes], None]:
    def write(content: bytes, model: str = "toy") -> None:
        file = repository.root / str(manifest_path(model, "production"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        commit("Serve")

    return write


def keep(kept: Store, key: str, onnx: bytes = ONNX) -> trained.Trained:
    card = CARD.model_copy(update={"key": key, "onnx_sha256": hashlib.sha256(onnx).hexdigest()})
    kept.put(trained.place("toy", key), {trained.ONNX: onnx, trained.CARD: card.to_json()})
    return trained.Trained(card=card, onnx=onnx)


def test_what_is_live_and_on_trial_is_copied_once(
    workspace: Workspace,
    store: Store,  # noqa: F811  a fixture
    serve: Callable[[bytes], None],
) -> None:
    assert list(champions.copy(workspace, store)) == []
    serve(TRIAL)
    a, b = keep(workspace.store, A), keep(workspace.store, B)
    keep(workspace.store, "c" * 64)
    assert list(champions.copy(workspace, store)) == ["toy aaaaaaaa copied, 0.0 MB", "toy bbbbbbbb copied, 0.0 MB"]
    assert (trained.load(store, "toy", A), trained.load(store, "toy", B)) == (a, b)
    assert trained.load(store, "toy", "c" * 64) is None
    assert all("was there already" in line for line in champions.copy(workspace, store))


def test_a_model_that_only_a_later_environment_has(
    workspace: Workspace,
    store: Store,  # noqa: F811  a fixture
    serve: Callable[[bytes], None],
) -> None:
    """An environment that is new: what is to pass there is held to what the next one has, but to no key of its own."""
    serve(LIVE)
    keep(workspace.store, A)
    stages = ("staging", "production")
    told = replace(workspace, settings=replace(workspace.settings, environments=stages, environment="staging"))
    assert list(champions.copy(told, store)) == ["toy aaaaaaaa copied, 0.0 MB"]
    base, onwards = told.base(None), told.settings.onwards
    found = champion.find("toy", B, onwards, base)
    assert isinstance(found, champion.Live)
    assert found.key == A
    assert champion.find("toy", A, onwards, base) == champion.Baseline()
    assert champion.find("toy", A, ("production",), base) == found
    assert champion.find("toy", B, ("staging",), base) == champion.Baseline()


def test_what_is_lost_is_told_and_the_others_are_copied(
    workspace: Workspace,
    store: Store,  # noqa: F811  a fixture
    serve: Callable[..., None],
) -> None:
    serve(LIVE)
    serve(b"{", model="broken")
    serve(writer.first("gone", release(A), replicas=1), model="gone")
    keep(workspace.store, A)
    lines = champions.copy(workspace, store)
    assert next(lines) == "toy aaaaaaaa copied, 0.0 MB"
    with pytest.raises(StoreError, match="gone aaaaaaaa is live, and neither store has it") as failure:
        next(lines)
    assert "gitops/models/broken" in str(failure.value)
    assert failure.value.exit_code is ExitCode.OUTSIDE_FAILED


def test_a_lost_canary_is_no_failure_and_a_copy_that_is_kept_is_enough(
    workspace: Workspace,
    store: Store,  # noqa: F811  a fixture
    serve: Callable[[bytes], None],
) -> None:
    serve(TRIAL)
    keep(store, A)
    assert [line.split(" ", 2)[2] for line in champions.copy(workspace, store)] == [
        "was there already; the store that releases use has lost it",
        "is on trial, and the store does not have it",
    ]


def test_other_bytes_under_the_key_of_what_is_live_are_an_alarm(
    workspace: Workspace,
    store: Store,  # noqa: F811  a fixture
    serve: Callable[[bytes], None],
) -> None:
    serve(LIVE)
    keep(workspace.store, A)
    keep(store, A, b"somebody else's")
    with pytest.raises(StoreError, match="toy aaaaaaaa is another model in the store that it is copied to"):
        list(champions.copy(workspace, store))


def test_what_is_live_is_found_in_a_manifest_that_is_half_broken(
    workspace: Workspace,
    store: Store,  # noqa: F811  a fixture
    serve: Callable[[bytes], None],
) -> None:
    serve(LIVE.replace(b"replicas: 2", b"replicas: two"))
    keep(workspace.store, A)
    assert list(champions.copy(workspace, store)) == ["toy aaaaaaaa copied, 0.0 MB"]


@pytest.fixture
def reviewer(
    s3: str,  # noqa: F811  a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """The variables of who may use the bucket `reviews`; nobody else may, from now on."""
    given = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3, **given).create_bucket(Bucket="reviews")
    iam = boto3.client("iam", endpoint_url=s3, **given)
    iam.create_user(UserName="reviewer")
    may = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::reviews", "arn:aws:s3:::reviews/*"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="reviewer", PolicyName="reviews", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reviewer")["AccessKey"]
    monkeypatch.setattr(moto, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def test_the_other_store_may_have_keys_and_an_endpoint_of_its_own(
    workspace: Workspace,
    s3: str,  # noqa: F811  a fixture
    reviewer: dict[str, str],
    serve: Callable[[bytes], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(LIVE)
    kept = keep(workspace.store, A)
    own = {f"TO_{name}": value for name, value in reviewer.items()}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-the-releases")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    with pytest.raises(StoreError, match="s3://reviews/7 failed"):
        ci.copy_champions(workspace, "s3://reviews/7", {"SLIPWAY_STORE": "s3://releases", "TO_AWS_PROFILE": ""})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert ci.copy_champions(workspace, "s3://reviews/7", {**own, "TO_AWS_ENDPOINT_URL": s3}) is ExitCode.DONE
    there = open_store("s3://reviews/7", {**reviewer, "AWS_ENDPOINT_URL_S3": s3})
    assert trained.load(there, "toy", A) == kept


def test_an_endpoint_of_its_own_is_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of a store at AWS are not sent to where the other store is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    bucket = Bucket.connect("reviews", "", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    assert bucket.client.meta.endpoint_url == "https://s3.amazonaws.com"
