"""What the manifest says is live."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.delivery.manifest import live_key, manifest_path
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


def test_the_default_predictor_is_the_champion() -> None:
    assert live_key(GOOD.encode(), "m.yaml") == KEY


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("a: [", "m.yaml:1: the manifest is not YAML"),
        ("", "carries no key"),
        ("[]", "carries no key"),
        ("spec: {predictors: [{name: default}]}", "carries no key"),
        (GOOD.replace(KEY, "main"), "carries no key"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_a_broken_manifest_is_said_in_one_message(manifest: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        live_key(manifest.encode(), "m.yaml")


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_whatever_the_bytes_nothing_else_is_raised(content: bytes) -> None:
    with pytest.raises(InputError):
        live_key(content, "m.yaml")


def test_the_path_is_the_designs() -> None:
    assert str(manifest_path("iris", "staging")) == "gitops/models/iris/staging/seldon-deployment.yaml"
