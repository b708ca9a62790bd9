"""What `kubectl apply -k tekton` would send: built by kustomize, checked against schemas, and no more than needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.manifests.tekton_objects import TEKTON, Object, step, texts
from tests.manifests.test_tekton_tasks import RESTRICTED

jsonschema = pytest.importorskip("jsonschema")
codecs: Any = pytest.importorskip("lightkube.codecs")
CRDS = "SLIPWAY_TEST_CRDS"
CORE = {"v1", "batch/v1", "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1"}


def built(folder: Path) -> list[Object]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, check=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def installed() -> list[Object]:
    return built(TEKTON)


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def test_every_file_is_installed(installed: list[Object]) -> None:
    written = [
        (document["kind"], document["metadata"]["name"])
        for folder in ("tasks", "pipelines", "triggers", "schedule", "rbac", "network", ".")
        for path in (TEKTON / folder).glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if "metadata" in document
    ]
    told = {"slipway-triggers.namespace": "slipway-triggers.slipway"}
    named = [(kind, told.get(name, name)) for kind, name in written]
    assert sorted(named) == sorted((one["kind"], one["metadata"]["name"]) for one in installed)


def changed(place: Path, before: str, after: str) -> list[Object]:
    """What is installed after a change of the one file that people change."""
    shutil.copytree(TEKTON, place / "tekton")
    file = place / "tekton" / "kustomization.yaml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    return built(place / "tekton")


def test_the_namespace_is_said_once(tmp_path: Path) -> None:
    found = changed(tmp_path, "namespace: slipway", "namespace: models")
    cluster_wide = {"ClusterRole", "ClusterRoleBinding"}
    assert {one["kind"] for one in found if "namespace" not in one["metadata"]} == cluster_wide
    assert {one["metadata"]["namespace"] for one in found if one["kind"] not in cluster_wide} == {"models"}
    bindings = of_kind(found, "RoleBinding", "ClusterRoleBinding")
    assert {subject["namespace"] for one in bindings for subject in one["subjects"]} == {"models"}
    assert [one["metadata"]["name"] for one in of_kind(found, "ClusterRoleBinding")] == ["slipway-triggers.models"]


def test_elsewhere_than_on_openshift_a_runs_volume_has_a_group_and_buildah_its_user_namespace(
    installed: list[Object], tmp_path: Path
) -> None:
    found = changed(tmp_path, "components: []", "components: [kubernetes]")
    for template in of_kind(found, "TriggerTemplate"):
        run = template["spec"]["resourcetemplates"][0]["spec"]
        assert run["taskRunTemplate"]["podTemplate"]["securityContext"].pop("fsGroup") == 1001
    for task in of_kind(found, "Task"):
        if task["metadata"]["name"] in {"slipway-image", "slipway-rebuild"}:
            assert step(task)["securityContext"].pop("seccompProfile") == {"type": "Unconfined"}
    assert found == installed


def test_in_user_namespaces_who_builds_images_is_nobody_on_the_node(installed: list[Object], tmp_path: Path) -> None:
    found = changed(tmp_path, "components: []", "components: [user-namespaces]")
    for template in of_kind(found, "TriggerTemplate"):
        for one in template["spec"]["resourcetemplates"][0]["spec"]["taskRunSpecs"]:
            if one["serviceAccountName"] == "slipway-image":
                assert one["podTemplate"].pop("hostUsers") is False
    assert found == installed


def test_images_are_named_by_digest_in_one_place(installed: list[Object]) -> None:
    images = {step(task)["image"] for task in of_kind(installed, "Task")}
    assert len(images) == 2
    assert all(re.fullmatch(r"[a-z0-9./-]+@sha256:[0-9a-f]{64}", image) for image in images)


def test_what_is_set_in_settings_arrives(installed: list[Object]) -> None:
    (settings,) = [one["data"] for one in of_kind(installed, "ConfigMap")]
    (kept,) = [one for one in of_kind(installed, "TriggerBinding") if one["metadata"]["name"] == "slipway-store-kept"]
    assert {one["name"]: one["value"] for one in kept["spec"]["params"]} == {
        "store": f"{settings['SLIPWAY_REVIEW_STORE']}/pull-requests/$(body.pull_request.number)",
        "store-secret": "slipway-review-store",
    }
    (daily,) = [one for one in of_kind(installed, "TriggerBinding") if one["metadata"]["name"] == "slipway-schedule"]
    assert {one["name"]: one["value"] for one in daily["spec"]["params"]} == {
        "git-url": settings["SLIPWAY_GIT_URL"],
        "repository": settings["SLIPWAY_GIT_REPOSITORY"],
        "base": settings["SLIPWAY_GIT_BRANCH"],
        "run": "$(context.eventID)",
    }
    (pipeline,) = [one for one in of_kind(installed, "Pipeline") if one["metadata"]["name"] == "slipway-pull-request"]
    defaults = {one["name"]: one.get("default") for one in pipeline["spec"]["params"]}
    assert defaults["runs-url"] == settings["SLIPWAY_RUNS_URL"]
    assert defaults["store"] == "/workspace/store"


def test_kubernetes_own_kinds_have_no_unknown_field(installed: list[Object]) -> None:
    found = [one for one in installed if one["apiVersion"] in CORE]
    assert found
    assert [codecs.from_dict(one).to_dict() for one in found] == found


def test_tektons_kinds_match_their_schemas(installed: list[Object]) -> None:
    folder = os.environ.get(CRDS)
    if not folder:
        pytest.skip(f"{CRDS} names no folder with Tekton's CustomResourceDefinitions")
    schemas = read_schemas(Path(folder))
    runs = [run for one in of_kind(installed, "TriggerTemplate") for run in one["spec"]["resourcetemplates"]]
    custom = [one for one in [*installed, *runs] if one["apiVersion"] not in CORE]
    faults = [
        f"{one['kind']} {one['metadata']['name']} {error.json_path}: {error.message}"
        for one in custom
        for error in jsonschema.Draft202012Validator(schemas[one["apiVersion"], one["kind"]]).iter_errors(one)
    ]
    assert not faults


def read_schemas(folder: Path) -> Mapping[tuple[str, str], Any]:
    """The schemas of custom resources, which refuse fields that they do not name."""
    definitions = [
        document
        for path in sorted(folder.rglob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document and document.get("kind") == "CustomResourceDefinition"
    ]
    return {
        (f"{one['spec']['group']}/{version['name']}", one["spec"]["names"]["kind"]): strict(
            version["schema"]["openAPIV3Schema"]
        )
        for one in definitions
        for version in one["spec"]["versions"]
    }


def strict(schema: Any) -> Any:
    """A structural schema as JSON Schema, with no field but its own."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found = {key: strict(value) for key, value in schema.items() if key not in {"format", "properties"}}
    if "properties" in schema:
        found["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        found["properties"] |= {"metadata": {}} if "apiVersion" in schema["properties"] else {}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    return found


def test_accounts_carry_no_token_but_the_listeners(installed: list[Object]) -> None:
    accounts = {
        one["metadata"]["name"]: one.get("automountServiceAccountToken") for one in of_kind(installed, "ServiceAccount")
    }
    assert accounts == {
        "slipway-image": False,
        "slipway-pull-request": False,
        "slipway-schedule": False,
        "slipway-trusted": False,
        "slipway-triggers": None,
    }


def test_roles_allow_what_is_used_and_no_more(installed: list[Object]) -> None:
    allowed = {
        (role["metadata"]["name"], role["kind"], group, resource): set(rule["verbs"])
        for role in of_kind(installed, "Role", "ClusterRole")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    reads, triggers = {"get", "list", "watch"}, "triggers.tekton.dev"
    definitions = ("eventlisteners", "interceptors", "triggerbindings", "triggers", "triggertemplates")
    assert allowed == {
        **{("slipway-triggers", "Role", triggers, one): reads for one in definitions},
        ("slipway-triggers", "Role", "tekton.dev", "pipelineruns"): {"create"},
        ("slipway-triggers", "Role", "", "events"): {"create", "patch"},
        ("slipway-triggers", "ClusterRole", triggers, "clusterinterceptors"): reads,
        ("slipway-triggers", "ClusterRole", triggers, "clustertriggerbindings"): reads,
        ("slipway-image", "Role", "security.openshift.io", "securitycontextconstraints"): {"use"},
    }
    bound = {one["subjects"][0]["name"] for one in of_kind(installed, "RoleBinding", "ClusterRoleBinding")}
    assert bound == {"slipway-triggers", "slipway-image"}


def test_a_pull_requests_code_reaches_names_and_its_store_alone(installed: list[Object]) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(installed, "NetworkPolicy")}
    assert set(policies) == {
        "slipway-listener",
        "slipway-pull-request",
        "slipway-runs",
        "slipway-schedule",
        "slipway-schedule-listener",
    }
    narrow = policies["slipway-pull-request"]
    assert narrow["podSelector"]["matchLabels"] == {"slipway.dev/trust": "pull-request"}
    assert narrow["policyTypes"] == ["Egress"]
    names, store = narrow["egress"]
    assert {port["port"] for port in names["ports"]} == {53, 5353}
    assert store["to"] == [{"namespaceSelector": {"matchLabels": {"slipway.dev/review-store": "allowed"}}}]
    assert policies["slipway-runs"]["policyTypes"] == ["Ingress"]
    assert "ingress" not in policies["slipway-runs"]
    assert {port["port"] for rule in policies["slipway-listener"]["ingress"] for port in rule["ports"]} == {8080}


def test_a_release_is_asked_for_each_day_by_who_may_do_nothing_else(installed: list[Object]) -> None:
    """The account that asks is in no binding, and has no Secret: the listener makes the run, which it alone reaches."""
    (job,) = of_kind(installed, "CronJob")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]
    (asks,) = pod["spec"]["containers"]
    assert (pod["spec"]["serviceAccountName"], "envFrom" in asks) == ("slipway-schedule", False)
    assert {**pod["spec"]["securityContext"], "readOnlyRootFilesystem": True} | asks["securityContext"] == RESTRICTED
    (image,) = {step(task)["image"] for task in of_kind(installed, "Task")} & {asks["image"]}
    assert "slipway-tools@sha256:" in image
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(installed, "NetworkPolicy")}
    asking, heard = policies["slipway-schedule"], policies["slipway-schedule-listener"]
    assert asking["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert asking["egress"][1]["to"] == [{"podSelector": heard["podSelector"]}]
    assert heard["ingress"][0]["from"] == [{"podSelector": asking["podSelector"]}]
    listeners = {one["metadata"]["name"] for one in of_kind(installed, "EventListener")}
    assert heard["podSelector"]["matchLabels"]["eventlistener"] in listeners
    (url,) = (text for text in asks["args"] if text.startswith("http"))
    assert url.removeprefix("http://el-").removesuffix(":8080") in listeners


def test_no_secret_is_among_what_is_installed(installed: list[Object]) -> None:
    assert not of_kind(installed, "Secret")
    assert not [text for text in texts(installed) if re.search(r"ghp_|github_pat_|BEGIN [A-Z ]*PRIVATE KEY|AKIA", text)]
