"""What reviewers are shown of `gitops/` is what the merge does to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from slipway.adapters.git import Git
from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path
from slipway.plan.preview import Merge, of_merge
from slipway.spec import ServingTable

PATH = str(manifest_path("toy", "production"))
TABLE = ServingTable()
A, B = ("a" * 64, "b" * 64)
MERGE = Merge(model="toy", key=B, image="registry.example/toy", metrics={"log_loss": 0.25}, serving=TABLE, passes=True)


def release(key: str) -> Release:
    return Release(key=key, image=f"registry.example/toy@sha256:{key}", commit=key[:40], metrics={"log_loss": 0.5})


LIVE = writer.first("toy", release(A), replicas=2)
type Show = Callable[[Merge], list[str]]


@pytest.fixture
def serve(repository: Git, commit: Callable[[str], str]) -> Callable[[bytes], str]:
    def write(content: bytes) -> str:
        file = repository.root / PATH
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return commit("Serve")

    return write


@pytest.fixture
def show(repository: Git) -> Show:
    """The lines that the merge takes away and adds."""

    def changed(merge: Merge) -> list[str]:
        diff = of_merge(repository, repository.run("rev-parse", "HEAD"), "production", merge)
        return [line for line in diff.splitlines() if line[:1] in "+-"]

    return changed


def test_a_first_release_is_a_new_file(show: Show) -> None:
    lines = show(MERGE)
    assert lines[:2] == ["--- /dev/null", f"+++ b/{PATH}"]
    assert all(line.startswith("+") for line in lines[1:])
    assert f'+        slipway.dev/key: "{B}"' in lines
    assert '+        slipway.dev/commit: "… (the merge\'s commit)"' in lines
    assert "+                image: registry.example/toy@sha256:… (built by the merge)" in lines


def test_a_release_is_a_canary_beside_what_is_live(show: Show, serve: Callable[[bytes], str]) -> None:
    serve(LIVE)
    lines = show(MERGE)
    assert lines[:2] == [f"--- a/{PATH}", f"+++ b/{PATH}"]
    assert [line for line in lines if "traffic" in line] == [
        "-      traffic: 100", "+      traffic: 90", "+      traffic: 10",
    ]  # fmt: skip
    assert "0" * 40 not in "".join(lines)
    at_once = show(replace(MERGE, serving=ServingTable(canary_percent=0)))
    assert f'-        slipway.dev/key: "{A}"' in at_once


@pytest.mark.parametrize(("key", "passes"), [(A, True), (B, False)])
def test_how_it_is_served_waits_for_no_verdict(
    show: Show, serve: Callable[[bytes], str], key: str, *, passes: bool
) -> None:
    serve(LIVE)
    same = replace(MERGE, key=key, passes=passes)
    assert show(same) == []
    lines = show(replace(same, serving=ServingTable(replicas=5, canary_percent=50)))
    assert lines[2:] == ["-      replicas: 2", "+      replicas: 5"]


def test_what_people_set_by_hand_is_left(show: Show, serve: Callable[[bytes], str]) -> None:
    serve(LIVE.replace(b"replicas: 2", b"replicas: 7"))
    assert show(replace(MERGE, key=A)) == []


def test_what_was_live_before_comes_back_in_its_own_image(show: Show, serve: Callable[[bytes], str]) -> None:
    serve(LIVE)
    serve(writer.restored(LIVE, PATH, release(B)))
    lines = show(replace(MERGE, key=A, passes=False))
    assert f"+                image: {release(A).image}" in lines
    assert not any("canary" in line for line in lines)


def test_where_main_cannot_tell_nothing_is_shown(show: Show, serve: Callable[[bytes], str]) -> None:
    serve(b"{")
    assert show(MERGE) == []
