"""The rule against what people mean, over histories in memory: thousands, and each short enough to read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.histories import Builder, Live, Meaning

from slipway.delivery.manifest import Release, Serving
from slipway.plan import rebuild, rule
from slipway.plan.acts import Act, releases
from slipway.plan.rule import Decision, Wanted

EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "1500"))
KEYS = "ABCD"


class Unreadable(StrEnum):
    """What stands where something readable should."""

    IT = "unreadable"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The state of a model after a commit."""

    key: str | Unreadable | None
    serving: Serving | Unreadable | None
    builder: str = "0"


STEPS = (Wanted.RELEASE, Wanted.RESTORE, Wanted.ROLLBACK, Wanted.RETIRE)
EMPTY = Commit(key=None, serving=None)


@dataclass(kw_only=True)
class Memory:
    """A first-parent history in memory, oldest first; what `rule.decide` asks of one."""

    commits: list[Commit] = field(default_factory=list)
    own: set[int] = field(default_factory=set)
    """Those that slipway made."""

    @property
    def tip(self) -> Commit:
        return self.commits[-1] if self.commits else EMPTY

    def parent(self, at: int) -> Commit:
        return self.commits[at - 1] if at else EMPTY

    def add(self, commit: Commit) -> None:
        self.commits.append(commit)

    def acts(self) -> Iterable[Act]:
        found: list[Act] = []
        before: Serving | None = None
        for at, commit in enumerate(self.commits):
            if isinstance(commit.serving, Unreadable):
                continue
            if what(commit.serving) != what(before):
                found.append(Act(commit=f"{at}", before=before, after=commit.serving))
            elif found:  # rebuilt, perhaps
                found[-1] = replace(found[-1], after=with_images(found[-1].after, commit.serving))
            before = commit.serving
        return iter(found[::-1])

    def key_at(self, commit: str) -> str | None:
        readable = (c.key for c in self.commits[int(commit) :: -1] if not isinstance(c.key, Unreadable))
        return next(readable, None)

    def keys_since(self, commit: str, until: str | None = None) -> Iterator[str | None]:
        between = range(int(commit) + 1, int(until) if until else len(self.commits))
        return (key for at in between if not isinstance(key := self.commits[at].key, Unreadable))

    def servings(self) -> Iterator[tuple[str, Serving | None]]:
        for at in range(len(self.commits) - 1, -1, -1):
            serving = self.commits[at].serving
            if serving != self.parent(at).serving and not isinstance(serving, Unreadable):
                yield f"{at}", serving

    def is_own(self, commit: str) -> bool:
        return int(commit) in self.own

    def builder_changed_since(self, commit: str) -> bool:
        newer = range(int(commit) + 1, len(self.commits))
        return any(self.commits[at].builder != self.parent(at).builder for at in newer)

    def source(self) -> str:
        now = self.tip.key
        changed = (at for at in range(len(self.commits) - 1, -1, -1) if at == 0 or self.key_at(f"{at - 1}") != now)
        return f"{next(changed)}"


def what(serving: Serving | None) -> tuple[str, ...]:
    return tuple(release.key for release in releases(serving))


def with_images(serving: Serving | None, newer: Serving | None) -> Serving | None:
    images = {release.key: release.image for release in releases(newer)}
    found = [replace(release, image=images[release.key]) for release in releases(serving)]
    return replace(serving, default=found[0], canary=found[1] if found[1:] else None) if serving else None


def what_of(commit: Commit) -> object:
    return commit.serving if isinstance(commit.serving, Unreadable) else what(commit.serving)


def live(serving: Serving | None) -> Live | None:
    if serving is None:
        return None
    return Live(default=serving.default.key, canary=serving.canary.key if serving.canary else None)


def image(key: str, builder: str) -> str:
    return f"image-of-{key}@{builder}"


def release(key: str, commit: str, builder: str) -> Release:
    return Release(key=key, image=image(key, builder), commit=commit, metrics={})


def serving(default: Release, canary: Release | None = None, *, replicas: int = 2) -> Serving:
    return Serving(default=default, canary=canary, replicas=replicas, canary_percent=10 if canary else None)


def parts(serving: Serving) -> tuple[Release, Release | None]:
    return serving.default, serving.canary


