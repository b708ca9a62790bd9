"""Which engine builds, what it is told, and what is said when there is none or it fails."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.adapters import engine, program
from slipway.adapters.engine import Engine, Kind
from slipway.errors import ExitCode, OutsideError

Place = Callable[[str, str], None]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Programs on a PATH that has nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def place(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return place


def test_without_an_engine_it_is_said_what_was_looked_for(programs: Place) -> None:
    programs("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(OutsideError, match="looked for buildah, podman, docker; docker is there and does not") as no:
        engine.find()
    assert "Cannot connect" in no.value.what
    assert "install buildah" in no.value.hint


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (["docker", "podman", "buildah"], Kind.BUILDAH),
        (["docker", "podman"], Kind.PODMAN),
        (["docker"], Kind.DOCKER),
    ],
)
def test_the_first_engine_that_answers_builds(programs: Place, there: list[str], found: Kind) -> None:
    for name in there:
        programs(name, "exit 0")
    assert engine.find().kind is found


def test_an_engine_that_does_not_answer_is_passed_over(programs: Place) -> None:
    programs("buildah", "exit 127")
    programs("podman", "exit 0")
    assert engine.find().kind is Kind.PODMAN


def test_a_build_that_fails_shows_the_end_of_what_was_said(programs: Place, tmp_path: Path) -> None:
    programs("buildah", "i=0; while [ $i -lt 99 ]; do echo line $i; i=$((i+1)); done; echo no space left >&2; exit 125")
    with pytest.raises(OutsideError, match=r"buildah bud failed with 125") as failure:
        Engine(kind=Kind.BUILDAH, path="buildah").build(tmp_path, "t", tls=True)
    assert "line 98\nno space left" in failure.value.what
    assert "line 80\n" not in failure.value.what
    assert failure.value.exit_code is ExitCode.OUTSIDE_FAILED


@pytest.mark.parametrize(
    ("kind", "tls", "told"),
    [
        (Kind.BUILDAH, True, "bud --pull=false --layers=false --force-rm --timestamp 0 --identity-label=false"),
        (
            Kind.PODMAN,
            False,
            "build --pull=false --layers=false --force-rm --timestamp 0 --identity-label=false --tls-",
        ),
        (Kind.DOCKER, False, "build --no-cache --pull=false --file"),
    ],
)
def test_what_an_engine_is_told(programs: Place, tmp_path: Path, kind: Kind, tls: bool, told: str) -> None:  # noqa: FBT001  a case
    programs(kind, f'echo "$@" > {tmp_path}/told')
    Engine(kind=kind, path=kind).build(tmp_path, "a:b", tls=tls)
    assert (tmp_path / "told").read_text().startswith(told)
    assert ("--tls-verify=false" in (tmp_path / "told").read_text()) == (not tls and kind is not Kind.DOCKER)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (Kind.BUILDAH, '{"OCIv1": {"config": {"User": "1001"}}}'),
        (Kind.PODMAN, '[{"Config": {"User": "1001"}}]'),
        (Kind.DOCKER, '[{"Config": {"User": "1001"}}]'),
    ],
)
def test_each_engine_tells_how_an_image_is_configured(programs: Place, kind: Kind, answer: str) -> None:
    programs(kind, f"echo '{answer}'")
    assert Engine(kind=kind, path=kind).config("t") == {"User": "1001"}


def tar(folder: Path, name: str) -> Path:
    """A tar of one file of that name, which says «tar»."""
    file = folder / "x.tar"
    with tarfile.open(file, "w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"tar"))
    return file


def test_what_an_image_is_read_by_is_taken_away_again(programs: Place, tmp_path: Path) -> None:
    programs(
        "podman",
        f'echo "$@" >> {tmp_path}/told; [ "$1" = rmi ] && exit 1\n'
        f'for last; do :; done; /bin/cat "$last/Dockerfile" > {tmp_path}/Dockerfile\n'
        f"/bin/cat {tar(tmp_path, 'opt/a/one')} > files.tar",
    )
    found = Engine(kind=Kind.PODMAN, path="podman").read("localhost/x:1", ["opt/a", "opt/b"])
    assert found == {"opt/a/one": b"tar"}
    assert (tmp_path / "Dockerfile").read_text() == (
        "FROM scratch\nCOPY --from=localhost/x:1 /opt/a /opt/a\nCOPY --from=localhost/x:1 /opt/b /opt/b\n"
    )
    assert (tmp_path / "told").read_text().splitlines()[-1] == "rmi localhost/x:1-files"


def test_docker_is_read_by_a_container_that_is_taken_away_again(programs: Place, tmp_path: Path) -> None:
    file = tar(tmp_path, "a/one")
    programs(
        "docker",
        f'echo "$@" >> {tmp_path}/told\ncase "$1" in create) echo 8c2f;; cp) /bin/cat {file};; *) exit 1;; esac',
    )
    assert Engine(kind=Kind.DOCKER, path="docker").read("localhost/x:1", ["opt/a"]) == {"opt/a/one": b"tar"}
    assert (tmp_path / "told").read_text().splitlines() == ["create localhost/x:1", "cp 8c2f:/opt/a -", "rm 8c2f"]


def test_without_s2i_it_is_said_where_it_is_to_be_had(programs: Place, tmp_path: Path) -> None:
    programs("buildah", "exit 0")
    with pytest.raises(OutsideError, match="s2i was looked for") as no:
        engine.dockerfile(tmp_path, tmp_path, base="b", scripts="image:///s", user="1001", model="toy")
    assert "source-to-image" in no.value.hint


def test_passwords_of_addresses_are_not_told(programs: Place) -> None:
    programs("tool", "echo 'proxy http://user:hunter2@proxy.example failed' >&2; exit 1")
    with pytest.raises(OutsideError, match=r"http://proxy\.example failed"):
        program.run(["tool"])


def test_a_program_that_does_not_end_is_ended(programs: Place) -> None:
    programs("tool", f"exec {os.defpath.split(':')[0]}/sleep 30")
    with pytest.raises(OutsideError, match="did not end within 0 s"):
        program.run(["tool"], seconds=0.2)


def test_a_program_that_cannot_be_run_is_said(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("no program")
    with pytest.raises(OutsideError, match="tool cannot be run"):
        program.run([str(tmp_path / "tool")])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Be on another machine from here on, or in another pod: it has a temporary folder of its own."""

    def move(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        return folder

    return move


def builds() -> tuple[threading.Thread, threading.Event]:
    """Another build of the same clone, and whether it has had its turn."""
    done = threading.Event()

    def build() -> None:
        with engine.alone("slipway-1"):
            done.set()

    thread = threading.Thread(target=build)
    thread.start()
    return thread, done


def test_one_build_at_a_time_goes_on_with_an_engine(machine: Callable[[str], Path]) -> None:
    machine("one")
    with engine.alone("slipway-1"):
        thread, done = builds()
        assert not done.wait(0.2)
        with engine.alone("slipway-2"):
            pass
    thread.join(5)
    assert done.is_set()


def test_pods_that_share_a_clone_do_not_wait_for_each_other(machine: Callable[[str], Path]) -> None:
    machine("one")
    with engine.alone("slipway-1"):
        machine("another")
        thread, done = builds()
        assert done.wait(5)
    thread.join(5)


def test_a_link_in_the_locks_place_is_not_followed(machine: Callable[[str], Path], tmp_path: Path) -> None:
    """Anybody may write into a machine's temporary folder."""
    (tmp_path / "mine").write_text("mine")
    (machine("one") / f"slipway-1-{os.getuid()}.lock").symlink_to(tmp_path / "mine")
    with pytest.raises(OutsideError, match=r"slipway-1-\d+\.lock cannot be locked"), engine.alone("slipway-1"):
        pass
    assert (tmp_path / "mine").read_text() == "mine"
