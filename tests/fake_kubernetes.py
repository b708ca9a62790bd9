"""A Kubernetes API over HTTP that keeps RayJobs and pods, plays what KubeRay would do, and fails as it is told."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override
from urllib.parse import parse_qs, urlsplit

import yaml

type Json = dict[str, Any]
NAMESPACE = "slipway-ray"
_JOBS = re.compile(r"/apis/ray\.io/v1/namespaces/([^/]+)/rayjobs(?:/([^/]+))?")
_PODS = re.compile(r"/api/v1/namespaces/([^/]+)/pods(?:/([^/]+)/log)?")


@dataclass
class Fault:
    """What befalls the next requests of a kind: a status, or a connection that ends without one."""

    method: str
    path: str
    status: int = 0
    times: int = 1
    body: Json | None = None


@dataclass
class Kubernetes:
    """The cluster's state. `operator` is called with each new RayJob, in a thread of its own."""

    operator: Callable[[Kubernetes, str], None] = lambda _kubernetes, _name: None
    jobs: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    created: list[Json] = field(default_factory=list)
    url: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _uids: int = 0

    def status(self, name: str, **fields: object) -> None:
        """Set fields of a RayJob's status, if it is still there."""
        with self._lock:
            if name in self.jobs:
                self.jobs[name].setdefault("status", {}).update(fields)

    def say(self, pod: str, line: str) -> None:
        """A line of a container's log, behind its time."""
        with self._lock:
            self.logs.setdefault(pod, []).append(f"{datetime.now(UTC).isoformat()}{len(self.logs[pod]):03}Z {line}")

    def pod(self, name: str, labels: dict[str, str], **status: Any) -> None:
        """Put a pod there, or change what it says."""
        stamp = datetime.now(UTC).isoformat()
        for container in status.get("containerStatuses", []):
            container |= {"image": "i", "imageID": "", "ready": False, "restartCount": 0}
        with self._lock:
            self.pods[name] = {
                "metadata": {"name": name, "labels": labels, "creationTimestamp": stamp},
                "status": status,
            }

    def kubeconfig(self, folder: Path) -> Path:
        """A file that names this cluster."""
        file = folder / "kubeconfig"
        document = {
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "users": [{"name": "me", "user": {"token": "t0ken"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "slipway"}}],
        }
        file.write_text(yaml.safe_dump(document))
        return file

    def answer(self, method: str, path: str, query: dict[str, str], body: Json) -> tuple[int, Json | str]:
        """The status and the content of an answer; status 0 ends the connection instead."""
        with self._lock:
            self.asked.append(f"{method} {path}")
            for fault in self.faults:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault.status, fault.body or _status(fault.status, "as it was told")
            if found := _JOBS.fullmatch(path):
                return self._job(method, found[2], body, query)
            if found := _PODS.fullmatch(path):
                return self._log(found[2], query) if found[2] else self._list("v1", "PodList", self.pods, query)
        return 404, _status(404, "the server could not find the requested resource")

    def _job(self, method: str, name: str | None, body: Json, query: dict[str, str]) -> tuple[int, Json | str]:
        if method == "POST":
            return self._create(body)
        if name is None:
            return self._list("ray.io/v1", "RayJobList", self.jobs, query)
        if name not in self.jobs:
            return 404, _status(404, f'rayjobs.ray.io "{name}" not found')
        if method == "DELETE":
            del self.jobs[name]
            return 200, _status(200, "")
        return 200, self.jobs[name]

    def _create(self, body: Json) -> tuple[int, Json]:
        name = body["metadata"]["name"]
        if name in self.jobs:
            return 409, _status(409, f'rayjobs.ray.io "{name}" already exists')
        self._uids += 1
        body["metadata"] |= {"uid": str(self._uids), "resourceVersion": str(self._uids)}
        self.jobs[name] = body
        self.created.append(json.loads(json.dumps(body)))
        threading.Thread(target=self.operator, args=(self, name), daemon=True).start()
        return 201, body

    def _list(self, version: str, kind: str, objects: dict[str, Json], query: dict[str, str]) -> tuple[int, Json]:
        wanted = dict(term.split("=", 1) for term in query.get("labelSelector", "").split(",") if term)
        found = [one for one in objects.values() if wanted.items() <= {**one["metadata"].get("labels", {})}.items()]
        return 200, {"apiVersion": version, "kind": kind, "metadata": {"resourceVersion": "1"}, "items": found}

    def _log(self, pod: str, query: dict[str, str]) -> tuple[int, Json | str]:
        if pod not in self.logs:
            return 400, _status(400, "container is waiting to start")
        after = time.time() - float(query.get("sinceSeconds", "1e9"))
        lines = (line for line in self.logs[pod] if datetime.fromisoformat(line[:26]).timestamp() >= after)
        return 200, "".join(f"{line}\n" for line in lines)


def _status(code: int, message: str) -> Json:
    return {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "message": message}


@contextlib.contextmanager
def serve(kubernetes: Kubernetes) -> Iterator[Kubernetes]:
    """Serve it on a free port for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            query = {name: values[-1] for name, values in parse_qs(address.query).items()}
            code, content = kubernetes.answer(self.command, address.path, query, body)
            if not code:
                self.close_connection = True
                return
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815  as the library calls them

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kubernetes.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kubernetes
    finally:
        server.shutdown()
        server.server_close()