class ConflictError(Exception):
    """Git would stop here and ask."""


def merged[T](ours: T, base: T, theirs: T) -> T:
    """What a merge makes of three versions of one thing."""
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    raise ConflictError


def merged_serving(
    ours: Serving | Unreadable | None, base: Serving | Unreadable | None, theirs: Serving | Unreadable | None
) -> Serving | Unreadable | None:
    if not (isinstance(ours, Serving) and isinstance(base, Serving) and isinstance(theirs, Serving)):
        return merged(ours, base, theirs)
    canary = merged(ours.canary, base.canary, theirs.canary)
    return replace(
        ours,
        default=merged(ours.default, base.default, theirs.default),
        canary=canary,
        replicas=merged(ours.replicas, base.replicas, theirs.replicas),
        canary_percent=10 if canary else None,
    )


@dataclass(kw_only=True)
class Story:
    """Slipway and people at work on one model: what they do goes into Git's history, and into the plain model."""

    memory: Memory = field(default_factory=Memory)
    meaning: Meaning = field(default_factory=Meaning)
    builder: Builder = field(default_factory=lambda: Builder(name="0"))
    built: set[str] = field(default_factory=set)
    """The images that the store has records of."""
    environ: str = ""
    """The builder that the environment names, which comes first, and which no commit shows."""
    proposed: tuple[Decision, Serving | None, Serving | None] | None = None

    # ---- what slipway does

    def decide(self) -> Decision:
        tip = self.memory.tip
        if isinstance(tip.key, Unreadable) or isinstance(tip.serving, Unreadable):
            return Decision(wanted=Wanted.FAULTY, key=None)
        return rule.decide(tip.key, self.memory)

    def run(self, *, verdict: bool = True, trial: bool = True) -> bool:
        """One step of `slipway release`: whether it committed anything."""
        decision = self.decide()
        after = self.outcome(decision, trial=trial)
        if decision.wanted in (Wanted.NONE, Wanted.HELD, Wanted.FAULTY) or (
            decision.wanted is Wanted.RELEASE and not verdict
        ):
            return False
        self.commit(replace(self.memory.tip, serving=after), own=True)
        self.step(decision.wanted, decision.key, after)
        return True

    def outcome(self, decision: Decision, *, trial: bool) -> Serving | None:
        now = self.memory.tip.serving
        assert not isinstance(now, Unreadable) or decision.wanted is Wanted.FAULTY
        match decision.wanted:
            case Wanted.RELEASE:
                assert decision.key
                new = release(decision.key, decision.because[0].commit, self.upon)
                self.built.add(new.image)
                return serving(now.default, new) if trial and isinstance(now, Serving) else serving(new)
            case Wanted.RESTORE:
                assert decision.release
                put_back = isinstance(now, Serving) and now.canary == decision.release
                commit = decision.release.commit if put_back else decision.because[0].commit
                return serving(replace(decision.release, commit=commit, image=self.newest(decision.release)))
            case Wanted.ROLLBACK:
                assert isinstance(now, Serving)
                return serving(now.default)
        return None

    @property
    def upon(self) -> str:
        return self.environ or self.memory.tip.builder

    def newest(self, release: Release) -> str:
        new = image(release.key, self.upon)
        if new not in self.built or self.taken_away(release.key):
            return release.image
        return new

    def taken_away(self, key: str) -> str | None:
        return rebuild.taken_away(key, rebuild.digest_of(image(key, self.upon)), self.memory)

    def to_rebuild(self) -> list[str]:
        """The keys that are served, and to be built upon the builder of now."""
        now, builder = self.memory.tip.serving, self.upon
        served = releases(now) if isinstance(now, Serving) else ()
        return [one.key for one in served if one.image != image(one.key, builder) and not self.taken_away(one.key)]

    def rebuild(self) -> bool:
        """What `slipway rebuild` does: whether it committed anything."""
        found = self.to_rebuild()
        for key in found:
            now = self.memory.tip.serving
            assert isinstance(now, Serving)
            new = image(key, self.upon)
            self.built.add(new)
            default, canary = (one and (replace(one, image=new) if one.key == key else one) for one in parts(now))
            assert default
            self.commit(replace(self.memory.tip, serving=replace(now, default=default, canary=canary)), own=True)
        return bool(found)

    def step(self, wanted: Wanted, key: str | None, after: Serving | None) -> None:
        match wanted:
            case Wanted.RELEASE:
                assert key
                self.meaning.released(key, trial=bool(after and after.canary))
            case Wanted.RESTORE:
                assert key
                self.meaning.restored(key)
            case Wanted.ROLLBACK:
                self.meaning.rolled_back()
            case Wanted.RETIRE:
                self.meaning.retired()

    def promote(self) -> None:
        now = self.memory.tip.serving
        if self.decide().wanted is Wanted.FAULTY or rule.on_trial(self.memory) is None:
            return
        assert isinstance(now, Serving)
        assert now.canary
        self.commit(replace(self.memory.tip, serving=serving(now.canary)), own=True)
        self.meaning.promoted()

    def settle(self) -> None:
        """Everything that is wanted, with every verdict a yes."""
        for _ in range(4):
            if not self.run():
                return
        raise AssertionError("slipway never comes to rest")

    def propose(self, *, trial: bool) -> None:
        """The next step waits on a branch of its own."""
        decision, now = self.decide(), self.memory.tip.serving
        if decision.wanted in STEPS and not isinstance(now, Unreadable):
            self.proposed = decision, now, self.outcome(decision, trial=trial)

    def land(self) -> None:
        """Somebody merges that branch, late perhaps."""
        if self.proposed is None:
            return
        decision, before, after = self.proposed
        self.proposed = None
        late = self.memory.tip.key is not None and decision.wanted is Wanted.RETIRE
        if self.memory.tip.serving == before and not late:  # or it looks like a removal by hand, and holds as one
            self.commit(replace(self.memory.tip, serving=after), own=True)
            self.step(decision.wanted, decision.key, after)

    # ---- what people do

    def commit(self, commit: Commit, *, own: bool = False) -> None:
        if what_of(commit) != what_of(self.memory.tip):
            self.proposed = None  # the branch is in conflict, or stale, and is written anew
        if own:
            self.memory.own.add(len(self.memory.commits))
        self.memory.add(commit)
        self.builder.named(commit.builder)
        if isinstance(commit.serving, Serving):
            self.builder.shown({one.key: one.image for one in releases(commit.serving)}, own=own)

    def inputs(self, key: str | Unreadable | None) -> None:
        self.commit(replace(self.memory.tip, key=key))
        self.says(self.memory.tip)

    def revert(self, back: int) -> None:
        """`git revert` of one commit."""
        at = len(self.memory.commits) - 1 - back
        if at < 0:
            return
        tip, base, theirs = self.memory.tip, self.memory.commits[at], self.memory.parent(at)
        try:
            key = merged(tip.key, base.key, theirs.key)
            found = merged_serving(tip.serving, base.serving, theirs.serving)
            builder = merged(tip.builder, base.builder, theirs.builder)
        except ConflictError:
            return
        self.person(Commit(key=key, serving=found, builder=builder))

    def manifest_of(self, back: int) -> None:
        """`git checkout <older commit> -- gitops/...`, or several reverts in one commit."""
        at = max(0, len(self.memory.commits) - 1 - back)
        self.person(replace(self.memory.tip, serving=self.memory.parent(at).serving))

    def edit(self, which: int, *, commit: bool, canary: bool) -> None:
        """Another release written into the default predictor; `commit`: with the annotation of its commit."""
        now = self.memory.tip.serving
        known = [c.serving.default for c in self.memory.commits if isinstance(c.serving, Serving)]
        if not isinstance(now, Serving):
            return
        chosen = known[which % len(known)]
        if now.canary and now.canary.key == chosen.key:
            return
        default = chosen if commit else replace(now.default, key=chosen.key, image=chosen.image)
        self.person(replace(self.memory.tip, serving=serving(default, now.canary if canary else None)))

    def mend(self) -> None:
        """Whatever cannot be read is put back as it was."""
        tip, older = self.memory.tip, self.memory.commits[::-1]
        key = next((c.key for c in older if not isinstance(c.key, Unreadable)), None)
        found = next((c.serving for c in older if not isinstance(c.serving, Unreadable)), None)
        self.person(replace(tip, key=key, serving=found))

    def person(self, after: Commit) -> None:
        if after != self.memory.tip:
            self.commit(after)
            self.says(after)

    def says(self, commit: Commit) -> None:
        if not isinstance(commit.key, Unreadable) and commit.key != self.meaning.key:
            self.meaning.inputs(commit.key)
        if not isinstance(commit.serving, Unreadable):
            self.meaning.person(live(commit.serving))


