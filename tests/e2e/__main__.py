"""`python -m tests.e2e [--keep]`: run both pipelines on the cluster that kubectl points at, and say what they did."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
from functools import partial
from pathlib import Path

import yaml
from rich.console import Console

from slipway.errors import ExitCode, SlipwayError
from slipway.settings import LOCAL
from tests.e2e import install, neighbours, story
from tests.e2e.kubectl import Document, Kubectl

REPO = Path(__file__).parents[2]
_OPENSHIFT = "/apis/security.openshift.io/v1"


def main(arguments: list[str]) -> int:
    """Play the story in a namespace of its own, which is removed at the end; the exit code."""
    asked = _parser().parse_args(arguments)
    console = Console(width=max(120, Console().width))
    try:
        kubectl = Kubectl.find().within(f"slipway-e2e-{secrets.token_hex(3)}")
        _make_namespace(kubectl, asked.pod_security)
        try:
            _play(kubectl, asked, console)
        finally:
            _clean_up(kubectl, console, keep=asked.keep)
    except SlipwayError as error:
        sys.stderr.write(f"slipway: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    console.print("Both pipelines did what they are for.")
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e", description=__doc__)
    environ = os.environ.get
    parser.add_argument("--keep", action="store_true", help="leave the namespace and what is in it")
    parser.add_argument("--model", default="iris", help="the model of data/ that is released: one whose table is CSV")
    parser.add_argument("--minutes", type=int, default=30, help="how long a run may take")
    parser.add_argument("--tools", default=environ("SLIPWAY_TOOLS_IMAGE"), help="the tools image [SLIPWAY_TOOLS_IMAGE]")
    help_ = "an image with s2i and buildah; without one, a release is a folder [SLIPWAY_IMAGES_IMAGE]"
    parser.add_argument("--images", default=environ("SLIPWAY_IMAGES_IMAGE"), help=help_)
    help_ = (
        "what the namespace enforces; restricted where Tekton's flag set-security-context is on, and no image is built"
    )
    parser.add_argument("--user", type=int, metavar="UID", help="run as this user, as OpenShift chooses one")
    levels = ("privileged", "baseline", "restricted")
    parser.add_argument("--pod-security", choices=levels, default="baseline", help=help_)
    return parser


def _play(kubectl: Kubectl, asked: argparse.Namespace, console: Console) -> None:
    installed = install.Installed(documents=_built(kubectl, is_openshift=kubectl.serves(_OPENSHIFT)))
    tools = asked.tools or _tools(installed)
    console.print(f"namespace {kubectl.namespace}, image {tools}", highlight=False, soft_wrap=True)
    kubectl.apply(installed.fitted(kubectl.namespace, tools, asked.images, neighbours.settings() | _passed()))
    kubectl.apply(neighbours.secrets())
    neighbours.start(kubectl, tools)
    sandbox = story.lay_out(REPO, LOCAL / kubectl.namespace, asked.model, dict(os.environ))
    story.Story(
        kubectl=kubectl,
        installed=installed,
        fit=partial(_fitted, asked),
        sandbox=sandbox,
        model=asked.model,
        minutes=asked.minutes,
        console=console,
    ).play()


def _built(kubectl: Kubectl, *, is_openshift: bool) -> list[Document]:
    """What `kubectl apply -k` would apply, by a kustomization as people write their own."""
    overlay = REPO / LOCAL / kubectl.namespace / "kustomize"
    overlay.mkdir(parents=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../../../tekton"],
        "components": [] if is_openshift else ["../../../tekton/kubernetes"],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return [document for document in yaml.safe_load_all(kubectl.run("kustomize", str(overlay))) if document]


def _fitted(asked: argparse.Namespace, run: Document) -> Document:
    if not asked.images:
        run = install.without_images(run)
    return install.as_user(run, asked.user) if asked.user else run


def _tools(installed: install.Installed) -> str:
    image: str = installed.named("Task", "slipway-plan")["spec"]["steps"][0]["image"]
    return image


def _passed() -> dict[str, str]:
    """Where images go to and what they are built upon, which only the cluster's owner knows."""
    return {name: os.environ[name] for name in ("SLIPWAY_REGISTRY", "SLIPWAY_BUILDER") if os.environ.get(name)}


def _make_namespace(kubectl: Kubectl, level: str) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level}
    metadata = {"name": kubectl.namespace, "labels": labels}
    kubectl.within("").apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])


def _clean_up(kubectl: Kubectl, console: Console, *, keep: bool) -> None:
    if keep:
        console.print(f"Left as it is: kubectl delete namespace {kubectl.namespace}", highlight=False)
    else:
        kubectl.within("").run("delete", "namespace", kubectl.namespace, "--wait=false")
        shutil.rmtree(REPO / LOCAL / kubectl.namespace, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
