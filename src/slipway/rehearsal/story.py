"""What a rehearsal plays, scene by scene. Each scene is what a person would type, and is checked by what came of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway import released, spec
from slipway.adapters.endpoint import Endpoint
from slipway.adapters.image import Image, Images
from slipway.adapters.server import serve
from slipway.delivery import manifest
from slipway.delivery.manifest import Serving
from slipway.errors import ExitCode, InputError, OutsideError
from slipway.key import SHORT
from slipway.rehearsal import spec_text
from slipway.rehearsal.sandbox import Sandbox
from slipway.results import ModelCard

_PATIENT_MS = 1000
"""Of a machine that does everything else as well: a rehearsal is about what happens, not about how fast."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A step of the story: what it is about, and what is done."""

    title: str
    play: Callable[[], str]
    """Do it; what came of it, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """The life of one model: released, changed, merged, served, rolled back, put back, restored."""

    sandbox: Sandbox
    model: str
    environment: str
    original: str
    """The `model.toml` that the pull request brings: the user's own."""
    images: Images
    say: Callable[[str], None]
    keys: dict[str, str] = field(default_factory=dict)
    """The keys by the part that they play: `before` and `after` the pull request."""

    def scenes(self) -> tuple[Scene, ...]:
        """All of it, in order."""
        return (
            Scene(title="Yesterday: a small search is released", play=self._yesterday),
            Scene(title="Open a pull request: a larger search", play=self._opened),
            Scene(title="Merge it, and release", play=self._merged),
            Scene(title="Serve the canary, ask it, and verify it", play=self._served),
            Scene(title="Full traffic", play=self._promoted),
            Scene(title="Revert the release's newest commit: it is held", play=self._reverted),
            Scene(title="Revert the revert: it is back", play=self._put_back),
            Scene(title="Revert the merge: what ran before is restored", play=self._restored),
        )

    # ---- the scenes

    def _yesterday(self) -> str:
        path = str(spec.spec_path(self.model))
        self._keep(spec_text.before(self.original, spec.parse(self.original.encode(), path)))
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"Begin {self.model} with a small search")
        self._reviewed()
        self._git("push", "--quiet", "--set-upstream", "origin", "main")
        self._release("committed")
        serving = self._serving()
        self.keys["before"] = serving.default.key
        return f"{serving.default.key[:SHORT]} runs with the full traffic"

    def _opened(self) -> str:
        self._git("switch", "--quiet", "--create", "larger-search")
        self._keep(self.original)
        self._git("commit", "--quiet", "--all", "--message", "Search more, in both families")
        self._slipway("plan")
        return f"the verdict is promote; read {self._reviewed()}"

    def _merged(self) -> str:
        self._git("switch", "--quiet", "main")
        self._git("merge", "--quiet", "--no-ff", "--message", "Merge the larger search", "larger-search")
        self._git("push", "--quiet")
        self._release("committed")
        serving = self._serving()
        self.keys["after"] = (serving.canary or serving.default).key
        self._expect(self.keys["after"] != self.keys["before"], "the new key is released")
        share = f"{serving.canary_percent}% of" if serving.canary else "all of"
        return f"{self.keys['after'][:SHORT]} gets {share} the traffic; nothing was trained again"

    def _served(self) -> str:
        serving = self._serving()
        release = serving.canary or serving.default
        files = self.images.files(Image.parse(release.image))
        source = released.of_image(files, release.image, self.model, release.key)
        with serve(source.files) as running:
            self._ask(Endpoint(url=running.url), source.card)
            self._slipway("verify", self.model, "--url", running.url, "--max-p99", str(_PATIENT_MS))
        count = len(source.card.golden)
        return f"{count} golden requests were answered as in the review, alone, in a batch and under load"

    def _ask(self, endpoint: Endpoint, card: ModelCard) -> None:
        """Show a request as a person would send it, and the answer."""
        golden, names = card.golden[0], (*card.numeric, *card.categorical)
        rows = [(*golden.numeric, *golden.categorical)]
        answer = endpoint.ask(rows, names)
        self.say(f"$ {endpoint.curl(rows, names)}")
        chances = ", ".join(f"{name} {value:.3g}" for name, value in zip(answer.names, answer.rows[0], strict=True))
        self.say(f"  {chances} (key {answer.key[:SHORT]})")

    def _promoted(self) -> str:
        if self._serving().canary is None:
            return "it had it at once: canary_percent is 0"
        self._slipway("promote", self.model)
        self._git("pull", "--quiet")
        self._serves("after")
        return f"{self.keys['after'][:SHORT]} runs with the full traffic"

    def _reverted(self) -> str:
        self._revert("HEAD")
        self._release("committed", "nothing")
        self._release("nothing", wanted="held")
        self._serves("before")
        return (
            f"{self.keys['before'][:SHORT]} runs again; {self.keys['after'][:SHORT]} stays away until the inputs change"
        )

    def _put_back(self) -> str:
        self._revert("HEAD")
        self._release("committed", "nothing")
        self._serves("after")
        return f"{self.keys['after'][:SHORT]} runs with the full traffic, as before"

    def _restored(self) -> str:
        merge = self.sandbox.git("log", "-1", "--merges", "--format=%H", "--first-parent", "main")
        self._revert("--mainline=1", merge)
        self._release("committed", wanted="restore")
        self._serves("before")
        return f"{self.keys['before'][:SHORT]} runs again; nothing was trained, judged or built"

    # ---- what they are made of

    def _reviewed(self) -> str:
        """Run the pull request's pipeline; with a gate that lets everything through if the verdict is no."""
        code = self._slipway("run", self.model, codes=(ExitCode.DONE, ExitCode.VERDICT_NO))
        if code == ExitCode.VERDICT_NO:
            self.say("  The verdict is no, so nothing would ship. To go on, the pull request lets the gate be passed:")
            self._keep(spec_text.lenient(self._spec().read_text(encoding="utf-8")))
            self._git("commit", "--quiet", "--all", "--message", "Let everything through the gate")
            if self._slipway("run", self.model, codes=(ExitCode.DONE, ExitCode.VERDICT_NO)):
                raise InputError(f"the data of {self.model} do not pass, so there is nothing to release")
        return str(self.sandbox.shown / "clone" / ".slipway" / "report" / self.model / "report.html")

    def _release(self, *outcomes: str, wanted: str = "") -> None:
        """Run `release`, pull, and see to it that the first step came out as one of these."""
        self.say(f"$ slipway release {self.model}")
        done = self.sandbox.asked("release", self.model, "--json")
        for line in done.stderr.splitlines():
            self.say(f"  {line}")
        self._expect(done.returncode == 0, f"release ends well, not with {done.returncode}")
        steps = json.loads(done.stdout)["steps"]
        for step in steps:
            if subject := step.get("subject"):
                self.say(f"  {subject}")
        first = steps[0]
        self._expect(first["done"] in outcomes, f"release has {' or '.join(outcomes)}, not {first['done']}")
        self._expect(not wanted or first["wanted"] == wanted, f"history asks for {wanted}, not {first['wanted']}")
        self._git("pull", "--quiet")

    def _revert(self, *what: str) -> None:
        self._git("revert", "--no-edit", *what)
        self._git("push", "--quiet")

    def _serving(self) -> Serving:
        path = str(manifest.manifest_path(self.model, self.environment))
        return manifest.read((self.sandbox.clone / path).read_bytes(), path)

    def _serves(self, part: str) -> None:
        serving = self._serving()
        self._expect(serving.default.key == self.keys[part], f"{self.keys[part][:SHORT]} is served")
        self._expect(serving.canary is None, "no canary is left")

    def _spec(self) -> Path:
        return self.sandbox.clone / str(spec.spec_path(self.model))

    def _keep(self, text: str) -> None:
        self.sandbox.write(str(spec.spec_path(self.model)), text)

    def _expect(self, true: bool, what: str) -> None:  # noqa: FBT001  an assertion
        if not true:
            raise OutsideError(f"the rehearsal went wrong: expected that {what}", hint=f"Look at {self.sandbox.clone}.")

    def _git(self, *arguments: str) -> None:
        shown = [argument for argument in arguments if argument not in ("--quiet", "--no-edit")]
        self.say(f"$ git {shlex.join(shown)}")
        self.sandbox.git(*arguments)

    def _slipway(self, *arguments: str, codes: Sequence[int] = (ExitCode.DONE,)) -> int:
        """Run the command line, and show what it prints."""
        self.say(f"$ slipway {shlex.join(arguments)}")
        lines: list[str] = []
        for line in self.sandbox.slipway(*arguments):
            if lines:
                self.say(f"  {lines[-1]}")
            lines.append(line)
        code = int(lines[-1])
        self._expect(code in codes, f"slipway {arguments[0]} ends well, not with {code}")
        return code