# ---- random histories

type Event = tuple[str, *tuple[object, ...]]

BACK = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4, 5])
SOME_KEYS = st.sampled_from("AABBBCCD")
OFTEN: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("ships"), SOME_KEYS),
    st.tuples(st.just("inputs"), SOME_KEYS),
    st.tuples(st.just("revert"), BACK),
    st.tuples(st.just("promote")),
    st.tuples(st.just("settle")),
)
SELDOM: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("inputs"), st.none()),
    st.tuples(st.just("run"), st.booleans(), st.booleans()),
    st.tuples(st.just("manifest_of"), BACK),
    st.tuples(st.just("edit"), st.integers(0, 9), st.booleans(), st.booleans()),
    st.tuples(st.sampled_from(["delete", "break", "break_inputs", "mend", "land"])),
    st.tuples(st.just("replicas"), st.integers(1, 3)),
    st.tuples(st.just("propose"), st.booleans()),
    st.tuples(st.just("builder"), st.sampled_from("012")),
    st.tuples(st.just("builds"), st.sampled_from("012")),
    st.tuples(st.just("rebuild")),
    st.tuples(st.just("environ"), st.sampled_from(["0", "1", ""])),
)
BEGIN: tuple[Event, ...] = (("ships", "A"),)
EVENTS = st.lists(st.one_of(OFTEN, OFTEN, OFTEN, SELDOM), min_size=3, max_size=12).map(lambda some: [*BEGIN, *some])


