"""The manifests of `tekton/`, as they go into a namespace of the run's own on a small cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.e2e.kubectl import Document

_KINDS = ("ConfigMap", "NetworkPolicy", "Pipeline", "Role", "RoleBinding", "ServiceAccount", "Task")
"""What the pipelines need. Triggers are read here instead, and nothing of the whole cluster's is touched."""
_RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What `kubectl kustomize tekton` says."""

    documents: Sequence[Document]

    def named(self, kind: str, name: str) -> Document:
        found = [one for one in self.documents if one["kind"] == kind and one["metadata"]["name"] == name]
        return found[0]

    def fitted(self, namespace: str, tools: str, images: str | None, settings: Mapping[str, str]) -> list[Document]:
        """For this namespace, with these images; without one that builds images, a release is a folder."""

        def task(document: Document) -> Document:
            steps = [_step(step, tools, images) for step in document["spec"]["steps"]]
            return document | {"spec": document["spec"] | {"steps": steps}}

        change: dict[str, Callable[[Document], Document]] = {
            "Task": task,
            "ConfigMap": lambda document: document | {"data": document["data"] | settings},
            "RoleBinding": lambda document: document | {"subjects": [_of(s, namespace) for s in document["subjects"]]},
        }
        chosen = (document for document in self.documents if document["kind"] in _KINDS)
        return [_of(change.get(document["kind"], dict)(document), namespace) for document in chosen]

    def run(self, template: str, name: str, params: Mapping[str, str]) -> Document:
        """The PipelineRun that an event would make, by the TriggerTemplate."""
        (made,) = self.named("TriggerTemplate", template)["spec"]["resourcetemplates"]
        filled = _filled(made, params)
        return filled | {"metadata": filled["metadata"] | {"name": name}}


def without_images(run: Document) -> Document:
    """For runs that build no image: the tasks that would are as restricted as all others."""
    spec = run["spec"]
    usual = [{name: one[name] for name in one if name != "podTemplate"} for one in spec["taskRunSpecs"]]
    return run | {"spec": spec | {"taskRunSpecs": usual}}


def as_user(run: Document, uid: int) -> Document:
    """As OpenShift does with pods that name no user: one that no image knows, whose group the volume has."""
    spec = run["spec"]
    template = spec["taskRunTemplate"]
    pod = template["podTemplate"]
    chosen = pod | {"securityContext": pod["securityContext"] | {"runAsUser": uid, "fsGroup": uid}}
    return run | {"spec": spec | {"taskRunTemplate": template | {"podTemplate": chosen}}}


def _step(step: Document, tools: str, images: str | None) -> Document:
    """With this run's images, and asking the cluster for little: it is a trial, on one model."""
    resources = step.get("computeResources", {})
    small = {"computeResources": resources | {"requests": {"cpu": "100m", "memory": "256Mi"}}}
    if "slipway-images" not in step["image"]:
        return step | small | {"image": tools}
    return step | small | {"image": images or tools} | ({} if images else {"securityContext": _RESTRICTED})


def _of(document: Document, namespace: str) -> Document:
    if "metadata" in document:
        return document | {"metadata": document["metadata"] | {"namespace": namespace}}
    return document | {"namespace": namespace}


def _filled(value: Any, params: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {name: _filled(one, params) for name, one in value.items()}
        case list():
            return [_filled(one, params) for one in value]
        case str():
            return re.sub(r"\$\(tt\.params\.([\w-]+)\)", lambda found: params[found[1]], value)
        case _:
            return value
