"""What `gitops/` holds, as the tests of it look at it: built by kustomize, as kubectl and Argo CD do."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.manifests.tekton_objects import ROOT, Object
from tests.manifests.test_tekton_install import built

GITOPS = ROOT / "gitops"
OPENSHIFT, KUBERNETES = "bootstrap", "bootstrap/overlays/kubernetes"
PLATFORMS = ("platform/overlays/openshift", "platform/overlays/kubernetes")
KUSTOMIZED = sorted(path.parent for path in GITOPS.rglob("kustomization.yaml"))


@cache
def of(folder: str) -> list[Object]:
    """What a folder of `gitops/` comes to; read only, since others get the same."""
    return built(GITOPS / folder)


def changed(place: Path, *edits: tuple[str, str, str]) -> Path:
    """A copy of `gitops/` after edits: of a file, what stands there, and what is to."""
    shutil.copytree(GITOPS, place / "gitops", ignore=shutil.ignore_patterns("models-*"))
    for name, before, after in edits:
        file = place / "gitops" / name
        text = file.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} in {name}"
        file.write_text(text.replace(before, after), encoding="utf-8")
    return place / "gitops"


def one(objects: Sequence[Object], kind: str, name: str) -> Object:
    """The object of a kind and a name."""
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def group_kind(found: Object) -> tuple[str, str]:
    """The API group, empty for the core's, and the kind."""
    group, _, _ = found["apiVersion"].rpartition("/")
    return group, found["kind"]


def expanded(documents: Sequence[Object]) -> Iterator[Object]:
    """Each object, those of a List apart, as Argo CD reads it."""
    for document in documents:
        yield from expanded(document["items"]) if document["kind"] == "List" else [document]


def refused(project: Object, found: Object, namespace: str, cluster: Sequence[str] = ("Namespace",)) -> str:
    """Why a project does not let an object be made, or nothing: as Argo CD judges it, for the lists that ours have.

    https://argo-cd.readthedocs.io/en/stable/user-guide/projects/: what is listed is allowed, by group, kind and name.
    """
    spec = project["spec"]
    group, kind = group_kind(found)
    if kind in cluster:
        listed = spec["clusterResourceWhitelist"]
        allowed = any(
            (item["group"], item["kind"]) == (group, kind)
            and fnmatch.fnmatchcase(found["metadata"]["name"], item.get("name", "*"))
            for item in listed
        )
        return "" if allowed else f"the cluster's {group}/{kind} {found['metadata']['name']}"
    if not any((item["group"], item["kind"]) == (group, kind) for item in spec["namespaceResourceWhitelist"]):
        return f"the kind {group}/{kind}"
    place = found["metadata"].get("namespace", namespace)
    if not any(fnmatch.fnmatchcase(place, item["namespace"]) for item in spec["destinations"]):
        return f"the namespace {place}"
    return ""


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Any]]:
    """The pods that CronJobs start, by the name of each."""
    for each in objects:
        if each["kind"] == "CronJob":
            yield each["metadata"]["name"], each["spec"]["jobTemplate"]["spec"]["template"]
