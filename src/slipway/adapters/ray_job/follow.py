"""Submit a RayJob, or find it under way, tell how it goes, and see to it that nothing is left of it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from slipway.adapters.ray_job import state
from slipway.adapters.ray_job.document import SUBMITTER, Json
from slipway.adapters.ray_job.kubernetes import Cluster, FullError
from slipway.adapters.ray_job.state import Phase, State
from slipway.errors import ExitCode, InputError, OutsideError

_EVERY = 2.0
"""Seconds between two looks."""
_QUEUED = 10.0
"""Seconds between two tries, where a quota allows no more searches at once."""
_UNSEEN = 300.0
"""Seconds after which an operator that has said nothing is not there."""
_STUCK = 300.0
"""Seconds of a trouble that seldom goes away: an image that cannot be had, a Secret that is missing."""
_OVERLAP = 5
"""Seconds of the log that are read twice, so that nothing is lost between two looks."""
_TAIL = 20
_OLD = timedelta(minutes=15)
"""Since the end of a RayJob that its own run would have taken away: longer than that waits for an answer."""
_LAST_PATIENCE = 20.0
"""Seconds for the deletion at the end: a pod that is to go is killed after thirty."""


@dataclass(kw_only=True)
class Log:
    """A pod's log, a piece at a time: only what is new is told."""

    cluster: Cluster
    namespace: str
    say: Callable[[str], None]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))
    _pod: str = ""
    _read: float | None = None
    _seen: frozenset[str] = frozenset()

    def follow(self, pods: list[Json]) -> None:
        """Tell what the newest of a job's submitters has said since the last time."""
        if not pods:
            return
        newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))["metadata"]["name"]
        if newest != self._pod:
            self._pod, self._read, self._seen = newest, None, frozenset()
        now = self.cluster.clock()
        since = None if self._read is None else math.ceil(now - self._read) + _OVERLAP
        lines = self.cluster.log(newest, SUBMITTER, since, self.namespace)
        for line in lines:
            if line not in self._seen:
                said = line.partition(" ")[2]
                self.tail.append(said)
                self.say(said)
        if lines or self._read is not None:
            self._read, self._seen = now, frozenset(lines)


