"""What registries answer, through the real skopeo: each failure is one message, and none tells a password."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters import skopeo
from slipway.adapters.container_registry import Made, Registry
from slipway.adapters.image import Image
from slipway.delivery import oci
from slipway.errors import ExitCode, InputError, OutsideError

MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
OTHER = "sha256:" + "0" * 64
needs_skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="there is no skopeo")
Serve = Callable[[int, bytes], str]


@pytest.fixture
def registry() -> Iterator[Serve]:
    """Registries on this machine that answer everything but a ping with one status and body."""
    servers = []

    def serve(status: int, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ping = self.path == "/v2/"
                self.send_response(200 if ping else status)
                self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
                if status == 401 and not ping:
                    self.send_header("WWW-Authenticate", 'Basic realm="x"')
                self.end_headers()
                self.wfile.write(b"{}" if ping else body)

            def log_message(self, *_: object) -> None:
                """Tell nobody."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("name", "tls"),
    [
        ("localhost/slipway", False),
        ("localhost:5001/slipway", False),
        ("127.0.0.1:5001/x", False),
        ("127.8.8.8/x", False),
        ("quay.example/x", True),
        ("localhost.example/x", True),
        ("10.0.0.1:5000/x", True),
        ("127.0.0.1.example:5000/x", True),
    ],
)
def test_only_a_registry_on_this_machine_is_talked_to_without_tls(name: str, tls: bool) -> None:  # noqa: FBT001  a case
    assert skopeo.has_tls(name) is tls


@pytest.mark.parametrize("name", ["quay.example/team/builder", "localhost/b", "reg:5000/a-b/c_d/e.f", "10.0.0.1:5000"])
def test_names_that_a_registry_can_have(name: str) -> None:
    assert skopeo.check_name(name, "SLIPWAY_REGISTRY") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "team/builder",
        "https://quay.example/x",
        "user:hunter2@quay.example/x",
        "Quay.example/X",
        "x.example/a b",
        "x.example/a\nRUN evil",
        "x.example/",
        "x.example//a",
        "x.example/../a",
        "--help",
        "x.example/$(id)",
    ],
)
def test_names_that_no_registry_can_have(name: str) -> None:
    with pytest.raises(InputError, match=r"SLIPWAY_REGISTRY is .* names no place"):
        skopeo.check_name(name, "SLIPWAY_REGISTRY")


@given(st.text(max_size=30))
def test_a_name_that_passes_can_be_written_anywhere(name: str) -> None:
    try:
        skopeo.check_name(name, "it")
    except InputError:
        return
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789./:_-")
    assert not name.startswith("-")


@pytest.mark.parametrize(
    "builder", ["quay.example/b:latest", "quay.example/b", "b", f"b@{DIGEST}", f"x.example/b\nRUN evil@{DIGEST}"]
)
def test_a_builder_is_named_by_its_digest(tmp_path: Path, builder: str) -> None:
    with pytest.raises(InputError, match="SLIPWAY_BUILDER is"):
        Registry.of("quay.example/team", builder, tmp_path)


def test_the_builder_counts_by_its_digest_and_its_name(tmp_path: Path) -> None:
    known = {
        Registry.of("quay.example/team", f"{name}@{digest}", tmp_path).builder
        for name in ("quay.example/b", "mirror.example/b")
        for digest in (DIGEST, OTHER)
    }
    assert len(known) == 4
    assert Registry.of("quay.example/a", f"quay.example/b@{DIGEST}", tmp_path / "elsewhere").builder in known


@needs_skopeo
def test_what_is_there_is_known_by_its_digest(registry: Serve) -> None:
    host = registry(200, MANIFEST)
    assert skopeo.manifest(Image(name=f"{host}/a", digest=DIGEST)) == MANIFEST
    with pytest.raises(OutsideError):
        skopeo.manifest(Image(name=f"{host}/a", digest=OTHER))


@needs_skopeo
@pytest.mark.parametrize(
    "body",
    [
        b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
        b'{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}',
        b"",
    ],
)
def test_what_is_not_there_is_no_failure(registry: Serve, body: bytes) -> None:
    assert skopeo.manifest(Image(name=f"{registry(404, body)}/a", digest=DIGEST)) is None


@needs_skopeo
@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "refuses access to"), (403, "refuses access to"), (500, "failed for"), (503, "failed for")],
)
def test_a_registry_that_fails_is_said_in_one_message(registry: Serve, status: int, said: str) -> None:
    host = registry(status, b'{"errors":[{"code":"DENIED","message":"no"}]}' if status == 403 else b"{}")
    with pytest.raises(OutsideError, match=said) as failure:
        skopeo.manifest(Image(name=f"{host}/a", digest=DIGEST))
    assert host in failure.value.what
    assert failure.value.exit_code is ExitCode.OUTSIDE_FAILED
    assert ("podman login" in failure.value.hint) == (status in {401, 403})


@needs_skopeo
def test_a_repository_may_be_called_as_a_failure_is(registry: Serve) -> None:
    host = registry(500, b"{}")
    with pytest.raises(OutsideError, match="failed for"):
        skopeo.manifest(Image(name=f"{host}/unauthorized/denied", digest=DIGEST))


@needs_skopeo
def test_a_registry_that_is_down_is_said() -> None:
    with pytest.raises(OutsideError, match=r"127\.0\.0\.1:9 failed for .*refused") as failure:
        skopeo.manifest(Image(name="127.0.0.1:9/a", digest=DIGEST))
    assert "Is the registry up?" in failure.value.hint


