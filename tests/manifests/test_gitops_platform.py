"""What models run in, and what settles and watches them: closed but for what is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.manifests.commands import Command, of_tekton
from tests.manifests.gitops_objects import GITOPS, PLATFORMS, changed, of, one, pods
from tests.manifests.tekton_objects import Object, objects, secrets
from tests.manifests.test_tekton_install import built, of_kind

from slipway.settings import Settings

OPENSHIFT, KUBERNETES = PLATFORMS
MODELS = "models-production"
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
COMMANDS = {"settle": ["ci checkout", "settle"], "watch": ["ci checkout", "watch"]}

each_platform = pytest.mark.parametrize("platform", PLATFORMS)
each_job = pytest.mark.parametrize("name", COMMANDS)


def job(name: str, platform: str = OPENSHIFT) -> Object:
    return one(of(platform), "CronJob", f"slipway-{name}")["spec"]


def pod(name: str, platform: str = OPENSHIFT) -> Object:
    return dict(pods(of(platform)))[f"slipway-{name}"]["spec"]


def containers(name: str, platform: str = OPENSHIFT) -> list[Object]:
    spec = pod(name, platform)
    return [*spec["initContainers"], *spec["containers"]]


def commands(name: str) -> list[Command]:
    return list(of_tekton(GITOPS / "platform" / "automation" / f"{name}.yaml"))


def of_models(kind: str, name: str) -> Object:
    found = one(of(OPENSHIFT), kind, name)
    assert found["metadata"]["namespace"] == MODELS
    return found["spec"]


@each_job
def test_each_runs_main_as_it_is_by_a_command_of_the_command_line(name: str) -> None:
    assert sorted(command.parse()[0] for command in commands(name)) == sorted(COMMANDS[name])
    checkout, runs = containers(name)
    assert checkout["args"][-1] == runs["workingDir"]
    assert all(container["command"] == ["slipway"] for container in (checkout, runs))


@each_job
def test_no_address_can_become_an_option(name: str) -> None:
    args = containers(name)[0]["args"]
    assert not [arg for arg in args[: args.index("--")] if "$(" in arg.partition("=")[0]]


@each_job
def test_every_variable_of_a_command_is_said_somewhere(name: str) -> None:
    said = {key for each in of_kind(of(OPENSHIFT), "ConfigMap") for key in each["data"]}
    used = set(re.findall(r"\$\((\w+)\)", str([container["args"] for container in containers(name)])))
    assert used == {"GIT_URL", "GIT_BRANCH"}
    assert used <= said


@each_platform
@each_job
def test_each_is_bounded_and_alone(name: str, platform: str) -> None:
    spec = job(name, platform)
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (
        10 < spec["startingDeadlineSeconds"] <= 3600
    )  # without one, a hundred missed starts are the end of all starts
    assert spec["jobTemplate"]["spec"].items() >= {"backoffLimit": 0}.items()
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 3600
    assert {spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]} == {1, 3}
    for container in containers(name, platform):
        assert {"cpu", "memory"} == set(container["resources"]["limits"]) == set(container["resources"]["requests"])
    assert all("sizeLimit" in each["emptyDir"] for each in pod(name, platform)["volumes"] if "emptyDir" in each)


def test_settling_is_looked_at_each_minute_and_watching_each_hour() -> None:
    assert job("settle")["schedule"] == "* * * * *"
    assert re.fullmatch(r"[1-5]\d \* \* \* \*", job("watch")["schedule"])  # not at the full hour, as everything else is


@each_platform
@each_job
def test_each_runs_restricted_and_as_any_user(name: str, platform: str) -> None:
    assert pod(name, platform)["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in containers(name, platform):
        assert container["securityContext"] == RESTRICTED
        assert {"name": "HOME", "value": "/tmp"} in container["env"]  # noqa: S108  the container's own volume
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108
        assert re.fullmatch(r"[a-z0-9./-]+@sha256:[0-9a-f]{64}", container["image"])
    hosts = {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}
    assert not hosts & set(pod(name, platform))
    assert not [volume for volume in pod(name, platform)["volumes"] if "hostPath" in volume]


@each_platform
@each_job
def test_each_has_the_rights_of_a_release_and_no_more(name: str, platform: str) -> None:
    release = secrets(objects("tasks")["release"])
    named = {
        source["secretRef"]["name"]
        for container in containers(name, platform)
        for source in container["envFrom"]
        if "secretRef" in source
    }
    mounted = {volume["secret"]["secretName"] for volume in pod(name, platform)["volumes"] if "secret" in volume}
    assert named | mounted == release
    assert [source["secretRef"]["name"] for source in containers(name)[0]["envFrom"] if "secretRef" in source] == [
        "slipway-git"
    ]


@each_platform
def test_no_account_has_a_token_of_itself(platform: str) -> None:
    accounts = of_kind(of(platform), "ServiceAccount")
    assert {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in accounts} == {
        (MODELS, "default"),
        ("slipway", "slipway-automation"),
    }
    assert all(each["automountServiceAccountToken"] is False for each in accounts)
    assert all(pod(name, platform)["automountServiceAccountToken"] is False for name in COMMANDS)


@each_job
def test_on_openshift_alone_there_is_a_token_to_ask_prometheus_with(name: str) -> None:
    def projected(platform: str) -> list[list[Object]]:
        return [each["projected"]["sources"] for each in pod(name, platform)["volumes"] if "projected" in each]

    assert projected(KUBERNETES) == []
    ((token, authority),) = projected(OPENSHIFT)
    settings = one(of(OPENSHIFT), "ConfigMap", "slipway-automation")["data"]
    (mount,) = [each["mountPath"] for each in containers(name)[1]["volumeMounts"] if each["name"] == "prometheus"]
    assert settings["SLIPWAY_PROMETHEUS_TOKEN_FILE"] == f"{mount}/{token['serviceAccountToken']['path']}"
    assert settings["SLIPWAY_PROMETHEUS_CA_FILE"] == f"{mount}/{authority['configMap']['items'][0]['path']}"
    assert "prometheus" not in {each["name"] for each in containers(name)[0]["volumeMounts"]}
    binding = one(of("bootstrap"), "RoleBinding", "slipway-automation-metrics")
    assert binding["roleRef"]["kind"] == "Role"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "slipway-automation", "namespace": "slipway"}]


@each_platform
def test_what_it_is_told_is_what_the_settings_read(tmp_path: Path, platform: str) -> None:
    said = one(of(platform), "ConfigMap", "slipway-automation")["data"]
    settings = Settings.from_environ(said, repo=tmp_path)
    files = [str(file) for file in (settings.prometheus_token, settings.prometheus_ca) if file]
    assert len(files) == (2 if platform == OPENSHIFT else 0)
    assert {settings.prometheus, *files} == set(said.values())


@each_platform
def test_namespaces_are_not_lost_unasked_and_are_there_first(platform: str) -> None:
    for each in of_kind(of(platform), "Namespace"):
        assert each["metadata"]["annotations"] == {
            "argocd.argoproj.io/sync-wave": "-1",
            "argocd.argoproj.io/sync-options": "Prune=confirm,Delete=confirm",
        }
        assert each["metadata"]["labels"]["argocd.argoproj.io/managed-by"] == "openshift-gitops"


@each_platform
def test_models_are_restricted(platform: str) -> None:
    labels = one(of(platform), "Namespace", MODELS)["metadata"]["labels"]
    assert {key.rpartition("/")[2]: value for key, value in labels.items() if "pod-security" in key} == {
        "enforce": "restricted",
        "enforce-version": "latest",
        "warn": "restricted",
        "audit": "restricted",
    }
    slipway = one(of(platform), "Namespace", "slipway")["metadata"]["labels"]
    assert slipway["pod-security.kubernetes.io/enforce"] == "baseline"


def peers(rules: list[Object], side: str) -> Iterator[str]:
    """Whom rules name, by namespaces."""
    for rule in rules:
        for peer in rule[side]:
            selector = peer["namespaceSelector"]
            yield from (f"{key}={value}" for key, value in selector.get("matchLabels", {}).items())
            yield from (name for each in selector.get("matchExpressions", []) for name in each["values"])


def test_models_reach_names_and_nothing_else() -> None:
    policies = of_kind(of(OPENSHIFT), "NetworkPolicy")
    assert of_models("NetworkPolicy", "closed") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    out = [
        rule for each in policies if each["metadata"]["namespace"] == MODELS for rule in each["spec"].get("egress", [])
    ]
    assert set(peers(out, "to")) == {"kube-system", "openshift-dns"}
    assert {port["port"] for rule in out for port in rule["ports"]} == {53, 5353}


def test_models_are_asked_through_the_router_by_who_is_let_in_and_by_what_settles() -> None:
    (rule,) = of_models("NetworkPolicy", "requests")["ingress"]
    assert all(peer["namespaceSelector"] for peer in rule["from"])  # an empty one is everybody
    found = set(peers([rule], "from"))
    assert {"slipway.dev/models=allowed", "kubernetes.io/metadata.name=slipway", "openshift-ingress"} <= found
    assert not {"default", "kube-system", "openshift-monitoring"} & found
    (own,) = [peer for peer in rule["from"] if "podSelector" in peer]
    for name in COMMANDS:
        labels = dict(pods(of(OPENSHIFT)))[f"slipway-{name}"]["metadata"]["labels"]
        assert labels.items() >= own["podSelector"]["matchLabels"].items()
    assert 9000 in {port["port"] for port in rule["ports"]}


def test_metrics_are_read_by_monitoring_alone() -> None:
    (rule,) = of_models("NetworkPolicy", "metrics")["ingress"]
    assert set(peers([rule], "from")) == {"openshift-user-workload-monitoring", "openshift-monitoring", "monitoring"}
    assert {6000, 9000} <= {port["port"] for port in rule["ports"]}


def test_nobody_asks_what_settles_and_watches() -> None:
    policy = one(of(OPENSHIFT), "NetworkPolicy", "slipway-automation")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    assert "ingress" not in policy
    for _, found in pods(of(OPENSHIFT)):
        assert found["metadata"]["labels"].items() >= policy["podSelector"]["matchLabels"].items()


def test_models_are_bounded() -> None:
    (limits,) = of_models("LimitRange", "models")["limits"]
    quota = of_models("ResourceQuota", "models")["hard"]
    asked = {key for key in quota if key.startswith(("requests.", "limits."))}
    given = {f"limits.{key}" for key in limits["default"]} | {f"requests.{key}" for key in limits["defaultRequest"]}
    assert asked <= given  # else a pod that says nothing would be refused
    assert quota["services.nodeports"] == quota["services.loadbalancers"] == "0"


def test_another_environment_is_one_line(tmp_path: Path) -> None:
    copy = changed(tmp_path, ("platform/environments/kustomization.yaml", "  # - staging", "  - staging"))
    found, before = built(copy / OPENSHIFT), of(OPENSHIFT)
    added = [each for each in found if each not in before]
    named = {each["metadata"].get("namespace", each["metadata"]["name"]) for each in added}
    assert named == {"models-staging"}
    assert all(each in found for each in before)
    production = [each for each in before if each["metadata"].get("namespace") == MODELS]
    assert len(added) == len(production) + 1  # and its namespace
    assert {each["metadata"]["labels"]["slipway.dev/environment"] for each in added} == {"staging"}


def test_image_builds_elsewhere_than_on_openshift_are_asked_for(tmp_path: Path) -> None:
    before, after = "components: []", "components: [../../components/image-builds]"
    copy = changed(tmp_path, (f"{KUBERNETES}/kustomization.yaml", before, after))
    found = built(copy / KUBERNETES)
    namespace = one(found, "Namespace", "slipway")["metadata"]["labels"]
    assert namespace.pop("pod-security.kubernetes.io/enforce") == "privileged"
    namespace["pod-security.kubernetes.io/enforce"] = "baseline"
    assert found == of(KUBERNETES)
