"""The Kubernetes API, as far as a RayJob needs it: five calls, each safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from slipway.adapters.ray_job.document import API, KIND, MANAGED, Json
from slipway.adapters.signals import Pause
from slipway.errors import InputError, OutsideError

if TYPE_CHECKING:
    from lightkube import Client

_NOT_THERE, _TAKEN, _REFUSED, _TOO_MANY, _BROKEN = 404, 409, {400, 422}, 429, 500
_FORBIDDEN = {401, 403}
_FULL = ("exceeded quota: ", "status unknown for quota: ")
"""What the quota's admission says of a count that is used up, or not taken yet."""
_PATIENCE = 300.0
"""Seconds without an answer: a control plane that is brought up to date is away for minutes."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
_ROLE = "Bind the role of tekton/ray/ to the service account, in the namespace that the template names."


class FullError(OutsideError):
    """A quota has no room for another RayJob now."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster's RayJobs, their pods and logs. What fails in passing is asked again, for some minutes."""

    client: Client = field(repr=False)
    pause: Pause = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)
    patience: float = _PATIENCE

    @classmethod
    def connect(cls, pause: Pause) -> Self:
        """As a pod of the cluster, or by the kubeconfig; `OutsideError` where there is neither.

        The pod's token is read again whenever it is refused, for the kubelet puts a new one there each hour.
        """
        from lightkube import Client
        from lightkube.core.exceptions import ConfigError

        try:
            return cls(client=Client(), pause=pause)
        except (ConfigError, OSError, KeyError, ValueError) as error:
            raise OutsideError(
                f"no Kubernetes cluster is configured: {error}",
                hint="A RayJob needs one: a pod's service account, or the file that KUBECONFIG names.",
            ) from None

    def close(self) -> None:
        """Close its connections."""
        self.client.close()

    @property
    def namespace(self) -> str:
        """The one that the client is in."""
        return str(self.client.namespace or "default")

    def create(self, document: Json) -> bool:
        """Submit a RayJob; False if there is one of this name. `FullError` where a quota allows no more of them now.

        The quota is asked first: it refuses one of a name that is taken, too.
        """
        try:
            self._ask("create", lambda: self.client.create(_resource()(document)), document["metadata"]["namespace"])
        except _StatusError as error:
            if error.code == _TAKEN:
                return False
            raise _said(error) from None
        return True

    def get(self, name: str, namespace: str) -> Json | None:
        """A RayJob as it is now; None if there is none of this name."""
        try:
            found = self._ask("get", lambda: self.client.get(_resource(), name, namespace=namespace), namespace)
        except _StatusError as error:
            if error.code == _NOT_THERE:
                return None
            raise _said(error) from None
        return _plain(found)

    def managed(self, namespace: str) -> list[Json]:
        """The RayJobs that slipway submitted."""
        labels: dict[str, Any] = dict(MANAGED)
        return self._list(_resource(), labels, namespace)

    def pods(self, labels: dict[str, str], namespace: str) -> list[Json]:
        """The pods with these labels."""
        from lightkube.resources.core_v1 import Pod

        return self._list(Pod, labels, namespace)

    def log(self, pod: str, container: str, seconds: int | None, namespace: str) -> list[str]:
        """What a container said in the last seconds, each line behind its time; nothing if it has not started."""

        def ask() -> list[str]:
            lines = self.client.log(
                pod, container=container, since=seconds, timestamps=True, newlines=False, namespace=namespace
            )
            return list(lines)

        try:
            return list(self._ask("get the log of", ask, namespace))
        except _StatusError as error:
            if error.code == _NOT_THERE or error.code in _REFUSED:
                return []
            raise _said(error) from None

    def delete(self, name: str, namespace: str) -> None:
        """Delete a RayJob with all that it made, if it is there."""
        from lightkube.types import CascadeType

        def ask() -> None:
            self.client.delete(_resource(), name, namespace=namespace, cascade=CascadeType.BACKGROUND)

        try:
            self._ask("delete", ask, namespace)
        except _StatusError as error:
            if error.code != _NOT_THERE:
                raise _said(error) from None

    def _list(self, resource: Any, labels: dict[str, Any], namespace: str) -> list[Json]:  # noqa: ANN401  any kind
        try:
            found = self._ask(
                "list", lambda: list(self.client.list(resource, namespace=namespace, labels=labels)), namespace
            )
        except _StatusError as error:
            raise _said(error) from None
        return [_plain(one) for one in found]

    def _ask(self, verb: str, ask: Callable[[], Any], namespace: str) -> Any:  # noqa: ANN401  what the call returns
        """Ask until there is an answer, for as long as it may take."""
        from httpx2 import HTTPError

        passing = (HTTPError, KeyError)  # lightkube looks up the type of a refusal's content, which proxies leave out
        began, pause = self.clock(), _FIRST_PAUSE
        while True:
            try:
                return ask()
            except passing as error:
                if _is_final(error):
                    raise _StatusError(verb, namespace, error) from None
                if self.clock() - began > self.patience:
                    raise OutsideError(
                        f"the Kubernetes API has not answered for {self.patience:.0f} s: {_of(error)}",
                        hint="Run the command again: it finds the RayJob that is under way.",
                    ) from None
            self.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


class _StatusError(Exception):
    """An answer that no repeating would change."""

    def __init__(self, verb: str, namespace: str, error: Exception) -> None:
        self.verb, self.namespace = verb, namespace
        self.code = _code(error)
        self.text = _of(error)
        status = getattr(error, "status", None)
        self.about = getattr(getattr(status, "details", None), "kind", None) or ""
        super().__init__(self.text)


def _said(error: _StatusError) -> OutsideError | InputError:
    """The error for people."""
    for sign in _FULL:
        if error.code in _FORBIDDEN and sign in error.text:
            return FullError(sign + error.text.partition(sign)[2], hint="kubectl describe quota says who uses it up.")
    if error.code in _FORBIDDEN:
        return OutsideError(f"Kubernetes refuses to {error.verb} what the search needs: {error.text}", hint=_ROLE)
    if error.code == _NOT_THERE and error.about == "namespaces":
        return OutsideError(f"Kubernetes has no namespace {error.namespace}", hint="kubectl apply -k tekton/ray")
    if error.code == _NOT_THERE:
        return OutsideError(
            f"this cluster knows no {KIND} of {API}: KubeRay is not installed",
            hint="Install KubeRay's operator (on OpenShift it is a part of OpenShift AI), or search without --ray-job.",
        )
    if error.code in _REFUSED:
        return InputError(f"Kubernetes refuses the RayJob: {error.text}", hint="Look at the file that --ray-job names.")
    return OutsideError(f"Kubernetes cannot {error.verb} what the search needs: {error.text}")


def _is_final(error: Exception) -> bool:
    code = _code(error)
    return 0 < code < _BROKEN and code != _TOO_MANY


def _code(error: Exception) -> int:
    """The status of an answer; 0 where there was none."""
    response = getattr(error, "response", None)
    return int(response.status_code) if response is not None else 0


def _of(error: Exception) -> str:
    return str(error) or type(error).__name__


def _resource() -> Any:  # noqa: ANN401  lightkube makes the class
    from lightkube.generic_resource import create_namespaced_resource

    group, _, version = API.partition("/")
    return create_namespaced_resource(group, version, KIND, "rayjobs")


def _plain(found: Any) -> Json:  # noqa: ANN401  lightkube's objects
    """The JSON of an object."""
    document: Json = found.to_dict()
    return document
