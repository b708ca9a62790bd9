"""What is played: a first release, a pull request, its merge and the release of it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from slipway import spec
from slipway.errors import ExitCode, SlipwayError
from slipway.rehearsal import spec_text
from slipway.rehearsal.sandbox import Sandbox
from tests.e2e import install, neighbours, order, runs
from tests.e2e.kubectl import Document, Kubectl
from tests.e2e.runs import Ran

NUMBER = 1
# In the order of the plan, which both engines keep.
REVIEWED = ("plan", "validate", "tune", "compare", "report", "gate", "tell")
RELEASED = ("wanted", "judge", "image", "release")


class WrongError(SlipwayError):
    """The pipelines ran, and something is not as it must be."""

    exit_code = ExitCode.VERDICT_NO


@dataclass(frozen=True, kw_only=True)
class Story:
    """One model's first days on a cluster."""

    kubectl: Kubectl
    installed: install.Installed
    fit: Callable[[Document], Document]
    sandbox: Sandbox
    model: str
    minutes: int
    console: Console
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def play(self) -> None:
        """All of it; `WrongError` at the first thing that is not as it must be."""
        self._say("Main has the model with a small search; release it")
        self._begin()
        self._release()
        self._say("Open a pull request: a larger search, and a row less")
        head = self._open()
        comment = self._review(head)
        self._say("Merge it, and release")
        self._merge()
        subject = self._release()
        if subject.split()[1] not in comment:
            raise WrongError(f"the comment does not speak of the key that was released: {subject}")

    # ---- what a person does

    def _begin(self) -> None:
        sandbox = self.sandbox
        original = self._spec().read_text(encoding="utf-8")
        small = spec_text.before(original, spec.parse(original.encode(), str(self._spec())))
        sandbox.git("remote", "set-url", "origin", neighbours.remote(self.kubectl))
        sandbox.git("config", "protocol.ext.allow", "always")
        sandbox.write(str(spec.spec_path(self.model)), small)
        self._commit(f"Begin {self.model} with a small search")
        sandbox.git("push", "--quiet", "--set-upstream", "origin", "main")
        sandbox.write(str(spec.spec_path(self.model)), original)

    def _open(self) -> str:
        """Push the change and what its merge would be, where GitHub puts them; the change's commit."""
        sandbox = self.sandbox
        sandbox.git("switch", "--quiet", "--create", "larger-search")
        table = spec.parse(self._spec().read_bytes(), str(self._spec())).data.path
        path = str(spec.folder(self.model) / table)
        lines = (sandbox.clone / path).read_text(encoding="utf-8").splitlines(keepends=True)
        sandbox.write(path, "".join(lines[:-1]))
        self._commit("Search more, and leave a row out")
        sandbox.git("switch", "--quiet", "--detach", "main")
        sandbox.git("merge", "--quiet", "--no-ff", "--message", "Merge the larger search", "larger-search")
        refs = (f"larger-search:refs/pull/{NUMBER}/head", f"HEAD:refs/pull/{NUMBER}/merge")
        sandbox.git("push", "--quiet", "origin", "larger-search", *refs)
        return sandbox.git("rev-parse", "larger-search")

    def _merge(self) -> None:
        self.sandbox.git("push", "--quiet", "origin", "HEAD:main")
        self.sandbox.git("switch", "--quiet", "main")

    # ---- what the cluster does

    def _review(self, head: str) -> str:
        """Run the pull request's pipeline; the one comment that it left."""
        ran = self._run("slipway-pull-request", REVIEWED, number=str(NUMBER))
        comments = neighbours.said(self.kubectl, NUMBER)
        for comment in comments:
            self.console.print(comment, markup=False, highlight=False, soft_wrap=True)
        if len(comments) != 1 or f"head={head}" not in comments[0] or "state=done" not in comments[0]:
            raise WrongError(f"{ran.name} left {len(comments)} comments, and not one that tells of {head}")
        checks = neighbours.checks(self.kubectl, head)
        for check in checks:
            state = check["conclusion"] or check["status"]
            self._say(f"check run {check['name']}: {state}, {check['output']['title']}")
        if [check["conclusion"] for check in checks] != ["success"]:
            raise WrongError(f"{ran.name} left {len(checks)} check runs, and not one that succeeded")
        return comments[0]

    def _release(self) -> str:
        """Run the release pipeline; the commit that it left on main."""
        before = self.sandbox.git("ls-remote", "origin", "refs/heads/main").split()[0]
        ran = self._run("slipway-release", RELEASED)
        self.sandbox.git("pull", "--quiet", "--ff-only", "origin", "main")
        commits = self.sandbox.git("log", "--format=%s", f"{before}..HEAD").splitlines()
        for subject in commits:
            self._say(f"main: {subject}")
        if len(commits) != 1 or not commits[0].startswith(f"release({self.model}): "):
            raise WrongError(f"{ran.name} left {len(commits)} commits on main, and not one release of {self.model}")
        return commits[0]

    def _run(self, pipeline: str, stages: Sequence[str], **params: str) -> Ran:
        known = {"git-url": neighbours.GIT_URL, "repository": neighbours.REPOSITORY, "base": "main"}
        known |= {"store": f"/workspace/store/pull-requests/{NUMBER}"}  # as an own branch has it by the settings here
        known |= {"store-secret": "slipway-no-secret", "run": "e2e"}
        name = f"{pipeline}-{next(self._numbers)}"
        document = self.fit(self.installed.run(pipeline, name, known | params))
        ran = runs.run(self.kubectl, document, self._say, minutes=self.minutes)
        self.console.print(ran.table())
        wrong = [*order.faults(self.installed.named("Pipeline", pipeline), stages, ran.tasks)]
        if not ran.succeeded:
            wrong.append(ran.message)
        if wrong:
            raise WrongError(f"{ran.name}: {'; '.join(wrong)}", hint="Run it again with --keep, and look at its pods.")
        return ran

    def _commit(self, message: str) -> None:
        self.sandbox.git("add", "--all")
        self.sandbox.git("commit", "--quiet", "--message", message)

    def _spec(self) -> Path:
        return self.sandbox.clone / str(spec.spec_path(self.model))

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def lay_out(repo: Path, place: Path, model: str, environ: dict[str, str]) -> Sandbox:
    """A repository like this one, with one model, and with the slipway that is here: pull requests bring their own."""
    sandbox = Sandbox.make(repo, model, place, environ)
    shutil.rmtree(sandbox.clone / "src")
    shutil.copytree(repo / "src", sandbox.clone / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return sandbox
