"""A release's files are taken of an image as little as can be: anybody who writes a manifest can name one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.served import make

from slipway import released
from slipway.adapters.server import serve
from slipway.delivery.source_image import CARD, ENVIRONMENT, ONNX, source
from slipway.errors import OutsideError, StoreError
from slipway.results import ModelCard

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