def test_without_skopeo_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OutsideError, match="skopeo was looked for") as no:
        skopeo.manifest(Image(name="x.example/a", digest=DIGEST))
    assert "install skopeo" in no.value.hint


@dataclass(kw_only=True)
class Secretive:
    """A registry that refuses a look into repositories that do not exist, as Quay and Docker Hub do."""

    address: str = ""
    held: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Manifests and blobs of each repository, by digest or tag."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    is_writable: bool = True

    def put(self, repository: str, content: bytes, *names: str) -> str:
        digest = oci.digest_of(content)
        self.held.setdefault(repository, {}).update(dict.fromkeys((digest, *names), content))
        return digest


class Asked(BaseHTTPRequestHandler):
    """One request to it."""

    def __init__(self, hub: Secretive, *more: Any) -> None:
        self.hub = hub
        super().__init__(*more)

    def do_GET(self) -> None:
        repository, kind, name = self.place()
        content = self.hub.held.get(repository, {}).get(name)
        if self.path == "/v2/":
            self.answer(200, b"{}")
        elif repository not in self.hub.held and kind == "manifests":
            self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"access to it is not authorized"}]}')
        elif content is None:
            self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        else:
            media = json.loads(content).get("mediaType", "") if kind == "manifests" else "application/octet-stream"
            self.answer(200, content, {"Content-Type": media})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        where = f"{urlsplit(self.path).path}{len(self.hub.uploads)}"
        self.hub.uploads[where] = b""
        self.answer(202 if self.hub.is_writable else 401, headers={"Location": where})

    def do_PATCH(self) -> None:
        self.hub.uploads[self.path] += self.body()
        self.answer(202, headers={"Location": self.path})

    def do_PUT(self) -> None:
        repository, kind, name = self.place()
        upload = self.hub.uploads.get(urlsplit(self.path).path, b"") + self.body()
        digest = self.hub.put(repository, upload, *([name] if kind == "manifests" else []))
        assert parse_qs(urlsplit(self.path).query).get("digest", [digest]) == [digest]
        self.answer(201, headers={"Docker-Content-Digest": digest})

    def place(self) -> tuple[str, str, str]:
        parts = urlsplit(self.path).path.removeprefix("/v2/").split("/")
        cut = next((at for at, part in enumerate(parts) if part in {"blobs", "manifests"}), 0)
        return "/".join(parts[:cut]), parts[cut], parts[-1]

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        challenge = {"WWW-Authenticate": 'Basic realm="x"'} if status == 401 else {}
        for name, value in {"Content-Length": str(len(content)), **challenge, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tell nobody."""


@pytest.fixture
def secretive() -> Iterator[Secretive]:
    hub = Secretive()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Asked, hub))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    hub.address = f"127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()


def made(hub: Secretive, work: Path) -> tuple[Registry, Made]:
    """A builder in the registry, and an image upon it that was built."""
    layer = oci.layer({"server": b"of models"})
    rootfs = {"type": "layers", "diff_ids": [oci.digest_of(layer)]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    parts = {"config": oci.descriptor(oci.CONFIG_TYPE, config), "layers": [oci.descriptor(oci.LAYER_TYPE, layer)]}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": oci.MANIFEST_TYPE, **parts}).encode()
    for content in (layer, config, manifest):
        hub.put("slipway/builder", content)
    base = f"{hub.address}/slipway/builder@{oci.digest_of(manifest)}"
    registry = Registry.of(f"{hub.address}/team", base, work)
    blobs = oci.image(oci.builder(base, manifest, config), {"model.onnx": b"a graph"}, {}, {})
    image = Image(name=registry.name("toy"), digest=blobs.digest)
    return registry, Made(image=image, blobs=blobs, sbom=oci.attached(b"{}", blobs.manifest, {}))


@needs_skopeo
def test_the_first_image_of_a_model_is_pushed_where_what_is_not_there_is_refused(
    secretive: Secretive, tmp_path: Path
) -> None:
    registry, first = made(secretive, tmp_path)
    with pytest.raises(OutsideError, match="refuses access"):
        registry.has(first.image)
    registry._push(first, "1")
    assert registry.has(first.image)
    assert secretive.held["team/toy"]["1"] == first.blobs.manifest
    assert first.sbom.digest in secretive.held["team/toy"]


@needs_skopeo
def test_a_push_tells_what_is_refused(secretive: Secretive, tmp_path: Path) -> None:
    registry, first = made(secretive, tmp_path)
    secretive.is_writable = False
    with pytest.raises(OutsideError, match=f"{secretive.address} refuses access to {registry.name('toy')}") as failure:
        registry._push(first, "1")
    assert "podman login" in failure.value.hint


@needs_skopeo
@pytest.mark.parametrize("name", ["localhost/slipway", "localhost", "127.0.0.1/team"])
def test_nothing_is_built_that_cannot_be_pushed(
    secretive: Secretive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    registry, _ = made(secretive, tmp_path)
    monkeypatch.setattr(Registry, "make", None)
    with pytest.raises(InputError, match=f"SLIPWAY_REGISTRY is '{name}', which no registry has") as failure:
        replace(registry, registry=name).build("toy", "ab" * 32, {})
    assert "localhost:5000/team" in str(failure.value)


@pytest.mark.parametrize("name", ["localhost:5001/x", "127.0.0.1:5001/x", "quay.example/team", "localhost.example/x"])
def test_a_registry_on_this_machine_has_a_port(name: str) -> None:
    assert skopeo.check_hosted(name, "SLIPWAY_REGISTRY") == name
