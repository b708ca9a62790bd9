"""Every object of Tekton's has fields that Tekton knows: as it is written, and as kustomize sends it."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.manifests.tekton_objects import TEKTON, Object, objects, read
from tests.manifests.tekton_schema import check, is_tektons
from tests.manifests.test_tekton_install import built

WRITTEN = [
    (f"{path.relative_to(TEKTON)}: {document['kind']}", document)
    for path in sorted(TEKTON.rglob("*.yaml"))
    for document in read(path)
    if isinstance(document, dict) and is_tektons(document)
]
COMPONENTS = ("", "kubernetes", "user-namespaces", "ray/search", "kubernetes, user-namespaces, ray/search")
SAMPLES = {
    "task": objects("tasks")["tune"],
    "pipeline": objects("pipelines")["pull-request"],
    "template": objects("triggers")["run-pull-request"],
    "binding": objects("triggers")["store-kept"],
    "listener": objects("triggers")["listener"],
    "run": objects("pipelines-as-code")["release"],
}
FAULTS: list[tuple[str, str, Any]] = [
    ("task", "spec/steps/0/resources", {"limits": {"cpu": "1"}}),  # of v1beta1
    ("task", "spec/steps/0/workingdir", "/work"),
    ("task", "spec/steps/0/timeout", "3 hours"),
    ("task", "spec/steps/0/env/0/valuefrom", {"fieldRef": {"fieldPath": "metadata.name"}}),
    ("task", "spec/steps/0/env/0/value", 1),
    ("task", "spec/steps/0/envFrom/0/secretRef", {"name": "one-too-many"}),
    ("task", "spec/steps/0/securityContext/readOnlyRootFileSystem", True),
    ("task", "spec/steps/0/securityContext/runAsUser", "0"),
    ("task", "spec/params/0/desription", "A typo."),
    ("task", "spec/params/0/type", "text"),
    ("task", "spec/volumes/0/emptydir", {}),
    ("task", "spec/volumes/0/secret", {"secretName": "one-too-many"}),
    ("task", "apiVersion", "tekton.dev/v1beta1"),
    ("pipeline", "spec/tasks/0/runafter", ["plan"]),
    ("pipeline", "spec/tasks/0/onError", "ignore"),
    ("pipeline", "spec/tasks/0/onError", "continue"),  # beside its retries
    ("pipeline", "spec/tasks/0/retries", "2"),
    ("pipeline", "spec/tasks/0/when", [{"input": "x", "operator": "equals", "values": ["x"]}]),
    ("pipeline", "spec/tasks/0/taskRef/bundle", "x"),
    ("pipeline", "spec/tasks/0/workspaces/0/subpath", "source"),
    ("pipeline", "spec/finally/0/runAfter", ["gate"]),
    ("pipeline", "spec/matrix", {}),
    ("template", "spec/resourceTemplates", []),
    ("template", "spec/resourcetemplates/0/spec/serviceAccountName", "slipway-trusted"),  # of v1beta1
    ("template", "spec/resourcetemplates/0/spec/taskRunSpecs/0/taskServiceAccountName", "slipway-trusted"),  # the same
    ("template", "spec/resourcetemplates/0/spec/taskRunTemplate/podTemplate/automountServiceAccountToken", "false"),
    ("template", "spec/resourcetemplates/0/spec/timeouts/tasks", "5h30"),
    ("binding", "spec/params/0/default", "x"),
    ("binding", "spec/params/0/value", 7),
    ("listener", "spec/triggers/0/interceptors/0/github", {"eventTypes": ["push"]}),  # of v1alpha1
    ("listener", "spec/triggers/0/interceptors/0/params/1/value", ["pull_requests"]),
    ("listener", "spec/triggers/0/template/name", "slipway-pull-request"),
    ("listener", "spec/podTemplate", {}),
    ("run", "spec/pipelineRef/name", "slipway-release"),  # beside a resolver
    ("run", "metadata/name", "beside-generateName"),
]


def test_something_of_each_kind_is_there() -> None:
    kinds = {document["kind"] for _, document in WRITTEN}
    assert kinds == {"Task", "Pipeline", "PipelineRun", "TriggerTemplate", "TriggerBinding", "EventListener"}


@pytest.mark.parametrize("document", [one for _, one in WRITTEN], ids=[name for name, _ in WRITTEN])
def test_a_file_has_fields_that_tekton_knows(document: Object) -> None:
    check(document)


@pytest.mark.parametrize("components", COMPONENTS)
def test_what_is_sent_has_fields_that_tekton_knows(components: str, tmp_path: Path) -> None:
    shutil.copytree(TEKTON, tmp_path / "tekton")
    file = tmp_path / "tekton/kustomization.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("components: []", f"components: [{components}]"), encoding="utf-8")
    found = [one for one in built(tmp_path / "tekton") if is_tektons(one)]
    assert len(found) >= len([one for _, one in WRITTEN if one["kind"] != "PipelineRun"]) - 1  # that of the component
    for one in found:
        check(one)


@pytest.mark.parametrize(("sample", "place", "value"), FAULTS, ids=[f"{one[0]} {one[1]}" for one in FAULTS])
def test_what_tekton_does_not_know_is_refused(sample: str, place: str, value: Any) -> None:
    document = copy.deepcopy(SAMPLES[sample])
    *path, last = place.split("/")
    inner: Any = document
    for key in path:
        inner = inner[int(key)] if key.isdigit() else inner[key]
    inner[last] = value
    with pytest.raises(ValidationError):
        check(document)
