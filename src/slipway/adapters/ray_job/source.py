"""What a RayJob's pods need of the repository: one zip in the store, which Ray unpacks on each node.

Of the ways to get files to a Ray cluster this one asks least of a cluster: the store is there anyway, and the pods have
its credentials to put the result there. A shared volume needs a storage class that many nodes may write to. An upload
through the head's dashboard needs a way from the submitter to it, which OpenShift AI puts behind a login, and ends with
the submitter. A ConfigMap ends at 1 MiB. Credentials are read from each pod's environment, so none is in the manifest.

It holds what the key is made of, and slipway's code: the key that the search finds is the proof that it all arrived.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from slipway.adapters.store import Place, Store, sha256
from slipway.errors import InputError
from slipway.spec import spec_path
from slipway.workspace import Model

CODE = "src/slipway"
_PROJECT = ("pyproject.toml", "uv.lock", ".python-version")
_TOP = "repository"
"""Ray takes a zip's only folder away; with several it would keep them, and with none it has nothing to take."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NAME = "source.zip"
_STORE = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*/?")
"""KubeRay puts the address into a shell's command line, in double quotes."""


def pack(model: Model) -> bytes:
    """A zip of what the search needs; equal files give equal bytes. Its pods ask no remote for data."""
    model.fetched()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(_paths(model)):
            entry = zipfile.ZipInfo(f"{_TOP}/{path}", date_time=_EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (model.repo / path).read_bytes())
    return buffer.getvalue()


def _paths(model: Model) -> Iterator[str]:
    """The files' paths from the repository's root. Links are left out: Git keeps only the link."""
    named = (*_PROJECT, str(spec_path(model.name)), model.data_name, f"{model.data_name}.dvc")
    code = (file for file in (model.repo / CODE).rglob("*") if "__pycache__" not in file.parts)
    files = [*(model.repo / name for name in named), *code]
    for file in files:
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(model.repo).as_posix()


def check_store(url: str) -> str:
    """The store's address, if pods elsewhere can read it and a shell can be told it; else `InputError`."""
    if not url.startswith("s3://"):
        raise InputError(
            "a RayJob's pods cannot reach a store that is a folder of this machine",
            hint="Name a bucket that both can reach: --store s3://bucket/prefix, or SLIPWAY_STORE.",
        )
    if not _STORE.fullmatch(url):
        raise InputError(
            "the store's address has characters that a RayJob cannot be told",
            hint="Letters, digits, dots, hyphens and underscores do: s3://bucket/prefix.",
        )
    return url.rstrip("/")


def upload(store: Store, url: str, model: Model) -> str:
    """Keep the zip in the store, and return its address, of which its digest is a part: Ray goes by the address."""
    content = pack(model)
    digest = sha256(content)
    place = Place(model=model.name, key=model.key, entry=f"source-{digest[:16]}")
    store.put(place, {_NAME: content})
    return f"{url}/{place.path}/{digest}/{_NAME}"