@dataclass(kw_only=True)
class Follower:
    """One RayJob from its submission to its end."""

    cluster: Cluster
    document: Json
    say: Callable[[str], None]
    is_kept: Callable[[], bool]
    """Whether the result is in the store by now, whoever put it there."""
    _told: tuple[str, ...] = ()
    _since: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The RayJob's."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return str(self.document["metadata"]["namespace"])

    @property
    def run(self) -> str:
        """What this submission is called."""
        return str(state.read(self.document).run)

    def follow(self) -> None:
        """Wait for its good end. What this run submitted is deleted, however the wait ends.

        What another run submitted is waited for and left: it is that run's to delete, and ends by itself without it.

        Raises:
            InputError: the search says that the input is wrong, or Kubernetes that the template is.
            OutsideError: anything else that kept the search from its end.
            KeyboardInterrupt: the command is to end.
        """
        try:
            self._sweep()
            self._wait()
        finally:
            self._clean_up()

    def _submit(self) -> bool:
        """Submit it, and say whether it is this run's: one that is under way is waited for.

        One that has ended without leaving its result in the store makes room first. With it, it is left to its own run,
        which may not have seen the end yet.
        """
        while not self._create():
            there = self.cluster.get(self.name, self.namespace)
            if there is None:
                continue
            found = state.read(there)
            if found.run == self.run:  # the answer to the first try was lost
                break
            if not found.is_final and not found.is_leaving:
                self._tell(f"{self.name} is under way already: waiting for it")
                return False
            if self.is_kept():
                return False
            if self._lasts("leaving", holds=True) > _UNSEEN:
                raise OutsideError(
                    f"RayJob {self.name} is being deleted, and does not go away",
                    hint=f"Is KubeRay's operator up? kubectl -n {self.namespace} get rayjob {self.name}",
                )
            self.cluster.delete(self.name, self.namespace)
            self.cluster.pause(_EVERY)
        self._tell(f"{self.name} is submitted to namespace {self.namespace}")
        return True

    def _create(self) -> bool:
        """Submit it as soon as the quota has room for another search, however long that takes; False if it is there."""
        while True:
            try:
                return self.cluster.create(self.document)
            except FullError as full:
                if self.cluster.get(self.name, self.namespace) is not None:
                    return False
                self._tell(f"{self.name} waits for other searches to end: {full.what}")
            self.cluster.pause(_QUEUED)
            self._sweep()

    def _wait(self) -> None:
        log = Log(cluster=self.cluster, namespace=self.namespace, say=self.say)
        mine = self._submit()
        while True:
            job = self.cluster.get(self.name, self.namespace)
            if job is None and self.is_kept():
                return  # another run saw the end first, and took the RayJob away
            if job is None and mine:
                raise OutsideError(
                    f"RayJob {self.name} was deleted before it ended", hint="Run the command again to search anew."
                )
            if job is None:
                mine = self._submit()  # whose it was has been cancelled, and the search is still wanted
                continue
            found = state.read(job)
            log.follow(self._submitters())
            if found.is_final:
                if found.run == self.run or not self.is_kept():
                    self._end(found, log)
                return
            self._look(job, found)
            self.cluster.pause(_EVERY)

    def _look(self, job: Json, found: State) -> None:
        """Tell what changed; `OutsideError` for what waiting would not mend."""
        troubles = state.troubles(job, self._pods(found)) if found.phase is Phase.STARTING else ()
        self._tell(f"{self.name} {found.text}", *(trouble.text for trouble in troubles))
        if self._lasts("unseen", holds=found.phase is Phase.UNSEEN) > _UNSEEN:
            raise OutsideError(
                f"nothing has looked at RayJob {self.name} for {_UNSEEN / 60:.0f} minutes",
                hint="Is KubeRay's operator up, and does it look after this namespace?",
            )
        stuck = [trouble for trouble in troubles if trouble.is_stuck]
        if self._lasts("stuck", holds=bool(stuck)) > _STUCK:
            raise OutsideError(
                f"RayJob {self.name} does not start: {stuck[0].text}",
                hint="See to the image (--ray-image) and the Secrets that the file of --ray-job names.",
            )

    def _lasts(self, what: str, *, holds: bool) -> float:
        """Seconds for which something has held without a break."""
        if not holds:
            self._since.pop(what, None)
            return 0.0
        now = self.cluster.clock()
        return now - self._since.setdefault(what, now)

    def _pods(self, found: State) -> list[Json]:
        nodes = self.cluster.pods({"ray.io/cluster": found.cluster}, self.namespace) if found.cluster else []
        return [*nodes, *self._submitters()]

    def _submitters(self) -> list[Json]:
        """The pods of the Kubernetes Job that hands the command to Ray; it is called as the RayJob is."""
        return self.cluster.pods({"job-name": self.name}, self.namespace)

    def _end(self, found: State, log: Log) -> None:
        """Nothing, if it ended well."""
        if found.phase is Phase.SUCCEEDED:
            return
        if found.is_refused:
            raise InputError(f"KubeRay refuses the RayJob: {found.message}", hint="Look at the file of --ray-job.")
        said = "\n".join(f"  {line}" for line in log.tail) or f"  {found.message}"
        if found.exit_code == ExitCode.BAD_INPUT:
            raise InputError(f"the search in RayJob {self.name} says that its input is wrong:\n{said}")
        why = f"exit code {found.exit_code}" if found.exit_code is not None else found.message.partition("\n")[0]
        raise OutsideError(
            f"the search in RayJob {self.name} failed, {why or 'and KubeRay does not say why'}:\n{said}",
            hint="Run the command again: it is submitted anew.",
        )

    def _tell(self, *lines: str) -> None:
        """Say each line that was not said the last time."""
        for line in lines:
            if line not in self._told:
                self.say(line)
        self._told = lines

    def _clean_up(self) -> None:
        """Delete it if this run submitted it. Where that fails it ends by itself: it has a deadline."""
        cluster = Cluster(client=self.cluster.client, patience=_LAST_PATIENCE)  # and not ended by a signal
        try:
            job = cluster.get(self.name, self.namespace)
            if job is not None and state.read(job).run == self.run:
                cluster.delete(self.name, self.namespace)
        except OutsideError as error:
            self.say(f"warning: {self.name} could not be deleted, and ends at its deadline: {error.what}")

    def _sweep(self) -> None:
        """Delete what runs that were killed left behind: RayJobs that ended long ago."""
        before = datetime.now(UTC) - _OLD
        for job in self.cluster.managed(self.namespace):
            ended = (job.get("status") or {}).get("endTime")
            if ended and state.read(job).is_final and datetime.fromisoformat(ended) < before:
                self.cluster.delete(job["metadata"]["name"], self.namespace)
