"""What is to be done about a model on one tip of main: a commit that only has to land, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slipway import reviewed_bytes
from slipway.adapters.main_branch import Landing, MainBranch
from slipway.delivery.manifest import Release
from slipway.errors import InputError, OutsideError
from slipway.key import SHORT
from slipway.plan import commit as commits
from slipway.plan.acts import releases
from slipway.plan.rebuild import digest_of
from slipway.plan.rule import Wanted
from slipway.plan.standing import Kind
from slipway.release.step import Done, Prepared, Stopped
from slipway.release.until import Since, Until
from slipway.release.view import taken_away
from slipway.results import VerdictName

if TYPE_CHECKING:
    from slipway.pipeline import Judged
    from slipway.plan.commit import Change
    from slipway.release.judge import Judge
    from slipway.release.shipping import Shipping
    from slipway.release.view import View
    from slipway.workspace import Workspace

APPROVED = ("release", "retire")
"""What a person approves where an environment asks for it; all that ends well or badly afterwards needs nobody."""
AT_ONCE = ".at-once"
"""The end of the name of a branch whose commit needs nobody, where others need somebody."""

type Decide = Callable[[View], Prepared | Stopped]


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Decides, and makes what a commit needs: a verdict, an image."""

    workspace: Workspace
    main: MainBranch
    landing: Landing
    judge: Judge
    shipping: Shipping
    until: Until = Until.COMMIT
    since: Since = Since.START
    signed: frozenset[str] | None = None
    """The images that this run signed, where no other may be committed anew; None where nobody asks.

    A record of an image says that it was built: whoever built it may have failed before it was signed.
    """

    def branch(self, model: str, verb: str = "") -> str:
        """The branch on which a model's next commit waits, where main is protected or a person approves.

        What a person approves waits apart from what merges itself: a pull request that was let merge itself would
        merge whatever its branch has by then.
        """
        settings = self.workspace.settings
        own = f"slipway/{settings.environment}/{model}"
        return f"{own}{AT_ONCE}" if settings.environment in settings.approve and not self.is_approved(verb) else own

    def wanted(self, view: View) -> Prepared | Stopped:
        """What main's history asks for."""
        state, current = view.state, view.current
        match state.decision.wanted:
            case Wanted.RELEASE:
                return self._released(view)
            case Wanted.RESTORE:
                return self._restored(view)
            case Wanted.ROLLBACK:
                return Prepared(change=commits.rolled_back(state, current))
            case Wanted.CONFIGURE:
                return Prepared(change=commits.configured(state, current))
            case Wanted.RETIRE:
                return Prepared(change=commits.retired(state, current))
            case Wanted.FAULTY:
                raise InputError(state.decision.problem)
            case Wanted.NONE | Wanted.HELD:
                waits = self._that_waits(view)
                return Prepared(change=waits) if waits else self._idle(view)

    def promotion(self, expected: str | None, said: str, view: View) -> Prepared | Stopped:
        """The promotion of what was looked at, not of whatever came in between."""
        state, trial = view.state, view.state.trial
        if state.decision.wanted is Wanted.FAULTY:
            raise InputError(state.decision.problem)
        if not view.is_known:
            raise InputError(_unknown(state.model))
        if trial is None:
            return Stopped(done=Done.NOTHING, reasons=("no release is on trial",))
        if expected is None or not trial.key.startswith(expected):
            raise InputError(
                f"{state.model}: {trial.key[:SHORT]} is on trial, not {(expected or 'nothing')[:SHORT]}",
                hint="Verify it, then promote it by its own key.",
            )
        if state.decision.wanted in (Wanted.RESTORE, Wanted.ROLLBACK, Wanted.RETIRE):
            raise InputError(
                f"{state.model}: main asks for {state.decision.wanted.value}, so {trial.key[:SHORT]} is not promoted",
                hint=f"Run: slipway release {state.model}",
            )
        return Prepared(change=self._promoted(view, said))

    def confirmation(self, key: str, said: str, view: View) -> Prepared | Stopped:
        """The mark that a release with the full traffic was verified, unless it is another by now."""
        found = view.standing
        if found is None or found.kind is not Kind.UNCONFIRMED or not found.release.key.startswith(key):
            return Stopped(done=Done.NOTHING, reasons=(f"{key[:SHORT]} waits for no verification",))
        return Prepared(change=commits.verified(view.state, view.current, found.release, said=said))

    def reversion(self, key: str, why: str, view: View) -> Prepared | Stopped:
        """What takes a release back that is not settled, unless it is another by now."""
        found = view.standing
        if found is None or not found.release.key.startswith(key):
            return Stopped(done=Done.NOTHING, reasons=(f"{key[:SHORT]} is on trial no longer",))
        return Prepared(change=commits.reverted(view.state, view.current, found, why))

    def landing_of(self, verb: str) -> Landing:
        """How a commit gets to main: what a person has to approve waits for one, wherever all else is pushed."""
        return Landing.BRANCH if self.is_approved(verb) else self.landing

    def is_approved(self, verb: str) -> bool:
        """Whether a person has to approve that this comes into the environment."""
        settings = self.workspace.settings
        return settings.environment in settings.approve and verb in APPROVED

    @property
    def _waits(self) -> bool:
        """Whether commits may wait on a branch."""
        return Landing.BRANCH in map(self.landing_of, APPROVED)

    def _promoted(self, view: View, said: str = "") -> Change:
        is_followed = self.workspace.settings.is_followed
        return commits.promoted(view.state, view.current, verified=is_followed, said=said)

    def _released(self, view: View) -> Prepared | Stopped:
        state, key = view.state, view.state.key or ""
        if taken := state.decision.release:  # judged, built and verified for the environment before
            return Prepared(change=commits.released(state, view.current, taken, view.shape), image=taken.image)
        if self.since is Since.IMAGE and not (self.shipping.is_built(state.model, key) or self.judge.refused(view)):
            return self._left(view, "has no image, and nothing is built here")
        judged = self.judge.verdict(view)
        if judged.verdict is not VerdictName.PROMOTE:
            if state.shape is not None and self.until is Until.COMMIT:
                # how it is served does not wait for what is served
                return Prepared(change=commits.configured(state, view.current))
            return Stopped(done=Done.REFUSED, reasons=self._refused(view, judged))
        if self.until is Until.VERDICT:
            return Stopped(done=Done.READY, reasons=(f"the verdict on {key[:SHORT]} is {judged.verdict.value}",))
        return self._shipped(view, judged)

    def _shipped(self, view: View, judged: Judged) -> Prepared | Stopped:
        """The release of a key that may be released, in its image."""
        state, key = view.state, judged.key
        source = state.decision.because[0].commit
        built = self.shipping.built(state, key, source)
        if not self._may_land(built.image):
            return self._left(view, f"has an image, {built.image}, which was not signed by this run")
        shown = reviewed_bytes.check(self.workspace.store, state.model, key, built.onnx_sha256)
        release = Release(key=key, image=built.image, commit=source, metrics=judged.metrics)
        change = commits.released(state, view.current, release, view.shape, said=reviewed_bytes.told(shown))
        noted = shown if shown.note else None
        return Prepared(change=change, image=built.image, built=not built.reused, reviewed=noted)

    def _may_land(self, image: str) -> bool:
        """Whether an image that main does not have may come to main."""
        return self.signed is None or image in self.signed

    def _left(self, view: View, lacks: str) -> Stopped:
        """What this run made no image of: it came too late for that, or `OutsideError` where the run had to make it.

        A run began with what is checked out here.
        """
        key, asked = view.state.key or "", view.state.decision.because[0]
        if self.workspace.git.merge_base(asked.commit, "HEAD") == asked.commit:
            raise OutsideError(
                f"{key[:SHORT]} {lacks}",
                hint="The job that builds says why; then run all of it again.",
            )
        said = f"{asked.commit[:SHORT]} {asked.what}, after this run had begun: the next one builds and commits it"
        return Stopped(done=Done.LATER, reasons=(said,))

    def _restored(self, view: View) -> Prepared:
        """A release that was there before, in its newest image; one that a person took away stays away."""
        state, release = view.state, view.state.decision.release
        if release is None:  # pragma: no cover  the rule names one with every restoration
            raise ValueError("nothing is to be restored")
        image = self.shipping.newest(state.model, release)
        if image == release.image or self.took_away(view, release.key, image) or not self._may_land(image):
            image = release.image
            if self.until is not Until.VERDICT:
                self.shipping.check_there(state.model, release)
        return Prepared(change=commits.restored(state, view.current, view.shape, image=image), image=image)

    def rebuilt(self, key: str, view: View) -> Prepared | Stopped:
        """The image of a key that is served, upon the builder of now, with the model's bytes of the store."""
        state = view.state
        release = next((one for one in releases(state.serving) if one.key == key), None)
        if release is None:
            return self._not_rebuilt(view, key, f"{key[:SHORT]} is served no more")
        built = self.shipping.built(state, key, release.commit)
        if digest_of(built.image) == digest_of(release.image):
            same = self._not_rebuilt(view, key, f"{key[:SHORT]} is built upon this builder", image=built.image)
            return replace(same, built=not built.reused)
        if taken := self.took_away(view, key, built.image):
            said = (
                f"{taken[:SHORT]} took the image of this builder away from {key[:SHORT]}, until the builder is another"
            )
            back = f"to put it back: {self.workspace.git.revert_of(taken)}"
            made = "" if built.reused else built.image  # nobody was told of this one
            held = self._not_rebuilt(view, key, said, back, image=made)
            return replace(held, done=Done.HELD, built=not built.reused)
        if not self._may_land(built.image):
            raise OutsideError(
                f"{key[:SHORT]} is rebuilt into {built.image}, which was not signed by this run",
                hint="The job that builds says why; then run all of it again.",
            )
        builder = self.workspace.settings.builder or self.shipping.images.builder
        change = commits.rebuilt(state, view.current, release, built.image, builder)
        return Prepared(change=change, image=built.image, built=not built.reused)

    def rebuild_branch(self, model: str, key: str) -> str:
        """Where a rebuild waits: beside the model's next commit, and one for each key, for both can wait at once.

        A model's name has no full stop, so nobody takes it for one.
        """
        return f"slipway/{self.workspace.settings.environment}/{model}.rebuild-{key[:SHORT]}"

    def took_away(self, view: View, key: str, image: str) -> str | None:
        """The commit by which a person took an image away from a key, if it is held."""
        environment, wanted = self.workspace.settings.environment, (view.state.model, key, digest_of(image))
        return self.main.deep(lambda: taken_away(self.workspace.git, view.tip, environment, wanted))

    def _not_rebuilt(self, view: View, key: str, *said: str, image: str = "") -> Stopped:
        if self.landing is Landing.BRANCH and self.until is Until.COMMIT:
            self.main.withdraw(self.rebuild_branch(view.state.model, key))
        return Stopped(done=Done.NOTHING, reasons=said, image=image)

    def _refused(self, view: View, judged: Judged) -> tuple[str, ...]:
        back = self.workspace.git.revert_of(view.state.decision.because[0].commit)
        way = f"mend it by a pull request (or accept less: [gate] min_improvement), or take it back: {back}"
        return f"the verdict is {judged.verdict.value}", *judged.reasons, way

    def _idle(self, view: View) -> Stopped:
        state = view.state
        withdrawn = self._withdrawn(state.model)
        if not (view.is_known or withdrawn):
            raise InputError(_unknown(state.model))
        because = state.decision.because
        said = tuple(f"{one.commit[:SHORT]} {one.what}" for one in because)
        if state.decision.wanted is Wanted.HELD:
            back = self.workspace.git.revert_of(because[0].commit)
            said = (*said, f"it stays away until the inputs change; to put it back: {back}")
        if not said and state.key is None and (earlier := self.workspace.settings.earlier):
            said = (f"nothing was verified in {earlier[-1]} yet",)
        return Stopped(done=Done.NOTHING, reasons=said)

    def _withdrawn(self, model: str) -> bool:
        """Whether a commit waited that is wanted no longer; a run that is to land nothing leaves it there."""
        if not self._waits:
            return False
        branches = dict.fromkeys((self.branch(model), self.branch(model, APPROVED[0])))
        if self.until is not Until.COMMIT:
            return any(self.main.waiting(branch) for branch in branches)
        gone = [branch for branch in branches if self.main.withdraw(branch)]
        return bool(gone)

    def _that_waits(self, view: View) -> Change | None:
        """What somebody asked for that main's history does not: a promotion, a mark or a revert which waits still."""
        if self.landing is not Landing.BRANCH or not (view.standing or view.state.trial):
            return None
        branch = self.branch(view.state.model)
        waits = self.main.waiting(branch).get(branch)
        subject = self.main.subject(waits) if waits else ""
        return next((change for change in self._answers(view, subject) if change.subject == subject), None)

    def _answers(self, view: View, subject: str) -> Iterator[Change]:
        """What may be said of a release that is not settled; a revert says why, as the one that waits does."""
        state, current, found = view.state, view.current, view.standing
        if state.trial is not None and state.decision.wanted is not Wanted.HELD:
            yield self._promoted(view)
        if found is None:
            return
        if found.kind is Kind.UNCONFIRMED:
            yield commits.verified(state, current, found.release)
        _, said, why = subject.partition(f"revert({state.model}): {found.release.key[:SHORT]} ")
        if said:
            yield commits.reverted(state, current, found, why)


def _unknown(model: str) -> str:
    return f"there is no model {model!r} on main, and none was released"
