"""Newer data of a model as a commit on a branch of slipway's own, and its one pull request. Never a merge.

What has been proposed is read from the remote's branch and from the forge each time, so a run that comes twice, at the
same time or after a kill ends in the same pull request. The data are where pointers lead to before a branch names
them, and the branch is there before its pull request. A branch without one may also note that a state of the source,
which was fetched, has the data of main.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from slipway.adapters.git import Commit
from slipway.adapters.main_branch import LostRaceError, MainBranch
from slipway.adapters.own_git import MODEL
from slipway.datasets.pointer import SUFFIX, Pointer, Source
from slipway.errors import InputError, OutsideError
from slipway.forge import watching
from slipway.forge.watching import Answered, Closed, Left, Words
from slipway.key import SHORT
from slipway.watch import decision, evidence
from slipway.watch.evidence import Update
from slipway.watch.marker import Marker

if TYPE_CHECKING:
    from slipway.adapters.data.files import Sum
    from slipway.forge.interface import Proposer
    from slipway.watch.outcome import Outcome, Subject
    from slipway.workspace import Workspace

BRANCHES = "slipway/watch/"
_REWRITTEN = "The source was written anew with the data that main has. This notes its state, and need not be merged."
_TRIES = 5
_PAUSE = 0.2


class Data(Protocol):
    """Where data come from, and where they are kept."""

    def head(self, url: str) -> Source:
        """What a source holds now. Raises as `adapters.data.source` does."""

    def keep(self, source: Source, config: bytes | None) -> Sum:
        """Have what a source holds kept where pointers lead to, by main's `.dvc/config`. Raises as adapters do."""


class SameDataError(Exception):
    """The source was written anew, with the data that main has."""


