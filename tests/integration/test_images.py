"""Images for real: s2i, buildah or podman, skopeo and a registry. The same key and builder give the same digest.

The builder is a small one, a shell and what copies files; `SLIPWAY_TEST_BUILDER` names one of the Containerfile in this
machine's storage (make images), which is then served as OpenShift would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests import remotes, served
from tests.remotes import World

from slipway.adapters import skopeo
from slipway.adapters.container_registry import Registry
from slipway.adapters.endpoint import Endpoint
from slipway.adapters.git import Git
from slipway.adapters.image import Image
from slipway.delivery import manifest, oci
from slipway.delivery.manifest import Release
from slipway.delivery.source_image import source
from slipway.errors import OutsideError

MISSING = [name for name in ("s2i", "buildah", "skopeo", "docker-registry") if shutil.which(name) is None]
REAL = "SLIPWAY_TEST_BUILDER"
PROGRAMS = ("sh", "cp", "rm")
KEY = "ab" * 32
FILES = {".s2i/environment": b"A=1\n", "model.json": b"{}", "model.onnx": bytes(range(256)) * 400}
DOCKERFILE = """\
FROM scratch
COPY root/ /
LABEL io.openshift.s2i.scripts-url="image:///usr/libexec/s2i" io.openshift.s2i.assemble-user="1001"
LABEL org.opencontainers.image.revision="the builder's" org.opencontainers.image.description="S2I builder" summary="S2I"
ENV PATH=/bin
USER 1001
"""
ASSEMBLE = """\
#!/bin/sh
set -e
if [ -e /tmp/src/broken ]; then echo the model is damaged >&2; exit 1; fi
cp -r /tmp/src/. /opt/slipway/model
rm -r /tmp/src
"""
SBOM = {"specVersion": "1.5", "components": [{"bom-ref": "numpy@1", "name": "numpy", "version": "1"}]}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"there is no {', no '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine, by its address."""
    with started(tmp_path_factory.mktemp("registry")) as address:
        yield address


@contextmanager
def started(place: Path) -> Iterator[str]:
    """A registry on this machine, by its address."""
    port = free_port()
    config = place / "config.yml"
    storage = f"{{filesystem: {{rootdirectory: {place}/data}}}}"
    config.write_text(f"version: 0.1\nstorage: {storage}\nhttp: {{addr: '127.0.0.1:{port}'}}\n")
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([which("docker-registry"), "serve", config], stdout=log, stderr=log)
    try:
        wait(port, place / "log")
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def wait(port: int, log: Path) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def which(name: str) -> str:
    return shutil.which(name) or name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def storage(place: Path) -> Path:
    """An engine's storage of its own, and nothing in it."""
    driver = os.environ.get("STORAGE_DRIVER") or ("overlay" if os.geteuid() == 0 else "vfs")
    config = place / "storage.conf"
    place.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[storage]\ndriver = "{driver}"\nrunroot = "{place}/run"\ngraphroot = "{place}/root"\n')
    return config


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that keeps nothing of this machine's user, and needs no privileges."""
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage(tmp_path / "storage")))
    monkeypatch.setenv("BUILDAH_ISOLATION", os.environ.get("BUILDAH_ISOLATION") or "chroot")


