"""`tekton/ray`: the template is what KubeRay and OpenShift take, and nobody may do more than is needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.adapters.ray_job.document import SUBMITTER, read

ROOT = Path(__file__).parents[2]
RAY = ROOT / "tekton/ray"
HOME, SHARED = "/tmp", "/dev/shm"  # noqa: S108  of a container

type Json = dict[str, Any]


@pytest.fixture(scope="module")
def template() -> Json:
    return read(RAY / "rayjob.yaml")


def pods(template: Json) -> Iterator[Json]:
    cluster = template["spec"]["rayClusterSpec"]
    yield cluster["headGroupSpec"]["template"]["spec"]
    yield from (group["template"]["spec"] for group in cluster["workerGroupSpecs"])
    yield template["spec"]["submitterPodTemplate"]["spec"]


def test_its_ray_is_the_locked_one(template: Json) -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    (locked,) = [package["version"] for package in lock["package"] if package["name"] == "ray"]
    assert template["spec"]["rayClusterSpec"]["rayVersion"] == locked


def test_it_runs_under_a_restricted_security_context_with_any_user(template: Json) -> None:
    for pod in pods(template):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "runAsUser" not in str(pod)
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys() & container["resources"]["limits"]
            assert {"name": "HOME", "value": HOME} in container["env"]
            assert HOME in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_rays_objects_have_shared_memory_that_counts_as_the_pods(template: Json) -> None:
    *nodes, _ = pods(template)
    for pod in nodes:
        assert {"name": "shm", "mountPath": SHARED} in pod["containers"][0]["volumeMounts"]
        (shared,) = [volume["emptyDir"] for volume in pod["volumes"] if volume["name"] == "shm"]
        assert shared["medium"] == "Memory"
        assert shared["sizeLimit"]


def test_nothing_asks_with_a_program_that_the_image_need_not_have(template: Json) -> None:
    *nodes, _ = pods(template)
    for pod in nodes:
        for probe in ("readinessProbe", "livenessProbe"):
            assert "httpGet" in pod["containers"][0][probe]


def test_it_ends_by_itself_and_kueue_takes_it(template: Json) -> None:
    spec = template["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["ttlSecondsAfterFinished"] > 0
    assert 0 < spec["activeDeadlineSeconds"] <= 24 * 3600
    assert spec["submitterPodTemplate"]["spec"]["containers"][0]["name"] == SUBMITTER


def test_its_only_secret_is_the_reviews_store_by_name(template: Json) -> None:
    named = set(re.findall(r"'secret\w*': \{'name': '([^']+)'", str(template)))
    assert named == {"slipway-review-store"}
    assert not re.search(r"AWS_SECRET_ACCESS_KEY.*value", str(template))


def test_the_role_has_what_the_client_asks_and_no_more() -> None:
    (role,) = yaml.safe_load_all((RAY / "role.yaml").read_text())
    allowed = {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    jobs = {("rayjobs", verb) for verb in ("create", "get", "list", "delete")}
    assert allowed == jobs | {("pods", "list"), ("pods/log", "get")}


def test_the_policy_names_the_labels_that_the_pods_have(template: Json) -> None:
    (policy,) = yaml.safe_load_all((RAY / "network.yaml").read_text())
    cluster = template["spec"]["rayClusterSpec"]
    labels = [cluster["headGroupSpec"]["template"]["metadata"]["labels"]]
    labels += [group["template"]["metadata"]["labels"] for group in cluster["workerGroupSpecs"]]
    assert {label["slipway.dev/ray"] for label in labels} == {"node"}
    assert template["spec"]["submitterPodTemplate"]["metadata"]["labels"]["slipway.dev/ray"] == "submitter"
    named = set(re.findall(r"'slipway.dev/ray': '(\w+)'", str(policy["spec"])))
    assert named == {"node", "submitter"}


def test_it_installs_into_a_namespace_of_its_own(template: Json) -> None:
    objects = list(yaml.safe_load_all(kustomized(RAY)))
    namespaces = {one["metadata"].get("namespace", one["metadata"]["name"]) for one in objects}
    assert namespaces == {"slipway-ray"} == {template["metadata"]["namespace"]}
    assert {one["kind"] for one in objects} == {"Namespace", "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding"}


def test_the_component_has_the_tune_step_submit_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tekton", tmp_path / "tekton")
    mine = tmp_path / "mine"
    mine.mkdir()
    overlay = {"resources": ["../tekton"], "components": ["../tekton/ray/search"]}
    (mine / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    objects = list(yaml.safe_load_all(kustomized(mine)))
    (task,) = [one for one in objects if (one["kind"], one["metadata"]["name"]) == ("Task", "slipway-tune")]
    (step,) = task["spec"]["steps"]
    assert step["args"][:2] == ["tune", "--ray-job=tekton/ray/rayjob.yaml"]
    assert [arg for arg in step["args"] if arg.startswith("--ray-image=") and "@sha256:" in arg]
    names = {variable["name"] for variable in step["env"]}
    assert {"SLIPWAY_POD_NAME", "SLIPWAY_POD_UID", "SLIPWAY_POD_NAMESPACE"} <= names
    mounted = {mount["name"] for mount in step["volumeMounts"]}
    assert mounted == {volume["name"] for volume in task["spec"]["volumes"]}


def kustomized(folder: Path) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    return subprocess.run([kubectl, "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout
