"""What a merge and a revert bring to main, with real remotes: everything was reviewed before, so nothing is trained."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests import remotes
from tests.remotes import MODEL_TOML, World

from slipway import reviewed_bytes, trained
from slipway.adapters.git import Git
from slipway.adapters.image import Image, Layout
from slipway.adapters.main_branch import AUTHOR, EMAIL, Landing, MainBranch
from slipway.commands import package as by_hand
from slipway.commands.release import release, wanted
from slipway.commands.release import releaser as with_settings
from slipway.delivery import manifest
from slipway.delivery.manifest import Serving
from slipway.errors import InputError
from slipway.plan.history import State
from slipway.plan.rule import Decision, Wanted
from slipway.release.step import Done, Step
from slipway.release.until import Since, Until
from slipway.release.wanting import wanting
from slipway.stages import package

BRANCH = "slipway/production/toy"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A remote whose main has toy with the data A, of which nothing is released; the store has A, B and C."""
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")


@pytest.fixture
def clone(world: World) -> Git:
    return world.clone()


def told(steps: list[Step]) -> list[tuple[str, Wanted, Done]]:
    return [(step.model, step.wanted, step.done) for step in steps]


def serving(world: World, model: str = "toy") -> Serving:
    content = world.manifest(model)
    assert content is not None
    return manifest.read(content, "main")


def keys(world: World) -> tuple[str, str | None]:
    now = serving(world)
    return now.default.key, now.canary.key if now.canary else None


def nothing_more(world: World, git: Git) -> bool:
    """Whether another run does nothing: neither to main nor to the store."""
    before = world.main(), world.entries(), world.bare("for-each-ref")
    steps = world.release(git)
    return not steps and before == (world.main(), world.entries(), world.bare("for-each-ref"))


