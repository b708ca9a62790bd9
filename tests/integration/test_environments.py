"""Staging, then production: real remotes, and releases that go from one to the other by commits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests import remotes
from tests.remotes import World

from slipway.adapters.git import Commit, Git
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.commands import status
from slipway.commands.plan import show_plan
from slipway.commands.release import promote, release, wanted
from slipway.delivery import manifest
from slipway.delivery.manifest import Serving, manifest_path
from slipway.errors import ExitCode, InputError
from slipway.plan import served
from slipway.plan.rule import Wanted
from slipway.release.releaser import Releaser
from slipway.release.step import Done, Step
from slipway.release.trials import Kind, Trial, trials
from slipway.release.until import Until
from slipway.screen import Screen
from slipway.spec import DeploymentMode, Platform

STAGING, PRODUCTION = "staging", "production"
BOTH = (STAGING, PRODUCTION)


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path / "world")


class Line:
    """What runs of slipway do in both environments, and what came of it."""

    def __init__(self, world: World) -> None:
        self.world, self.git = world, world.clone()
        self.approve: tuple[str, ...] = ()
        self.landing = Landing.PUSH

    def releaser(self, environment: str) -> Releaser:
        chosen = {"environment": environment, "environments": BOTH, "approve": self.approve}
        return self.world.releaser(self.git, self.landing, **chosen)

    def release(self) -> list[Step]:
        """What one `slipway release` does."""
        return [step for name in BOTH for step in self.releaser(name).release()]

    def subjects(self) -> list[str]:
        return [f"{step.environment} {step.subject.partition(' ')[0]}" for step in self.release()]

    def serving(self, environment: str) -> Serving | None:
        found = served.find(Commit(git=Git(root=self.world.remote), id="main").read, "toy", environment)
        return manifest.read(found[1], found[0]) if found else None

    def keys(self, environment: str) -> str:
        """The versions of the data that are served: the default's, then the canary's."""
        serving = self.serving(environment)
        served = (serving.default, serving.canary) if serving else ()
        return "".join(self.versions[release.key] for release in served if release)

    @property
    def versions(self) -> dict[str, str]:
        return {self.key(version): version for version in remotes.VERSIONS}

    def key(self, version: str) -> str:
        file = self.git.root / "data/toy/train.csv"
        before = file.read_text()
        file.write_text(remotes.data(version))
        try:
            return self.world.workspace(self.git).model("toy").key
        finally:
            file.write_text(before)

    def trials(self) -> list[Trial]:
        workspace = self.world.workspace(self.git, environment=STAGING, environments=BOTH)
        return trials(workspace, MainBranch.of(self.git))

    def trial(self, environment: str) -> Trial:
        (found,) = [one for one in self.trials() if one.environment == environment]
        return found

    def kinds(self) -> list[tuple[str, Kind]]:
        return [(one.environment, one.kind) for one in self.trials()]

    def live(self, version: str = "A") -> None:
        """A version with the full traffic in both."""
        if version != "A":
            self.world.give(version)
        self.release()
        trial = self.trial(STAGING)
        settled = self.releaser(STAGING)
        step = settled.promote("toy") if trial.kind is Kind.CANARY else settled.confirm("toy", trial.release.key)
        assert step.done is Done.COMMITTED
        self.release()
        if self.keys(PRODUCTION)[1:]:
            self.releaser(PRODUCTION).promote("toy")
        assert (self.keys(STAGING), self.keys(PRODUCTION)) == (version, version)


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


def test_a_release_goes_on_once_it_was_verified(line: Line) -> None:
    (first,) = line.release()
    assert (first.environment, first.verb, line.keys(PRODUCTION)) == (STAGING, "release", "")
    assert line.kinds() == [(STAGING, Kind.UNCONFIRMED)]
    assert list(line.releaser(PRODUCTION).rebuild(["toy"])) == [], "what is not there yet is no fault"
    confirmed = line.releaser(STAGING).confirm("toy", str(first.key), said="3 golden requests were answered right")
    assert confirmed.subject == f"verify(toy): {str(first.key)[:8]}"
    body = line.world.log("%B", "-1")
    assert "3 golden requests were answered right." in body
    (step,) = line.release()
    assert (step.environment, step.wanted, step.key) == (PRODUCTION, Wanted.RELEASE, first.key)
    assert step.image == first.image
    serving = line.serving(PRODUCTION)
    assert serving
    assert serving.default.commit == confirmed.commit
    assert not serving.default.verified
    assert f"{confirmed.commit[:12]} verified {str(first.key)[:8]} in staging." in line.world.log("%B", "-1")
    assert line.release() == []
    assert line.kinds() == [(PRODUCTION, Kind.FRESH)]


def test_a_canary_is_a_trial_in_each(line: Line) -> None:
    line.live()
    source = line.world.give("B")
    (staged,) = line.release()
    assert (line.keys(STAGING), line.keys(PRODUCTION)) == ("AB", "A")
    trial = line.trial(STAGING)
    assert (trial.kind, trial.commit, trial.percent) == (Kind.CANARY, staged.commit, 10)
    assert (trial.origin, trial.release.key, trial.since) == (source, staged.key, remotes.NOW)
    assert trial.beside
    assert trial.table.replicas == 2
    assert line.release() == []
    promoted = line.releaser(STAGING).promote("toy", str(staged.key), said="99 requests, no error")
    assert "99 requests, no error." in line.world.log("%B", "-1")
    (step,) = line.release()
    assert (line.keys(STAGING), line.keys(PRODUCTION), step.image) == ("B", "AB", staged.image)
    (trial,) = line.trials()
    assert (trial.kind, trial.release.commit) == (Kind.CANARY, promoted.commit)
    assert trial.origin == source
    line.releaser(PRODUCTION).promote("toy", str(staged.key))
    assert (line.keys(PRODUCTION), line.release(), line.trials()) == ("B", [], [])


def test_what_fails_in_staging_goes_nowhere(line: Line) -> None:
    line.live()
    line.world.give("B")
    (staged,) = line.release()
    step = line.releaser(STAGING).revert("toy", str(staged.key), why="2 of 3 golden requests were answered wrongly")
    assert step.subject == f"revert(toy): {str(staged.key)[:8]} 2 of 3 golden requests were answered wrongly"
    assert (line.keys(STAGING), line.keys(PRODUCTION), line.release()) == ("A", "A", [])
    assert line.kinds() == [(PRODUCTION, Kind.FRESH)]
    state = line.releaser(STAGING)._read(line.world.main(), "toy").state
    assert (state.decision.wanted, state.decision.because[0].commit) == (Wanted.HELD, step.commit)
    again = line.releaser(STAGING).revert("toy", str(staged.key), why="still wrong")
    assert (again.done, again.reasons) == (Done.NOTHING, (f"{str(staged.key)[:8]} is on trial no longer",))
    line.world.give("C")
    line.release()
    assert line.keys(STAGING) == "AC"


def test_a_first_release_that_fails_leaves_nothing_and_takes_nothing_away(line: Line) -> None:
    world = line.world
    list(world.releaser(line.git, environment=PRODUCTION).release())
    assert line.keys(PRODUCTION) == "A"
    line.release()
    trial = line.trial(STAGING)
    assert trial.kind is Kind.UNCONFIRMED
    line.releaser(STAGING).revert("toy", trial.release.key, why="nobody answers")
    assert (line.keys(STAGING), line.keys(PRODUCTION), line.release()) == ("", "A", [])


def test_a_revert_in_production_holds_there_alone(line: Line) -> None:
    line.live()
    line.world.give("B")
    line.release()
    line.releaser(STAGING).promote("toy")
    (step,) = line.release()
    line.world.revert(step.commit)
    assert (line.keys(STAGING), line.keys(PRODUCTION), line.release()) == ("B", "A", [])
    line.world.give("C")
    line.release()
    line.releaser(STAGING).promote("toy")
    line.release()
    assert (line.keys(STAGING), line.keys(PRODUCTION)) == ("C", "AC")


def test_a_revert_in_staging_goes_on(line: Line) -> None:
    line.live()
    line.world.give("B")
    line.release()
    promoted = line.releaser(STAGING).promote("toy")
    line.release()
    line.world.revert(promoted.commit)
    assert line.subjects() == ["staging rollback(toy):", "production restore(toy):"]
    assert (line.keys(STAGING), line.keys(PRODUCTION), line.release()) == ("A", "A", [])


def test_a_revert_of_the_merge_goes_through_both_in_one_run(line: Line) -> None:
    line.live()
    line.live("B")
    source = line.world.main()
    merge = line.world.log("%H", "--grep=Give toy the data B")[0]
    assert source != merge
    line.world.revert(merge)
    assert line.subjects() == ["staging restore(toy):", "production restore(toy):"]
    assert (line.keys(STAGING), line.keys(PRODUCTION), line.release(), line.trials()) == ("A", "A", [], [])


def test_a_model_that_is_gone_goes_from_both(line: Line) -> None:
    line.live()
    line.world.pull()
    line.world.write("data/toy", None)
    line.world.commit("Retire toy")
    assert line.subjects() == ["staging retire(toy):", "production retire(toy):"]
    assert (line.keys(STAGING), line.keys(PRODUCTION), line.release()) == ("", "", [])


def test_a_manifest_that_somebody_removed_in_staging_takes_nothing_from_production(line: Line) -> None:
    line.live()
    line.world.pull()
    line.world.write(str(manifest_path("toy", STAGING)), None)
    line.world.commit("Remove it")
    assert (line.release(), line.keys(PRODUCTION)) == ([], "A")


def test_what_was_held_before_there_was_a_staging_is_held_still(line: Line) -> None:
    world = line.world
    alone = world.releaser(line.git, environment=PRODUCTION)
    list(alone.release())
    world.give("B")
    (step,) = alone.release()
    world.revert(step.commit)
    line.release()
    line.releaser(STAGING).confirm("toy", str(step.key))
    assert (line.keys(STAGING), line.release(), line.keys(PRODUCTION)) == ("B", [], "A")


def test_what_is_no_better_than_production_s_does_not_come_there_by_a_new_staging(line: Line) -> None:
    world = line.world
    list(world.releaser(line.git, environment=PRODUCTION).release())
    world.pull()
    world.change("data/toy/model.toml", "min_improvement = -5.0", "min_improvement = 0.001")
    world.give("B")
    (step,) = line.release()
    assert (step.environment, step.done, line.keys(STAGING), line.keys(PRODUCTION)) == (
        STAGING,
        Done.REFUSED,
        "",
        "A",
    )


def test_a_fresh_release_is_taken_back_for_what_was_before(line: Line) -> None:
    line.live()
    line.world.pull()
    line.world.change("data/toy/model.toml", "canary_percent = 10", "canary_percent = 0")
    line.world.commit("No trials")
    line.world.give("B")
    (staged,) = line.release()
    assert line.trial(STAGING).kind is Kind.UNCONFIRMED
    line.releaser(STAGING).confirm("toy", str(staged.key))
    line.release()
    (trial,) = line.trials()
    assert (trial.environment, trial.kind, trial.percent) == (PRODUCTION, Kind.FRESH, None)
    assert line.releaser(PRODUCTION).confirm("toy", trial.release.key).done is Done.NOTHING
    line.releaser(PRODUCTION).revert("toy", trial.release.key, why="errors")
    assert (line.keys(STAGING), line.keys(PRODUCTION), line.release()) == ("B", "A", [])


def test_two_bad_releases_in_staging_give_way_to_the_last_good_one(line: Line) -> None:
    line.live()
    line.world.pull()
    line.world.change("data/toy/model.toml", "canary_percent = 10", "canary_percent = 0")
    line.world.commit("No trials")
    for version in "BC":
        line.world.give(version)
        line.release()
    served = []
    while line.kinds()[0][0] == STAGING:
        line.releaser(STAGING).revert("toy", line.trial(STAGING).release.key, why="its answers are wrong")
        assert line.release() == []
        served.append(line.keys(STAGING))
    assert (served, line.keys(PRODUCTION)) == (["B", "A"], "A")


def test_a_release_in_anothers_trial_says_whose_place_it_takes(line: Line) -> None:
    line.live()
    line.world.give("B")
    (second,) = line.release()
    line.world.give("C")
    (third,) = line.release()
    assert line.keys(STAGING) == "AC"
    body = line.world.log("%B", "-1")
    assert f"In place of {str(second.key)[:8]}, which was on trial." in body
    late = line.releaser(STAGING).revert("toy", str(second.key), why="late")
    assert (late.done, line.keys(STAGING)) == (Done.NOTHING, "AC")
    with pytest.raises(InputError, match="is on trial, not"):
        line.releaser(STAGING).promote("toy", str(second.key))
    assert third.done is Done.COMMITTED


@pytest.mark.parametrize("first", ["promote", "revert"])
def test_a_revert_and_a_promotion_at_once_are_one_of_them(line: Line, first: str) -> None:
    """The loser is beaten to it between its decision and its push, and decides again."""
    line.live()
    line.world.give("B")
    (staged,) = line.release()
    key, other = str(staged.key), Line.__new__(Line)
    other.__dict__ |= line.__dict__ | {"git": line.world.clone("other")}
    winner, loser = other.releaser(STAGING), line.releaser(STAGING)
    land = MainBranch.land
    beaten: list[Step] = []

    def late(self: MainBranch, commit: str, parent: str) -> bool:
        if self is loser.main and not beaten:
            beaten.append(winner.promote("toy", key) if first == "promote" else winner.revert("toy", key, why="errors"))
        return land(self, commit, parent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MainBranch, "land", late)
        step = loser.revert("toy", key, why="errors") if first == "promote" else loser.promote("toy", key)
    assert [one.done for one in beaten] == [Done.COMMITTED]
    assert step.done is Done.NOTHING
    assert line.keys(STAGING) == ("B" if first == "promote" else "A")


def test_why_cannot_write_a_trailer(line: Line) -> None:
    (first,) = line.release()
    why = "it said:\n\nSlipway-Model: other\x1b[31m and more" + " words" * 30
    step = line.releaser(STAGING).revert("toy", str(first.key), why=why)
    assert len(step.subject) < 90
    trailers = line.world.bare("log", "-1", "--format=%(trailers:only)", "main")
    assert "other" not in trailers
    assert trailers.startswith("Slipway-Model: toy\n")
    assert "\x1b" not in line.world.bare("log", "-1", "--format=%B", "main")


# ---- what people are told


@pytest.fixture
def told(line: Line, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def printed(*, as_json: bool = False, model: str = "") -> str:
        line.git.run("fetch", "--quiet", "origin")
        workspace = line.releaser(STAGING).workspace
        capsys.readouterr()
        if model:
            status.history(workspace, model, as_json=as_json)
        else:
            status.status(workspace, [], as_json=as_json)
        return capsys.readouterr().out

    return printed


def test_status_tells_each_environment_in_order(line: Line, told: Callable[..., str]) -> None:
    line.approve = (PRODUCTION,)
    (first,) = line.release()
    assert "not verified yet" in told()
    line.releaser(STAGING).confirm("toy", str(first.key))
    staging, production = json.loads(told(as_json=True))["models"]
    assert (staging["environment"], staging["verified"], staging["to_be_approved"]) == (STAGING, True, False)
    assert (production["live"], production["wanted"], production["to_be_approved"]) == (None, "release", True)
    text = told()
    assert f"release {str(first.key)[:8]}, to be approved" in text
    assert f"toy in production: release: {line.world.main()[:8]} verified {str(first.key)[:8]} in staging" in text


def test_plan_says_what_is_asked_for_in_each(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    (first,) = line.release()
    line.git.run("pull", "--quiet", "--ff-only")
    show_plan(line.releaser(STAGING).workspace, base=None, as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert said.endswith("toy in production none nothing was verified in staging yet")
    line.releaser(STAGING).confirm("toy", str(first.key))
    line.git.run("pull", "--quiet", "--ff-only")
    workspace = line.releaser(STAGING).workspace
    assert show_plan(workspace, base=None, as_json=True) == ExitCode.DONE
    asked = json.loads(capsys.readouterr().out)["main"]
    assert [(one["environment"], one["wanted"]) for one in asked] == [(STAGING, "none"), (PRODUCTION, "release")]
    show_plan(workspace, base=None, as_json=False)
    assert f"toy in production        release    {str(first.key)[:8]}" in capsys.readouterr().out


def test_history_says_whose_place_a_release_took(line: Line, told: Callable[..., str]) -> None:
    line.live()
    line.world.give("B")
    (second,) = line.release()
    line.world.give("C")
    line.release()
    document = json.loads(told(as_json=True, model="toy"))
    assert [one["environment"] for one in document["environments"]] == [STAGING, PRODUCTION]
    assert document["events"][0]["replaced"] == second.key
    assert all("replaced" not in event for event in document["events"][1:])
    text = told(model="toy")
    assert f"in place of {str(second.key)[:8]}, which was on trial" in text
    assert "toy in production: nothing to do" in text


# ---- a person approves


def test_what_is_to_be_approved_waits_on_a_branch(line: Line) -> None:
    line.approve = (PRODUCTION,)
    (first,) = line.release()
    line.releaser(STAGING).confirm("toy", str(first.key))
    (waits,) = line.release()
    assert (waits.done, waits.environment, line.keys(PRODUCTION)) == (Done.PROPOSED, PRODUCTION, "")
    assert waits.reasons == ("waits on the branch slipway/production/toy, and for somebody to approve it",)
    (same,) = line.release()
    assert same.commit == waits.commit
    line.world.pull()
    line.world.person.run("fetch", "--quiet", "origin", "slipway/production/toy")
    line.world.person.run("merge", "--quiet", "--no-edit", "FETCH_HEAD")
    line.world.push()
    assert (line.keys(PRODUCTION), line.release(), line.kinds()) == ("A", [], [(PRODUCTION, Kind.FRESH)])
    taken = line.releaser(PRODUCTION).revert("toy", str(first.key), why="errors")
    assert (taken.done, line.keys(PRODUCTION)) == (Done.COMMITTED, "")


def test_what_waits_is_withdrawn_where_staging_went_back(line: Line) -> None:
    line.live()
    line.approve = (PRODUCTION,)
    line.world.give("B")
    line.release()
    promoted = line.releaser(STAGING).promote("toy")
    assert [step.done for step in line.release()] == [Done.PROPOSED]
    line.world.revert(promoted.commit)
    line.release()
    assert line.world.bare("branch", "--list", "slipway/*") == ""
    assert (line.keys(STAGING), line.keys(PRODUCTION)) == ("A", "A")


@pytest.mark.parametrize("what", ["promote", "confirm", "revert"])
def test_what_was_asked_for_waits_on_where_main_is_protected(line: Line, what: str) -> None:
    if what != "confirm":
        line.live()
        line.world.give("B")
    (staged,) = line.release()
    key = str(staged.key)
    line.landing = Landing.BRANCH
    asked = line.releaser(STAGING)
    step = (
        asked.promote("toy", key)
        if what == "promote"
        else asked.confirm("toy", key)
        if what == "confirm"
        else asked.revert("toy", key, why="2 of 3 requests were answered wrongly")
    )
    assert step.done is Done.PROPOSED
    found = [one for one in line.release() if one.environment == STAGING]
    assert [(one.done, one.commit) for one in found] == [(Done.PROPOSED, step.commit)]


# ---- one command


def test_one_command_goes_through_both(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = replace(line.releaser(STAGING).workspace, screen=Screen(console=Console(stderr=True)))
    (first,) = line.release()
    line.releaser(STAGING).confirm("toy", str(first.key))
    assert release(workspace, [], workers=1, as_json=False) == ExitCode.DONE
    said = capsys.readouterr()
    assert said.out.endswith(f"release(toy): {str(first.key)[:8]} 100% in production\n")
    assert "toy in production: committed" in said.err
    assert release(workspace, ["toy"], workers=1, as_json=True) == ExitCode.DONE
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [(step["environment"], step["done"]) for step in steps] == [(STAGING, "nothing"), (PRODUCTION, "nothing")]


@pytest.mark.parametrize("until", [Until.VERDICT, Until.IMAGE])
def test_only_the_first_environment_judges_and_builds(
    line: Line, capsys: pytest.CaptureFixture[str], until: Until
) -> None:
    (first,) = line.release()
    line.releaser(STAGING).confirm("toy", str(first.key))
    workspace = line.releaser(STAGING).workspace
    assert wanted(workspace) == []
    assert release(workspace, [], workers=1, as_json=True, until=until) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["steps"] == []
    alone = replace(workspace, settings=replace(workspace.settings, environment=PRODUCTION, alone=True))
    assert wanted(alone) == []


def test_a_person_promotes_where_the_canary_is(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    line.live()
    line.world.give("B")
    (staged,) = line.release()
    line.releaser(STAGING).promote("toy")
    line.release()
    workspace = line.releaser(STAGING).workspace
    assert promote(workspace, "toy", key=None, as_json=False) == ExitCode.DONE
    assert capsys.readouterr().out.endswith(f"promote(toy): {str(staged.key)[:8]} 100% in production\n")
    assert line.keys(PRODUCTION) == "B"
    assert promote(workspace, "toy", key=None, as_json=False) == ExitCode.DONE  # there is nothing to promote


def test_a_person_may_say_what_no_cluster_does(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    (staged,) = line.release()
    assert line.keys(PRODUCTION) == ""
    workspace = line.releaser(STAGING).workspace
    assert promote(workspace, "toy", key=None, as_json=False) == ExitCode.DONE
    assert f"verify(toy): {str(staged.key)[:8]}" in capsys.readouterr().out
    assert line.subjects() == ["production release(toy):"]


def test_two_canaries_are_told_apart_by_their_keys(line: Line) -> None:
    line.live()
    line.world.give("B")
    (second,) = line.release()
    line.releaser(STAGING).promote("toy")
    line.release()
    line.world.give("C")
    line.release()
    workspace = line.releaser(STAGING).workspace
    with pytest.raises(InputError, match=r"in staging and .* in production are on trial"):
        promote(workspace, "toy", key=None, as_json=False)
    assert promote(workspace, "toy", key=str(second.key), as_json=False) == ExitCode.DONE
    assert (line.keys(STAGING), line.keys(PRODUCTION)) == ("BC", "B")


# ---- another platform


def test_a_model_moves_to_another_platform_by_one_commit_in_each(line: Line) -> None:
    line.live()
    line.world.pull()
    line.world.change("data/toy/model.toml", "replicas = 2", 'replicas = 2\nplatform = "kserve"')
    line.world.commit("Serve toy with KServe")
    assert line.subjects() == ["staging configure(toy):"]
    trial = line.trial(STAGING)
    assert (trial.kind, trial.platform, trial.mode) == (Kind.UNCONFIRMED, Platform.KSERVE, DeploymentMode.STANDARD)
    assert line.release() == []
    line.releaser(STAGING).confirm("toy", trial.release.key)
    assert line.subjects() == ["production configure(toy):"]
    for environment in BOTH:
        places = [str(path) for path in manifest.manifest_paths("toy", environment)]
        found = [path for path in places if Commit(git=Git(root=line.world.remote), id="main").read(path)]
        assert found == [str(manifest_path("toy", environment, Platform.KSERVE))]
    assert line.release() == []
    trial = line.trial(PRODUCTION)
    assert (trial.kind, trial.platform) == (Kind.FRESH, Platform.KSERVE)
    line.releaser(PRODUCTION).revert("toy", trial.release.key, why="nobody answers")
    serving = line.serving(PRODUCTION)
    assert serving
    assert (serving.platform, line.keys(PRODUCTION), line.release()) == (Platform.SELDON, "A", [])


def test_a_move_that_fails_in_staging_leaves_what_was_verified(line: Line) -> None:
    line.live()
    line.world.pull()
    line.world.change("data/toy/model.toml", "replicas = 2", 'replicas = 2\nplatform = "kserve"')
    line.world.commit("Serve toy with KServe")
    line.release()
    line.releaser(STAGING).revert("toy", line.trial(STAGING).release.key, why="nobody answers")
    serving = line.serving(STAGING)
    assert serving
    assert (serving.platform, serving.default.verified, line.keys(STAGING)) == (Platform.SELDON, True, "A")
    assert (line.kinds(), line.release()) == ([(PRODUCTION, Kind.FRESH)], [])


def test_a_platform_waits_for_the_end_of_a_trial(line: Line) -> None:
    line.live()
    line.world.give("B")
    line.release()
    line.world.pull()
    line.world.change("data/toy/model.toml", "replicas = 2", 'replicas = 2\nplatform = "kserve"')
    line.world.commit("Serve toy with KServe")
    assert line.release() == []
    line.releaser(STAGING).promote("toy")
    assert line.subjects() == ["staging configure(toy):", "production release(toy):"]


def test_two_manifests_at_once_are_no_answer(line: Line) -> None:
    line.live()
    line.world.pull()
    line.world.write(str(manifest_path("toy", STAGING, Platform.KSERVE)), line.world.manifest("toy", STAGING) or b"")
    line.world.commit("Serve it twice")
    (step,) = line.release()
    assert (step.environment, step.done, step.exit_code) == (STAGING, Done.FAILED, ExitCode.BAD_INPUT)
    assert "both say what is live" in step.reasons[0]
    assert line.keys(PRODUCTION) == "A"