def happens(story: Story, event: Event) -> None:  # noqa: C901, PLR0912  a table of what people do
    kind, *args = event
    tip = story.memory.tip
    match kind, args:
        case "ships", [str() as key]:
            story.inputs(key)
            story.settle()
        case "inputs", [key]:
            story.inputs(key)  # type: ignore[arg-type]
        case "run", [verdict, trial]:
            story.run(verdict=bool(verdict), trial=bool(trial))
        case "settle", []:
            story.settle()
        case "promote", []:
            story.promote()
        case "revert", [int() as back]:
            story.revert(back)
        case "manifest_of", [int() as back]:
            story.manifest_of(back)
        case "edit", [int() as which, commit, canary]:
            story.edit(which, commit=bool(commit), canary=bool(canary))
        case "delete", []:
            story.person(replace(tip, serving=None))
        case "replicas", [int() as count] if isinstance(tip.serving, Serving):
            story.person(replace(tip, serving=replace(tip.serving, replicas=count)))
        case "break", [] if tip.serving is not None:
            story.person(replace(tip, serving=Unreadable.IT))
        case "break_inputs", [] if tip.key is not None:
            story.inputs(Unreadable.IT)
        case "mend", []:
            story.mend()
        case "propose", [trial]:
            story.propose(trial=bool(trial))
        case "land", []:
            story.land()
        case "builder", [str() as name]:
            story.person(replace(tip, builder=name))
        case "builds", [str() as name]:
            story.person(replace(tip, builder=name))
            story.rebuild()
        case "environ", [str() as name]:
            story.environ = name
            story.rebuild()
        case "rebuild", []:
            story.rebuild()


def agrees(story: Story) -> None:
    decision = story.decide()
    if isinstance(story.memory.tip.key, Unreadable) or isinstance(story.memory.tip.serving, Unreadable):
        return
    expected = story.meaning.wanted()
    assert (decision.wanted, decision.key) == expected
    on_trial = rule.on_trial(story.memory)
    assert (on_trial.key if on_trial else None) == story.meaning.on_trial
    served = releases(story.memory.tip.serving)
    asked = [one.key for one in served if story.builder.asks(one.key, image(one.key, story.upon))]
    assert story.to_rebuild() == asked


