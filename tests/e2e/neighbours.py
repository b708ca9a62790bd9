"""What the pipelines need beside them, in one pod of the tools image: a Git server, a GitHub and an S3 store."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from slipway.errors import OutsideError
from tests import github_server
from tests.e2e.kubectl import Document, Kubectl
from tests.github_server import TOKEN, State

NAME = "neighbours"
GIT, GITHUB, S3 = 8080, 8081, 8082
REPOSITORY = State().repository
GIT_URL = f"http://{NAME}:{GIT}/{REPOSITORY}.git"
_BUCKET = "slipway"
_PULL_SECONDS = 600
_NO_IMAGE = {"ErrImagePull", "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName"}
_PACKAGES = ("moto", "responses", "xmltodict", "flask-cors")
"""Plain Python, so that they come from this machine whatever the cluster's is; the image has what they need."""
_SERVERS = {
    "git": (GIT, f"gunicorn --bind :{GIT} --threads 8 tests.e2e.pod.git_http:app"),
    "github": (GITHUB, "python -m tests.e2e.pod.github"),
    "s3": (S3, f"""python -c 'import moto.server as s; s.main(["-H", "0.0.0.0", "-p", "{S3}"])'"""),
}
_HOME = "/tmp"  # noqa: S108  a volume of the pod's own
_BARE = f"git init --quiet --bare --initial-branch=main /srv/git/{REPOSITORY}.git"
_UNPACK = f"mkdir -p /srv/code && tar -xzf - -C /srv/code && {_BARE} && touch /srv/ready"
_MAKE_BUCKET = f"import boto3; boto3.client('s3').create_bucket(Bucket='{_BUCKET}')"
_ASK = """
import sys, urllib.request as web
print(web.urlopen(web.Request(sys.argv[1], headers={"Authorization": sys.argv[2]})).read().decode())
"""


def start(kubectl: Kubectl, image: str) -> None:
    """Make the pod, give it what it runs, and wait until all of it answers."""
    kubectl.apply([_pod(image), _service()])
    _await_image(kubectl, image)
    kubectl.execute(NAME, "git", "sh", "-c", _UNPACK, given=_code())
    kubectl.run("wait", f"pod/{NAME}", "--for=condition=Ready", "--timeout=3m")
    kubectl.execute(NAME, "s3", "python", "-c", _MAKE_BUCKET)


def _await_image(kubectl: Kubectl, image: str) -> None:
    """Wait until the pod runs; say at once if its image cannot be had."""
    for _ in range(_PULL_SECONDS):
        status = kubectl.ask("get", "pod", NAME)["status"]
        if status["phase"] == "Running":
            return
        states = (container.get("state", {}) for container in status.get("containerStatuses", []))
        waits = {state.get("waiting", {}).get("reason", "") for state in states}
        if waits & _NO_IMAGE:
            raise OutsideError(f"the cluster cannot pull {image}", hint="Name one that it can: SLIPWAY_TOOLS_IMAGE.")
        time.sleep(1)
    raise OutsideError(f"no pod of {image} ran in {_PULL_SECONDS} seconds", hint="kubectl describe pod says why.")


def secrets() -> list[Document]:
    """What the trusted tasks may: read and write at GitHub, push to main, the release store."""
    return [
        _secret("slipway-github", {"GITHUB_TOKEN": TOKEN}),
        _secret("slipway-git", {"GITHUB_TOKEN": TOKEN}),
        _secret("slipway-store", {"SLIPWAY_STORE": f"s3://{_BUCKET}/store", **_AWS}),
        _secret("slipway-registry", {".dockerconfigjson": '{"auths": {}}'}, kind="kubernetes.io/dockerconfigjson"),
    ]


def settings() -> dict[str, str]:
    """What `slipway-settings` says of them."""
    return {"GITHUB_API_URL": f"http://{NAME}:{GITHUB}", "GITHUB_SERVER_URL": f"http://{NAME}:{GIT}"}


def said(kubectl: Kubectl, number: int) -> list[str]:
    """The comments of a pull request."""
    return [comment["body"] for comment in _github(kubectl, f"issues/{number}/comments")]


def checks(kubectl: Kubectl, head: str) -> list[Document]:
    """The check runs of a commit."""
    found: list[Document] = _github(kubectl, f"commits/{head}/check-runs")["check_runs"]
    return found


def remote(kubectl: Kubectl) -> str:
    """The Git server's repository as Git reaches it from here: by kubectl, so that no port need be open."""
    place = f"/srv/git/{REPOSITORY}.git"
    return f"ext::{kubectl.program} -n {kubectl.namespace} exec --stdin {NAME} --container git -- %S {place}"


_AWS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "e2e",
    "AWS_SECRET_ACCESS_KEY": "e2e",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": f"http://{NAME}:{S3}",
}


def _github(kubectl: Kubectl, path: str) -> Any:
    url = f"http://127.0.0.1:{GITHUB}/repos/{REPOSITORY}/{path}"
    return json.loads(kubectl.execute(NAME, "github", "python", "-c", _ASK, url, f"Bearer {TOKEN}"))


def _secret(name: str, data: Mapping[str, str], *, kind: str = "Opaque") -> Document:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "stringData": dict(data)}


def _service() -> Document:
    ports = [{"name": name, "port": port} for name, (port, _) in _SERVERS.items()]
    spec = {"selector": {"app": NAME}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": spec}


def _pod(image: str) -> Document:
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(name, image) for name in _SERVERS],
        "volumes": [{"name": "srv", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {"app": NAME}}, "spec": spec}


def _container(name: str, image: str) -> Document:
    port, command = _SERVERS[name]
    environ = {"HOME": _HOME, "PYTHONPATH": "/srv/code", **_AWS}
    return {
        "name": name,
        "image": image,
        "command": ["sh", "-c", f"until [ -e /srv/ready ]; do sleep 1; done; exec {command}"],
        "env": [{"name": key, "value": value} for key, value in environ.items()],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "srv", "mountPath": "/srv"}, {"name": "tmp", "mountPath": _HOME}],
    }


def _code() -> bytes:
    """The servers and the packages that the image lacks, as an archive."""
    tests = Path(github_server.__file__).parent.parent
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as packed:
        for name in ("__init__.py", "github_server", "e2e/__init__.py", "e2e/pod"):
            packed.add(tests / name, f"tests/{name}", filter=_plain)
        for file in (file for name in _PACKAGES for file in metadata.files(name) or ()):
            if ".." not in file.parts and file.suffix != ".pyc":
                packed.add(file.locate(), str(file), filter=_plain)
    return out.getvalue()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without what was compiled here, and as nobody's in particular."""
    member.uid = member.gid = 0
    member.mode |= 0o644
    return None if member.name.endswith("__pycache__") else member