def forbid(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Whoever calls one of these functions fails."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    for name in names:
        monkeypatch.setattr(name, never)


UNNEEDED = ("slipway.stages.tune.run", "slipway.stages.validate._validate")


# ---- the life of a model


def test_the_life_of_a_model(world: World, clone: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch, *UNNEEDED, "slipway.stages.compare._Judge.compare")
    (first,) = world.release(clone)
    assert told([first]) == [("toy", Wanted.RELEASE, Done.COMMITTED)]
    key_a = str(first.key)
    assert first.subject == f"release(toy): {key_a[:8]} 100%"
    assert keys(world) == (key_a, None)
    assert nothing_more(world, clone)

    merged = world.give("B")
    (second,) = world.release(clone)
    key_b = str(second.key)
    assert second.subject == f"release(toy): {key_b[:8]} canary 10%"
    assert keys(world) == (key_a, key_b)
    assert nothing_more(world, clone)
    promoted = world.releaser(clone).promote("toy")
    assert promoted.subject == f"promote(toy): {key_b[:8]} 100%"
    assert keys(world) == (key_b, None)
    assert world.releaser(clone).promote("toy").done is Done.NOTHING

    monkeypatch.setattr("slipway.stages.package.run", None)
    world.revert(merged)
    (restored,) = world.release(clone)
    assert told([restored]) == [("toy", Wanted.RESTORE, Done.COMMITTED)]
    assert restored.subject == f"restore(toy): {key_a[:8]} 100%"
    assert keys(world) == (key_a, None)
    assert nothing_more(world, clone)

    world.pull()
    world.write("data/toy", None)
    world.commit("Delete toy")
    (retired,) = world.release(clone)
    assert retired.subject == f"retire(toy): {key_a[:8]}"
    assert world.manifest() is None
    assert nothing_more(world, clone)
    assert told(world.release(clone, "toy")) == [("toy", Wanted.NONE, Done.NOTHING)]
    assert [subject.split(":")[0] for subject in world.log()] == [
        "retire(toy)", "Delete toy", "restore(toy)", 'Revert "Give toy the data B"', "promote(toy)",
        "release(toy)", "Give toy the data B", "release(toy)", "Add toy",
    ]  # fmt: skip


def test_a_release_that_was_reverted_is_held(world: World, clone: Git) -> None:
    (first,) = world.release(clone)
    world.give("B")
    (second,) = world.release(clone)
    world.revert(second.commit)
    assert keys(world) == (first.key, None)
    assert nothing_more(world, clone)
    (held,) = world.release(clone, "toy")
    assert told([held]) == [("toy", Wanted.HELD, Done.NOTHING)]
    world.give("C")
    (third,) = world.release(clone)
    assert keys(world) == (first.key, third.key)


def test_a_promotion_that_was_reverted_is_rolled_back(world: World, clone: Git) -> None:
    (first,) = world.release(clone)
    world.give("B")
    (second,) = world.release(clone)
    promoted = world.releaser(clone).promote("toy")
    taken_back = world.revert(promoted.commit)
    (rolled_back,) = world.release(clone)
    assert rolled_back.subject == f"rollback(toy): {str(second.key)[:8]}"
    assert keys(world) == (first.key, None)
    assert nothing_more(world, clone)
    assert world.releaser(clone).promote("toy").done is Done.NOTHING
    world.revert(rolled_back.commit, taken_back)
    assert keys(world) == (second.key, None)
    assert nothing_more(world, clone)


def test_serving_alone_is_configured(world: World, clone: Git) -> None:
    world.release(clone)
    world.pull()
    world.change("data/toy/model.toml", "replicas = 2", "replicas = 3")
    world.commit("Serve it by three")
    (step,) = world.release(clone)
    assert step.subject == "configure(toy): 3 replicas"
    assert serving(world).replicas == 3
    assert nothing_more(world, clone)


def test_without_a_canary_a_release_gets_all_at_once(world: World, clone: Git) -> None:
    world.release(clone)
    world.pull()
    world.change("data/toy/model.toml", "canary_percent = 10", "canary_percent = 0")
    world.give("B")
    (step,) = world.release(clone)
    assert step.subject == f"release(toy): {str(step.key)[:8]} 100%"
    assert keys(world) == (step.key, None)
    assert nothing_more(world, clone)


def test_what_people_wrote_stays(world: World, clone: Git) -> None:
    world.release(clone)
    world.pull()
    path = "gitops/models/toy/production/seldon-deployment.yaml"
    world.change(path, "cpu: 100m", "cpu: 250m  # measured in March")
    world.commit("Give toy more")
    world.give("B")
    world.release(clone)
    world.releaser(clone).promote("toy")
    now = world.manifest() or b""
    assert now.count(b"cpu: 250m  # measured in March") == 1


def test_a_commit_says_who_what_and_why(world: World, clone: Git) -> None:
    source = world.main()
    (step,) = world.release(clone)
    key = str(step.key)
    (author,) = world.log("%an <%ae> %cn <%ce>", "-1")
    assert author == f"{AUTHOR} <{EMAIL}> {AUTHOR} <{EMAIL}>"
    assert world.bare("log", "-1", "--format=%B", "main") == (
        f"release(toy): {key[:8]} 100%\n\n{source[:12]} changed the key to {key[:8]}.\n\n"
        f"Slipway-Model: toy\nSlipway-Key: {key}\nSlipway-Environment: production\nSlipway-Source: {source}\n"
    )
    trailers = world.bare("log", "-1", "--format=%(trailers:key=Slipway-Key,valueonly)", "main")
    assert trailers.strip() == key
    assert serving(world).default.commit == source
    assert serving(world).default.metrics["log_loss"] > 0


# ---- the clone


def test_nobodys_files_are_touched(world: World, clone: Git) -> None:
    """A clone that is behind main, with changes of every kind, is what it was; only what main has is released."""
    world.give("B")
    (clone.root / "data/toy/train.csv").write_text("broken")
    (clone.root / "data/toy/model.toml").write_text("broken too")
    (clone.root / "gitops").mkdir()
    (clone.root / "gitops/mine.yaml").write_text("mine")
    (clone.root / "uv.lock").unlink()
    clone.run("add", "data/toy/train.csv")
    before = clone.run("status", "--porcelain=v2", "--untracked-files=all")
    (step,) = world.release(clone)
    assert step.key is not None
    assert step.done is Done.COMMITTED
    assert clone.run("status", "--porcelain=v2", "--untracked-files=all") == before
    assert len(clone.run("worktree", "list").splitlines()) == 1
    assert world.bare("show", "--format=", "--name-only", "main").split() == [
        "gitops/models/toy/production/seldon-deployment.yaml"
    ]


@pytest.mark.parametrize("where", [["--detach"], ["--create", "elsewhere"]])
def test_it_does_not_matter_what_is_checked_out(world: World, clone: Git, where: list[str]) -> None:
    clone.run("switch", "--quiet", *where)
    world.give("B")
    (step,) = world.release(clone)
    assert keys(world) == (step.key, None)
    assert nothing_more(world, clone)


def test_a_shallow_clone_deepens_by_itself(world: World) -> None:
    world.give("B")
    world.give("A")
    shallow = world.clone("shallow", "--depth=1")
    (step,) = world.release(shallow)
    assert keys(world) == (step.key, None)
    assert nothing_more(world, shallow)


def test_without_a_remote_main_is_the_clones_own(world: World, clone: Git) -> None:
    clone.run("remote", "remove", "origin")
    tip = clone.run("rev-parse", "HEAD")
    (step,) = world.release(clone)
    assert clone.run("rev-parse", "HEAD", "HEAD^").split() == [step.commit, tip]
    assert clone.run("status", "--porcelain") == ""
    assert world.release(clone) == []


# ---- verdicts


def test_a_verdict_of_no_commits_nothing_and_is_not_asked_for_again(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.release(clone)
    tip = world.main()
    world.pull()
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    merged = world.give("B")
    forbid(monkeypatch, *UNNEEDED)
    (refused,) = world.release(clone)
    assert told([refused]) == [("toy", Wanted.RELEASE, Done.REFUSED)]
    assert refused.reasons[0] == "the verdict is block"
    assert "more than +5 is asked for" in refused.reasons[1]
    assert world.log("%H")[:2] == [merged, tip]

    forbid(monkeypatch, "slipway.stages.compare._Judge.compare")
    kept = world.entries()
    (again,) = world.release(clone)
    assert (again.done, again.reasons) == (Done.REFUSED, refused.reasons)
    assert world.entries() == kept
    assert world.main() == merged


def test_a_gate_that_was_eased_afterwards_lets_it_through(world: World, clone: Git) -> None:
    world.release(clone)
    world.pull()
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    world.give("B")
    assert world.release(clone)[0].done is Done.REFUSED
    world.change("data/toy/model.toml", "min_improvement = 5.0", "min_improvement = -5.0")
    world.commit("Ease the gate")
    (step,) = world.release(clone)
    assert step.done is Done.COMMITTED
    assert nothing_more(world, clone)


def test_a_champion_that_changed_since_the_review_is_compared_with_again(world: World, clone: Git) -> None:
    (a,) = world.release(clone)
    world.give("B")
    (b,) = world.release(clone)
    world.releaser(clone).promote("toy")
    compared = {path.name for path in (world.store / "toy").glob("*/comparison-*")}
    against_b = list((world.store / "toy").glob(f"*/comparison-{str(b.key)[:8]}-*"))
    assert len(against_b) == 1
    shutil.rmtree(against_b[0])  # the review was made while A was live
    world.give("C")
    (c,) = world.release(clone)
    assert told([c]) == [("toy", Wanted.RELEASE, Done.COMMITTED)]
    assert against_b[0].parent.name == c.key
    assert (against_b[0] / "comparison.json").is_file()
    assert {path.name for path in (world.store / "toy").glob("*/comparison-*")} == compared
    assert str(a.key)[:8] in "".join(compared)


@pytest.mark.parametrize("until", Until)
def test_a_key_of_two_models_is_not_released_until_a_person_looked(world: World, clone: Git, until: Until) -> None:
    """Two pull requests handed on different bytes of one key; what was released before is restored all the same."""
    (first,) = world.release(clone)
    merged = world.give("B")
    (second,) = replace(world.releaser(clone), until=Until.IMAGE).release()
    store, tip = world.workspace(clone).store, world.main()
    for key in (str(first.key), str(second.key)):
        made = trained.load(store, "toy", key)
        assert made
        other = made.card.model_copy(update={"onnx_sha256": "d" * 64})
        reviewed_bytes.dispute(store, other, pull_request=9, head="f" * 40)
    (step,) = replace(world.releaser(clone), until=until).release()
    assert (step.key or second.key, step.done, step.exit_code) == (second.key, Done.FAILED, 3)
    assert "pull request 9 (at ffffffffffff) handed on another model of this key" in step.reasons[0]
    assert world.main() == tip, "though its image was built before"

    shutil.rmtree(world.store / "toy" / str(second.key) / "disputed")
    world.release(clone)
    assert keys(world) == (first.key, second.key)
    world.releaser(clone).promote("toy")
    world.revert(merged)
    (restored,) = world.release(clone)
    assert (restored.wanted, restored.done, keys(world)) == (Wanted.RESTORE, Done.COMMITTED, (first.key, None))


def test_no_new_image_is_made_of_a_key_of_two_models(world: World, clone: Git) -> None:
    (step,) = world.release(clone)
    store = world.workspace(clone).store
    made = trained.load(store, "toy", str(step.key))
    assert made
    reviewed_bytes.dispute(store, made.card, pull_request=9, head="f" * 40)
    (rebuilt,) = world.upon(clone, "new").rebuild()
    assert (rebuilt.done, rebuilt.exit_code) == (Done.FAILED, 3)
    assert "one of the two is not what training makes" in rebuilt.reasons[0]


def test_data_that_do_not_pass_are_refused(world: World, clone: Git) -> None:
    world.pull()
    suite = (world.person.root / "data/toy/expectations.json").read_text()
    world.write("data/toy/expectations.json", suite.replace('"max_value": 10', '"max_value": 5'))
    tip = world.commit("Expect less")
    (step,) = world.release(clone)
    assert step.done is Done.REFUSED
    assert step.reasons[0] == "the verdict is block"
    assert any("width" in reason for reason in step.reasons)
    assert world.main() == tip


# ---- verdict, image and commit as jobs of their own


UNTIL = [Until.VERDICT, Until.IMAGE]


def until(world: World, git: Git, last: Until, *names: str, landing: Landing = Landing.PUSH) -> list[Step]:
    """What a job before the release does: nothing of it shows on main or on any branch."""
    before = world.bare("for-each-ref")
    steps = list(replace(world.releaser(git, landing), until=last).release(names))
    assert world.bare("for-each-ref") == before
    return steps


def forget(world: World, *entries: str) -> None:
    for entry in entries:
        for folder in (world.store / "toy").glob(f"*/{entry}"):
            shutil.rmtree(folder)


def test_verdict_image_and_commit_are_each_done_once(world: World, clone: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(world, "comparison-*", "validation-*")
    (judged,) = until(world, clone, Until.VERDICT, "toy")
    assert told([judged]) == [("toy", Wanted.RELEASE, Done.READY)]
    assert judged.reasons == (f"the verdict on {str(judged.key)[:8]} is promote",)
    assert (judged.image, judged.subject, judged.commit) == ("", "", "")
    assert not world.images.exists()
    forbid(monkeypatch, *UNNEEDED, "slipway.stages.compare._Judge.compare")
    (built,) = until(world, world.clone("other"), Until.IMAGE, "toy")
    assert told([built]) == [("toy", Wanted.RELEASE, Done.READY)]
    assert (built.subject, built.commit) == (f"release(toy): {str(built.key)[:8]} 100%", "")
    forbid(monkeypatch, "slipway.adapters.image.Layout.build")
    kept = world.entries()
    (step,) = world.release(world.clone("third"), "toy")
    assert (step.done, step.known, step.trained, step.image) == (Done.COMMITTED, True, False, built.image)
    assert serving(world).default.image == built.image
    assert world.entries() == kept


@pytest.mark.parametrize("last", UNTIL)
def test_a_verdict_of_no_is_told_before_anything_is_built(world: World, clone: Git, last: Until) -> None:
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    world.change("data/toy/model.toml", "replicas = 2", "replicas = 3")
    world.commit("Ask for more")
    (step,) = until(world, clone, last)
    assert (step.done, step.reasons[0], step.image) == (Done.REFUSED, "the verdict is block", "")
    assert not world.images.exists()


def landed(world: World, git: Git, signed: frozenset[str] | None = None) -> list[Step]:
    """What the job does that has neither cores to train nor anything to build with."""
    return list(replace(world.releaser(git), since=Since.IMAGE, signed=signed).release())


MADE = ("slipway.stages.tune.run", "slipway.stages.validate._validate", "slipway.stages.compare._Judge.compare")


@pytest.mark.parametrize("is_reviewed", [True, False])
def test_what_came_meanwhile_holds_up_nothing_that_is_ready(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch, *, is_reviewed: bool
) -> None:
    world.add("another")
    (built,) = until(world, clone, Until.IMAGE)
    late = world.commit("Add another")
    if not is_reviewed:
        shutil.rmtree(world.store / "another")
    forbid(monkeypatch, *MADE, "slipway.adapters.image.Layout.build")
    left, step = landed(world, clone)
    assert (told([left]), left.exit_code) == ([("another", Wanted.RELEASE, Done.LATER)], 0)
    assert left.reasons[0].startswith(f"{late[:8]} ")
    assert left.reasons[0].endswith("after this run had begun: the next one builds and commits it")
    assert (told([step]), step.image) == ([("toy", Wanted.RELEASE, Done.COMMITTED)], built.image)


def test_an_image_that_another_machine_has_as_a_folder_is_made_again(world: World, clone: Git) -> None:
    """Without a builder it takes nothing but the store."""
    (built,) = until(world, clone, Until.IMAGE)
    shutil.rmtree(world.images)
    (step,) = landed(world, clone)
    assert (step.done, step.image, step.built) == (Done.COMMITTED, built.image, True)


def test_a_key_that_came_meanwhile_is_left_though_an_earlier_one_is_built(world: World, clone: Git) -> None:
    until(world, clone, Until.IMAGE)
    world.give("B")
    assert [step.done for step in landed(world, clone)] == [Done.LATER]
    assert world.manifest() is None


def test_what_the_run_had_to_build_and_did_not_is_a_failure_and_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("another")
    world.commit("Add another")
    clone = world.clone()
    until(world, clone, Until.IMAGE, "toy")
    forbid(monkeypatch, *MADE, "slipway.adapters.image.Layout.build")
    failed, step = landed(world, clone)
    assert (failed.model, failed.done, failed.exit_code) == ("another", Done.FAILED, 3)
    assert "has no image, and nothing is built here" in failed.reasons[0]
    assert (step.model, step.done) == ("toy", Done.COMMITTED)


NOTHING_SIGNED: frozenset[str] = frozenset()


def test_an_image_that_an_earlier_run_built_and_did_not_sign_is_not_committed(world: World, clone: Git) -> None:
    """That run's image is recorded; in this one, the job that signs failed before it knew of any image."""
    world.add("another")
    world.commit("Add another")
    clone = world.clone("now")
    unsigned, built = until(world, clone, Until.IMAGE)
    assert (unsigned.model, built.model) == ("another", "toy")
    failed, step = landed(world, clone, frozenset({built.image}))
    assert (failed.model, failed.done, failed.exit_code) == ("another", Done.FAILED, 3)
    assert f"has an image, {unsigned.image}, which was not signed by this run" in failed.reasons[0]
    assert "The job that builds says why" in failed.reasons[0]
    assert (step.model, step.done, step.image) == ("toy", Done.COMMITTED, built.image)
    assert world.manifest("another") is None
    (mended,) = landed(world, clone, frozenset({unsigned.image}))
    assert (mended.model, mended.done) == ("another", Done.COMMITTED)


def test_an_image_that_was_not_signed_is_left_where_its_key_came_meanwhile(world: World, clone: Git) -> None:
    late = world.give("B")
    until(world, world.clone("earlier"), Until.IMAGE)
    (left,) = landed(world, clone, NOTHING_SIGNED)
    assert (left.done, left.exit_code) == (Done.LATER, 0)
    assert left.reasons[0].startswith(f"{late[:8]} ")
    assert world.manifest() is None


def test_what_main_had_before_comes_back_with_nothing_signed_anew(world: World, clone: Git) -> None:
    (first,) = world.release(clone)
    merged = world.give("B")
    world.release(clone)
    world.releaser(clone).promote("toy")
    list(replace(world.upon(clone, "new"), until=Until.IMAGE).rebuild())  # and was not signed
    world.revert(merged)
    new = replace(world.upon(clone, "new"), since=Since.IMAGE, signed=NOTHING_SIGNED)
    package.run(new.workspace, new.images, "toy", str(first.key))
    (restored,) = new.release()
    assert told([restored]) == [("toy", Wanted.RESTORE, Done.COMMITTED)]
    assert serving(world).default.image == first.image, "not the newest, which nobody signed"


def test_a_workflow_claims_no_image_that_others_built(world: World, clone: Git) -> None:
    """Tekton and laptops build into the same store and registry; what they built is released all the same."""
    ours = "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main"
    (foreign,) = world.release(clone)
    merged = world.give("B")
    releaser = world.releaser(clone, workflow=ours)
    (built,) = replace(releaser, until=Until.IMAGE).release()
    (step,) = replace(world.releaser(clone, workflow=ours), since=Since.IMAGE).release()
    assert (built.by_this_workflow, step.by_this_workflow, foreign.by_this_workflow) == (True, True, False)
    world.releaser(clone).promote("toy")
    back = world.revert(merged)
    (restored,) = world.releaser(clone, workflow=ours).release()
    assert (restored.image, restored.by_this_workflow) == (foreign.image, False)
    world.revert(back)
    (restored,) = world.releaser(clone, workflow=ours).release()
    assert (restored.image, restored.by_this_workflow) == (built.image, True)


def test_what_was_verified_in_the_environment_before_needs_no_new_signature(world: World, clone: Git) -> None:
    both = ("staging", "production")
    staging = world.releaser(clone, environment="staging", environments=both)
    (tried,) = staging.release()
    staging.confirm("toy", str(tried.key))
    production = world.releaser(clone, environment="production", environments=both)
    (step,) = replace(production, since=Since.IMAGE, signed=NOTHING_SIGNED).release()
    assert (told([step]), step.image) == ([("toy", Wanted.RELEASE, Done.COMMITTED)], tried.image)


@pytest.mark.parametrize("is_by_the_data", [True, False], ids=["data", "gate"])
def test_a_no_is_told_where_nothing_is_built(world: World, clone: Git, *, is_by_the_data: bool) -> None:
    if is_by_the_data:
        suite = (world.person.root / "data/toy/expectations.json").read_text()
        world.write("data/toy/expectations.json", suite.replace('"max_value": 10', '"max_value": 5'))
    else:
        world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    world.commit("Ask for more")
    assert [step.done for step in until(world, clone, Until.IMAGE)] == [Done.REFUSED]
    (step,) = landed(world, world.clone("other"))
    assert (step.done, step.known, step.reasons[0]) == (Done.REFUSED, True, "the verdict is block")


def test_a_no_is_told_though_the_champion_is_another_by_now(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict was about the champion of then: whoever promoted the canary meanwhile took nothing of the no back."""
    world.release(clone)
    world.give("B")
    world.release(clone)
    world.pull()
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 5.0")
    world.give("C")
    run = world.clone("run")
    assert [step.done for step in until(world, run, Until.IMAGE)] == [Done.REFUSED]
    world.releaser(clone).promote("toy")
    forbid(monkeypatch, *UNNEEDED, "slipway.adapters.image.Layout.build")
    (step,) = landed(world, run)
    assert (step.done, step.known, step.reasons[0]) == (Done.REFUSED, False, "the verdict is block")
    assert "more than +5 is asked for" in step.reasons[1]


def test_what_was_not_compared_with_the_champion_of_now_and_passes_is_left(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(world, "comparison-*")
    forbid(monkeypatch, *UNNEEDED, "slipway.adapters.image.Layout.build")
    (failed,) = landed(world, clone)
    assert (failed.done, failed.exit_code) == (Done.FAILED, 3)
    assert "has no image, and nothing is built here" in failed.reasons[0]
    late = world.give("B")
    (left,) = landed(world, clone)
    assert (left.done, left.reasons[0].partition(" ")[0]) == (Done.LATER, late[:8])


@pytest.mark.parametrize("landing", list(Landing))
def test_what_is_restored_is_looked_for_and_not_judged(world: World, clone: Git, landing: Landing) -> None:
    world.release(clone)
    merged = world.give("B")
    world.release(clone)
    live = serving(world).default
    world.revert(merged)
    for last in UNTIL:
        (step,) = until(world, clone, last, landing=landing)
        assert told([step]) == [("toy", Wanted.RESTORE, Done.READY)]
        assert step.image == live.image
    shutil.rmtree(world.images)
    until(world, clone, Until.VERDICT)
    assert not world.images.exists()
    until(world, clone, Until.IMAGE)
    assert Layout(root=world.images, registry="localhost/slipway").has(Image.parse(live.image))


def test_what_comes_after_a_rollback_is_built_before_it_lands(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.release(clone)
    world.give("B")
    world.release(clone)
    promoted = world.releaser(clone).promote("toy")
    world.revert(promoted.commit)
    world.give("C")
    steps = until(world, clone, Until.IMAGE)
    assert told(steps) == [("toy", Wanted.ROLLBACK, Done.READY), ("toy", Wanted.RELEASE, Done.READY)]
    forbid(monkeypatch, *UNNEEDED, "slipway.stages.compare._Judge.compare", "slipway.adapters.image.Layout.build")
    done = world.release(clone)
    assert [(step.subject, step.image) for step in done] == [(step.subject, step.image) for step in steps]


@pytest.mark.parametrize("last", UNTIL)
def test_a_proposal_goes_on_waiting_while_nothing_is_to_land(world: World, clone: Git, last: Until) -> None:
    list(world.releaser(clone, Landing.BRANCH).release())
    world.write("data/toy", None)
    world.commit("Delete toy before it was ever released")
    assert wanting(world.workspace(clone), MainBranch.of(clone), Landing.BRANCH) == ["toy"]
    (step,) = until(world, clone, last, "toy", landing=Landing.BRANCH)
    assert told([step]) == [("toy", Wanted.NONE, Done.NOTHING)]


def test_what_main_asks_for_is_named_for_the_jobs(world: World, clone: Git) -> None:
    world.add("other")
    world.commit("Add other")
    workspace = world.workspace(clone)
    assert wanted(workspace) == ["other", "toy"]
    (toy,) = world.release(clone, "toy")
    assert wanted(workspace) == ["other"]
    world.revert(toy.commit)
    assert wanted(workspace) == ["other"], "what is held is not asked for"
    world.write("data/other/model.toml", "[model\n")
    world.commit("Break other")
    assert wanted(workspace) == ["other"], "its fault is to be told"


# ---- bytes that a review showed


@pytest.mark.parametrize("is_same", [True, False])
def test_a_release_says_whether_its_bytes_are_those_that_a_fork_showed(
    world: World, clone: Git, capsys: pytest.CaptureFixture[str], *, is_same: bool
) -> None:
    workspace = world.workspace(clone, tracking_uri="sqlite:////nowhere/mlflow.db")
    workspace = replace(workspace, screen=replace(workspace.screen, quiet=False))
    found = trained.load(workspace.store, "toy", workspace.model("toy").key)
    assert found
    shown = found.card if is_same else found.card.model_copy(update={"onnx_sha256": "0" * 64})
    reviewed_bytes.show(workspace.store, shown, pull_request=7, head="f" * 40)
    assert release(workspace, ["toy"], workers=1, as_json=False) == 0
    said = capsys.readouterr().err
    which = "are those" if is_same else "are not those"
    assert f"the bytes {which} that pull request 7 (at ffffffffffff) showed" in said
    assert said.startswith("toy: committed" if is_same else "warning: toy: committed")
    body = world.bare("log", "-1", "--format=%B", "main")
    assert f"The bytes {which} that pull request 7" in body
    assert world.bare("log", "-1", "--format=%(trailers:key=Slipway-Model,valueonly)", "main").strip() == "toy"


def test_a_step_says_nothing_of_bytes_that_nobody_showed(world: World, clone: Git) -> None:
    (step,) = world.release(clone)
    assert (step.reviewed, step.reasons) == (None, ())


# ---- protected main


class TestBranch:
    """`SLIPWAY_LANDING=branch`: each commit waits on a branch for a pull request."""

    def propose(self, world: World, git: Git, *names: str) -> list[Step]:
        return list(world.releaser(git, Landing.BRANCH).release(names))

    def waiting(self, world: World) -> str | None:
        return Git(root=world.remote).resolve(f"refs/heads/{BRANCH}")

    def test_a_proposal_waits_and_is_left_alone(self, world: World, clone: Git) -> None:
        tip = world.main()
        (step,) = self.propose(world, clone)
        assert step.done is Done.PROPOSED
        assert self.waiting(world) == step.commit
        assert world.main() == tip
        for git in (clone, world.clone("other")):
            (again,) = self.propose(world, git)
            assert again.done is Done.PROPOSED
            assert self.waiting(world) == step.commit

    def test_what_is_said_of_a_proposal_is_what_waits(self, world: World, clone: Git) -> None:
        self.propose(world, clone)
        waits = self.waiting(world)
        (again,) = remotes.later(world.releaser(clone, Landing.BRANCH)).release()
        assert self.waiting(world) == waits == again.commit

    def test_it_stays_while_main_moves_elsewhere(self, world: World, clone: Git) -> None:
        (first,) = self.propose(world, clone)
        world.write("notes.txt", "elsewhere\n")
        world.commit("Write elsewhere")
        (step,) = self.propose(world, clone)
        assert world.bare("rev-parse", BRANCH) == step.commit == first.commit, "or approvals would be dismissed"

    def test_it_follows_the_manifest(self, world: World, clone: Git) -> None:
        world.release(clone)
        world.give("B")
        self.propose(world, clone)
        world.pull()
        path = "gitops/models/toy/production/seldon-deployment.yaml"
        world.change(path, "memory: 1Gi", "memory: 2Gi")
        tip = world.commit("Give it more memory")
        (step,) = self.propose(world, clone)
        assert world.bare("rev-parse", BRANCH, f"{BRANCH}^").split() == [step.commit, tip]

    @pytest.mark.parametrize("squash", [False, True])
    def test_once_it_is_merged_nothing_is_wanted(self, world: World, clone: Git, *, squash: bool) -> None:
        (step,) = self.propose(world, clone)
        world.write("notes.txt", "meanwhile\n")
        world.commit("Write elsewhere")
        merge(world, BRANCH, squash=squash)
        assert keys(world) == (step.key, None)
        assert self.propose(world, clone) == []
        (asked,) = self.propose(world, clone, "toy")
        assert told([asked]) == [("toy", Wanted.NONE, Done.NOTHING)]

    def test_it_is_withdrawn_once_nothing_is_wanted(self, world: World, clone: Git) -> None:
        (first,) = self.propose(world, clone)
        merge(world, BRANCH, squash=True)
        merged = world.give("B")
        assert self.propose(world, clone)[0].subject.endswith("canary 10%")
        world.revert(merged)
        self.propose(world, clone, "toy")
        assert self.waiting(world) is None
        assert keys(world) == (first.key, None)

    def test_it_is_withdrawn_by_a_run_that_names_no_model(self, world: World, clone: Git) -> None:
        self.propose(world, clone)
        merge(world, BRANCH, squash=True)
        merged = world.give("B")
        self.propose(world, clone)
        world.revert(merged)
        assert self.propose(world, clone) == []
        assert self.waiting(world) is None

    def test_it_is_withdrawn_when_the_model_is_gone(self, world: World, clone: Git) -> None:
        self.propose(world, clone)
        world.write("data/toy", None)
        world.commit("Delete toy before it was ever released")
        assert self.propose(world, clone) == []
        assert self.waiting(world) is None

    @pytest.mark.parametrize("squash", [False, True])
    def test_a_proposal_that_is_merged_late_holds_nothing(self, world: World, clone: Git, *, squash: bool) -> None:
        (first,) = self.propose(world, clone)
        merge(world, BRANCH, squash=True)
        world.give("B")
        (second,) = self.propose(world, clone)
        world.give("C")
        merge(world, BRANCH, squash=squash)
        assert keys(world) == (first.key, second.key)
        (third,) = self.propose(world, clone)
        assert told([third]) == [("toy", Wanted.RELEASE, Done.PROPOSED)]
        assert third.key not in (first.key, second.key)
        merge(world, BRANCH, squash=squash)
        assert keys(world) == (first.key, third.key)
        assert self.propose(world, clone) == []

    def test_a_promotion_waits_there_too(self, world: World, clone: Git) -> None:
        world.release(clone)
        world.give("B")
        world.release(clone)
        step = world.releaser(clone, Landing.BRANCH).promote("toy")
        assert step.done is Done.PROPOSED
        for names in ((), ("toy",)):  # a release that asks for nothing lets it wait
            self.propose(world, clone, *names)
            assert self.waiting(world) == step.commit
        world.pull()
        world.write("notes.txt", "elsewhere\n")
        world.commit("Write elsewhere")
        self.propose(world, clone)
        assert self.waiting(world) == step.commit
        merge(world, BRANCH, squash=True)
        assert keys(world) == (step.key, None)
        assert self.propose(world, clone) == []
        assert self.waiting(world) is None

    def test_a_promotion_gives_way_to_a_newer_release(self, world: World, clone: Git) -> None:
        (first,) = world.release(clone)
        world.give("B")
        world.release(clone)
        world.releaser(clone, Landing.BRANCH).promote("toy")
        world.give("C")
        (step,) = self.propose(world, clone)
        assert step.subject == f"release(toy): {str(step.key)[:8]} canary 10%"
        assert self.waiting(world) == step.commit
        merge(world, BRANCH, squash=True)
        assert keys(world) == (first.key, step.key)


def merge(world: World, branch: str, *, squash: bool) -> str:
    """What a person does with a pull request."""
    person = world.person
    world.pull()
    person.run("fetch", "--quiet", "origin", branch)
    if squash:
        person.run("merge", "--quiet", "--squash", "FETCH_HEAD")
        person.run("commit", "--quiet", "--message=Merge what waited (#1)")
    else:
        person.run("merge", "--quiet", "--no-ff", "--message=Merge pull request #1", "FETCH_HEAD")
    return world.push()


# ---- what is lost or broken


def lose(world: World, entry: str, file: str, *, damage: bool) -> None:
    (found,) = (world.store / "toy").glob(f"*/{entry}/{file}")
    if damage:
        found.chmod(found.stat().st_mode | stat.S_IWUSR)
        found.write_bytes(found.read_bytes()[:-1] + b"?")
    else:
        found.unlink()


@pytest.fixture
def only_a(world: World, clone: Git) -> World:
    """A store that knows nothing but the key that main has, and another model beside toy."""
    key = world.workspace(clone).model("toy").key
    for folder in (world.store / "toy").iterdir():
        if folder.name != key:
            shutil.rmtree(folder)
    world.add("other")
    world.commit("Add other")
    return world


@pytest.mark.parametrize("damage", [False, True])
@pytest.mark.parametrize(
    ("entry", "file"),
    [
        ("challenger", "model.onnx"), ("challenger", "model.json"),
        ("comparison-*", "comparison.json"), ("validation-*", "validation.json"),
    ],
)  # fmt: skip
def test_what_the_store_lost_is_one_message_and_others_go_on(
    only_a: World, clone: Git, entry: str, file: str, *, damage: bool
) -> None:
    lose(only_a, entry, file, damage=damage)
    other, toy = sorted(only_a.release(clone), key=lambda step: step.model)
    assert told([other, toy]) == [
        ("other", Wanted.RELEASE, Done.COMMITTED),
        ("toy", Wanted.RELEASE, Done.FAILED),
    ]
    (reason,) = toy.reasons
    assert toy.exit_code == 3
    assert file in reason
    assert "Delete toy/" in reason
    assert only_a.log()[0].startswith("release(other)")
    assert only_a.manifest("toy") is None
    assert "/toy:" not in (only_a.images / "index.json").read_text()


@pytest.mark.parametrize("damage", [False, True])
def test_a_lost_record_of_an_image_is_healed_or_named(only_a: World, clone: Git, *, damage: bool) -> None:
    only_a.release(clone)
    before = only_a.manifest()
    lose(only_a, "image-source", "release.json" if damage else "SHA256SUMS", damage=damage)
    only_a.person.run("push", "--quiet", "--force", "origin", "HEAD:main")  # as if nothing had ever landed
    other, toy = only_a.release(clone)
    assert other.done is Done.COMMITTED
    if damage:
        assert (toy.done, toy.exit_code) == (Done.FAILED, 3)
        assert "release.json is damaged" in toy.reasons[0]
    else:
        assert toy.done is Done.COMMITTED
        assert only_a.manifest() == before


@pytest.mark.parametrize("what", ["index", "blob", "gone"])
def test_a_damaged_layout_is_healed_or_named(world: World, clone: Git, what: str) -> None:
    (first,) = world.release(clone)
    before = snapshot(world.images)
    world.person.run("push", "--quiet", "--force", "origin", "HEAD:main")  # as if it had never landed
    if what == "index":
        (world.images / "index.json").write_text("{")
        (step,) = world.release(clone)
        assert (step.done, step.exit_code) == (Done.FAILED, 3)
        assert "is no index of images" in step.reasons[0]
        assert "Delete it" in step.reasons[0]
        (world.images / "index.json").unlink()
    elif what == "blob":
        for blob in (world.images / "blobs/sha256").iterdir():
            blob.write_bytes(b"damaged")
    else:
        shutil.rmtree(world.images)
    (again,) = world.release(clone)
    assert (again.done, again.commit) == (Done.COMMITTED, first.commit)
    assert snapshot(world.images) == before


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}


BROKEN = [
    ("gitops/models/toy/production/seldon-deployment.yaml", "not: [yaml", "seldon-deployment.yaml"),
    ("gitops/models/toy/production/seldon-deployment.yaml", "", "seldon-deployment.yaml"),
    ("gitops/models/toy/production/seldon-deployment.yaml", "a: &a [*a]\n", "seldon-deployment.yaml"),
    ("data/toy/model.toml", "[model\n", "data/toy/model.toml:1"),
    ("data/toy/model.toml", MODEL_TOML.replace("trials = 1", "trials = 0"), "data/toy/model.toml:7"),
]


@pytest.mark.parametrize(("path", "content", "said"), BROKEN)
def test_what_a_person_broke_is_named_and_others_go_on(
    world: World, clone: Git, path: str, content: str, said: str
) -> None:
    world.release(clone)
    world.pull()
    world.add("other")
    world.write(path, content)
    tip = world.commit("Break it")
    other, toy = world.release(clone)
    assert other.done is Done.COMMITTED
    assert (toy.done, toy.exit_code) == (Done.FAILED, 2)
    assert said in toy.reasons[0]
    assert world.log("%H")[1] == tip


def test_a_model_that_nobody_has_is_named(world: World, clone: Git) -> None:
    (step,) = world.release(clone, "nobody")
    assert (step.done, step.exit_code) == (Done.FAILED, 2)
    assert "there is no model 'nobody' on main" in step.reasons[0]
    with pytest.raises(InputError, match="cannot name a model"):
        world.release(clone, "../toy")


# ---- a key that nobody reviewed


@pytest.mark.slow
def test_a_key_that_nobody_reviewed_is_trained_and_that_is_said(world: World, clone: Git) -> None:
    """Main moved, or a fork's model is not taken: the search runs, in the clone or in a work tree of its own."""
    shutil.rmtree(world.store)
    behind = world.give("B")
    own = {"SLIPWAY_STORE": str(world.store), "MLFLOW_TRACKING_URI": "sqlite:////nowhere/mlflow.db"}
    done = subprocess.run(
        [sys.executable, "-m", "slipway", "release", "--workers", "1", "--json", "--repo", clone.root],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **own},
    )
    assert done.returncode == 0, done.stderr
    (step,) = json.loads(done.stdout)["steps"]
    assert step["trained"] is True
    assert "committed (trained again: the store had no model of this key)" in done.stderr
    assert world.log("%P", "-1") == [behind]
    assert keys(world) == (step["key"], None)
    assert len(clone.run("worktree", "list").splitlines()) == 1
    assert clone.run("status", "--porcelain") == ""
    assert nothing_more(world, clone)


def test_line_ends_that_git_converts_at_checkout_change_no_key(world: World, clone: Git) -> None:
    world.write(".gitattributes", "*.csv text eol=crlf\n")
    world.commit("Convert line ends at checkout")
    clone.run("pull", "--quiet", "--ff-only", "origin", "main")
    clone.run("rm", "--cached", "-r", "--quiet", "data")
    clone.run("reset", "--quiet", "--hard")
    assert b"\r\n" in (clone.root / "data/toy/train.csv").read_bytes()
    (step,) = world.release(clone)
    assert (step.done, step.trained) == (Done.COMMITTED, False), "the reviewed key, judged by main's own bytes"
    assert keys(world) == (step.key, None)


def test_a_model_without_its_spec_is_faulty_and_stays_live(world: World, clone: Git) -> None:
    world.release(clone)
    world.pull()
    world.person.run("mv", "data/toy/model.toml", "data/toy/Model.toml")
    before = world.commit("Rename by accident")
    (step,) = world.release(clone)
    assert (step.done, step.exit_code) == (Done.FAILED, 2)
    assert "there is no model.toml" in step.reasons[0]
    assert world.main() == before


def test_only_what_was_looked_at_is_promoted(world: World, clone: Git) -> None:
    world.release(clone)
    world.give("B")
    (b,) = world.release(clone)
    merged = world.give("C")
    releaser = world.releaser(clone)
    with pytest.raises(InputError, match=r"is on trial, not 00000000"):
        releaser.promote("toy", "0" * 64)
    step = releaser.promote("toy", str(b.key))  # C may never get a verdict that lets it pass
    assert (step.done, keys(world)) == (Done.COMMITTED, (b.key, None))
    (c,) = world.release(clone)
    assert keys(world) == (b.key, c.key)
    world.revert(merged)
    with pytest.raises(InputError, match="main asks for restore"):
        releaser.promote("toy")


def test_a_model_that_comes_back_has_the_manifest_that_people_wrote(world: World, clone: Git) -> None:
    world.release(clone)
    path = "gitops/models/toy/production/seldon-deployment.yaml"
    world.pull()
    world.change(path, "memory: 1Gi", "memory: 2Gi  # ours needs more")
    world.commit("Give it more memory")
    before = world.manifest()
    world.person.run("rm", "-r", "--quiet", "data/toy")
    gone = world.commit("Delete toy")
    (step,) = world.release(clone)
    assert (step.wanted, world.manifest()) == (Wanted.RETIRE, None)
    world.revert(gone)
    (step,) = world.release(clone)
    assert (step.wanted, step.done) == (Wanted.RESTORE, Done.COMMITTED)
    after = world.manifest()
    assert before
    assert after
    assert [line for line in after.splitlines() if b"commit" not in line] == [
        line for line in before.splitlines() if b"commit" not in line
    ]


def test_a_hold_survives_a_pull_that_merged_main_the_wrong_way_round(world: World, clone: Git) -> None:
    world.release(clone)
    world.pull()
    merged = world.give("B")
    (released,) = world.release(clone)
    assert released.done is Done.COMMITTED
    world.pull()
    world.revert("HEAD")
    colleague = world.clone("colleague")
    for name, value in (("user.name", "Col"), ("user.email", "col@example.org")):
        colleague.run("config", name, value)
    colleague.run("reset", "--quiet", "--hard", merged)
    (colleague.root / "notes.txt").write_text("mine")
    colleague.run("add", "notes.txt")
    colleague.run("commit", "--quiet", "--message=Take notes")
    colleague.run("pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main")
    colleague.run("push", "--quiet", "origin", "HEAD:main")
    assert "release(toy)" not in "".join(world.log("%s", "--first-parent", "-2"))
    before = world.manifest()
    (step,) = world.release(clone, "toy")
    assert (step.wanted, step.done) == (Wanted.HELD, Done.NOTHING)
    assert "the wrong way round" in step.reasons[0]
    assert world.manifest() == before
    world.pull()
    world.give("C")
    (step,) = world.release(clone)
    assert (step.wanted, step.done) == (Wanted.RELEASE, Done.COMMITTED)


@dataclass(kw_only=True)
class Hub:
    """A registry on this machine that has the manifests of a folder."""

    root: Path
    address: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(root=tmp_path / "hub")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = hub.root / "blobs" / "sha256" / self.path.rpartition("sha256:")[2]
            hub.asked.append(self.path)
            ping = self.path == "/v2/"
            self.send_response(200 if ping else hub.status if file.is_file() else 404)
            self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            self.end_headers()
            self.wfile.write(b"{}" if ping or not file.is_file() else file.read_bytes())

        def log_message(self, *_: object) -> None:
            """Tell nobody."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    hub.address = f"127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()


def comes_back(world: World, git: Git) -> None:
    """The model is deleted, and the deletion reverted: main asks for what was live."""
    world.pull()
    world.person.run("rm", "-r", "--quiet", "data/toy")
    gone = world.commit("Delete toy")
    (step,) = world.release(git)
    assert step.wanted is Wanted.RETIRE
    world.revert(gone)


def restored(world: World, git: Git, builder: str = "", registry: str = "localhost/slipway") -> Step:
    """What the command does with these settings; where it fails, nothing is written."""
    before = world.entries(), snapshot(world.images)
    workspace = world.workspace(git, builder=builder or None, registry=registry)
    (step,) = with_settings(workspace, MainBranch.of(git), workers=1).release()
    if step.done is not Done.COMMITTED:
        assert (world.entries(), snapshot(world.images)) == before
        assert world.manifest() is None
    else:
        assert (step.wanted, world.entries()) == (Wanted.RESTORE, before[0])
    return step


def unbuilt(hub: Hub, digit: str) -> str:
    return f"{hub.address}/slipway/builder@sha256:{digit * 64}"


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="there is no skopeo")
def test_what_a_registry_has_is_restored_whatever_the_builder_is_now(
    world: World, clone: Git, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = f"{hub.address}/team"
    list(replace(world.releaser(clone), images=Layout(root=hub.root, registry=registry)).release())
    live = serving(world).default
    assert Image.parse(live.image).name == f"{registry}/toy"
    forbid(monkeypatch, "slipway.stages.package.run", "slipway.stages.package.again")
    comes_back(world, clone)
    hub.status = 503
    for builder in ("", unbuilt(hub, "1")):
        assert f"{hub.address} failed for" in restored(world, clone, builder, f"{hub.address}/other").reasons[0]
    hub.status = 404
    for builder in ("", unbuilt(hub, "1")):
        (reason,) = restored(world, clone, builder, f"{hub.address}/other").reasons
        assert f"{live.image} is gone from its registry" in reason
        assert f"SLIPWAY_REGISTRY={registry}, and SLIPWAY_BUILDER" in reason
    hub.status = 200
    for builder, now in (("", "localhost/slipway"), (unbuilt(hub, "1"), registry), (unbuilt(hub, "2"), "x.example/y")):
        assert restored(world, clone, builder, now).done is Done.COMMITTED
        assert serving(world).default.image == live.image
        comes_back(world, clone)


def test_what_is_beside_the_store_is_restored_whatever_the_builder_is_now(
    world: World, clone: Git, hub: Hub, tmp_path: Path
) -> None:
    world.release(clone)
    live, before = serving(world).default, snapshot(world.images)
    comes_back(world, clone)
    world.images.rename(tmp_path / "aside")
    step = restored(world, clone, unbuilt(hub, "1"), f"{hub.address}/team")
    assert f"{live.image} was released without a builder, and is not beside this store" in step.reasons[0]
    assert "unset SLIPWAY_BUILDER and set SLIPWAY_REGISTRY=localhost/slipway" in step.reasons[0]
    (tmp_path / "aside").rename(world.images)
    assert restored(world, clone, unbuilt(hub, "1"), f"{hub.address}/team").done is Done.COMMITTED
    assert serving(world).default.image == live.image
    assert hub.asked == []
    comes_back(world, clone)
    shutil.rmtree(world.images)
    assert restored(world, clone).done is Done.COMMITTED
    assert snapshot(world.images) == before


def test_an_image_by_hand_names_the_commit_only_if_that_made_the_model(world: World, clone: Git) -> None:
    workspace, key = world.workspace(clone), world.workspace(clone).model("toy").key
    assert by_hand._commit(workspace, "toy", key) == world.main()
    assert not by_hand._commit(workspace, "toy", "0" * 64)
    (clone.root / "data/toy/train.csv").write_text(remotes.data("B"))
    assert not by_hand._commit(workspace, "toy", world.workspace(clone).model("toy").key)
    assert not by_hand._commit(workspace, "gone", key)


def test_no_image_of_this_machine_alone_follows_one_that_every_cluster_can_pull(
    world: World, clone: Git, hub: Hub
) -> None:
    list(replace(world.releaser(clone), images=Layout(root=hub.root, registry=f"{hub.address}/team")).release())
    state = State(
        model="toy", key="ab" * 32, serving=serving(world), decision=Decision(wanted=Wanted.RELEASE, key="ab")
    )
    with pytest.raises(InputError, match="would be on this machine alone") as failure:
        world.releaser(clone).decisions.shipping.check_registry(state)
    assert "Set SLIPWAY_BUILDER" in str(failure.value)
    hosted = Layout(root=hub.root, registry=f"{hub.address}/other")
    replace(world.releaser(clone), images=hosted).decisions.shipping.check_registry(state)
    world.releaser(clone).decisions.shipping.check_registry(replace(state, serving=None))
