"""A real model's bundle, trained once."""

from __future__ import annotations

import pytest
from tests.hostile_bundles import Honest, review


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    """A small classification."""
    return review(tmp_path_factory.mktemp("toy"))