@dataclass(frozen=True, kw_only=True)
class DataUpdate:
    """Proposes data, and takes back what was proposed. Raises `OutsideError` where something does not answer."""

    workspace: Workspace
    main: MainBranch
    tip: Commit
    data: Data
    forge: Proposer | None
    pause: Callable[[float], None] = field(repr=False)
    """Wait for so many seconds."""

    @cached_property
    def _waiting(self) -> Mapping[str, str]:
        """Branches of the remote, each with its commit."""
        return self.main.waiting(f"{BRANCHES}*")

    def answer(self, model: str, source: Source) -> Answered | None:
        """The pull request by which a person has decided about these data; None if nobody has."""
        return self._answered(model, Marker(model=model, about=_about(source)))

    def is_noted(self, subject: Subject, pointer: Pointer, source: Source) -> bool:
        """Whether an earlier look has fetched this state of the source, and found what main's pointer names."""
        found = self._waits(subject)
        return found is not None and (found.md5, found.source) == (pointer.md5, source)

    def _is_note(self, subject: Subject, pointer: Pointer) -> bool:
        """Whether what waits on the branch is no other data than main's."""
        found = self._waits(subject)
        return found is not None and found.md5 == pointer.md5

    def note(self, subject: Subject, pointer: Pointer, source: Source, outcome: Outcome) -> Outcome:
        """Have the branch say which other state of the source has main's data: no later look then fetches that again.

        An ETag need not be a checksum, so only who has fetched a state knows, and many a run keeps nothing but what it
        pushes. No pull request comes of it: to merge it changes no data. What waited before is taken back.
        """
        branch = f"{BRANCHES}{subject.model}"
        waits = self._waiting.get(branch)
        is_told_apart = bool(source.etag or source.version_id)
        if self.main.remote is None or not is_told_apart or (waits is not None and not self.main.is_own(waits)):
            return outcome
        if self.forge is None and waits is not None and not self._is_note(subject, pointer):
            return outcome  # a pull request may show what waits there, and nobody here can close it
        closed = self._closed(branch, subject.model) if waits is not None else None
        if isinstance(closed, Left):
            return _left(outcome, closed, branch)
        if closed is not None:
            outcome = _over(outcome, closed)
        message = _message(subject.model, "the same data", pointer, _REWRITTEN)
        try:
            self._committed(subject, replace(pointer, source=source), branch, message)
        except OutsideError as error:
            return outcome.saying(f"they are fetched again at the next look, since that cannot be noted: {error}")
        return outcome.saying(f"the branch {branch} notes it: they are not fetched again")

    def keep(self, subject: Subject, pointer: Pointer, source: Source, outcome: Outcome) -> Outcome:
        """Have the data where a pointer to them will lead, and propose nothing yet; raises as `propose`."""
        new = self._kept(subject, pointer, source)
        return outcome.saying(f"they are kept: md5 {new.md5}")

    def propose(self, subject: Subject, pointer: Pointer, source: Source, outcome: Outcome) -> Outcome:
        """Have the data wait on the branch, in a pull request that a person merges.

        Raises `SameDataError` where they turn out to be those that main has.
        """
        branch = f"{BRANCHES}{subject.model}"
        waits = self._waiting.get(branch)
        if waits is not None and not self.main.is_own(waits):
            return replace(
                outcome.saying(f"somebody else has committed to {branch}: it is left to them"), branch=branch
            )
        new = self._kept(subject, pointer, source)
        marker = Marker(model=subject.model, about=_about(source, new))
        if not (answer := self._answered(subject.model, marker)):
            found = evidence.headline(decision.findings(outcome.live))
            said = f"The source that {subject.file} names holds other data by now."
            said = f"{said} Found of what is live: {found}." if found else said
            commit = self._committed(subject, new, branch, _message(subject.model, "newer data", new, said))
            outcome = replace(outcome.saying(f"it is proposed on the branch {branch}"), branch=branch)
            answer = self._answered(subject.model, marker, commit)
        if answer:
            return outcome.saying(f"{answer}: these data are not proposed again")
        if self.forge is None:
            return outcome.saying("open its pull request yourself: no forge is known that could have one")
        words = Words(marker=marker, title=_title(outcome), text=_text(subject, pointer, new, outcome))
        pull = watching.propose(self.forge, branch, self.main.name, words, is_whole=not outcome.problem)
        return replace(outcome, url=pull.url)

    def withdraw(self, outcome: Outcome) -> Outcome:
        """Take back what waits: main has it by now, or the source holds it no more."""
        branch = f"{BRANCHES}{outcome.model}"
        waits = self._waiting.get(branch)
        if waits is None or not self.main.is_own(waits):
            return outcome
        closed = self._closed(branch, outcome.model)
        if isinstance(closed, Left):
            return _left(outcome, closed, branch)
        if closed is not None:
            outcome = _over(outcome, closed)
        return outcome.saying(f"the branch {branch} is taken back") if self.main.withdraw(branch) else outcome

    def _answered(self, model: str, marker: Marker, head: str = "") -> Answered | None:
        pulls = self.forge.pulls_of_branch(f"{BRANCHES}{model}") if self.forge else ()
        return watching.answered(pulls, marker, head)

    def _closed(self, branch: str, model: str) -> Closed | Left | None:
        return watching.withdraw(self.forge, branch, model) if self.forge else None

    def _waits(self, subject: Subject) -> Pointer | None:
        """The pointer that waits on the branch. One that cannot be read is none: another takes its place."""
        waits = self._waiting.get(f"{BRANCHES}{subject.model}")
        if waits is None or not self.main.brings_only(waits, self.tip.id, subject.file):
            return None
        content = Commit(git=self.workspace.git, id=waits).read(subject.file)
        try:
            return Pointer.parse(content, subject.file) if content is not None else None
        except InputError:
            return None

    def _kept(self, subject: Subject, before: Pointer, source: Source) -> Pointer:
        """The new pointer: the one that waits already, or one to data that are fetched now.

        Raises `SameDataError` where they turn out to be those that main has.
        """
        waits = self._waits(subject)
        new = waits if waits is not None and waits.source == source else self._fetched(subject, source)
        if new.md5 == before.md5:
            raise SameDataError
        return new

    def _fetched(self, subject: Subject, source: Source) -> Pointer:
        self.workspace.screen.say(f"{subject.model}: fetching {source.url}")
        kept = self.data.keep(source, self.tip.read(".dvc/config"))
        name = subject.file.rpartition("/")[2].removesuffix(SUFFIX)
        return Pointer(path=name, md5=kept.md5, size=kept.size, source=source)

    def _committed(self, subject: Subject, pointer: Pointer, branch: str, message: str) -> str:
        """The commit that waits on the branch. Whoever loses a race finds the other's, which changes the same."""
        files = {subject.file: pointer.to_bytes()}
        commit = self.main.commit(self.tip.id, files, message, self.workspace.now())
        if commit is None:  # pragma: no cover  another checksum makes another file
            raise SameDataError
        for attempt in range(1, _TRIES):
            try:
                return self.main.propose(commit, branch)
            except LostRaceError:
                self.pause(_PAUSE * attempt)
        return self.main.propose(commit, branch)


def _about(source: Source, pointer: Pointer | None = None) -> frozenset[str]:
    """What data are known by: the state of their source, and their checksum once they were fetched."""
    return Marker.of(
        "", [f"{source.url} {source.version_id or source.etag}", *([pointer.md5] if pointer else [])]
    ).about


def _title(outcome: Outcome) -> str:
    found = evidence.headline(decision.findings(outcome.live))
    return f"watch({outcome.model}): newer data{f'; {found}' if found else ''}"


def _text(subject: Subject, pointer: Pointer, new: Pointer, outcome: Outcome) -> str:
    unknown = ""
    if subject.key is not None and outcome.live is None:
        why = "Prometheus did not answer" if outcome.problem else "no address of a Prometheus was given"
        unknown = f"Nothing is known of it: {why}."
    update = Update(file=subject.file, before=pointer, after=new)
    return evidence.proposal(subject.model, update, decision.findings(outcome.live), outcome.live, unknown)


def _message(model: str, what: str, pointer: Pointer, said: str) -> str:
    return f"watch({model}): {what} {pointer.md5[:SHORT]}\n\n{said}\n\n{MODEL}: {model}\n"


def _over(outcome: Outcome, closed: Closed) -> Outcome:
    return outcome.saying(f"{closed.url} is closed: there is nothing to it any more")


def _left(outcome: Outcome, left: Left, branch: str) -> Outcome:
    said = f"{left.url} is left to the person who wrote its text, though there is nothing to it any more"
    return replace(outcome.saying(said), url=left.url, branch=branch)
