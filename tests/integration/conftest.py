"""A real search on a real Ray, once for all tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slipway.adapters.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two workers."""
    cluster = Cluster(address=None, workers=2)
    cluster.start()
    yield cluster
    cluster.stop()
