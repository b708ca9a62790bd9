"""A new builder: what is served is built upon it again and committed, and everything else goes on as if it were not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests import remotes
from tests.remotes import Upon, World

from slipway.adapters.git import Git
from slipway.adapters.image import Image
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.commands import status
from slipway.commands.rebuild import rebuild
from slipway.delivery import manifest
from slipway.delivery.manifest import Release
from slipway.errors import InputError
from slipway.outputs import Outputs
from slipway.plan.rule import Wanted
from slipway.release.step import Done, Step
from slipway.release.until import Until

NEVER = (
    "slipway.stages.tune.run",
    "slipway.stages.validate._validate",
    "slipway.stages.compare._Judge.compare",
    "slipway.pipeline.Pipeline.judge",
)


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The release A is live and B is on trial, both upon the builder `old`."""
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")
    git = world.clone("first")
    list(world.upon(git, "old").release())
    world.give("B")
    list(world.upon(git, "old").release())
    return world


@pytest.fixture
def clone(world: World) -> Git:
    return world.clone()


def live(world: World) -> tuple[Release, Release | None]:
    now = manifest.read(world.manifest() or b"", "main")
    return now.default, now.canary


def builders(world: World) -> list[str]:
    """What the image of each release that is served is built upon."""
    images = Upon(root=world.images, registry="localhost/slipway")
    return [images.files(Image.parse(one.image))[".builder"].decode() for one in live(world) if one]


def rebuilt(world: World, git: Git, builder: str, *names: str, landing: Landing = Landing.PUSH) -> list[Step]:
    return list(world.upon(git, builder, landing).rebuild(names))


def done(steps: list[Step]) -> list[Done]:
    return [step.done for step in steps]


