"""Why a stage left its work undone: kept while it runs, forgotten where it ends well."""

from __future__ import annotations

from contextlib import suppress

import pytest

from slipway.commands import undone
from slipway.errors import InputError, OutsideError, SlipwayError
from slipway.workspace import Workspace


def run(workspace: Workspace, stage: str, error: BaseException | None = None) -> undone.Undone | None:
    with suppress(SlipwayError, KeyboardInterrupt), undone.kept(workspace, "toy", stage):
        if error:
            raise error
    return undone.first(workspace, "toy")


def test_nothing_is_kept_of_a_stage_that_ended_well_or_found_the_change_at_fault(workspace: Workspace) -> None:
    assert undone.first(workspace, "toy") is None
    assert run(workspace, "tune") is None
    assert run(workspace, "tune", InputError("no such column")) is None


def test_what_is_wrong_with_what_a_cluster_was_asked_is_kept(workspace: Workspace) -> None:
    with pytest.raises(InputError), undone.kept(workspace, "toy", "tune", elsewhere=True):
        raise InputError("no such queue")
    assert undone.first(workspace, "toy") == undone.Undone(stage="tune", why="no such queue", elsewhere=True)


def test_a_failure_outside_is_kept_until_the_stage_ends_well(workspace: Workspace) -> None:
    failed = run(workspace, "tune", OutsideError("no S3", hint="Wait."))
    assert failed == undone.Undone(stage="tune", why="no S3\n  Wait.")
    assert run(workspace, "tune") is None


def test_a_stage_that_is_killed_has_said_before_that_it_was(workspace: Workspace) -> None:
    with undone.kept(workspace, "toy", "tune", elsewhere=True):
        now = undone.first(workspace, "toy")
    assert now is not None
    assert "`tune` was ended before its work was done" in now.why
    assert now.elsewhere
    assert run(workspace, "compare", KeyboardInterrupt()) is not None


def test_the_first_stage_is_why_the_others_could_do_nothing(workspace: Workspace) -> None:
    run(workspace, "tune", OutsideError("no S3"))
    told = run(workspace, "compare", OutsideError("no champion"))
    assert told is not None
    assert told.why == "no S3"


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"stage": "tune", "why": ""}'])
def test_what_is_no_such_document_says_nothing(workspace: Workspace, content: bytes) -> None:
    place = workspace.settings.local / "undone" / "toy" / "tune.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    assert undone.first(workspace, "toy") is None


def test_a_stage_runs_though_nothing_can_be_kept(workspace: Workspace) -> None:
    workspace.settings.local.mkdir()
    (workspace.settings.local / "undone").write_text("")
    assert run(workspace, "tune") is None


def test_a_name_that_is_none_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError), undone.kept(workspace, "../toy", "tune"):
        pytest.fail("it ran")
