"""The first manifest of a model on KServe."""

from __future__ import annotations

import json
import re
from textwrap import indent
from typing import Final

from slipway.delivery.fields import QUOTES, annotated, quoted
from slipway.delivery.kserve import template
from slipway.delivery.kserve.record import RECORD
from slipway.delivery.kserve.service import MODES
from slipway.delivery.served import Release
from slipway.errors import InputError
from slipway.spec import DeploymentMode
from slipway.training.faults import Fault

_NAME = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
_LONGEST: Final = 63 - len("-canary-predictor")
_WORDS: Final = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def first(model: str, release: Release, *, replicas: int, mode: DeploymentMode, environment: str) -> bytes:
    """The manifest; `InputError` for a name that KServe does not take, or of which Kubernetes can make no other."""
    if not _NAME.fullmatch(model) or len(model) > _LONGEST:
        what = f"KServe serves no model named {model!r}"
        hint = f"Up to {_LONGEST} small letters, digits and hyphens, the first a letter; or serve it with Seldon."
        raise InputError(Fault(file=f"data/{model}", what=what, hint=hint))
    name = json.dumps(model) if model in _WORDS else model
    if mode is DeploymentMode.KNATIVE:
        head = template.KNATIVE.format(model=model, record=RECORD)
        return (head + _service(name, release, replicas, mode)).encode()
    path = "/".join(["/models", *filter(None, [environment]), model])
    route = template.ROUTE.format(model=model, name=name, path=path)
    items = _item(_service(name, release, replicas, mode)) + _item(route)
    return (template.STANDARD.format(model=model) + items).encode()


def _service(name: str, release: Release, replicas: int, mode: DeploymentMode) -> str:
    standard = mode is DeploymentMode.STANDARD
    said = "".join(f"    {k}: {quoted(v, QUOTES[k])}\n" for k, v in annotated(release).items() if v)
    return template.SERVICE.format(
        name=name,
        mode=MODES[mode][0],
        labels=template.LOCAL if standard else "",
        annotations=(template.LAST if standard else template.TAGS) + said,
        ports=template.METRICS_PORT if standard else "",
        replicas=replicas,
        image=release.image,
    )


def _item(text: str) -> str:
    return indent(text, "    ").replace("    ", "  - ", 1)
