"""The first manifest of a model on Seldon Core."""

from __future__ import annotations

import json
import re

from slipway.delivery.fields import QUOTES, annotated, quoted
from slipway.delivery.seldon.template import FIRST
from slipway.delivery.served import Release

_PLAIN_NAME = re.compile(r"[a-z][a-z0-9-]{3,}")


def first(model: str, release: Release, *, replicas: int) -> bytes:
    """The manifest, with the name in quotes where YAML would take it for something else."""
    name = model if _PLAIN_NAME.fullmatch(model) and model not in {"true", "false", "null"} else json.dumps(model)
    said = "".join(f"        {k}: {quoted(v, QUOTES[k])}\n" for k, v in annotated(release).items() if v)
    return FIRST.format(model=model, name=name, annotations=said, replicas=replicas, image=release.image).encode()
