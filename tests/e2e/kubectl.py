"""`kubectl`, on whatever cluster it points at."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import yaml

from slipway.errors import OutsideError

type Document = dict[str, Any]

TEKTON = "/apis/tekton.dev/v1"


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """Commands in one namespace; a failure is an `OutsideError` with what kubectl said."""

    program: str
    namespace: str = ""

    @classmethod
    def find(cls) -> Kubectl:
        """One that reaches a cluster with Tekton; `OutsideError` where there is none."""
        program = shutil.which("kubectl")
        if program is None:
            raise OutsideError("there is no kubectl", hint="Install it, and point it at a cluster that has Tekton.")
        kubectl = cls(program=program)
        answer = kubectl.done("get", "--raw", "/readyz")
        if answer.returncode:
            said = answer.stderr.decode().strip()
            raise OutsideError(f"kubectl reaches no cluster: {said}", hint="Point it at one that has Tekton.")
        if not kubectl.serves(TEKTON):
            raise OutsideError(
                "the cluster that kubectl points at does not serve tekton.dev/v1",
                hint="Install Tekton Pipelines 1.6 or newer (OpenShift Pipelines 1.21), or point kubectl elsewhere.",
            )
        return kubectl

    def within(self, namespace: str) -> Kubectl:
        return replace(self, namespace=namespace)

    def serves(self, path: str) -> bool:
        """Whether the cluster has an API, such as `/apis/tekton.dev/v1`."""
        return self.done("get", "--raw", path).returncode == 0

    def run(self, *arguments: str, given: bytes | None = None) -> str:
        done = self.done(*arguments, given=given)
        if done.returncode:
            raise OutsideError(f"kubectl {' '.join(arguments[:3])} failed: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def ask(self, *arguments: str) -> Document:
        """The answer as a document."""
        found: Document = json.loads(self.run(*arguments, "--output", "json"))
        return found

    def apply(self, documents: Iterable[Document]) -> None:
        self.run("apply", "--filename", "-", given=yaml.safe_dump_all(documents).encode())

    def execute(self, pod: str, container: str, *command: str, given: bytes | None = None) -> str:
        """What a program says that runs in a pod."""
        return self.run(
            "exec", *(["--stdin"] if given else []), pod, "--container", container, "--", *command, given=given
        )

    def done(self, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        place = ["--namespace", self.namespace] if self.namespace else []
        return subprocess.run([self.program, *place, *arguments], input=given, capture_output=True, check=False)
