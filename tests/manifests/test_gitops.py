"""What `kubectl apply -k gitops/bootstrap` brings: nobody gets more than they need, and Argo CD what it needs."""

from __future__ import annotations

import fnmatch
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.manifests import gitops_objects
from tests.manifests.gitops_objects import (
    GITOPS,
    KUBERNETES,
    KUSTOMIZED,
    OPENSHIFT,
    PLATFORMS,
    expanded,
    of,
    one,
    refused,
)
from tests.manifests.tekton_objects import Object, texts
from tests.manifests.test_tekton_install import CORE, CRDS, built, codecs, jsonschema, read_schemas

from slipway.delivery import writer
from slipway.delivery.manifest import Release, manifest_path, manifest_paths
from slipway.project import Project
from slipway.settings import Settings
from slipway.spec import DeploymentMode, Platform

DELIVERED = [
    (platform, mode)
    for platform in Platform
    for mode in DeploymentMode
    if platform is Platform.KSERVE or mode is DeploymentMode.STANDARD
]
HEALTH = "resource.customizations.health.machinelearning.seldon.io_SeldonDeployment"
HOSTILE = [
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"},
    {"apiVersion": "v1", "kind": "Secret"},
    {"apiVersion": "v1", "kind": "Pod"},
    {"apiVersion": "apps/v1", "kind": "Deployment"},
    {"apiVersion": "batch/v1", "kind": "CronJob"},
    {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"},
    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"},
    {"apiVersion": "v1", "kind": "Namespace"},
]

both = pytest.mark.parametrize("folder", [OPENSHIFT, KUBERNETES])


def release(mark: str) -> Release:
    image = f"registry.example/iris@sha256:{mark * 64}"
    return Release(key=mark * 64, image=image, commit="c" * 40, metrics={"log_loss": 0.1}, run="r1")


def delivered(platform: Platform, mode: DeploymentMode) -> list[Object]:
    """All that slipway writes for a model on a platform: with a release on trial, which is the most."""
    first = writer.first("iris", release("a"), replicas=2, platform=platform, mode=mode, environment="production")
    trial = writer.with_canary(first, "manifest.yaml", release("b"), percent=10)
    return list(expanded([*yaml.safe_load_all(first), *yaml.safe_load_all(trial)]))


@pytest.mark.parametrize("folder", KUSTOMIZED, ids=lambda folder: str(folder.relative_to(GITOPS)))
def test_each_folder_builds_and_every_file_in_it_is_used(folder: Path) -> None:
    said = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    named = {*said.get("resources", []), *(patch["path"] for patch in said.get("patches", []) if "path" in patch)}
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == {name for name in named if name.endswith(".yaml")}
    if said["kind"] == "Kustomization":
        assert built(folder)


@both
def test_a_project_of_models_allows_what_slipway_writes_and_nothing_else(folder: str) -> None:
    project = one(of(folder), "AppProject", "slipway")
    written = {gitops_objects.group_kind(each) for args in DELIVERED for each in delivered(*args)}
    listed = project["spec"]["namespaceResourceWhitelist"]
    assert {(item["group"], item["kind"]) for item in listed} == written
    assert project["spec"]["clusterResourceWhitelist"] == []
    assert not {"roles", "sourceNamespaces", "namespaceResourceBlacklist"} & set(project["spec"])


@pytest.mark.parametrize(("platform", "mode"), DELIVERED)
def test_what_slipway_writes_may_be_made_where_its_application_leads(platform: Platform, mode: DeploymentMode) -> None:
    project = one(of(OPENSHIFT), "AppProject", "slipway")
    assert [refused(project, each, "models-production") for each in delivered(platform, mode)] == [""] * len(
        delivered(platform, mode)
    )


@pytest.mark.parametrize("found", HOSTILE, ids=lambda found: found["kind"])
def test_who_can_change_models_can_make_nothing_else(found: Object) -> None:
    hostile = {**found, "metadata": {"name": "models-x", "namespace": "models-production"}}
    assert refused(one(of(OPENSHIFT), "AppProject", "slipway"), hostile, "models-production")


@pytest.mark.parametrize("namespace", ["slipway", "openshift-gitops", "kube-system", "default", "xmodels-"])
def test_models_go_to_their_own_namespaces(namespace: str) -> None:
    (found, *_) = delivered(Platform.SELDON, DeploymentMode.STANDARD)
    hostile = {**found, "metadata": {**found["metadata"], "namespace": namespace}}
    assert refused(one(of(OPENSHIFT), "AppProject", "slipway"), hostile, "models-production")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_project_of_the_platform_allows_what_it_holds_and_nothing_else(tmp_path: Path, platform: str) -> None:
    project = one(of(OPENSHIFT), "AppProject", "slipway-platform")
    option = "components: [../monitoring/components/grafana-operator]"
    copy = gitops_objects.changed(tmp_path, ("platform/dashboard/kustomization.yaml", "components: []", option))
    held = list(expanded(built(copy / platform)))
    assert len(held) == len(of(platform)) + 1
    assert [why for each in held if (why := refused(project, each, "slipway"))] == []
    listed = {(item["group"], item["kind"]) for item in project["spec"]["namespaceResourceWhitelist"]}
    assert listed == {gitops_objects.group_kind(each) for each in held} - {("", "Namespace")}
    assert {item["kind"] for item in project["spec"]["clusterResourceWhitelist"]} == {"Namespace"}
    assert refused(project, {**HOSTILE[-1], "metadata": {"name": "openshift-gitops"}}, "slipway")


@both
def test_every_destination_is_this_cluster_and_every_source_this_repository(folder: str) -> None:
    objects = of(folder)
    address = one(objects, "ConfigMap", "slipway-repository")["data"]["GIT_URL"]
    for project in ("slipway", "slipway-platform"):
        spec = one(objects, "AppProject", project)["spec"]
        assert spec["sourceRepos"] == [address]
        assert {item["server"] for item in spec["destinations"]} == {"https://kubernetes.default.svc"}


def test_the_repository_and_its_branch_are_said_once(tmp_path: Path) -> None:
    url, branch = "https://github.com/team/fish.git", "trunk"
    folder = changed_repository(tmp_path, url, branch)
    for name in (OPENSHIFT, KUBERNETES, *PLATFORMS):
        found = built(folder / name)
        said = list(texts(found))
        assert not [text for text in said if "example/models" in text and "GITHUB_REPOSITORY" not in text]
        assert not {"repository", "branch", "main", "lua", "template", "trigger", "service"} & set(said)
        if "bootstrap" in name:
            assert said.count(url) == 6
            assert said.count(branch) == 4


def changed_repository(place: Path, url: str, branch: str) -> Path:
    return gitops_objects.changed(
        place,
        ("settings/repository.yaml", "https://github.com/example/models.git", url),
        ("settings/repository.yaml", "GIT_BRANCH: main", f"GIT_BRANCH: {branch}"),
        ("settings/repository.yaml", "GITHUB_REPOSITORY: example/models", "GITHUB_REPOSITORY: team/fish"),
    )


def generator() -> Any:
    (found,) = one(of(OPENSHIFT), "ApplicationSet", "slipway-models")["spec"]["generators"]
    return found["git"]


def template() -> Any:
    return one(of(OPENSHIFT), "ApplicationSet", "slipway-models")["spec"]["template"]


def filled(text: str, path: str) -> str:
    """A template as Argo CD fills it; only what ours use is known here."""
    text = re.sub(r"\{\{ index \.path\.segments (\d) \}\}", lambda found: path.split("/")[int(found[1])], text)
    text = text.replace("{{ .path.path }}", path)
    assert "{{" not in text
    return text


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_an_application_is_found_where_slipway_commits(environment: str) -> None:
    (pattern,) = [item["path"] for item in generator()["directories"]]
    for path in manifest_paths("iris", environment):
        folder = path.parent.as_posix()
        assert fnmatch.fnmatchcase(folder, pattern)
        assert folder.count("/") == pattern.count("/")
        spec = template()["spec"]
        assert filled(template()["metadata"]["name"], folder) == f"iris.{environment}"
        assert filled(spec["source"]["path"], folder) == folder
        assert filled(spec["destination"]["namespace"], folder) == namespace(environment)


def namespace(environment: str) -> str:
    return Project().namespace.format(environment=environment)


def test_namespaces_are_those_of_the_settings(tmp_path: Path) -> None:
    assert Settings.from_environ({}, repo=tmp_path).namespace == Project().namespace == "models-{environment}"
    names = {each["metadata"]["name"] for each in of(PLATFORMS[0]) if each["kind"] == "Namespace"}
    assert names == {namespace(Project().environments[0]), "slipway"}


def test_two_folders_never_make_one_application() -> None:
    """Names of models and environments may have hyphens, and none has a dot."""
    paths = ["gitops/models/a-b/c", "gitops/models/a/b-c"]
    assert len({filled(template()["metadata"]["name"], path) for path in paths}) == len(paths)


def test_an_application_reads_the_manifests_and_no_file_beside_them() -> None:
    directory = template()["spec"]["source"]["directory"]
    (names, ending) = re.fullmatch(r"\{(.*)\}(\..*)", directory["include"]).groups()  # type: ignore[union-attr]
    written = {manifest_path("iris", "production", platform).name for platform in Platform}
    assert {f"{name}{ending}" for name in names.split(",")} == written
    assert directory["recurse"] is True  # what makes Argo CD take it for plain YAML, whatever lies there


def test_a_project_is_no_template() -> None:
    assert template()["spec"]["project"] == "slipway"
    assert one(of(OPENSHIFT), "Application", "slipway-platform")["spec"]["project"] == "slipway-platform"


def test_an_outage_is_made_good_with_what_the_branch_says_by_then() -> None:
    platform = one(of(OPENSHIFT), "Application", "slipway-platform")
    for spec in (template()["spec"], platform["spec"]):
        assert spec["syncPolicy"]["automated"].items() >= {"prune": True, "selfHeal": True}.items()
        assert spec["syncPolicy"]["retry"].items() >= {"limit": -1, "refresh": True}.items()


def test_a_folder_that_goes_is_a_model_that_goes() -> None:
    spec = one(of(OPENSHIFT), "ApplicationSet", "slipway-models")["spec"]
    assert spec["syncPolicy"] == {"applicationsSync": "sync", "preserveResourcesOnDeletion": False}
    assert spec["goTemplateOptions"] == ["missingkey=error"]
    assert template()["spec"]["syncPolicy"]["automated"]["allowEmpty"] is True


def test_the_platform_of_each_kind_of_cluster_is_there() -> None:
    for folder, path in ((OPENSHIFT, PLATFORMS[0]), (KUBERNETES, PLATFORMS[1])):
        found = one(of(folder), "Application", "slipway-platform")["spec"]["source"]["path"]
        assert found == f"gitops/{path}"


def test_both_kinds_of_argo_cd_are_told_the_same() -> None:
    openshift, kubernetes = of(OPENSHIFT), of(KUBERNETES)
    argo = one(openshift, "ArgoCD", "openshift-gitops")["spec"]
    assert argo == {
        "extraConfig": one(kubernetes, "ConfigMap", "argocd-cm")["data"],
        "notifications": {"enabled": True},
    }
    told = one(openshift, "NotificationsConfiguration", "default-notifications-configuration")["spec"]
    both_told = {key: text for table in told.values() for key, text in table.items()}
    assert both_told == one(kubernetes, "ConfigMap", "argocd-notifications-cm")["data"]
    assert {key.partition(".")[0] + "s" for key in both_told} == set(told)
    assert set(argo["extraConfig"]) == {HEALTH}


def test_argo_cds_own_objects_are_said_no_more_of_than_needed() -> None:
    """Whatever else stands here would be taken from whoever set it up, or taken over."""
    for name in ("argocd-cm", "argocd-notifications-cm"):
        found = one(of(KUBERNETES), "ConfigMap", name)
        assert found["metadata"]["labels"] == {"app.kubernetes.io/part-of": "argocd"}
        assert all("slipway" in key or key in {HEALTH, "service.github"} for key in found["data"])
    assert not [each for each in of(OPENSHIFT) if each["metadata"]["name"].startswith("argocd-")]


def test_github_is_told_what_became_of_a_commit() -> None:
    told = one(of(KUBERNETES), "ConfigMap", "argocd-notifications-cm")["data"]
    (trigger,) = [yaml.safe_load(text) for key, text in told.items() if key == "trigger.slipway"]
    sent = [name for condition in trigger for name in condition["send"]]
    assert {f"template.{name}" for name in sent} == {key for key in told if key.startswith("template.")}
    states = {name: yaml.safe_load(told[f"template.{name}"])["github"]["status"] for name in sent}
    assert {name: status["state"] for name, status in states.items()} == {
        "slipway-synced": "success",
        "slipway-degraded": "failure",
        "slipway-failed": "error",
    }
    assert len({status["label"] for status in states.values()}) == 1  # so that the newest is what counts
    assert all("lastTransitionTime" in condition["oncePer"] for condition in trigger[:2])  # one that recovers is told
    subscription = {"notifications.argoproj.io/subscribe.slipway.github": ""}
    assert template()["metadata"]["annotations"].items() >= subscription.items()
    assert set(yaml.safe_load(told["service.github"]).values()) == {
        "$github-appID",
        "$github-installationID",
        "$github-privateKey",
    }


@pytest.mark.parametrize(("folder", "prefix"), [(OPENSHIFT, ""), (KUBERNETES, "../../")])
def test_options_add_and_change_nothing_else(tmp_path: Path, folder: str, prefix: str) -> None:
    options = f"components: [{prefix}components/seldon, {prefix}components/sync-windows]"
    copy = gitops_objects.changed(tmp_path, (f"{folder}/kustomization.yaml", "components: []", options))
    found, before = built(copy / folder), of(folder)
    project = one(found, "AppProject", "slipway")
    (window,) = project["spec"].pop("syncWindows")
    assert window["namespaces"] == ["models-production"]
    added = [each for each in found if each not in before]
    assert {(each["kind"], each["metadata"]["name"]) for each in added} == {
        ("AppProject", "slipway-seldon"),
        ("Application", "slipway-seldon"),
        ("ClusterRole", "slipway-seldon-install"),
        ("ClusterRoleBinding", "slipway-seldon-install"),
    }
    argo = one(before, "AppProject", "slipway")["metadata"]["namespace"]
    assert {each["metadata"].get("namespace", argo) for each in added} == {argo}
    source = one(found, "Application", "slipway-seldon")["spec"]["source"]
    assert source["repoURL"] in one(found, "AppProject", "slipway-seldon")["spec"]["sourceRepos"]
    assert re.fullmatch(r"1\.\d+\.\d+", source["targetRevision"])


def test_operators_come_from_a_channel_of_one_minor_version() -> None:
    found = [each["spec"] for each in of("bootstrap/overlays/operators") if each["kind"] == "Subscription"]
    assert {spec["name"] for spec in found} == {"openshift-gitops-operator", "openshift-pipelines-operator-rh"}
    assert all(re.fullmatch(r"(gitops|pipelines)-1\.\d+", spec["channel"]) for spec in found)
    assert {spec["installPlanApproval"] for spec in found} == {"Automatic"}
    brought = {"ArgoCD", "AppProject", "Application", "ApplicationSet", "NotificationsConfiguration"}
    assert not brought & {each["kind"] for each in of("bootstrap/overlays/operators")}  # their kinds are not there yet


def test_what_is_waited_for_is_of_a_kind_that_every_cluster_has() -> None:
    """Kubectl ends at once where it does not know the kind, as it does not know those that the operators bring."""
    texts = [(GITOPS / name).read_text() for name in ("README.md", "bootstrap/overlays/operators/kustomization.yaml")]
    waited = [re.findall(r"kubectl wait --for=create [^`\n]*?(\S+)/\S+", text) for text in texts]
    assert waited == [["deployment"], ["deployment"]]


@pytest.mark.parametrize("folder", [OPENSHIFT, KUBERNETES, *PLATFORMS, "bootstrap/overlays/operators"])
def test_no_secret_and_no_wildcard_is_among_what_is_installed(folder: str) -> None:
    found = of(folder)
    assert not [each for each in found if each["kind"] in {"Secret", "ClusterRole", "ClusterRoleBinding"}]
    assert not [text for text in texts(found) if text in {"*", "cluster-admin"}]
    assert not [text for text in texts(found) if re.search(r"ghp_|github_pat_|BEGIN [A-Z ]*PRIVATE KEY|AKIA", text)]


@pytest.mark.parametrize("folder", [OPENSHIFT, KUBERNETES, *PLATFORMS, "bootstrap/overlays/operators"])
def test_kubernetes_own_kinds_have_no_unknown_field(folder: str) -> None:
    found = [each for each in of(folder) if each["apiVersion"] in {*CORE, "batch/v1"}]
    assert found
    assert [codecs.from_dict(each).to_dict() for each in found] == found


@both
def test_argo_cds_kinds_match_their_schemas(folder: str) -> None:
    crds = os.environ.get(CRDS)
    schemas = read_schemas(Path(crds)) if crds else {}
    if ("argoproj.io/v1alpha1", "AppProject") not in schemas:
        pytest.skip(f"{CRDS} names no folder with Argo CD's CustomResourceDefinitions")
    faults = [
        f"{each['kind']} {each['metadata']['name']} {error.json_path}: {error.message}"
        for each in of(folder)
        if (schema := schemas.get((each["apiVersion"], each["kind"])))
        for error in jsonschema.Draft202012Validator(schema).iter_errors(each)
    ]
    assert not faults