ALWAYS = settings(max_examples=EXAMPLES)


def told(events: Iterable[Event]) -> Story:
    story = Story()
    for event in events:
        happens(story, event)
    return story


@ALWAYS
@given(EVENTS)
def test_rule_says_what_people_mean(events: Sequence[Event]) -> None:
    story = Story()
    for event in events:
        happens(story, event)
        agrees(story)


@ALWAYS
@given(EVENTS)
def test_a_run_leaves_nothing_to_do(events: Sequence[Event]) -> None:
    story = told(events)
    story.settle()
    assert story.decide().wanted in (Wanted.NONE, Wanted.HELD, Wanted.FAULTY)
    assert not story.run()


@ALWAYS
@given(EVENTS, st.booleans(), st.booleans())
def test_a_revert_of_what_slipway_did_stays(events: Sequence[Event], trial: bool, promote: bool) -> None:  # noqa: FBT001  drawn
    story = told(events)
    story.mend()
    before = len(story.memory.commits)
    if promote:
        story.promote()
    else:
        story.run(trial=trial)
    done = story.meaning.live
    if len(story.memory.commits) == before or done is None:
        return
    story.revert(0)
    left = story.meaning.live
    for _ in range(2):
        story.settle()
        now = story.meaning.live
        assert now != done
        if done.canary and not (left and left.canary == done.canary):
            assert now is None or done.canary not in (now.default, now.canary)
        if left and left.default != done.default:
            assert now
            assert now.default != done.default
        story.promote()


@ALWAYS
@given(EVENTS, st.integers(0, 3))
def test_a_rebuild_changes_no_decision(events: Sequence[Event], at: int) -> None:
    """The same events with rebuilds in between mean the same: but for `revert`, which counts commits."""
    reverting = {"revert", "manifest_of", "land"}
    some = [event for event in events if event[0] not in reverting]
    other = [part for event in some for part in (event, ("builds", str(at % 3)), ("builds", "1"))]
    plain, rebuilt = told(some), told(other)
    assert (plain.decide().wanted, plain.decide().key) == (rebuilt.decide().wanted, rebuilt.decide().key)
    assert plain.meaning.live == rebuilt.meaning.live


@ALWAYS
@given(EVENTS)
def test_a_rebuild_that_is_reverted_stays_away_until_the_builder_is_another(events: Sequence[Event]) -> None:
    story = told(events)
    story.mend()
    story.environ = ""
    happens(story, ("builder", "3"))
    wanted = story.decide()
    before = len(story.memory.commits)
    if not story.rebuild():
        return
    assert not story.rebuild(), "a second run does nothing"
    made = len(story.memory.commits) - before
    for count in range(made):
        story.revert(2 * count)
    assert not story.rebuild()
    assert (story.decide().wanted, story.decide().key) == (wanted.wanted, wanted.key)
    story.revert(0)  # and this one is put back
    assert not story.rebuild()
    happens(story, ("builder", "4"))
    served = [one.key for one in releases(story.memory.tip.serving)]  # type: ignore[arg-type]  # it was mended
    assert story.to_rebuild() == served


B_IS_LIVE: tuple[Event, ...] = (
    ("inputs", "A"),
    ("settle",),
    ("inputs", "B"),
    ("settle",),
    ("promote",),
)
B_IS_ON_TRIAL = B_IS_LIVE[:-1]
C_REPLACED_B = (*B_IS_ON_TRIAL, ("inputs", "C"), ("settle",))
REVERT: Event = ("revert", 0)
SETTLE: Event = ("settle",)