def test_a_new_builder_is_brought_to_what_is_live_and_on_trial(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = live(world)
    assert b
    for name in NEVER:
        monkeypatch.setattr(name, None)
    first, second = rebuilt(world, clone, "new")
    assert (first.key, first.done, second.key, second.done) == (a.key, Done.COMMITTED, b.key, Done.COMMITTED)
    assert world.log("%s", "-2") == [
        f"rebuild(toy): {b.key[:8]} on builder new",
        f"rebuild(toy): {a.key[:8]} on builder new",
    ]
    assert builders(world) == ["new", "new"]
    now = live(world)
    assert now == (replace(a, image=first.image), replace(b, image=second.image))
    tip = world.main()
    assert rebuilt(world, clone, "new") == []
    assert done(rebuilt(world, clone, "new", "toy")) == [Done.NOTHING, Done.NOTHING]
    assert list(world.upon(clone, "new").release()) == []
    assert world.main() == tip


def test_releases_go_on_across_a_rebuild(world: World, clone: Git) -> None:
    a, b = live(world)
    assert b
    rebuilt(world, clone, "new")
    promoted = world.upon(clone, "new").promote("toy")
    assert (promoted.done, builders(world), live(world)[0].key) == (Done.COMMITTED, ["new"], b.key)
    world.revert(promoted.commit)
    (step,) = world.upon(clone, "new").release()
    assert (step.wanted, builders(world), live(world)[0].key) == (Wanted.ROLLBACK, ["new"], a.key)
    world.give("C")
    (step,) = world.upon(clone, "new").release()
    assert (step.wanted, builders(world)) == (Wanted.RELEASE, ["new", "new"])
    assert rebuilt(world, clone, "new") == []


def test_what_is_restored_has_the_image_of_the_builder_of_now_if_there_is_one(world: World, clone: Git) -> None:
    a, b = live(world)
    assert b
    rebuilt(world, clone, "new")
    world.upon(clone, "new").promote("toy")
    world.give("A")
    (step,) = world.upon(clone, "new").release()
    assert (step.wanted, live(world)[0].key, builders(world)) == (Wanted.RESTORE, a.key, ["new"])
    world.give("B")
    (step,) = world.upon(clone, "newest").release()
    assert (step.wanted, builders(world)) == (Wanted.RESTORE, ["new"]), "at once, though an older one"
    (step,) = rebuilt(world, clone, "newest")
    assert (step.key, step.done, builders(world)) == (b.key, Done.COMMITTED, ["newest"])


def test_a_rebuild_that_was_reverted_stays_away_until_the_builder_is_another(world: World, clone: Git) -> None:
    a, _ = live(world)
    first, _ = rebuilt(world, clone, "new")
    back = world.revert(first.commit)
    assert builders(world) == ["old", "new"]
    (held,) = rebuilt(world, clone, "new")
    assert (held.key, held.done, held.exit_code) == (a.key, Done.HELD, 0)
    assert f"{back[:8]} took the image of this builder away from {a.key[:8]}" in held.reasons[0]
    assert held.reasons[1] == f"to put it back: git revert {back[:12]}"
    assert world.main() == back
    assert list(world.upon(clone, "new").release()) == [], "nothing is asked of it, and nothing is held"
    world.revert(back)
    assert builders(world) == ["new", "new"]
    assert rebuilt(world, clone, "new") == []
    assert done(rebuilt(world, clone, "newer")) == [Done.COMMITTED, Done.COMMITTED]


def test_an_image_that_was_written_by_hand_is_left(world: World, clone: Git) -> None:
    a, _ = live(world)
    rebuilt(world, clone, "new")
    mine = f"registry.example/toy@sha256:{'1' * 64}"
    world.pull()
    world.change("gitops/models/toy/production/seldon-deployment.yaml", live(world)[0].image, mine)
    world.commit("Try an image of our own")
    hosted = replace(world.upon(clone, "new").images, registry="registry.example/slipway")  # type: ignore[type-var]
    (step,) = replace(world.upon(clone, "new"), images=hosted).rebuild()
    assert (step.key, step.done) == (a.key, Done.HELD)
    (refused,) = rebuilt(world, clone, "new")
    assert "would be on this machine alone" in refused.reasons[0]
    assert live(world)[0].image == mine


def setting(world: World, builder: str) -> str:
    """The repository names its builder, which a review sees."""
    world.pull()
    file = world.person.root / "pyproject.toml"
    text = file.read_text().partition("\n[tool.slipway]")[0]
    file.write_text(f"{text}\n[tool.slipway]\nbuilder = 'quay.example/builder@sha256:{builder}'\n")
    return world.commit(f"Build upon {builder}")


def test_a_builder_that_is_taken_back_in_git_takes_its_images_with_it(world: World, clone: Git) -> None:
    bump = setting(world, "new")
    rebuilt(world, clone, "new")
    back = world.revert(bump)
    assert done(rebuilt(world, clone, "old")) == [Done.COMMITTED, Done.COMMITTED]
    assert builders(world) == ["old", "old"]
    world.revert(back)
    assert done(rebuilt(world, clone, "new")) == [Done.COMMITTED, Done.COMMITTED]


def test_a_hold_ends_when_the_repository_names_another_builder(world: World, clone: Git) -> None:
    setting(world, "new")
    first, _ = rebuilt(world, clone, "new")
    world.revert(first.commit)
    assert done(rebuilt(world, clone, "new")) == [Done.HELD]
    setting(world, "other")
    setting(world, "new")
    assert done(rebuilt(world, clone, "new")) == [Done.COMMITTED]


def test_the_rollback_command_leaves_what_stays_upon_the_new_builder(
    world: World, clone: Git, capsys: pytest.CaptureFixture[str]
) -> None:
    a, _ = live(world)
    rebuilt(world, clone, "new")
    workspace = world.workspace(world.person)
    world.pull()
    status.history(workspace, "toy", as_json=False)
    shown = capsys.readouterr().out
    assert shown.count("rebuild(toy)") == 2
    command = shown.partition("To take back the newest: git revert ")[2].split()
    world.person.run("revert", *command, "--no-edit")
    world.push()
    assert (live(world)[0].key, live(world)[1], builders(world)) == (a.key, None, ["new"])
    (step,) = world.upon(clone, "new").release(["toy"])
    assert step.wanted is Wanted.HELD
    assert rebuilt(world, clone, "new") == []


@pytest.mark.parametrize("squash", [False, True])
def test_where_main_is_protected_each_rebuild_waits_on_a_branch(world: World, clone: Git, *, squash: bool) -> None:
    a, b = live(world)
    assert b
    world.give("C")
    (release,) = world.upon(clone, "new", Landing.BRANCH).release()
    found = rebuilt(world, clone, "new", landing=Landing.BRANCH)
    waiting = {
        f"slipway/production/toy.rebuild-{a.key[:8]}",
        f"slipway/production/toy.rebuild-{b.key[:8]}",
        "slipway/production/toy",
    }
    assert done(found) == [Done.PROPOSED, Done.PROPOSED]
    assert branches(world) == waiting
    assert [step.commit for step in rebuilt(world, clone, "new", landing=Landing.BRANCH)] == [s.commit for s in found]
    list(world.upon(clone, "new", Landing.BRANCH).release())
    assert branches(world) == waiting, "neither takes the other for its own"
    merge(world, f"slipway/production/toy.rebuild-{a.key[:8]}", squash=squash)
    assert builders(world) == ["new", "old"]
    (again,) = world.upon(clone, "new", Landing.BRANCH).release()
    merge(world, "slipway/production/toy", squash=squash)
    assert (live(world)[1] or a).key == again.key == release.key
    assert rebuilt(world, clone, "new", landing=Landing.BRANCH) == []
    assert branches(world) & waiting == {"slipway/production/toy"}, "what is served no more needs no rebuild"


@pytest.mark.parametrize("squash", [False, True])
def test_a_builder_taken_back_where_commits_are_merged_by_people(world: World, clone: Git, *, squash: bool) -> None:
    bump = setting(world, "new")
    a = live(world)[0].key[:8]
    rebuilt(world, clone, "new", landing=Landing.BRANCH)
    merge(world, f"slipway/production/toy.rebuild-{a}", squash=squash)
    world.revert(bump)
    found = rebuilt(world, clone, "old", landing=Landing.BRANCH)
    assert done(found) == [Done.PROPOSED]
    merge(world, f"slipway/production/toy.rebuild-{a}", squash=squash)
    assert builders(world) == ["old", "old"]


def branches(world: World) -> set[str]:
    return set(world.bare("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/slipway").split())


def merge(world: World, branch: str, *, squash: bool) -> None:
    person = world.person
    world.pull()
    person.run("fetch", "--quiet", "origin", branch)
    if squash:
        person.run("merge", "--quiet", "--squash", "FETCH_HEAD")
        person.run("commit", "--quiet", "--message=Merge what waited (#1)")
    else:
        person.run("merge", "--quiet", "--no-ff", "--message=Merge pull request #1", "FETCH_HEAD")
    world.push()


def meanwhile(world: World, git: Git, act: Callable[[], object]) -> list[Step]:
    """A rebuild, and what somebody does right before its first commit lands."""
    acts = [act]

    class Slow(MainBranch):
        def land(self, commit: str, parent: str) -> bool:
            if acts:
                acts.pop()()
            return super().land(commit, parent)

    main = MainBranch.of(git)
    slow = Slow(git=git, remote=main.remote, name=main.name, environ=main.environ)
    return list(replace(world.upon(git, "new"), main=slow).rebuild())


def test_what_lands_meanwhile_is_not_overtaken(world: World, clone: Git) -> None:
    a, b = live(world)
    assert b
    other = world.clone("other")
    steps = meanwhile(world, clone, lambda: world.upon(other, "old").promote("toy"))
    assert [(step.key, step.done) for step in steps] == [(b.key, Done.COMMITTED)], "the other is served no more"
    assert (live(world)[0].key, builders(world)) == (b.key, ["new"])
    assert a.key not in (world.manifest() or b"").decode()


def test_a_shallow_clone_rebuilds_and_sees_holds(world: World, clone: Git) -> None:
    first, _ = rebuilt(world, clone, "new")
    world.revert(first.commit)
    assert done(rebuilt(world, world.clone("shallow", "--depth=1"), "new")) == [Done.HELD]


def test_a_model_that_the_store_lost_is_told_and_others_are_rebuilt(world: World, clone: Git) -> None:
    world.pull()
    world.add("other")
    world.commit("Add other")
    list(world.upon(clone, "old").release())
    a, _ = live(world)
    shutil.rmtree(world.store / "toy" / a.key / "challenger")
    found = rebuilt(world, clone, "new")
    assert [(step.model, step.done) for step in found] == [("other", Done.COMMITTED), ("toy", Done.FAILED)]
    assert f"the store has no model of toy with the key {a.key[:8]}" in found[1].reasons[0]


def test_a_broken_spec_keeps_nobody_from_a_mended_builder(world: World, clone: Git) -> None:
    world.pull()
    world.write("data/toy/model.toml", "[model\n")
    world.commit("Break the spec")
    assert done(rebuilt(world, clone, "new")) == [Done.COMMITTED, Done.COMMITTED]
    world.pull()
    world.write("gitops/models/toy/production/seldon-deployment.yaml", "{")
    world.commit("Break the manifest")
    (step,) = rebuilt(world, clone, "newer")
    assert (step.done, step.exit_code) == (Done.FAILED, 2)


@pytest.mark.parametrize("landing", Landing)
def test_images_are_built_first_and_committed_by_another_job(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch, landing: Landing
) -> None:
    """The job that may push to main builds nothing; what is not signed is told again until it landed."""
    a, b = live(world)
    assert b
    rebuilt(world, clone, "older", landing=Landing.BRANCH)
    before = world.bare("for-each-ref")
    images = replace(world.upon(clone, "new", landing), until=Until.IMAGE)
    told = [list(images.rebuild(names)) for names in ((), (), ("toy",))]
    assert [[(step.key, step.done, step.commit, step.built) for step in steps] for steps in told] == [
        [(key, Done.READY, "", built) for key in (a.key, b.key)] for built in (True, False, False)
    ]
    assert world.bare("for-each-ref") == before, "nothing landed, and nothing that waits was withdrawn"
    monkeypatch.setattr(Upon, "build", None)
    found = rebuilt(world, clone, "new", landing=landing)
    assert [step.done for step in found] == [Done.COMMITTED if landing is Landing.PUSH else Done.PROPOSED] * 2
    assert [(step.image, step.built) for step in found] == [(step.image, False) for step in told[0]]
    if landing is Landing.PUSH:
        assert list(images.rebuild()) == []
        assert [step.image for step in images.rebuild(["toy"])] == [step.image for step in found]


def test_a_rebuild_that_this_run_did_not_sign_is_not_committed(world: World, clone: Git) -> None:
    """An earlier run built and recorded both; in this one, the first could not be built, or signed."""
    a, b = live(world)
    assert b
    first, second = replace(world.upon(clone, "new"), until=Until.IMAGE).rebuild()
    (failed,) = replace(world.upon(clone, "new"), signed=frozenset({second.image})).rebuild()
    assert (failed.done, failed.exit_code, live(world)) == (Done.FAILED, 3, (a, b))
    assert f"{a.key[:8]} is rebuilt into {first.image}, which was not signed by this run" in failed.reasons[0]
    signed = frozenset({first.image, second.image})
    assert done(list(replace(world.upon(clone, "new"), signed=signed).rebuild())) == [Done.COMMITTED] * 2
    assert list(replace(world.upon(clone, "new"), signed=frozenset[str]()).rebuild()) == []


def test_a_rebuild_stops_where_an_engine_has_no_more_jobs(
    world: World, clone: Git, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("slipway.release.releaser.MOST_AT_ONCE", 2)
    world.pull()
    for name in ("other", "zoo"):
        world.add(name)
    world.commit("Add two")
    list(world.upon(clone, "old").release())
    releaser = world.upon(clone, "new")
    loud = replace(releaser.workspace, screen=replace(releaser.workspace.screen, quiet=False))
    releaser = replace(releaser, workspace=loud)
    runs = [[step.model for step in releaser.rebuild()] for _ in range(4)]
    assert runs == [["other"], ["toy", "toy"], ["zoo"], []]
    assert "2 images are enough for one run: from zoo on, the next has them" in capsys.readouterr().err


def test_the_command(world: World, clone: Git, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = world.workspace(clone, tracking_uri="sqlite:////nowhere/mlflow.db")
    workspace = replace(workspace, screen=replace(workspace.screen, quiet=False))
    outputs = Outputs.of({}, image_url=tmp_path / "url", image_digest=tmp_path / "digest")
    assert rebuild(workspace, ["toy"], as_json=False, outputs=outputs) == 0
    told = capsys.readouterr()
    assert [line.split(" ", 1)[1][:13] for line in told.out.splitlines()] == ["rebuild(toy):"] * 2
    _, b = live(world)
    assert b
    assert f"{(tmp_path / 'url').read_text()}@{(tmp_path / 'digest').read_text()}" == b.image
    github = Outputs.of({"GITHUB_OUTPUT": str(tmp_path / "github")})
    assert rebuild(workspace, [], as_json=False, outputs=github) == 0
    assert (tmp_path / "github").read_text() == "images=[]\n"
    every = Outputs.of({"GITHUB_OUTPUT": str(tmp_path / "github")}, images=tmp_path / "images")
    assert rebuild(workspace, ["toy"], as_json=False, until=Until.IMAGE, outputs=every) == 0
    assert (tmp_path / "images").read_text() == ",".join(one.image for one in live(world) if one)
    assert '"by_this_workflow": false}]\n' in (tmp_path / "github").read_text()
    assert "Nothing to do: what is served is built upon this builder." in capsys.readouterr().err
    assert rebuild(workspace, ["nobody"], as_json=False) == 2
    assert "nothing of nobody is released in production" in capsys.readouterr().err
    with pytest.raises(InputError, match="are of one image"):
        rebuild(workspace, [], as_json=False, outputs=outputs)
    assert rebuild(workspace, [], as_json=False, signed=tmp_path / "nobody") == 0
    with pytest.raises(InputError, match="--signed is of what is committed, and --until image commits nothing"):
        rebuild(workspace, [], as_json=False, until=Until.IMAGE, signed=tmp_path / "nobody")
