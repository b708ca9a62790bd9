"""`slipway watch` with a real remote, S3 over HTTP and a GitHub of the tests' own. A minute."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import remotes, s3_server
from tests.github_server import FakeGitHub, Fault
from tests.remotes import World

from slipway.adapters.data.remote import DataRemote
from slipway.commands.watch import Look, watch
from slipway.datasets.pointer import Pointer
from slipway.errors import InputError
from slipway.watch.outcome import Until

MODEL, BRANCH, FILE = "toy", "slipway/watch/toy", "data/toy/train.csv.dvc"
OLD, NEW, NEWER = (remotes.data(version).encode() for version in "ABC")
LOOK = Look(prometheus=None, over=timedelta(days=1), until=Until.PROPOSAL)
Watch = Callable[..., dict[str, Any]]


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server.serving() as address:
        yield address


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in remotes.ENVIRON.items():
            patch.setenv(name, value)
        return remotes.make(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=[False, True], ids=["plain", "versions"])
def versions(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


class Place:
    """Where the data come from, and where they are kept."""

    def __init__(self, root: str) -> None:
        self.source, self.remote = f"{root}/shop/train.csv", f"{root}/dvc"

    def write(self, content: bytes) -> None:
        s3_server.put(self.source, content)

    def rewrite(self, content: bytes) -> None:
        """Upload in parts, as large files are: the ETag is no MD5 of them then."""
        import boto3

        client = boto3.client("s3")
        bucket, _, key = self.source.removeprefix("s3://").partition("/")
        upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        part = {"Bucket": bucket, "Key": key, "UploadId": upload}
        tag = client.upload_part(**part, PartNumber=1, Body=content)["ETag"]
        client.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"ETag": tag, "PartNumber": 1}]})


@pytest.fixture
def place(s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    s3_server.use(s3, monkeypatch)
    name = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20]
    keeps = "versions" in request.fixturenames and request.getfixturevalue("versions")
    return Place(s3_server.bucket(name, versions=bool(keeps)))


@pytest.fixture
def world(template: World, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The model toy with its data at a source, of which main has the first version."""
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    world = remotes.copy(template, tmp_path / "world")
    world.write(".dvc/config", f"[core]\n    remote = kept\n['remote \"kept\"']\n    url = {place.remote}\n")
    world.write("data/toy/train.csv", None)
    place.write(OLD)
    point(world, place)
    return world


def point(world: World, place: Place) -> None:
    """Have main point to what the source holds now."""
    from slipway.adapters.data import source as data_source

    file = world.root / "new.csv"
    source = data_source.head(place.source)
    kept = data_source.fetch(source, file)
    world.write(FILE, Pointer(path="train.csv", md5=kept.md5, size=kept.size, source=source).to_bytes())
    world.commit("Point toy to its data")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    with FakeGitHub.serve() as github:
        for name, value in github.environ().items():
            monkeypatch.setenv(name, value)
        yield github


