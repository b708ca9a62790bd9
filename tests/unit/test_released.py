"""A release's files are taken of an image as little as can be: anybody who writes a manifest can name one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.served import make

from slipway import released
from slipway.adapters.server import serve
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.delivery.source_image import CARD, ENVIRONMENT, ONNX, source
from slipway.errors import InputError, OutsideError, StoreError
from slipway.results import ModelCard
from slipway.workspace import Workspace

RELEASE = Release(key="a" * 64, image=f"registry.example/toy@sha256:{'a' * 64}", commit="a" * 40, metrics={})
IMAGE = "registry.example/toy@sha256:…"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    made = make("regression", tmp_path_factory.mktemp("repository"))
    return source(made.card, made.onnx)


@pytest.fixture(scope="module")
def key(files: Mapping[str, bytes]) -> str:
    return ModelCard.from_json(files[CARD], CARD).key


def test_only_the_model_and_its_card_are_taken(files: Mapping[str, bytes], key: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    hostile = {
        **files,
        "orjson.py": f"open({str(mark)!r}, 'w')".encode(),
        "sitecustomize.py": f"open({str(mark)!r}, 'w')".encode(),
        ENVIRONMENT: b"LD_PRELOAD=/tmp/evil.so\nPYTHONPATH=.\n",
        str(mark): b"",
    }
    taken = released.of_image(hostile, IMAGE, "toy", key).files
    assert taken == files
    beside = {name: hostile[name] for name in ("orjson.py", "sitecustomize.py")}
    with serve({**beside, **taken}):  # nor would they be imported
        pass
    assert not mark.exists()


def test_what_is_not_the_released_model_is_told(files: Mapping[str, bytes], key: str) -> None:
    with pytest.raises(OutsideError, match=f"holds toy {key[:8]}, not other {key[:8]}"):
        released.of_image(files, IMAGE, "other", key)
    with pytest.raises(OutsideError, match=rf"holds another {ONNX} than its {CARD} names"):
        released.of_image({**files, ONNX: files[ONNX] + b" "}, IMAGE, "toy", key)
    with pytest.raises(StoreError, match=f"{CARD} is not a ModelCard"):
        released.of_image({}, IMAGE, "toy", key)


def test_digits_that_begin_several_keys_are_too_few(workspace: Workspace) -> None:
    own = workspace.model("toy").key
    live, trial = (replace(RELEASE, key=own[:8] + digit * 56) for digit in "01")
    file = workspace.settings.repo / str(manifest_path("toy", "production"))
    file.parent.mkdir(parents=True)
    file.write_bytes(writer.with_canary(writer.first("toy", live, replicas=1), "m", trial, percent=10))
    assert released.served(workspace, "toy") == [trial, live]
    assert [released.whole_key(workspace, "toy", one.key[:12]) for one in (live, trial)] == [live.key, trial.key]
    assert released.whole_key(workspace, "toy", "f" * 64) == "f" * 64
    with pytest.raises(InputError, match=f"both begin with {own[:8]}"):
        released.whole_key(workspace, "toy", own[:8])
