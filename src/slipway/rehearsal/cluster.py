"""A cluster in one process: what Argo CD, Seldon's operator and a Prometheus do for one model, and no more of it.

Level-triggered as they are: `sync` compares what main's manifests say with what runs, and starts and stops servers.
Nothing else changes what runs, and nothing here writes to Git.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from slipway import released
from slipway.adapters.git import Git
from slipway.adapters.image import Image, Images
from slipway.adapters.server import serve
from slipway.delivery import manifest
from slipway.delivery.manifest import CANARY, DEFAULT, Release, Serving
from slipway.rehearsal.gateway import Gateway, Route
from slipway.rehearsal.rows import Rows
from slipway.rehearsal.sabotage import sabotaged
from slipway.rehearsal.scraper import Scraper, Target
from slipway.rehearsal.traffic import Sent, traffic

if TYPE_CHECKING:
    from slipway.adapters.server import Running

_MAIN = "main"
_PER_SECOND = 40.0


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A release that runs."""

    release: Release
    running: Running
    ends: ExitStack


@dataclass(kw_only=True)
class Cluster:
    """What runs. It is made by `cluster`, which also ends it."""

    remote: Git
    """The bare repository whose main is followed."""
    model: str
    environments: Sequence[str]
    namespace: str
    """With `{environment}`."""
    images: Images
    gateway: Gateway
    scraper: Scraper
    ends: ExitStack
    wrong: set[str] = field(default_factory=set)
    """Keys whose servers answer wrongly, on purpose."""
    pods: dict[tuple[str, str], Pod] = field(default_factory=dict)
    """By environment and predictor."""

    @property
    def endpoint(self) -> str:
        """Where a predictor is asked, as `slipway settle --endpoint` takes it."""
        return f"{self.gateway.url}/{{namespace}}/{{model}}/{{predictor}}"

    def url(self, environment: str) -> str:
        """Where clients ask: the canary gets its share."""
        return f"{self.gateway.url}/{self._namespace(environment)}/{self.model}"

    def sync(self) -> None:
        """Run what main says. `OutsideError` for an image that is not there, or a server that does not come up."""
        for environment in self.environments:
            self._bring(environment, self._wanted(environment))
        self.scraper.watch(self._targets())

    def runs(self, environment: str) -> dict[str, str]:
        """The keys that run, by predictor."""
        return {predictor: pod.release.key for (where, predictor), pod in self.pods.items() if where == environment}

    def down(self) -> None:
        """Lose all of it: nobody answers any more, and nothing is scraped."""
        self.gateway.stop()
        for place in list(self.pods):
            self._end(place)
        self.scraper.stop()

    def up(self) -> None:
        """Come back at the same addresses, with whatever main says by now, and what was scraped before."""
        self.scraper.start()
        self.gateway.start()
        self.sync()

    def traffic(
        self, environment: str, rows: Rows, *, drifted: bool = False, per_second: float = _PER_SECOND
    ) -> AbstractContextManager[Sent]:
        """Clients that ask as long as the block lasts."""
        asked = rows.drifted if drifted else rows.usual
        return traffic(self.url(environment), asked, rows.names, per_second=per_second)

    def _wanted(self, environment: str) -> Serving | None:
        path = str(manifest.manifest_path(self.model, environment))
        content = self.remote.commit(_MAIN).read(path)
        return None if content is None else manifest.read(content, path)

    def _bring(self, environment: str, wanted: Serving | None) -> None:
        """Start what is new before what is old ends, as a rolling update does."""
        releases: dict[str, Release] = {}
        if wanted is not None:
            releases = {DEFAULT: wanted.default} | ({CANARY: wanted.canary} if wanted.canary else {})
        started = {
            (environment, predictor): self._start(predictor, release)
            for predictor, release in releases.items()
            if (pod := self.pods.get((environment, predictor))) is None or pod.release.image != release.image
        }
        pods = {place: pod for place, pod in (self.pods | started).items() if place[0] == environment}
        urls = {predictor: pods[environment, predictor].running.url for predictor in releases}
        route = Route(urls=urls, percent=(wanted.canary_percent if wanted else 0) or 0) if urls else None
        self.gateway.route(self._namespace(environment), self.model, route)
        for place in pods:
            if place in started or place[1] not in releases:
                self._end(place)
        self.pods |= started

    def _start(self, predictor: str, release: Release) -> Pod:
        """A release's server, told by whom it is run as Seldon tells it."""
        environ = {"SELDON_DEPLOYMENT_ID": self.model, "PREDICTOR_ID": predictor, "PREDICTIVE_UNIT_ID": "model"}
        ends = self.ends.enter_context(ExitStack())
        running = ends.enter_context(serve(self._files(release), environ=environ))
        return Pod(release=release, running=running, ends=ends)

    def _files(self, release: Release) -> Mapping[str, bytes]:
        files = self.images.files(Image.parse(release.image))
        source = released.of_image(files, release.image, self.model, release.key)
        return sabotaged(source) if release.key in self.wrong else source.files

    def _end(self, place: tuple[str, str]) -> None:
        if (pod := self.pods.pop(place, None)) is not None:
            pod.ends.close()

    def _targets(self) -> list[Target]:
        return [
            Target(address=urlsplit(pod.running.metrics).netloc, labels={"namespace": self._namespace(environment)})
            for (environment, _), pod in self.pods.items()
        ]

    def _namespace(self, environment: str) -> str:
        return self.namespace.format(environment=environment)


@contextmanager
def cluster(
    remote: Path,
    model: str,
    images: Images,
    place: Path,
    *,
    environments: Sequence[str],
    namespace: str,
    rules: str = "",
) -> Iterator[Cluster]:
    """A cluster that follows the main of a bare repository; with the block all that it runs ends.

    Raises `OutsideError` where there is no Prometheus on this machine.
    """
    with ExitStack() as ends:
        scraper, gateway = Scraper(place, rules=rules), Gateway()
        ends.callback(scraper.stop)
        ends.callback(gateway.stop)
        scraper.start()
        gateway.start()
        yield Cluster(
            remote=Git(root=remote),
            model=model,
            environments=environments,
            namespace=namespace,
            images=images,
            gateway=gateway,
            scraper=scraper,
            ends=ends,
        )
