"""Whose series are asked for."""

from __future__ import annotations

import pytest

from slipway.live.selector import Selector


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({}, 'm{namespace="models-production",deployment_name="iris"}'),
        ({"key": "k"}, 'm{namespace="models-production",deployment_name="iris",key="k"}'),
        ({"bin": 'a"\\\n'}, 'm{namespace="models-production",deployment_name="iris",bin="a\\"\\\\\\n"}'),
    ],
)
def test_a_model_s_series(labels: dict[str, str], text: str) -> None:
    assert Selector(model="iris", namespace="models-production").series("m", **labels) == text