@pytest.mark.parametrize(
    ("events", "wanted", "key"),
    [
        pytest.param([], Wanted.NONE, None, id="nothing there"),
        pytest.param([("inputs", "A")], Wanted.RELEASE, "A", id="a new model"),
        pytest.param(B_IS_LIVE, Wanted.NONE, "B", id="what is wanted is live"),
        pytest.param([*B_IS_LIVE, ("inputs", "A")], Wanted.RESTORE, "A", id="the inputs go back"),
        pytest.param([*B_IS_ON_TRIAL, ("inputs", "A")], Wanted.RESTORE, "A", id="they go back during a trial"),
        pytest.param([*B_IS_ON_TRIAL, REVERT], Wanted.HELD, "B", id="a release is reverted"),
        pytest.param([*B_IS_ON_TRIAL, REVERT, REVERT], Wanted.RESTORE, "B", id="the revert is reverted"),
        pytest.param([*B_IS_ON_TRIAL, REVERT, REVERT, REVERT], Wanted.HELD, "B", id="and that revert too"),
        pytest.param(
            [*B_IS_ON_TRIAL, REVERT, REVERT, SETTLE, REVERT], Wanted.ROLLBACK, "B", id="what was put back is reverted"
        ),
        pytest.param([*B_IS_LIVE, REVERT], Wanted.ROLLBACK, "B", id="a promotion is reverted"),
        pytest.param([*B_IS_LIVE, REVERT, SETTLE], Wanted.HELD, "B", id="and rolled back"),
        pytest.param([*B_IS_LIVE, REVERT, SETTLE, REVERT], Wanted.RESTORE, "B", id="the rollback is reverted"),
        pytest.param([*B_IS_ON_TRIAL, REVERT, ("inputs", "C"), ("inputs", "B")], Wanted.HELD, "B", id="away and back"),
        pytest.param(
            [*B_IS_ON_TRIAL, REVERT, ("inputs", "A"), ("inputs", "B")], Wanted.RELEASE, "B", id="the change made afresh"
        ),
        pytest.param([*B_IS_LIVE, ("edit", 0, True, False)], Wanted.HELD, "B", id="an older release by hand"),
        pytest.param([*B_IS_LIVE, ("edit", 0, False, False)], Wanted.HELD, "B", id="its key and image alone, by hand"),
        pytest.param([*B_IS_LIVE, ("delete",)], Wanted.HELD, "B", id="the manifest deleted"),
        pytest.param(
            [*B_IS_LIVE, ("delete",), ("break_inputs",), ("mend",)], Wanted.HELD, "B", id="broken inputs are no change"
        ),
        pytest.param([*B_IS_LIVE, ("break",)], Wanted.FAULTY, None, id="a broken manifest"),
        pytest.param([*B_IS_LIVE, ("break",), ("mend",)], Wanted.NONE, "B", id="which is mended"),
        pytest.param([*B_IS_LIVE, ("inputs", None)], Wanted.RETIRE, None, id="the model is deleted"),
        pytest.param([*B_IS_LIVE, ("inputs", None), SETTLE, REVERT], Wanted.HELD, None, id="a retirement is reverted"),
        pytest.param(
            [*B_IS_ON_TRIAL, ("inputs", None), SETTLE, REVERT], Wanted.HELD, None, id="a retirement during a trial is"
        ),
        pytest.param([*C_REPLACED_B, REVERT], Wanted.HELD, "C", id="the older trial goes on"),
        pytest.param([*C_REPLACED_B, REVERT, ("promote",)], Wanted.HELD, "C", id="and is promoted"),
        pytest.param([*B_IS_LIVE, REVERT, ("inputs", "C")], Wanted.ROLLBACK, "B", id="roll back before a release"),
        pytest.param(
            [*B_IS_LIVE, REVERT, ("inputs", "C"), ("run", True, True)], Wanted.RELEASE, "C", id="then release"
        ),
        pytest.param(
            [*B_IS_ON_TRIAL, ("inputs", "C"), SETTLE, ("promote",), ("manifest_of", 3)],
            Wanted.HELD,
            "C",
            id="a release and its promotion reverted in one commit",
        ),
        pytest.param(
            [*B_IS_LIVE, ("inputs", "C"), SETTLE, ("manifest_of", 2)],
            Wanted.ROLLBACK,
            "B",
            id="two releases back, to before a promotion",
        ),
        pytest.param(
            [("inputs", "A"), SETTLE, ("inputs", "B"), ("propose", True), ("inputs", "C"), ("land",)],
            Wanted.RELEASE,
            "C",
            id="a release that is merged late",
        ),
    ],
)
def test_what_is_wanted(events: Sequence[Event], wanted: Wanted, key: str | None) -> None:
    decision = told(events).decide()
    assert (decision.wanted, decision.key) == (wanted, key)