@pytest.fixture(scope="module")
def builder(hub: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small S2I builder, pushed."""
    place = tmp_path_factory.mktemp("builder")
    lay_out(place / "root")
    (place / "Dockerfile").write_text(DOCKERFILE)
    return pushed(place, f"{hub}/slipway/builder")


def lay_out(root: Path) -> None:
    for name in PROGRAMS:
        program = Path(shutil.which(name) or "").resolve()
        for file in (program, *libraries(program)):
            copied(file, root / file.relative_to("/"))
        copied(program, root / "bin" / name)
    for name, text in {"assemble": ASSEMBLE, "run": "#!/bin/sh\necho served\n"}.items():
        script = root / "usr" / "libexec" / "s2i" / name
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(text)
        script.chmod(0o755)
    for name in ("tmp", "opt/slipway/model"):
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o1777)
    (root / "opt/slipway/sbom.cdx.json").write_text(json.dumps(SBOM))


def libraries(program: Path) -> list[Path]:
    listed = subprocess.run([which("ldd"), program], capture_output=True, text=True, check=True).stdout
    return [Path(word) for line in listed.splitlines() for word in line.split() if word.startswith("/")]


def copied(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, to)


def pushed(place: Path, name: str) -> str:
    """Build a folder in a storage of its own, and push it; its name with its digest."""
    environ = {**os.environ, "CONTAINERS_STORAGE_CONF": str(storage(place / "storage")), "BUILDAH_ISOLATION": "chroot"}
    run(["buildah", "bud", "--tag", "localhost/builder", place], environ)
    return copy("localhost/builder", name, place, environ)


def copy(image: str, name: str, place: Path, environ: Mapping[str, str]) -> str:
    digest = place / "digest"
    run(["buildah", "push", "--tls-verify=false", "--digestfile", digest, image, f"docker://{name}:1"], environ)
    return f"{name}@{digest.read_text()}"


def run(command: list[Any], environ: Mapping[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def registry(hub: str, builder: str, tmp_path: Path) -> Registry:
    return Registry.of(f"{hub}/{tmp_path.name.replace('_', '')}", builder, tmp_path / "work")


def read(image: Image) -> tuple[dict[str, Any], dict[str, Any]]:
    found = skopeo.manifest(image)
    assert found is not None
    return json.loads(found), json.loads(skopeo.config(image))


def test_an_image_is_the_builder_and_one_small_layer(registry: Registry) -> None:
    image = registry.build("toy", KEY, FILES)
    assert registry.has(image)
    assert registry.files(image) == FILES
    (shipped, config), (below, base) = read(image), read(registry.base)
    assert shipped["layers"][:-1] == below["layers"]
    assert shipped["layers"][-1]["size"] - sum(map(len, FILES.values())) < 16_384
    assert config["config"]["User"] == "1001"
    assert config["config"]["Cmd"] == ["/usr/libexec/s2i/run"]
    assert config["config"]["Env"] == ["A=1", "PATH=/bin"]
    assert config["rootfs"]["diff_ids"][:-1] == base["rootfs"]["diff_ids"]
    labels = config["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == KEY
    assert labels["org.opencontainers.image.title"] == "toy"
    assert labels["org.opencontainers.image.description"] == "The model toy, with its server"
    assert not {"org.opencontainers.image.revision", "summary"} & labels.keys()
    assert f"{labels['org.opencontainers.image.base.name']}@{labels['org.opencontainers.image.base.digest']}" == (
        registry.base.reference
    )
    assert labels["io.k8s.display-name"] == "toy"


def test_a_list_of_its_parts_stands_beside_an_image(registry: Registry) -> None:
    address = "https://git.example/team/models"
    image = replace(registry, source=address).build("toy", KEY, FILES, commit="1" * 40)
    index = skopeo.named(f"{image.name}:{image.digest.replace(':', '-')}")
    assert index is not None
    (entry,) = json.loads(index)["manifests"]
    attached = skopeo.manifest(Image(name=image.name, digest=entry["digest"]))
    assert attached is not None
    document = json.loads(attached)
    assert document["subject"]["digest"] == image.digest
    assert document["artifactType"] == document["layers"][0]["mediaType"] == oci.SBOM_TYPE
    told = {name.rpartition(".")[2]: text for name, text in document["annotations"].items()}
    assert told == {"title": "toy", "version": KEY, "source": address, "revision": "1" * 40}


def test_neither_time_nor_place_nor_engine_nor_a_lost_storage_changes_a_digest(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.build("toy", KEY, FILES)
    assert registry.build("toy", KEY, FILES) == first
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage(tmp_path / "another")))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    monkeypatch.setattr("tempfile.tempdir", None)
    other = replace(registry, work=tmp_path / "other-work", source="https://git.example/fork/models")
    with started(tmp_path) as hub:
        base = Image.parse(registry.base.reference)
        skopeo.transfer(base, replace(base, name=base.name.replace(base.name.partition("/")[0], hub)))
        moved = replace(other, registry=f"{hub}/team")
        assert moved.build("toy", KEY, FILES).digest == first.digest
    if podman := shutil.which("podman"):
        only(tmp_path / "bin", podman, "podman", monkeypatch)
        assert other.make("toy", KEY, FILES).image.digest == first.digest
    assert registry.make("toy", KEY, {**FILES, "model.onnx": b"other"}).image.digest != first.digest


def only(folder: Path, program: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH on which an engine is the only one."""
    folder.mkdir()
    (folder / name).symlink_to(program)
    for other in ("s2i", "skopeo", "git"):
        (folder / other).symlink_to(shutil.which(other) or "")
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/sbin")


def test_nothing_stays_behind_in_the_engine(registry: Registry) -> None:
    registry.build("toy", KEY, FILES)
    images = run(["buildah", "images", "--all", "--noheading", "--format={{.Name}}"], os.environ)
    assert images.split() == [registry.base.name]
    assert json.loads(run(["buildah", "containers", "--json"], os.environ) or "null") is None


def test_a_build_that_fails_shows_what_assemble_said(registry: Registry) -> None:
    with pytest.raises(OutsideError, match="buildah bud failed with") as failure:
        registry.build("toy", KEY, {**FILES, "broken": b""})
    assert "the model is damaged" in failure.value.what
    assert registry.build("toy", KEY, FILES) == registry.build("toy", KEY, FILES)


SCRIPT = """
import sys
from pathlib import Path
from slipway.adapters.container_registry import Registry
registry, builder, work, content = sys.argv[1:]
files = {"model.json": b"{}", "model.onnx": content.encode()}
print("begun", flush=True)
print(Registry.of(registry, builder, Path(work)).build("toy", "ab" * 32, files).digest)
"""


@pytest.mark.parametrize("after", [0.1, 0.3, 0.6, 0.9])
def test_a_build_that_is_killed_is_in_nobodys_way(registry: Registry, after: float) -> None:
    command: list[Any] = [
        sys.executable,
        "-c",
        SCRIPT,
        registry.registry,
        registry.base.reference,
        registry.work,
        "a graph",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
    files = {"model.json": b"{}", "model.onnx": b"a graph"}
    assert registry.files(registry.build("toy", KEY, files)) == files


def test_what_is_not_there_is_said(registry: Registry) -> None:
    gone = Image(name=registry.name("toy"), digest="sha256:" + "0" * 64)
    assert not registry.has(gone)
    with pytest.raises(OutsideError, match="is not in its registry") as failure:
        registry.files(gone)
    assert "slipway image toy" in failure.value.hint
    lost = replace(registry, base=replace(registry.base, digest=gone.digest))
    with pytest.raises(OutsideError, match=r"the builder .* is not in its registry"):
        lost.build("toy", KEY, FILES)


def test_a_registry_that_is_down_is_said(registry: Registry) -> None:
    down = replace(registry, registry=f"127.0.0.1:{free_port()}/team")
    with pytest.raises(OutsideError, match=r"failed for .*refused"):
        down.build("toy", KEY, FILES)


@pytest.fixture
def world(
    registry: Registry, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A remote and a store of reviewed models, and an environment that names the builder and the registry."""
    environ = {
        **remotes.ENVIRON,
        "SLIPWAY_BUILDER": registry.base.reference,
        "SLIPWAY_REGISTRY": registry.registry,
        "MLFLOW_TRACKING_URI": "sqlite:////nowhere/mlflow.db",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")


def slipway(world: World, clone: Git, *arguments: str) -> Release:
    """Run a command; what is live then."""
    run([sys.executable, "-m", "slipway", *arguments, "--repo", clone.root, "--store", world.store], os.environ)
    path = "gitops/models/toy/production/seldon-deployment.yaml"
    return manifest.read(clone.run("show", f"origin/main:{path}").encode(), path).default


def test_a_release_ships_the_image_that_the_registry_has(registry: Registry, world: World) -> None:
    live = slipway(world, world.clone(), "release")
    files = registry.files(Image.parse(live.image))
    assert json.loads(files["model.json"])["key"] == live.key
    image = Image.parse(live.image)
    assert image.name == f"{registry.registry}/toy"
    index = skopeo.named(f"{image.name}:{image.digest.replace(':', '-')}")
    assert index is not None
    attached = skopeo.manifest(Image(name=image.name, digest=json.loads(index)["manifests"][0]["digest"]))
    assert attached is not None
    assert json.loads(attached)["annotations"]["org.opencontainers.image.revision"] == live.commit


def test_a_rebuild_ships_the_same_model_upon_the_new_builder(
    registry: Registry, world: World, hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = world.clone()
    live = slipway(world, clone, "release")
    lay_out(tmp_path / "mended" / "root")
    (tmp_path / "mended" / "Dockerfile").write_text(f"{DOCKERFILE}ENV MENDED=1\n")
    mended = pushed(tmp_path / "mended", f"{hub}/slipway/builder")
    monkeypatch.setenv("SLIPWAY_BUILDER", mended)
    now = slipway(world, clone, "rebuild")
    assert world.log()[0] == f"rebuild(toy): {live.key[:8]} on builder {mended.rpartition(':')[2][:8]}"
    assert now == replace(live, image=now.image) != live
    before, after = (registry.files(Image.parse(one.image)) for one in (live, now))
    assert before == after
    _, config = read(Image.parse(now.image))
    assert "MENDED=1" in config["config"]["Env"]
    tip = world.main()
    assert slipway(world, clone, "rebuild") == slipway(world, clone, "release") == now
    assert world.main() == tip


@pytest.mark.skipif(not os.environ.get(REAL), reason=f"{REAL} names no builder: make images")
@pytest.mark.skipif(shutil.which("podman") is None, reason="there is no podman")
def test_a_models_image_is_served_as_any_user_on_a_read_only_file_system(hub: str, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "CONTAINERS_STORAGE_CONF"}
    base = copy(os.environ[REAL], f"{hub}/slipway/real", tmp_path, environ)
    made = served.make("classification", tmp_path / "repository")
    registry = Registry.of(f"{hub}/real", base, tmp_path / "work")
    image = registry.build("toy", made.card.key, source(made.card, made.onnx))
    http, grpc, metrics = free_port(), free_port(), free_port()
    ports = {"HTTP": http, "GRPC": grpc, "METRICS": metrics}
    run(["podman", "pull", "--quiet", "--tls-verify=false", image.reference], os.environ)
    flags = ["--network=host", "--user=1000660000:0", "--read-only", "--tmpfs=/tmp:rw,size=64m", "--cap-drop=all"]
    flags += ["--security-opt=no-new-privileges", "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"]
    flags += [f"--env=PREDICTIVE_UNIT_{name}_SERVICE_PORT={port}" for name, port in ports.items()]
    container = run(["podman", "run", "--detach", *flags, image.reference], os.environ).strip()
    try:
        endpoint = Endpoint(url=f"http://127.0.0.1:{http}")
        answers(endpoint)
        assert served.golden_difference(endpoint, made.card) < 1e-5
        began = time.monotonic()
        run(["podman", "stop", "--time=10", container], os.environ)
        assert time.monotonic() - began < 8
        exit_code = run(["podman", "inspect", "--format={{.State.ExitCode}}", container], os.environ)
        assert exit_code.strip() == "0"
    finally:
        subprocess.run([which("podman"), "rm", "--force", container], capture_output=True, check=False)


def answers(endpoint: Endpoint) -> None:
    for _ in range(600):
        if endpoint.is_up():
            return
        time.sleep(0.05)
    raise AssertionError(endpoint.url)
