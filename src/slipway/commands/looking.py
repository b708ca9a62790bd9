"""What the cluster and Prometheus say of a release on trial, asked with all that a command works with."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from slipway import released, spec
from slipway.adapters.endpoint import Endpoint
from slipway.adapters.git import Commit
from slipway.adapters.prometheus import Prometheus
from slipway.commands.release import images
from slipway.delivery.manifest import CANARY, DEFAULT
from slipway.errors import InputError, SlipwayError
from slipway.release.trials import Kind
from slipway.stages import settle as stage
from slipway.stages import verify
from slipway.trial import address
from slipway.trial.subject import Goal, Subject
from slipway.verification.findings import Limits

if TYPE_CHECKING:
    from slipway.adapters.main_branch import MainBranch
    from slipway.release.trials import Trial
    from slipway.results import ModelCard
    from slipway.trial.decision import Outcome
    from slipway.verification.document import Verification
    from slipway.workspace import Workspace

_GOALS = {Kind.CANARY: Goal.PROMOTE, Kind.UNCONFIRMED: Goal.CONFIRM, Kind.FRESH: Goal.KEEP}
_BESIDE_TRAFFIC = Limits(max_p99_ms=None, requests=10, clients=1)
"""What slipway asks where others ask too: their requests are what tells something."""
_AT_ONCE = 8
_ALONE = Limits(max_p99_ms=None, requests=200, clients=4)


@dataclass(frozen=True, kw_only=True)
class Looking:
    """Asks for one trial after the other."""

    workspace: Workspace
    main: MainBranch
    endpoint: str | None = None
    """A template, instead of the settings'."""
    prometheus_url: str | None = None
    """Instead of the settings'."""

    @cached_property
    def prometheus(self) -> Prometheus:
        """Asked for when there is something to ask."""
        return Prometheus.of(self.workspace.settings, self.prometheus_url)

    def each(self, trials: Iterable[Trial]) -> Generator[Outcome | SlipwayError, None, None]:
        """What is said of each, in their order; of one that cannot be looked at, why. Close it to begin no more looks.

        Most of a look is waiting: for seconds where a cluster does not answer, and that keeps nobody else waiting.
        """
        pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
        try:
            yield from pool.map(self._guarded, trials)
        finally:
            pool.shutdown(cancel_futures=True)

    def _guarded(self, trial: Trial) -> Outcome | SlipwayError:
        try:
            return self.look(trial)
        except SlipwayError as error:
            return error

    def look(self, trial: Trial) -> Outcome:
        """What the cluster and Prometheus say of it."""
        settings = self.workspace.settings
        is_followed = within(self.workspace, trial).settings.is_followed
        namespace = address.namespace(settings.namespace, trial.environment)
        subject = _subject(trial, namespace, self._gate(trial.model), is_asked=not is_followed)
        limits = _BESIDE_TRAFFIC if subject.is_asked else _ALONE
        effects = stage.Effects(
            ask=lambda url, card: self._ask(url, card, limits),
            is_up=lambda url: Endpoint.parse(url).is_up(),
            prometheus=self.prometheus,
            now=self.workspace.now,
        )
        card = released.find(self.workspace, lambda: images(settings), trial.model, trial.release).card
        return stage.run(subject, card, self._addresses(trial, subject), effects)

    def _addresses(self, trial: Trial, subject: Subject) -> stage.Addresses:
        template = self.endpoint or self.workspace.settings.endpoint
        names = {"model": trial.model, "namespace": subject.namespace, "environment": trial.environment}
        beside = trial.beside is not None

        def of(predictor: str) -> str:
            known = {**names, "predictor": predictor}
            return address.endpoint(template, trial.platform, trial.mode, known, has_canary=beside)

        return stage.Addresses(own=of(subject.predictor), beside=of(DEFAULT) if beside else None)

    def _ask(self, url: str, card: ModelCard, limits: Limits) -> Verification:
        endpoint = Endpoint.parse(url)
        asked = verify.Asked(
            url=endpoint.url, connect=endpoint.connect, counts=lambda: None, clock=self.workspace.clock
        )
        return verify.run(card, asked, limits, lambda _done, _remark: None)

    def _gate(self, model: str) -> spec.GateTable:
        """`[gate]` as main has it; the defaults where it cannot be read, for `release` says that."""
        path = str(spec.spec_path(model))
        source = Commit(git=self.workspace.git, id=self.main.known()).read(path)
        try:
            return spec.parse(source, path).gate if source is not None else spec.GateTable()
        except InputError:
            return spec.GateTable()


def within(workspace: Workspace, trial: Trial) -> Workspace:
    """The workspace, in the environment of a trial."""
    return replace(workspace, settings=replace(workspace.settings, environment=trial.environment))


def _subject(trial: Trial, namespace: str, gate: spec.GateTable, *, is_asked: bool) -> Subject:
    return Subject(
        model=trial.model,
        environment=trial.environment,
        namespace=namespace,
        goal=_GOALS[trial.kind],
        predictor=CANARY if trial.kind is Kind.CANARY else DEFAULT,
        key=trial.release.key,
        beside=trial.beside.key if trial.beside else None,
        percent=trial.percent,
        is_asked=is_asked,
        since=trial.since,
        table=trial.table,
        gate=gate,
    )
