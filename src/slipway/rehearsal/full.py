"""The rest of a model's life, with a cluster: settled by what runs, watched while it runs, and trained again.

The cluster is one process of this machine; its servers and its Prometheus are the real ones.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from slipway import spec
from slipway.adapters.endpoint import Endpoint
from slipway.adapters.prometheus import Prometheus
from slipway.datasets.pointer import SUFFIX
from slipway.datasets.update import BRANCHES
from slipway.errors import ExitCode
from slipway.key import SHORT
from slipway.live.selector import Selector
from slipway.rehearsal import spec_text, texts
from slipway.rehearsal.bucket import Bucket
from slipway.rehearsal.cluster import Cluster
from slipway.rehearsal.rows import Rows
from slipway.rehearsal.story import Scene, Story
from slipway.settings import LOCAL
from slipway.spec import ModelSpec
from slipway.watch import window
from slipway.watch.decision import Live, findings
from slipway.watch.observe import Observer

_PATIENCE = 60.0
"""Seconds for Prometheus to see what happens; it takes five for it to see a new server."""
WINDOW = timedelta(seconds=10)
"""How much of the traffic is looked at."""


@dataclass(frozen=True, kw_only=True)
class FullStory(Story):
    """Released as a canary and promoted by what it did; another one reverted; drift, newer data, a pull request."""

    cluster: Cluster
    source: Bucket
    """Where newer data appear, one day."""
    rows: Rows
    """What clients ask."""
    yesterday: bytes
    """The data before the newest rows came."""
    newest: bytes
    """The user's own."""
    alerts: tuple[str, ...]
    """Those that the repository's rules have about drift."""

    def scenes(self) -> tuple[Scene, ...]:
        """All of it, in order."""
        return (
            Scene(title="Keep the data outside of Git", play=self._kept_apart),
            Scene(title="Yesterday: a small search is released", play=self._yesterday),
            Scene(title="Open a pull request: a larger search", play=self._opened),
            Scene(title="Merge it, and release it as a canary", play=self._merged),
            Scene(title="The cluster follows; the canary is settled by what it does", play=self._settled),
            Scene(title="Another pull request is merged, and its canary answers wrongly", play=self._sabotaged),
            Scene(title="That canary is settled", play=self._taken_back),
            Scene(title="Its author takes the change back", play=self._answered),
            Scene(title="What clients ask drifts", play=self._drifted),
            Scene(title="Newer data appear at their source", play=self._proposed),
            Scene(title="Review what was proposed", play=self._judged),
        )

    # ---- the scenes

    def _kept_apart(self) -> str:
        remote, file = self.sandbox.root / "dvc", self._data_file()
        self.sandbox.write(".dvc/config", f"[core]\n    remote = kept\n['remote \"kept\"']\n    url = {remote}\n")
        self.sandbox.write(str(file.relative_to(self.sandbox.clone)), self.yesterday)
        shutil.copy(file, self.source.folder)
        self._slipway("data", "push", self.model, "--source", self.source.url(file.name))
        self._expect((file.parent / f"{file.name}.dvc").is_file(), "a pointer is left")
        return f"Git has the pointer {file.name}.dvc; the data are in a DVC remote, by their checksum"

    def _settled(self) -> str:
        self.cluster.sync()
        self._settle(ExitCode.DONE)
        self._follow()
        self._serves("after")
        self._runs(self.keys["after"])
        return f"{self.keys['after'][:SHORT]} was promoted by a commit, and the cluster followed"

    def _sabotaged(self) -> str:
        self._git("switch", "--quiet", "--create", "third-search")
        self._keep(spec_text.another(self._text(), self._spec_of(self._text())))
        self._git("commit", "--quiet", "--all", "--message", "Search less, and take what comes")
        self._slipway("run", self.model)
        self._git("switch", "--quiet", "main")
        self._git("merge", "--quiet", "--no-ff", "--message", "Merge the third search", "third-search")
        self._git("push", "--quiet")
        self._release("committed")
        canary = self._serving().canary
        self.keys["wrong"] = canary.key if canary else ""
        self._expect(bool(canary), "it is a canary")
        self.cluster.wrong.add(self.keys["wrong"])
        self.cluster.sync()
        return f"{self.keys['wrong'][:SHORT]} says that it is healthy, and answers as another model would"

    def _taken_back(self) -> str:
        trial = self._settle(ExitCode.VERDICT_NO)
        self._follow()
        self._serves("after")
        self._runs(self.keys["after"])
        self.say("  Its pull request is told, where there is a forge:")
        self._show(texts.comment(self.model, self.environment, trial))
        self._release("nothing", wanted="held")
        return f"{self.keys['wrong'][:SHORT]} was reverted by a commit that says why, and is held"

    def _answered(self) -> str:
        self._revert("--mainline=1", self.sandbox.git("log", "-1", "--merges", "--format=%H", "--first-parent", "main"))
        self._release("nothing")
        self.cluster.sync()
        self._runs(self.keys["after"])
        return f"main asks for {self.keys['after'][:SHORT]} again, which runs already"

    def _drifted(self) -> str:
        with self._asked(drifted=True):
            live = self._seen_to_drift()
            self._watch(ExitCode.VERDICT_NO)
            fired = self._fired()
        moved = live.moved[0]
        name = moved.counts.name or "the predictions"
        said = f"; in Prometheus {' and '.join(fired)} fire{'s' * (len(fired) == 1)}" if fired else ""
        return f"{name}: PSI {moved.psi:.2f}, where chance gives up to {moved.noise:.2f}{said}"

    def _proposed(self) -> str:
        name, text = self._data_file().name, self.sandbox.root / "pull-request.md"
        (self.source.folder / name).write_bytes(self.newest)
        self.say(f"  {self.source.url(name)} grows from {len(self.yesterday)} to {len(self.newest)} bytes")
        with self._asked(drifted=True):
            self._watch(ExitCode.DONE)
            live = self._look()
        self._git("fetch", "--quiet")
        changed = self.sandbox.git("diff", "--name-only", f"origin/main...{self._branch()}").splitlines()
        self._expect(changed == [self._pointer()], f"it changes the pointer alone, not {', '.join(changed)}")
        pointers = [self.sandbox.git("show", f"{ref}:{self._pointer()}") for ref in ("origin/main", self._branch())]
        text.write_text(texts.proposal(self.model, self._pointer(), pointers, live), encoding="utf-8")
        self.say(f"  What its pull request says: {self.sandbox.shown / text.name}")
        return f"the branch {BRANCHES}{self.model} changes {changed[0]}, and nothing else"

    def _judged(self) -> str:
        self._git("switch", "--quiet", "--create", "newer-data", self._branch())
        self._slipway("run", self.model, codes=(ExitCode.DONE, ExitCode.VERDICT_NO))
        report = self.sandbox.clone / LOCAL / "report" / self.model
        verdict = json.loads((report / "comparison.json").read_text(encoding="utf-8"))["verdict"]
        self._git("switch", "--quiet", "main")
        return f"the verdict on the newer data is {verdict}; a person merges them, or closes it"

    # ---- what they are made of

    @contextmanager
    def _asked(self, *, drifted: bool = False) -> Iterator[None]:
        """Clients ask, as long as the block lasts."""
        with self.cluster.traffic(self.environment, self.rows, drifted=drifted) as sent:
            yield
        self.say(f"  clients asked {sent.answered + sent.unanswered} times, and got {sent.answered} answers")

    def _follow(self) -> None:
        self._git("pull", "--quiet")
        self.cluster.sync()

    def _runs(self, key: str) -> None:
        """See to it that this key alone runs, and answers its golden requests."""
        self._expect(self.cluster.runs(self.environment) == {"default": key}, f"{key[:SHORT]} alone runs")
        answer = Endpoint(url=self.cluster.url(self.environment)).ask(self.rows.usual[:1], self.rows.names)
        self._expect(answer.key == key, f"{key[:SHORT]} answers, not {answer.key[:SHORT]}")

    def _watch(self, code: ExitCode) -> None:
        self._slipway("watch", self.model, "--over", window.written(WINDOW), codes=(code,))

    def _settle(self, code: ExitCode) -> dict[str, Any]:
        """Settle while clients ask; what came of the one trial that there is."""
        self.say(f"$ slipway settle {self.model} --wait")
        with self._asked():
            done = self.sandbox.asked("settle", self.model, "--wait", "--json")
        first, *others = done.stderr.splitlines() or [""]
        self._show("\n".join([first, *others[-1:]]))
        self._expect(done.returncode == code, f"settle ends with {code}, not with {done.returncode}")
        (trial,) = json.loads(done.stdout)["trials"]
        self.say(f"  {trial['subject']}")
        return dict(trial)

    def _look(self) -> Live:
        """What Prometheus says of what is live."""
        where = self.cluster.namespace.format(environment=self.environment)
        observer = Observer(
            prometheus=Prometheus(url=self.cluster.scraper.url),
            selector=Selector(model=self.model, namespace=where),
            environment=self.environment,
        )
        return observer.look(self.keys["after"], over=WINDOW)

    def _seen_to_drift(self) -> Live:
        """What it says once it has seen nothing else for long enough."""
        time.sleep(WINDOW.total_seconds())
        end = time.monotonic() + _PATIENCE
        while not findings(live := self._look()):
            self._expect(time.monotonic() < end, "Prometheus sees the drift")
            time.sleep(1)
        return live

    def _fired(self) -> list[str]:
        """The alerts about drift that fire; none where the repository has no such rules."""
        end = time.monotonic() + _PATIENCE
        while self.alerts:
            found = Prometheus(url=self.cluster.scraper.url).query('ALERTS{alertstate="firing"}')
            if fired := {one.labels["alertname"] for one in found} & set(self.alerts):
                return sorted(fired)
            self._expect(time.monotonic() < end, f"{' or '.join(self.alerts)} fires")
            time.sleep(1)
        return []

    def _show(self, text: str) -> None:
        for line in text.strip().splitlines():
            self.say(f"  {line}".rstrip())

    def _text(self) -> str:
        return self._spec().read_text(encoding="utf-8")

    def _spec_of(self, text: str) -> ModelSpec:
        return spec.parse(text.encode(), str(spec.spec_path(self.model)))

    def _branch(self) -> str:
        return f"origin/{BRANCHES}{self.model}"

    def _data_file(self) -> Path:
        return self.sandbox.clone / str(spec.folder(self.model)) / self._spec_of(self.original).data.path

    def _pointer(self) -> str:
        return f"{self._data_file().relative_to(self.sandbox.clone)}{SUFFIX}"
