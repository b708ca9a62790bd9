"""`watch`: what is live of a model and the source of its data are looked at, and what follows is proposed or told.

Level-triggered, as all that commits is: there is no memory but Git, Prometheus, the source and the forge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from slipway import spec
from slipway.adapters.data.remote import MissingDataError
from slipway.adapters.git import Commit
from slipway.datasets.pointer import SUFFIX, Pointer, Source
from slipway.datasets.update import BRANCHES, Data, DataUpdate, SameDataError
from slipway.delivery.manifest import live_key
from slipway.errors import ExitCode, InputError, OutsideError, SlipwayError
from slipway.forge import watching
from slipway.forge.watching import LABEL, Answered, Watched, Words
from slipway.live.selector import Selector
from slipway.plan import served
from slipway.watch import decision, evidence, fresh
from slipway.watch.decision import Finding, Live, Nothing, Propose, Stuck
from slipway.watch.fresh import Fresh, State
from slipway.watch.marker import Marker, read
from slipway.watch.observe import Asking, Observer
from slipway.watch.outcome import Outcome, Subject, Until

if TYPE_CHECKING:
    from slipway.adapters.main_branch import MainBranch
    from slipway.workspace import Workspace

_OVER = (State.SAME, State.NO_SOURCE, State.NO_POINTER)
"""Where the source holds nothing else any more, so that what waits is of no use."""
_UNASKED = "what is live was not looked at: no address of a Prometheus is known (SLIPWAY_PROMETHEUS)"
_DEPTH = 3


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """Looks at models, one after the other. What is None is not there to be asked."""

    workspace: Workspace
    main: MainBranch
    data: Data
    prometheus: Asking | None
    forge: Watched | None
    over: timedelta
    """How much of what is live's traffic is looked at."""
    until: Until
    pause: Callable[[float], None] = field(repr=False)
    """Wait for so many seconds."""

    def watch(self, names: Sequence[str] = ()) -> list[Outcome]:
        """Look at these models, or at all that main has; one that cannot be looked at keeps no other from it.

        Raises `InputError` for a name that is no model's, `UnreachableError` where main cannot be read.
        """
        paths = (path.split("/") for path in self.tip.files("data"))
        known = sorted({p[1] for p in paths if len(p) == _DEPTH and p[2] == "model.toml"})
        if unknown := set(names) - set(known):
            raise InputError(f"there is no model {', '.join(sorted(unknown))} on main", hint="Name a folder of data/.")
        return [self._guarded(model) for model in names or known]

    @cached_property
    def tip(self) -> Commit:
        """Main, as this run sees it."""
        return Commit(git=self.workspace.git, id=self.main.tip())

    @cached_property
    def environment(self) -> str:
        """Where what is live is looked at: the last one, which the real traffic goes to, unless one is named."""
        return self.workspace.settings.through[-1]

    @cached_property
    def _update(self) -> DataUpdate:
        return DataUpdate(
            workspace=self.workspace,
            main=self.main,
            tip=self.tip,
            data=self.data,
            forge=self.forge,
            pause=self.pause,
        )

    @cached_property
    def _told(self) -> Mapping[str, frozenset[str]]:
        """What the open issues of each model are about."""
        told: dict[str, frozenset[str]] = {}
        for issue in self.forge.issues(LABEL) if self.forge else ():
            if issue.is_open and (said := read(issue.body)):
                told[said.model] = told.get(said.model, frozenset()) | said.about
        return told

    def _guarded(self, model: str) -> Outcome:
        try:
            return self._watch(spec.check_name(model))
        except SlipwayError as error:
            return Outcome(model=model, said=(str(error),), exit_code=error.exit_code)

    def _watch(self, model: str) -> Outcome:
        subject = self._subject(model)
        outcome = self._looked(subject)
        done = self._act(subject, outcome)
        return replace(done, exit_code=ExitCode.OUTSIDE_FAILED) if outcome.problem else done

    # ---- looking

    def _subject(self, model: str) -> Subject:
        path = str(spec.spec_path(model))
        source = self.tip.read(path) or b""
        spec.parse(source, path)
        file = f"{spec.data_path(model, spec.parse_toml(source, path))}{SUFFIX}"
        content = self.tip.read(file)
        pointer = Pointer.parse(content, file) if content is not None else None
        return Subject(model=model, file=file, pointer=pointer, key=self._key(model))

    def _key(self, model: str) -> str | None:
        """What is live. A canary is looked at by whoever verifies it."""
        found = served.find(self.tip.read, model, self.environment)
        return live_key(found[1], found[0]) if found else None

    def _looked(self, subject: Subject) -> Outcome:
        live, problem = self._live(subject)
        found = self._fresh(subject)
        outcome = Outcome(model=subject.model, live=live, fresh=found, problem=problem)
        asked = decision.decide(live, found, is_known=not problem)
        return replace(outcome.saying(*self._said(subject, outcome), found.what), decision=asked)

    def _live(self, subject: Subject) -> tuple[Live | None, str]:
        """What Prometheus says, or why it does not."""
        if self.prometheus is None or subject.key is None:
            return None, ""
        namespace = self.workspace.settings.namespace.format(environment=self.environment)
        selector = Selector(model=subject.model, namespace=namespace)
        observer = Observer(prometheus=self.prometheus, selector=selector, environment=self.environment)
        try:
            return observer.look(subject.key, over=self.over), ""
        except OutsideError as error:
            return None, str(error)

    def _fresh(self, subject: Subject) -> Fresh:
        pointer = subject.pointer
        if pointer is None or pointer.source is None:
            return fresh.judge(pointer, None)
        try:
            return self._judged(subject, pointer, self.data.head(pointer.source.url))
        except MissingDataError:
            return fresh.judge(subject.pointer, None)
        except InputError as error:
            return Fresh(state=State.NO_SOURCE, what=f"its pointer's source cannot be looked at: {error}")
        except OutsideError as error:
            return Fresh(state=State.UNKNOWN, what=str(error))

    def _judged(self, subject: Subject, pointer: Pointer, now: Source) -> Fresh:
        found = fresh.judge(pointer, now)
        is_known = found.state is State.NEWER and self._update.is_noted(subject, pointer, now)
        return fresh.REWRITTEN if is_known else found

    def _said(self, subject: Subject, outcome: Outcome) -> list[str]:
        if subject.key is None:
            return [f"nothing of it is live in {self.environment}"]
        if outcome.live is None:
            return [outcome.problem or _UNASKED]
        return evidence.summary(outcome.live)

    # ---- acting

    def _act(self, subject: Subject, outcome: Outcome) -> Outcome:
        match outcome.decision:
            case Propose():
                return self._proposed(subject, outcome)
            case Stuck() as stuck:
                return self._withdrawn(self._tell(outcome, stuck))
            case Nothing():
                return self._withdrawn(self._over(subject, outcome))
            case _:
                return replace(outcome, exit_code=ExitCode.OUTSIDE_FAILED)

    def _proposed(self, subject: Subject, outcome: Outcome) -> Outcome:
        pointer, source = subject.pointer, outcome.fresh.source if outcome.fresh else None
        if pointer is None or source is None:  # pragma: no cover  newer data have both
            raise TypeError("newer data without a source")
        try:
            return self._propose(subject, pointer, source, outcome)
        except SameDataError:
            asked = decision.decide(outcome.live, fresh.REWRITTEN, is_known=not outcome.problem)
            again = replace(outcome.saying(fresh.REWRITTEN.what), decision=asked, fresh=fresh.REWRITTEN)
            return self._update.note(subject, pointer, source, self._act(subject, again))

    def _propose(self, subject: Subject, pointer: Pointer, source: Source, outcome: Outcome) -> Outcome:
        if answer := self._update.answer(subject.model, source):
            return outcome.saying(f"{answer}: these data are not proposed again")
        if self.until is Until.LOOK:
            return outcome.saying(f"they would be proposed on the branch {BRANCHES}{subject.model}")
        if self.until is Until.DATA:
            return self._update.keep(subject, pointer, source, outcome)
        return self._settled(self._update.propose(subject, pointer, source, outcome))

    def _tell(self, outcome: Outcome, stuck: Stuck) -> Outcome:
        said = f"{evidence.headline(stuck.findings)}, and there are no newer data"
        outcome = replace(outcome.saying(said), exit_code=ExitCode.VERDICT_NO)
        if self.forge is None or self.until is not Until.PROPOSAL or outcome.live is None:
            return outcome
        standing = self._standing(outcome)
        found = (*stuck.findings, *standing)
        words = Words(
            marker=Marker.of(outcome.model, [one.of(outcome.live.key) for one in found]),
            title=f"watch({outcome.model}): {evidence.headline(found)}, and there are no newer data",
            text=evidence.stuck(outcome.model, stuck.findings, stuck.why, outcome.live, standing),
        )
        told = watching.tell(self.forge, words)
        if isinstance(told, Answered):
            return replace(outcome.saying(f"{told}: it is known"), exit_code=ExitCode.DONE)
        return replace(outcome, url=told.url)

    def _over(self, subject: Subject, outcome: Outcome) -> Outcome:
        """Close the issue, unless it tells of something that this look cannot call well."""
        if subject.key is not None and (outcome.live is None or not outcome.live.is_told):
            return outcome
        if standing := self._standing(outcome):
            return outcome.saying(f"{evidence.doubt(standing)}: its issue stays open")
        return self._settled(outcome)

    def _standing(self, outcome: Outcome) -> tuple[Finding, ...]:
        """What the open issue tells of, and this look can call neither wrong nor well."""
        live = outcome.live
        if live is None or self.until is not Until.PROPOSAL:
            return ()
        told = self._told.get(outcome.model, frozenset())
        return tuple(one for one in decision.untold(live) if Marker.of(outcome.model, [one.of(live.key)]).about <= told)

    def _settled(self, outcome: Outcome) -> Outcome:
        """Close the issue that told of what is over."""
        if self.forge is None or self.until is not Until.PROPOSAL or outcome.model not in self._told:
            return outcome
        closed = watching.settle(self.forge, outcome.model)
        return outcome.saying(*(f"{url} is closed: there is nothing to it any more" for url in closed))

    def _withdrawn(self, outcome: Outcome) -> Outcome:
        is_over = outcome.fresh is not None and outcome.fresh.state in _OVER
        return self._update.withdraw(outcome) if is_over and self.until is Until.PROPOSAL else outcome
