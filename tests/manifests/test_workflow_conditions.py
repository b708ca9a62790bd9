"""When jobs and steps run: what their conditions say of what can happen."""

from __future__ import annotations

import pytest
from tests.manifests.expressions import is_true
from tests.manifests.workflows import jobs

_RUN = "github.event.workflow_run"


@pytest.mark.parametrize(
    ("action", "conclusion", "begun"),
    [
        ("in_progress", "", {"running"}),
        ("completed", "success", {"report", "keep"}),
        ("completed", "failure", {"report", "keep"}),
        ("completed", "cancelled", {"report"}),
        ("completed", "action_required", set()),  # a stranger's, which waits for a maintainer before it begins
        ("requested", "action_required", set()),
    ],
)
def test_a_pull_requests_run_is_told_of_when_it_begins_and_when_it_ends(
    action: str, conclusion: str, begun: set[str]
) -> None:
    context = {
        "github.event.action": action,
        f"{_RUN}.event": "pull_request",
        f"{_RUN}.conclusion": conclusion,
        "vars.SLIPWAY_STORE": "s3://bucket/store",
    }
    assert {of.id for of in jobs("report.yml") if is_true(of.content["if"], context)} == begun
    of_another = context | {f"{_RUN}.event": "merge_group"}
    assert not [of.id for of in jobs("report.yml") if is_true(of.content["if"], of_another)]
