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
from lightkube.utils.quantity import parse_quantity

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


def test_as_many_whole_searches_as_may_be_there_fit_into_the_quota(template: Json) -> None:
    """Else the heads of some take the room of others' workers, or of who hands them their command: all of them wait."""
    (searches,), (size,) = (
        yaml.safe_load_all((RAY / name).read_text()) for name in ("quota-searches.yaml", "quota-size.yaml")
    )
    allowed = {name: parse_quantity(amount) for name, amount in size["spec"]["hard"].items()}
    at_once = int(searches["spec"]["hard"]["count/rayjobs.ray.io"])
    cluster = template["spec"]["rayClusterSpec"]
    replicas = [1, *(group["maxReplicas"] for group in cluster["workerGroupSpecs"]), 1]
    for kind, resource in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        each = [
            sum(parse_quantity(container["resources"][kind][resource]) or 0 for container in pod["containers"])
            for pod in pods(template)
        ]
        whole = sum(count * amount for count, amount in zip(replicas, each, strict=True))
        assert 1 < at_once * whole <= allowed[f"{kind}.{resource}"]
    assert at_once * sum(replicas) <= allowed["pods"]


def test_it_installs_into_a_namespace_of_its_own(template: Json) -> None:
    objects = list(yaml.safe_load_all(kustomized(RAY)))
    namespaces = {one["metadata"].get("namespace", one["metadata"]["name"]) for one in objects}
    assert namespaces == {"slipway-ray"} == {template["metadata"]["namespace"]}
    assert {one["kind"] for one in objects} == {"Namespace", "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding"}


@pytest.fixture(scope="module")
def searching(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """What is installed with the component, and with a review store."""
    tekton = tmp_path_factory.mktemp("with-ray") / "tekton"
    shutil.copytree(ROOT / "tekton", tekton)
    for name, before, after in (
        ("kustomization.yaml", "components: []", "components: [ray/search]"),
        ("settings.yaml", "SLIPWAY_REVIEW_STORE: /workspace/store", "SLIPWAY_REVIEW_STORE: s3://reviews/slipway"),
    ):
        text = (tekton / name).read_text(encoding="utf-8")
        assert text.count(before) == 1
        (tekton / name).write_text(text.replace(before, after), encoding="utf-8")
    return list(yaml.safe_load_all(kustomized(tekton)))


def one(objects: list[Json], kind: str, name: str) -> Json:
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def test_the_component_adds_to_what_is_installed_and_changes_no_task(searching: list[Json]) -> None:
    plain = list(yaml.safe_load_all(kustomized(ROOT / "tekton")))
    before = {(each["kind"], each["metadata"]["name"]): each for each in plain}
    after = {(each["kind"], each["metadata"]["name"]): each for each in searching}
    assert set(after) - set(before) == {
        ("NetworkPolicy", "slipway-search-kubernetes-api"),
        ("ServiceAccount", "slipway-search"),
        ("Task", "slipway-search"),
    }
    assert {each for each in before if after[each] != before[each]} == {
        ("ConfigMap", "slipway-settings"),  # the review store, which this test sets
        ("Pipeline", "slipway-pull-request"),
        ("TriggerBinding", "slipway-store-kept"),
        ("TriggerTemplate", "slipway-pull-request"),
    }
    assert {each["metadata"].get("namespace") for each in searching if "Cluster" not in each["kind"]} == {"slipway"}


def test_own_branches_search_in_the_cluster_and_all_others_in_their_own_step(searching: list[Json]) -> None:
    tasks = {each["name"]: each for each in one(searching, "Pipeline", "slipway-pull-request")["spec"]["tasks"]}
    asked = {name: tasks[name]["when"] for name in ("tune", "search")}
    (tune,), (search,) = asked["tune"], asked["search"]
    assert (tune["operator"], search["operator"]) == ("notin", "in")
    assert tune["input"] == search["input"] == "$(params.store-secret)"
    assert tune["values"] == search["values"] == ["slipway-review-store"]  # which a trigger's test has for own branches
    assert set(tasks["compare"]["runAfter"]) == {"tune", "search"}
    same = ("matrix", "runAfter", "workspaces", "timeout", "onError")
    assert [tasks["search"][key] for key in same] == [tasks["tune"][key] for key in same]
    without = [param for param in tasks["tune"]["params"] if param["name"] != "workers"]
    assert tasks["search"]["params"] == without


def test_only_that_task_has_a_token_a_way_to_kubernetes_and_an_account_that_may_ask(searching: list[Json]) -> None:
    tasks = [each for each in searching if each["kind"] == "Task"]
    tokens = {each["metadata"]["name"] for each in tasks if "serviceAccountToken" in str(each)}
    assert tokens == {
        "slipway-search",
        "slipway-settle",
    }  # the latter's is for Prometheus, whose account has no role here
    policy = one(searching, "NetworkPolicy", "slipway-search-kubernetes-api")["spec"]
    assert policy["podSelector"] == {"matchLabels": {"tekton.dev/task": "slipway-search"}}
    (binding,) = yaml.safe_load_all((RAY / "role-binding.yaml").read_text())
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "slipway-search", "namespace": "slipway"}]
    assert one(searching, "ServiceAccount", "slipway-search")["automountServiceAccountToken"] is False
    templates = [each for each in searching if each["kind"] == "TriggerTemplate"]
    specs = [spec for each in templates for spec in each["spec"]["resourcetemplates"][0]["spec"]["taskRunSpecs"]]
    told = [spec["pipelineTaskName"] for spec in specs if spec["serviceAccountName"] == "slipway-search"]
    assert told == ["search"]


def test_the_task_is_that_of_tune_but_for_where_it_searches(searching: list[Json]) -> None:
    search, tune = (one(searching, "Task", f"slipway-{name}") for name in ("search", "tune"))
    (step,), (other,) = search["spec"]["steps"], tune["spec"]["steps"]
    assert search["metadata"]["labels"] == tune["metadata"]["labels"]
    assert search["spec"]["workspaces"] == tune["spec"]["workspaces"]
    same = ("image", "command", "workingDir", "timeout", "envFrom", "securityContext")
    assert [step[key] for key in same] == [other[key] for key in same]
    added = ["--ray-job=tekton/ray/rayjob.yaml", f"--ray-image={step['image']}", "--ray-queue=slipway"]
    assert [arg for arg in step["args"] if arg not in added] == [arg for arg in other["args"] if "workers" not in arg]
    assert [arg for arg in step["args"] if arg in added] == added
    names = {variable["name"] for variable in step["env"]} - {variable["name"] for variable in other["env"]}
    assert names == {"SLIPWAY_POD_NAME", "SLIPWAY_POD_UID", "SLIPWAY_POD_NAMESPACE"}
    mounted = {mount["name"] for mount in step["volumeMounts"]}
    assert mounted == {volume["name"] for volume in search["spec"]["volumes"]}


def test_a_pull_request_has_a_prefix_of_its_own_in_the_review_store(searching: list[Json]) -> None:
    (store, _) = one(searching, "TriggerBinding", "slipway-store-kept")["spec"]["params"]
    assert store == {"name": "store", "value": "s3://reviews/slipway/pull-requests/$(body.pull_request.number)"}


def kustomized(folder: Path) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    return subprocess.run([kubectl, "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout
