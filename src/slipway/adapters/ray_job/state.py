"""What KubeRay and Kubernetes say of a RayJob, as one phase and one sentence for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from slipway.adapters.ray_job.document import QUEUE, RUN, Json

NODE = "ray.io/node-type"
_FINAL = {"Complete", "Failed", "ValidationFailed"}
_SUSPENDED = {"Suspended", "Suspending"}
_STARTING = {"Running": "is handed to its cluster", "Retrying": "is tried again"}
_EXIT_CODE = re.compile(r"failed with exit code (\d+)")
_STUCK = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "CrashLoopBackOff",
}
"""Reasons for which a container waits, and which seldom go away by themselves."""


class Phase(StrEnum):
    """Where a RayJob is on its way."""

    UNSEEN = "unseen"
    """KubeRay has said nothing of it yet."""
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a pod does not run."""

    text: str
    is_stuck: bool
    """Whether waiting seldom helps."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A RayJob as it was seen once."""

    phase: Phase
    text: str
    cluster: str = ""
    message: str = ""
    """Why it failed, in the words of KubeRay or Ray."""
    run: str = ""
    """Who submitted it."""
    is_leaving: bool = False
    """Whether it is being deleted."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it."""
        return self.phase in {Phase.SUCCEEDED, Phase.FAILED}

    @property
    def is_refused(self) -> bool:
        """Whether KubeRay takes the document for wrong."""
        return self.message.startswith("ValidationFailed")

    @property
    def exit_code(self) -> int | None:
        """The exit code of its command, if it had one and failed."""
        found = _EXIT_CODE.search(self.message)
        return int(found[1]) if found else None


def read(job: Json) -> State:
    """What a RayJob says of itself."""
    status, metadata = job.get("status") or {}, job["metadata"]
    phase, text = _phase(job, status)
    return State(
        phase=phase,
        text=text,
        cluster=status.get("rayClusterName") or "",
        message=": ".join(part for part in (status.get("reason"), status.get("message")) if part),
        run=(metadata.get("annotations") or {}).get(RUN, ""),
        is_leaving="deletionTimestamp" in metadata,
    )


def _phase(job: Json, status: Json) -> tuple[Phase, str]:
    deployment, ended = status.get("jobDeploymentStatus") or "", status.get("jobStatus") or ""
    queue = (job["metadata"].get("labels") or {}).get(QUEUE)
    if deployment in _FINAL:
        done = deployment == "Complete" and ended == "SUCCEEDED"
        return (Phase.SUCCEEDED, "has ended") if done else (Phase.FAILED, "has failed")
    if deployment in _SUSPENDED or (not deployment and job["spec"].get("suspend")):
        return Phase.QUEUED, f"waits in queue {queue}" if queue else "is suspended"
    if not deployment:
        return Phase.UNSEEN, "waits for KubeRay"
    if deployment == "Running" and ended not in {"", "PENDING"}:
        return Phase.RUNNING, "runs"
    return Phase.STARTING, _STARTING.get(deployment, "starts its cluster")


def troubles(job: Json, pods: Sequence[Json]) -> tuple[Trouble, ...]:
    """Why it does not run yet: what its cluster and each of its pods say, without repeating it."""
    found = dict.fromkeys([*_of_cluster(job), *(trouble for pod in pods for trouble in _of_pod(pod))])
    return tuple(found)


def _of_cluster(job: Json) -> Iterator[Trouble]:
    """Pods that may not be made at all: a quota, or a security context that is refused."""
    cluster = (job.get("status") or {}).get("rayClusterStatus") or {}
    for condition in cluster.get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            yield Trouble(text=condition.get("message") or condition.get("reason") or "no pod", is_stuck=False)


def _of_pod(pod: Json) -> Iterator[Trouble]:
    who, status = _kind(pod), pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield Trouble(text=f"{who} waits: {condition.get('message') or 'not scheduled'}", is_stuck=False)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason in _STUCK:
            said = f": {waiting['message']}" if waiting.get("message") else ""
            yield Trouble(text=f"{who}, {container['name']}: {reason}{said}", is_stuck=True)


def _kind(pod: Json) -> str:
    """Pods of one group say the same, so they are named by what they are."""
    kind = (pod["metadata"].get("labels") or {}).get(NODE)
    return {"head": "the head", "worker": "a worker"}.get(kind or "", "the submitter")
