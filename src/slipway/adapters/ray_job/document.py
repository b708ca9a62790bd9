"""The RayJob of one search: a template of the platform's, with what only slipway knows filled in."""

from __future__ import annotations

import copy
import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from slipway.errors import InputError
from slipway.training.faults import Fault

type Json = dict[str, Any]

API, KIND = "ray.io/v1", "RayJob"
QUEUE = "kueue.x-k8s.io/queue-name"
MANAGED = {"app.kubernetes.io/managed-by": "slipway"}
RUN, KEY = "slipway.dev/run", "slipway.dev/key"
"""Annotations: who submitted it, and what is searched."""
MODE = "K8sJobMode"
SUBMITTER = "ray-job-submitter"
"""The container that KubeRay tells of the job, and whose log is the job's."""
_DEADLINE = 6 * 3600
_KEPT = 120
_CODE = "src"
_READABLE, _DIGEST = 24, 12
"""Of a name: KubeRay takes 47 characters."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The pod that submits. What it owns is deleted with it, however it ended."""

    name: str
    uid: str
    namespace: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self | None:
        """As the downward API tells it, in `SLIPWAY_POD_NAME`, `SLIPWAY_POD_UID` and `SLIPWAY_POD_NAMESPACE`."""
        name, uid, namespace = (environ.get(f"SLIPWAY_POD_{part}", "") for part in ("NAME", "UID", "NAMESPACE"))
        return cls(name=name, uid=uid, namespace=namespace) if name and uid and namespace else None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one search adds to the template."""

    model: str
    key: str
    run: str
    """Anything that no other submission is called."""
    source: str
    """Where the zip with the repository's files is."""
    store: str
    trials: int | None = None
    image: str | None = None
    queue: str | None = None
    owner: Owner | None = None

    @property
    def name(self) -> str:
        """The same for the same search, so that a second run finds the first one's RayJob.

        The store is a part of the search: what another one's finds, lies where nobody here looks for it.
        """
        digest = hashlib.sha256(f"{self.store}/{self.model}/{self.key}".encode()).hexdigest()[:_DIGEST]
        return f"tune-{self.model[:_READABLE].rstrip('-')}-{digest}"

    @property
    def entrypoint(self) -> str:
        """The command, with the code that travelled: a shell runs it in the folder that Ray unpacked.

        By its own name, not as a module of `python`: Red Hat's images put another Python first on a shell's PATH.
        """
        trials = ["--trials", str(self.trials)] if self.trials else []
        return shlex.join(["env", f"PYTHONPATH={_CODE}", "slipway", "tune", *trials, "--", self.model])


def read(file: Path) -> Json:
    """The template; `InputError` with all that is wrong with it."""
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", hint="Name a template: --ray-job FILE.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(Fault(file=str(file), what=f"this is no YAML: {error}")) from None
    faults = [Fault(file=str(file), what=what, hint=hint) for what, hint in _faults(documents)]
    if faults:
        raise InputError(faults)
    (template,) = documents
    return dict(template)


def _faults(documents: list[Any]) -> list[tuple[str, str]]:
    """What keeps a file from being a template, each with what to do."""
    if len(documents) != 1 or not isinstance(documents[0], dict):
        return [("a template is one document", "tekton/ray/rayjob.yaml is an example.")]
    template: Json = documents[0]
    if (template.get("apiVersion"), template.get("kind")) != (API, KIND):
        return [(f"a template is a {KIND} of {API}", "tekton/ray/rayjob.yaml is an example.")]
    spec = template.get("spec")
    if not isinstance(spec, dict):
        return [("it has no spec", "tekton/ray/rayjob.yaml is an example.")]
    found = []
    if "clusterSelector" in spec:
        found.append(("clusterSelector names a cluster that is there already", "Name that one in RAY_ADDRESS instead."))
    elif not all(_containers(pod) for pod in _ray_pods(spec)) or not _ray_pods(spec):
        found.append(("rayClusterSpec has a group of pods without a container", "Each needs one that runs Ray."))
    if spec.get("submissionMode", MODE) != MODE:
        found.append((f"submissionMode is not {MODE}", "The log is read of the pod that only this mode has."))
    if not isinstance(_mapping(spec.get("runtimeEnvYAML")), dict):
        found.append(("runtimeEnvYAML is no mapping", "Leave it out: slipway fills it in."))
    return found


def build(template: Mapping[str, Any], wish: Wish, *, namespace: str) -> Json:
    """The document to submit into its own namespace, or else this one.

    It ends by itself, whatever becomes of who submitted it: within its deadline, its pods soon after their work, and,
    where the submitter's pod lies in the same namespace, together with that.
    """
    document: Json = copy.deepcopy(dict(template))
    metadata = document.setdefault("metadata", {})
    metadata["name"] = wish.name
    metadata.setdefault("namespace", namespace)
    metadata["labels"] = {**metadata.get("labels", {}), **MANAGED, **({QUEUE: wish.queue} if wish.queue else {})}
    metadata["annotations"] = {**metadata.get("annotations", {}), RUN: wish.run, KEY: wish.key}
    if wish.owner and wish.owner.namespace == metadata["namespace"]:  # across namespaces it would be deleted at once
        metadata["ownerReferences"] = [_reference(wish.owner)]
    spec = document["spec"]
    spec["entrypoint"] = wish.entrypoint
    spec["runtimeEnvYAML"] = yaml.safe_dump(_runtime(spec, wish), sort_keys=True)
    spec["submissionMode"] = MODE
    spec["shutdownAfterJobFinishes"] = True
    spec.setdefault("ttlSecondsAfterFinished", _KEPT)
    spec.setdefault("activeDeadlineSeconds", _DEADLINE)
    spec.setdefault("backoffLimit", 0)
    if wish.image:
        for pod in [*_ray_pods(spec), spec.get("submitterPodTemplate", {})]:
            for container in _containers(pod)[:1]:
                container["image"] = wish.image
    return document


def _runtime(spec: Json, wish: Wish) -> Json:
    """Where the files are. A dollar sign would not survive: KubeRay passes this through a shell."""
    given = _mapping(spec.get("runtimeEnvYAML"))
    env_vars = {**given.get("env_vars", {}), "SLIPWAY_STORE": wish.store}
    return {**given, "working_dir": wish.source, "env_vars": env_vars}


def _reference(owner: Owner) -> Json:
    """Without `blockOwnerDeletion`, which OpenShift grants to few."""
    return {"apiVersion": "v1", "kind": "Pod", "name": owner.name, "uid": owner.uid}


def _ray_pods(spec: Json) -> list[Json]:
    """The pod templates of the head and of each group of workers."""
    cluster = spec.get("rayClusterSpec")
    if not isinstance(cluster, dict):
        return []
    groups = [cluster.get("headGroupSpec"), *(cluster.get("workerGroupSpecs") or [])]
    return [group.get("template") or {} if isinstance(group, dict) else {} for group in groups]


def _containers(pod: Json) -> list[Json]:
    """A pod template's containers; Ray's comes first."""
    spec = pod.get("spec")
    found = spec.get("containers") if isinstance(spec, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _mapping(text: object) -> Any:  # noqa: ANN401  whatever the YAML says
    try:
        return yaml.safe_load(text) or {} if isinstance(text, str) else text or {}
    except yaml.YAMLError:
        return None
