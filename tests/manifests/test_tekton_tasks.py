"""Each task of `tekton/`: what it runs, what it may see, and what it is allowed."""

from __future__ import annotations

import pytest
from tests.manifests.commands import of_tekton
from tests.manifests.tekton_objects import TEKTON, Object, objects, references, seconds, secrets, step

TASKS = objects("tasks")
CODE_OF_PULL_REQUESTS = {"plan", "validate", "tune", "compare", "report"}
BUILDERS = {"image", "rebuild"}
SECRETS: dict[str, set[str]] = {
    "checkout": {"slipway-github"},
    "running": {"slipway-github"},
    "champions": {"slipway-store", "$(params.store-secret)"},
    "data": {"slipway-store"},
    "plan": set(),
    "validate": {"$(params.store-secret)"},
    "tune": {"$(params.store-secret)"},
    "compare": {"$(params.store-secret)"},
    "report": {"$(params.store-secret)"},
    "gate": set(),
    "tell": {"slipway-github"},
    "keep": {"slipway-github", "slipway-store"},
    "wanted": {"slipway-github"},
    "judge": {"slipway-github", "slipway-store", "slipway-registry-pull"},
    "image": {"slipway-github", "slipway-store", "slipway-registry"},
    "release": {"slipway-store", "slipway-registry-pull", "slipway-git"},
    "rebuild": {"slipway-github", "slipway-store", "slipway-registry"},
    "land": {"slipway-store", "slipway-registry-pull", "slipway-git"},
    "propose": {"slipway-git"},
    "verify": {"slipway-store", "slipway-registry-pull"},
    "settle": {"slipway-store", "slipway-registry-pull", "slipway-git"},
}
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
AS_ROOT = {"runAsUser": 0, "capabilities": {"add": ["SETFCAP"]}}
"""What OpenShift's `pipelines-scc` admits: it has no `seccompProfiles`, so a pod that names any is refused."""

each = pytest.mark.parametrize(("name", "task"), TASKS.items(), ids=TASKS)


@each
def test_calls_slipway_once_and_holds_no_script(name: str, task: Object) -> None:
    only = step(task)
    assert only["command"] == ["slipway"]
    assert "script" not in only
    assert task["apiVersion"] == "tekton.dev/v1"
    assert task["metadata"]["name"] == f"slipway-{name}"
    assert task["spec"]["description"].strip().endswith(".")


@each
def test_its_command_is_one_of_the_command_line(name: str, task: Object) -> None:
    (command,) = of_tekton(TEKTON / "tasks" / f"{name}.yaml")
    command.parse()
    assert step(task)["args"][: len(command.name.split())] == command.name.split()


@each
def test_no_parameter_can_become_an_option(name: str, task: Object) -> None:
    del name
    args = step(task)["args"]
    apart = args.index("--") if "--" in args else len(args)
    loose = [arg for arg in args[:apart] if "$(" in arg.partition("=")[0]]
    assert not loose


@each
def test_everything_that_it_is_given_is_described_and_used(name: str, task: Object) -> None:
    del name
    spec = task["spec"]
    for kind in ("params", "results", "workspaces"):
        declared = {one["name"] for one in spec.get(kind, [])}
        used = references(spec["steps"], kind) | {"store"} & declared  # a folder that the parameter names
        assert declared == used
        assert all(len(one["description"]) > 10 for one in spec.get(kind, []))


@each
def test_sees_the_secrets_that_it_needs_and_no_other(name: str, task: Object) -> None:
    assert secrets(task) == SECRETS[name]


def test_what_runs_a_pull_requests_code_has_no_secret_of_the_release() -> None:
    labelled = {name: task["metadata"]["labels"]["slipway.dev/trust"] for name, task in TASKS.items()}
    assert {name for name, trust in labelled.items() if trust == "pull-request"} == CODE_OF_PULL_REQUESTS
    assert set(labelled.values()) == {"pull-request", "trusted"}
    assert not any(SECRETS[name] - {"$(params.store-secret)"} for name in CODE_OF_PULL_REQUESTS)
    runs_its_code = {
        name for name, task in TASKS.items() if any(one["name"] == "PYTHONPATH" for one in step(task)["env"])
    }
    assert runs_its_code == CODE_OF_PULL_REQUESTS


def test_what_is_copied_goes_to_the_store_as_those_see_it_who_read_it_there() -> None:
    told = [one for one in step(TASKS["champions"])["envFrom"] if one.get("prefix") == "TO_"]
    for name in CODE_OF_PULL_REQUESTS - {"plan"}:
        assert [{**one, "prefix": "TO_"} for one in step(TASKS[name])["envFrom"]] == told


@each
def test_runs_restricted_unless_it_builds_images(name: str, task: Object) -> None:
    assert step(task)["securityContext"] == (AS_ROOT if name in BUILDERS else RESTRICTED)
    assert step(task)["image"] == ("slipway-images" if name in BUILDERS else "slipway-tools")


@each
def test_has_a_home_that_any_user_can_write_to(name: str, task: Object) -> None:
    del name
    only = step(task)
    assert {"name": "HOME", "value": "/tmp"} in only["env"]  # noqa: S108  the step's own volume
    assert {"name": "tmp", "mountPath": "/tmp"} in only["volumeMounts"]  # noqa: S108
    assert all("sizeLimit" in volume["emptyDir"] for volume in task["spec"]["volumes"] if "emptyDir" in volume)
    assert {mount["name"] for mount in only["volumeMounts"]} == {volume["name"] for volume in task["spec"]["volumes"]}


@each
def test_is_bounded_in_time_and_resources(name: str, task: Object) -> None:
    del name
    assert 0 < seconds(step(task)["timeout"]) <= seconds("3h")
    resources = step(task)["computeResources"]
    assert set(resources) == {"requests", "limits"}
    assert all({"cpu", "memory"} == set(bound) for bound in resources.values())


@pytest.mark.parametrize("name", ["tune", "judge"])
def test_ray_has_memory_to_share_and_as_many_workers_as_cores(name: str) -> None:
    spec = TASKS[name]["spec"]
    assert {"name": "shm", "mountPath": "/dev/shm"} in step(TASKS[name])["volumeMounts"]  # noqa: S108
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}} in spec["volumes"]
    assert "--workers=$(params.workers)" in step(TASKS[name])["args"]
    assert step(TASKS[name])["computeResources"]["limits"]["cpu"] == "2"


def test_one_task_has_a_token_of_kubernetes_to_ask_prometheus_with() -> None:
    found = {
        name: source["serviceAccountToken"]
        for name, task in TASKS.items()
        for volume in task["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source
    }
    assert set(found) == {"settle"}
    assert found["settle"]["expirationSeconds"] >= seconds(step(TASKS["settle"])["timeout"])


def test_the_secrets_that_can_write_are_told_apart() -> None:
    def has(secret: str) -> set[str]:
        return {name for name, found in SECRETS.items() if secret in found}

    assert has("slipway-registry") == BUILDERS
    assert has("slipway-git") == {"release", "land", "propose", "settle"}
    assert not has("slipway-registry") & has("slipway-git")  # who pushes images commits nothing