@pytest.fixture
def run(world: World, place: Place, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Watch:
    """Watch toy in a clone of its own, which is gone afterwards, as a job's is.

    What the command said, its code, and whether it fetched what the source holds.
    """
    count = iter(range(100))
    asked = f"GET /{place.source.removeprefix('s3://')}"

    def once(*, until: Until = Until.PROPOSAL, **settings: Any) -> dict[str, Any]:
        clone = world.clone(f"clone-{next(count)}", "--depth=1")
        capsys.readouterr()
        caplog.clear()
        code = watch(world.workspace(clone, **settings), [], replace(LOOK, until=until), as_json=True)
        (found,) = json.loads(capsys.readouterr().out)["models"]
        fetches = any(asked in one.getMessage() for one in caplog.records)
        return {**found, "code": code, "said": "; ".join(found["said"]), "fetches": fetches}

    return once


def waiting(world: World) -> str:
    return world.bare("rev-parse", f"refs/heads/{BRANCH}")


def merged(world: World, server: FakeGitHub, number: int) -> str:
    """A person merges a pull request of the branch: the merge on main."""
    world.person.run("fetch", "--quiet", "origin", BRANCH)
    world.person.run("merge", "--quiet", "--no-ff", "--no-edit", waiting(world))
    merge = world.push()
    server.state.merge(server.state.pulls[number], merge)
    return merge


def proposed(world: World) -> Pointer:
    return Pointer.parse(world.bare("show", f"{BRANCH}:{FILE}").encode() + b"\n", FILE)


@pytest.mark.usefixtures("server")
class TestNewData:
    def test_nothing_new_is_nothing_to_do(self, world: World, server: FakeGitHub, run: Watch) -> None:
        found = run()
        assert (found["decision"], found["data"], found["code"], found["url"]) == ("nothing", "same", 0, "")
        assert not [*server.asked("POST", "/pulls"), *server.asked("POST", "/issues")]
        assert not world.bare("branch", "--list", BRANCH)

    def test_one_pull_request_updates_the_pointer_alone(
        self, world: World, place: Place, server: FakeGitHub, run: Watch, tmp_path: Path, *, versions: bool
    ) -> None:
        place.write(NEW)
        found = run()
        assert (found["decision"], found["code"], found["branch"]) == ("propose", 0, BRANCH)
        (pull,) = server.state.pulls.values()
        assert found["url"].endswith(f"/pull/{pull.number}")
        assert (pull.branch, pull.base, pull.title) == (BRANCH, "main", "watch(toy): newer data")
        assert not pull.merges_itself
        assert f"`{md5(OLD)}` | `{md5(NEW)}`" in pull.body
        assert world.bare("diff", "--name-only", "main", BRANCH) == FILE
        pointer = proposed(world)
        assert (pointer.md5, pointer.size) == (md5(NEW), len(NEW))
        assert pointer.source
        assert bool(pointer.source.version_id) is versions
        DataRemote.of(world.person.root, os.environ).fetch(pointer, tmp_path / "fetched.csv")
        assert (tmp_path / "fetched.csv").read_bytes() == NEW
        assert world.bare("log", "-1", "--format=%(trailers:key=Slipway-Model,valueonly)", BRANCH).strip() == MODEL

    def test_twice_is_once_and_what_people_write_below_stays(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        first, pull = waiting(world), server.state.pulls[1]
        pull.body += "\n\nAsk the shop first."
        world.write("README.md", "main moves on")
        world.commit("Move on")
        assert run()["url"].endswith("/pull/1")
        assert waiting(world) == first
        assert len(server.state.pulls) == 1
        assert pull.body.endswith("Ask the shop first.")

    def test_newer_data_yet_take_the_place_of_the_first(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        place.write(NEWER)
        run()
        assert proposed(world).md5 == md5(NEWER)
        (pull,) = server.state.pulls.values()
        assert md5(NEWER) in pull.body
        assert md5(NEW) not in pull.body

    def test_data_can_be_kept_before_they_are_proposed(
        self, world: World, place: Place, server: FakeGitHub, run: Watch, tmp_path: Path
    ) -> None:
        """Then a review that holds no credentials finds them, in a cache that is saved in between."""
        place.write(NEW)
        found = run(until=Until.DATA, data_cache=tmp_path / "cache")
        assert found["code"] == 0
        (kept,) = (file for file in (tmp_path / "cache" / "files").rglob("*") if file.is_file())
        assert kept.read_bytes() == NEW
        assert not world.bare("branch", "--list", BRANCH)
        assert not server.state.pulls
        run()
        run(until=Until.DATA, data_cache=tmp_path / "later")
        assert not (tmp_path / "later").exists()

    def test_a_dry_run_changes_nothing(self, world: World, place: Place, server: FakeGitHub, run: Watch) -> None:
        place.write(NEW)
        found = run(until=Until.LOOK)
        assert "would be proposed on the branch" in found["said"]
        assert not world.bare("branch", "--list", BRANCH)
        assert not [*server.asked("POST", "/pulls"), *server.asked("POST", "/issues")]

    def test_an_empty_file_is_not_taken(self, place: Place, run: Watch) -> None:
        place.write(b"")
        found = run()
        assert (found["decision"], found["data"], found["code"]) == ("nothing", "unfit", 0)
        assert "an empty file" in found["said"]

    def test_rows_that_nobody_can_read_are_for_validation_to_refuse(self, place: Place, run: Watch) -> None:
        place.write(b"\xff\x00 no table at all")
        assert run()["decision"] == "propose"

    def test_a_source_that_is_gone_is_told(self, place: Place, run: Watch) -> None:
        import boto3

        bucket, _, key = place.source.removeprefix("s3://").partition("/")
        boto3.client("s3").delete_object(Bucket=bucket, Key=key)
        found = run()
        assert (found["decision"], found["data"], found["code"]) == ("nothing", "gone", 0)

    def test_a_source_that_does_not_answer_is_exit_code_3(self, run: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        found = run()
        assert (found["decision"], found["data"], found["code"]) == ("unsure", "unknown", 3)

    def test_without_a_forge_the_branch_waits(
        self, world: World, place: Place, run: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("GITHUB_REPOSITORY")
        place.write(NEW)
        found = run()
        assert (found["code"], found["url"]) == (0, "")
        assert "open its pull request yourself" in found["said"]
        assert proposed(world).md5 == md5(NEW)


@pytest.mark.usefixtures("server")
class TestSameData:
    """A source that is written anew with the data of main, and shows an ETag that is no checksum of them."""

    def test_they_are_fetched_once_and_not_proposed(
        self, world: World, place: Place, server: FakeGitHub, run: Watch, *, versions: bool
    ) -> None:
        place.rewrite(OLD)
        first = run()
        assert (first["decision"], first["data"], first["code"], first["url"]) == ("nothing", "rewritten", 0, "")
        assert "written anew" in first["said"]
        for until in Until:
            again = run(until=until)
            assert (again["decision"], again["data"], again["code"]) == ("nothing", "rewritten", 0)
            assert "newer data" not in again["said"]
            assert not again["fetches"]
        assert first["fetches"]
        noted = proposed(world)
        assert (noted.md5, world.bare("diff", "--name-only", "main", BRANCH)) == (md5(OLD), FILE)
        place.rewrite(OLD)
        assert [run()["fetches"] for _ in range(2)] == [versions, False]  # another version is another state
        assert not server.state.pulls

    def test_a_job_that_keeps_data_first_fetches_them_once(self, place: Place, run: Watch) -> None:
        place.rewrite(OLD)
        assert [run(until=until)["fetches"] for until in (Until.DATA, Until.PROPOSAL)] == [True, False]

    def test_they_take_back_what_waits(self, world: World, place: Place, server: FakeGitHub, run: Watch) -> None:
        place.write(NEW)
        run()
        place.rewrite(OLD)
        assert "/pull/1 is closed: there is nothing to it any more" in run()["said"]
        assert not server.state.pulls[1].is_open
        assert proposed(world).md5 == md5(OLD)
        assert not run()["fetches"]
        place.write(NEW)
        assert run()["url"].endswith("/pull/2")
        assert proposed(world).md5 == md5(NEW)

    def test_whoever_can_close_no_pull_request_leaves_what_waits(
        self, world: World, place: Place, server: FakeGitHub, run: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.write(NEW)
        run()
        place.rewrite(OLD)
        with monkeypatch.context() as without:
            without.delenv("GITHUB_TOKEN")
            run()
        assert (server.state.pulls[1].is_open, proposed(world).md5) == (True, md5(NEW))
        run()
        assert (server.state.pulls[1].is_open, proposed(world).md5) == (False, md5(OLD))

    def test_they_take_back_nothing_that_a_person_took_over(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        pull = server.state.pulls[1]
        pull.body = "Mine."
        place.rewrite(OLD)
        assert "/pull/1 is left to the person who wrote its text" in run()["said"]
        assert (pull.is_open, pull.body, proposed(world).md5) == (True, "Mine.", md5(NEW))

    def test_a_note_is_gone_when_main_knows_as_much(self, world: World, place: Place, run: Watch) -> None:
        place.rewrite(OLD)
        run()
        point(world, place)
        assert run()["data"] == "same"
        assert not world.bare("branch", "--list", BRANCH)

    def test_a_note_that_nobody_can_read_is_none(self, world: World, place: Place, run: Watch) -> None:
        place.rewrite(OLD)
        run()
        world.person.run("checkout", "--quiet", "-b", "damaged")
        world.write(FILE, "outs: 7\n")
        world.person.run("commit", "--quiet", "--all", "--message=Damage it\n\nSlipway-Model: toy")
        world.person.run("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{BRANCH}")
        assert [run()["fetches"] for _ in range(2)] == [True, False]
        assert proposed(world).md5 == md5(OLD)

    def test_a_note_of_what_main_had_before_keeps_nothing_from_being_proposed(
        self, world: World, place: Place, run: Watch
    ) -> None:
        place.rewrite(OLD)
        run()
        pointer = proposed(world)
        assert pointer.source
        world.write(
            FILE, replace(pointer, md5=md5(NEW), size=len(NEW), source=replace(pointer.source, etag="x")).to_bytes()
        )
        world.commit("Point toy to other data")
        assert run()["decision"] == "propose"
        assert proposed(world).md5 == md5(OLD)

    def test_somebody_elses_branch_and_a_remote_that_refuses_are_no_failure(
        self, world: World, place: Place, run: Watch
    ) -> None:
        hook = world.remote / "hooks" / "pre-receive"
        hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        hook.chmod(0o755)
        place.rewrite(OLD)
        found = run()
        assert (found["decision"], found["code"]) == ("nothing", 0)
        assert "they are fetched again at the next look" in found["said"]
        hook.unlink()
        world.person.run("push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
        theirs = waiting(world)
        assert run()["code"] == 0
        assert waiting(world) == theirs


@pytest.mark.usefixtures("server")
class TestModels:
    def look(self, world: World, *names: str) -> int:
        return watch(world.workspace(world.clone(f"look-{len(names)}")), names, LOOK, as_json=True)

    def test_a_faulty_pointer_keeps_no_other_model_from_its_data(
        self, world: World, place: Place, server: FakeGitHub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        world.write("data/faulty/model.toml", (world.person.root / "data/toy/model.toml").read_bytes())
        world.write("data/faulty/train.csv.dvc", "outs: 7\n")
        world.commit("Add faulty")
        place.write(NEW)
        assert self.look(world) == 2
        faulty, toy = json.loads(capsys.readouterr().out)["models"]
        assert (faulty["decision"], toy["decision"]) == ("failed", "propose")
        assert "data/faulty/train.csv.dvc:1: " in faulty["said"][0]
        assert len(server.state.pulls) == 1

    def test_a_name_that_is_no_models_is_an_error(self, world: World) -> None:
        with pytest.raises(InputError, match="there is no model tay on main"):
            self.look(world, "tay")

    def test_a_job_with_half_of_its_credentials_is_told(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLIPWAY_GITHUB_APP_ID", "7")
        with pytest.raises(InputError, match="SLIPWAY_GITHUB_APP_KEY is not set"):
            self.look(world)


@pytest.mark.usefixtures("server")
class TestAnswers:
    def test_a_closed_pull_request_was_an_answer_for_these_data(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        server.state.pulls[1].is_open = False
        world.bare("update-ref", "-d", f"refs/heads/{BRANCH}")
        found = run()
        assert found["code"] == 0
        assert "/pull/1 was closed by a person: these data are not proposed again" in found["said"]
        assert not world.bare("branch", "--list", BRANCH)
        place.write(NEWER)
        run()
        assert [pull.is_open for pull in server.state.pulls.values()] == [False, True]

    def test_a_merge_that_was_taken_back_was_an_answer_too(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        merge = merged(world, server, 1)
        assert run()["decision"] == "nothing"
        assert not world.bare("branch", "--list", BRANCH)
        world.person.run("revert", "--no-edit", "-m", "1", merge)
        world.push()
        assert "/pull/1 was merged, and taken back since: these data are not proposed again" in run()["said"]
        assert not world.bare("branch", "--list", BRANCH)

    def test_data_that_later_ones_took_the_place_of_are_proposed_again(
        self, world: World, place: Place, server: FakeGitHub, run: Watch, *, versions: bool
    ) -> None:
        """Faulty data were merged, and their source goes back to those that were merged before them."""
        del versions  # of the bucket: an older state comes back as a new version, with the same checksum
        for number, content in enumerate((NEW, NEWER, NEW), 1):
            place.write(content)
            found = run()
            assert (found["decision"], found["url"].rpartition("/")[2]) == ("propose", str(number)), found["said"]
            assert proposed(world).md5 == md5(content)
            merge = merged(world, server, number)
        world.person.run("revert", "--no-edit", "-m", "1", merge)
        world.push()
        assert "/pull/3 was merged, and taken back since" in run()["said"]

    def test_a_source_that_goes_back_takes_its_pull_request_with_it(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        place.write(OLD)
        run()
        assert not world.bare("branch", "--list", BRANCH)
        assert not server.state.pulls[1].is_open
        place.write(NEW)
        run()
        assert [pull.is_open for pull in server.state.pulls.values()] == [False, True]

    def test_a_text_that_a_person_took_over_is_left_alone(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        pull, first = server.state.pulls[1], waiting(world)
        pull.body = text = f"Two hours of notes.\n\n{pull.body}"
        assert run()["url"].endswith("/pull/1")
        place.write(OLD)
        for _ in range(2):
            found = run()
            assert (found["code"], found["url"].rpartition("/")[2]) == (0, "1")
            assert found["said"].count("/pull/1 is left to the person who wrote its text") == 1
            assert (pull.is_open, pull.body, waiting(world)) == (True, text, first)

    def test_somebody_elses_commit_on_the_branch_is_left_alone(
        self, world: World, place: Place, server: FakeGitHub, run: Watch
    ) -> None:
        place.write(NEW)
        run()
        world.person.run("fetch", "--quiet", "origin", BRANCH)
        world.person.run("checkout", "--quiet", "-b", "mine", "FETCH_HEAD")
        world.write("data/toy/README.md", "Mind the gap.")
        world.person.run("add", "--all")
        world.person.run("commit", "--quiet", "--message=Say more")
        world.person.run("push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
        theirs = waiting(world)
        for content in (NEWER, OLD):  # to be proposed, and to be taken back
            place.write(content)
            found = run()
            assert found["code"] == 0
            assert "somebody else has committed" in found["said"] or content == OLD
            assert waiting(world) == theirs
            assert server.state.pulls[1].is_open


class TestRaces:
    def test_many_at_once_open_one_pull_request(self, world: World, place: Place, server: FakeGitHub) -> None:
        place.write(NEW)
        clones = [world.clone(f"at-once-{n}", "--depth=1") for n in range(4)]
        with ThreadPoolExecutor(len(clones)) as pool:
            codes = list(pool.map(lambda clone: watch(world.workspace(clone), [], LOOK, as_json=True), clones))
        assert codes == [0] * len(clones)
        assert len(server.state.pulls) == 1
        assert proposed(world).md5 == md5(NEW)

    @pytest.mark.parametrize(
        "fault", [Fault.closes("POST", "/pulls"), Fault.lost("POST", "/pulls"), Fault.server_error("POST", "/pulls")]
    )
    def test_a_github_that_stumbles_gets_one_pull_request(
        self, place: Place, server: FakeGitHub, run: Watch, fault: Fault
    ) -> None:
        place.write(NEW)
        server.faults.append(fault)
        run()
        run()
        assert len(server.state.pulls) == 1

    @pytest.mark.parametrize("at", ["head_object", "put", "push", "pull"])
    def test_a_run_that_is_killed_is_made_good_by_the_next(
        self, world: World, place: Place, server: FakeGitHub, run: Watch, at: str
    ) -> None:
        """Before the data are fetched, before and after they are kept, and between the branch and its pull request."""
        place.write(NEW)
        clone = world.clone("killed", "--depth=1")
        done = subprocess.run(
            [sys.executable, "-c", KILLED, at, str(clone.root)],
            env={**os.environ, "SLIPWAY_DATA_CACHE": str(world.root / "cache")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == -9, done.stderr
        assert not server.state.pulls
        run()
        assert len(server.state.pulls) == 1
        assert proposed(world).md5 == md5(NEW)
        assert not list((clone.root / ".slipway").glob("*.part*"))


KILLED = """\
import os, signal, sys
from slipway.adapters.data import source as data_source
from slipway.adapters.data.remote import DataRemote
from slipway.adapters.main_branch import MainBranch
from slipway.forge import watching
from slipway.cli import main

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

place = {"head_object": (data_source, "fetch"), "put": (DataRemote, "put"), "push": (MainBranch, "propose"),
         "pull": (watching, "propose")}[sys.argv[1]]
setattr(*place, die)
main(["watch", "--repo", sys.argv[2]])
"""
