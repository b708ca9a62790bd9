"""What KubeRay says of a RayJob, in one phase and one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.ray_job import state
from slipway.adapters.ray_job.state import Phase


def job(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    labels = {"kueue.x-k8s.io/queue-name": "team"}
    return {"metadata": {"name": "tune-iris-1", "labels": labels}, "spec": spec or {}, "status": status}


@pytest.mark.parametrize(
    ("found", "phase", "text"),
    [
        (job(), Phase.UNSEEN, "waits for KubeRay"),
        (job({"suspend": True}), Phase.QUEUED, "waits in queue team"),
        (job(jobDeploymentStatus="Suspended"), Phase.QUEUED, "waits in queue team"),
        (job({"suspend": True}, jobDeploymentStatus="Suspending"), Phase.QUEUED, "waits in queue team"),
        (job(jobDeploymentStatus="Initializing"), Phase.STARTING, "starts its cluster"),
        (job(jobDeploymentStatus="Running"), Phase.STARTING, "is handed to its cluster"),
        (job(jobDeploymentStatus="Running", jobStatus="PENDING"), Phase.STARTING, "is handed to its cluster"),
        (job(jobDeploymentStatus="Running", jobStatus="RUNNING"), Phase.RUNNING, "runs"),
        (job(jobDeploymentStatus="Running", jobStatus="SUCCEEDED"), Phase.RUNNING, "runs"),
        (job(jobDeploymentStatus="Retrying", jobStatus="FAILED"), Phase.STARTING, "is tried again"),
        (job(jobDeploymentStatus="Complete", jobStatus="SUCCEEDED"), Phase.SUCCEEDED, "has ended"),
        (job(jobDeploymentStatus="Complete", jobStatus="STOPPED"), Phase.FAILED, "has failed"),
        (job(jobDeploymentStatus="Failed", reason="DeadlineExceeded"), Phase.FAILED, "has failed"),
        (job(jobDeploymentStatus="ValidationFailed"), Phase.FAILED, "has failed"),
        (job(jobDeploymentStatus="NeverHeardOf"), Phase.STARTING, "starts its cluster"),
    ],
)
def test_a_status_is_one_phase(found: dict[str, Any], phase: Phase, text: str) -> None:
    read = state.read(found)
    assert (read.phase, read.text) == (phase, text)
    assert read.is_final is (phase in {Phase.SUCCEEDED, Phase.FAILED})


def test_the_exit_code_is_the_commands() -> None:
    message = "Job entrypoint command failed with exit code 2, last available logs (truncated to 20,000 chars):\nx"
    assert state.read(job(jobDeploymentStatus="Failed", reason="AppFailed", message=message)).exit_code == 2
    assert state.read(job(jobDeploymentStatus="Failed", reason="DeadlineExceeded")).exit_code is None


def pod(kind: str = "", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "labels": {"ray.io/node-type": kind}}, "status": status}


def waiting(reason: str, message: str = "") -> list[dict[str, Any]]:
    return [{"name": "ray", "state": {"waiting": {"reason": reason, "message": message}}}]


def test_pods_that_say_the_same_are_told_once() -> None:
    unscheduled = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes: Insufficient cpu"}]
    pods = [
        pod("worker", conditions=unscheduled),
        pod("worker", conditions=unscheduled),
        pod("head", containerStatuses=waiting("ImagePullBackOff", "Back-off pulling image x")),
        pod(initContainerStatuses=waiting("CreateContainerConfigError", 'secret "s" not found')),
        pod("worker", containerStatuses=waiting("PodInitializing")),
        pod("worker", phase="Running", conditions=[{"type": "PodScheduled", "status": "True"}]),
    ]
    assert [(trouble.text, trouble.is_stuck) for trouble in state.troubles(job(), pods)] == [
        ("a worker waits: 0/3 nodes: Insufficient cpu", False),
        ("the head, ray: ImagePullBackOff: Back-off pulling image x", True),
        ('the submitter, ray: CreateContainerConfigError: secret "s" not found', True),
    ]


def test_pods_that_may_not_be_made_are_told() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: slipway-ray"}
    found = state.troubles(job(rayClusterStatus={"conditions": [refused]}), [])
    assert [trouble.text for trouble in found] == ["exceeded quota: slipway-ray"]
