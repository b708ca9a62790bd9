"""`slipway verify` against the real server of a real canary, as people and programs see it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests import remotes
from tests.remotes import World

from slipway import released, trained
from slipway.adapters import server
from slipway.adapters.git import Git
from slipway.adapters.server import Running
from slipway.commands.release import images
from slipway.commands.verify import Wish, verify
from slipway.errors import ExitCode, InputError, OutsideError, StoreError
from slipway.workspace import Workspace

MANIFEST = "gitops/models/toy/production/seldon-deployment.yaml"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A clone in which B is on trial beside A, and B's server."""

    world: World
    workspace: Workspace
    running: Running
    canary: str
    default: str

    def wish(self, **changes: Any) -> Wish:
        return Wish(**{"url": self.running.url, "requests": 40, "clients": 2, **changes})


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with pytest.MonkeyPatch.context() as environ:
        for name, value in remotes.ENVIRON.items():
            environ.setenv(name, value)
        world = remotes.copy(remotes.reviewed(tmp_path_factory), tmp_path_factory.mktemp("trial") / "world")
        git = world.clone()
        world.release(git)
        world.give("B")
        world.release(git)
        git.run("pull", "--quiet", "origin", "main")
        workspace = replace(world.workspace(git), clock=time.monotonic)
        serving = released.serving(workspace, "toy")
        assert serving.canary is not None
        source = released.find(workspace, lambda: images(workspace.settings), "toy", serving.canary)
        with server.serve(source.files) as running:
            yield Trial(
                world=world,
                workspace=workspace,
                running=running,
                canary=serving.canary.key,
                default=serving.default.key,
            )


@pytest.fixture
def copied(trial: Trial, tmp_path: Path) -> Workspace:
    """A workspace of one's own, in which things may be lost."""
    world = remotes.copy(trial.world, tmp_path / "world")
    return replace(world.workspace(Git(root=world.root / "clone")), clock=time.monotonic)


def test_the_canary_is_verified_and_the_next_step_is_named(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(trial.workspace, "toy", trial.wish(), as_json=False) == ExitCode.DONE
    out = capsys.readouterr().out
    head, *checks, last = out.splitlines()
    assert head == f"verified: toy {trial.canary[:8]} at {trial.running.url}"
    assert [line.split()[:2] for line in checks] == [
        ["pass", check] for check in ("answers", "key", "labels", "errors", "latency", "counters")
    ]
    assert last == f"To give it the full traffic: slipway promote toy --key {trial.canary[:8]}"
    assert "\x1b" not in out


def test_a_program_reads_one_document(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    wish = trial.wish(metrics=trial.running.metrics, key=trial.canary[:6])
    assert verify(trial.workspace, "toy", wish, as_json=True) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["errors"], found["differing"]) == (True, {}, [])
    assert found["keys"] == {trial.canary: 2 * 20 + 2 + 40}
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["largest"] <= found["tolerance"]
    assert found["counted"]["after"]["200"] >= found["counted"]["before"]["200"]
    assert found["max_p99_ms"] == 60000


def test_another_release_is_not_verified(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(trial.workspace, "toy", trial.wish(key=trial.default[:8]), as_json=False) == ExitCode.VERDICT_NO
    out = capsys.readouterr().out
    assert out.startswith(f"not verified: toy {trial.default[:8]} at ")
    assert (
        f"fail  key       82 of 82 answers carry another key than {trial.default[:8]}: {trial.canary[:8]} (82)" in out
    )
    assert "Ask the release's own address" in out
    assert "promote" not in out


def test_slow_answers_are_not_verified(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(trial.workspace, "toy", trial.wish(max_p99_ms=0.001), as_json=False) == ExitCode.VERDICT_NO
    assert "p99 is above the limit of 0.001 ms" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"url": "127.0.0.1:9000"}, InputError, "is no address of an endpoint"),
        ({"metrics": "metrics"}, InputError, "is no address of an endpoint"),
        ({"max_p99_ms": float("nan")}, InputError, "a limit of nan ms is none"),
        ({"max_p99_ms": -1.0}, InputError, "a limit of -1.0 ms is none"),
        ({"key": "KEY"}, InputError, "'KEY' is no key"),
        ({"key": "0000"}, InputError, "and the working tree has another key"),
        ({"key": "0" * 64}, StoreError, "the store has no model of toy with the key 00000000"),
        ({"url": "http://127.0.0.1:9"}, OutsideError, "http://127.0.0.1:9 does not answer: "),
    ],
)
def test_what_cannot_be_asked_is_said(trial: Trial, changes: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        verify(trial.workspace, "toy", trial.wish(**changes), as_json=False)


@pytest.mark.parametrize(
    ("options", "code", "out", "err"),
    [
        (["--key", "CANARY"], 0, "verified: toy ", ""),
        (["--max-p99", "0.001"], 1, "not verified: toy ", ""),
        (["--url", "127.0.0.1:9000"], 2, "", "slipway: '127.0.0.1:9000' is no address of an endpoint"),
        (["--url", "http://127.0.0.1:9"], 3, "", "slipway: http://127.0.0.1:9 does not answer: "),
    ],
)
def test_how_it_ends(trial: Trial, options: list[str], code: int, out: str, err: str) -> None:
    chosen = [trial.canary[:8] if option == "CANARY" else option for option in options]
    where = ["--repo", str(trial.workspace.settings.repo), "--store", str(trial.world.store)]
    done = subprocess.run(
        [sys.executable, "-m", "slipway", "verify", "toy", "--url", trial.running.url, *chosen, *where],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.startswith(out), err in done.stderr) == (code, True, True), done
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) is bool(out)


@pytest.mark.parametrize(
    ("model", "said"), [("nothing", "there is no model 'nothing' here"), ("No!", "'No!' cannot name a model")]
)
def test_a_model_that_is_not_there(trial: Trial, model: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        verify(trial.workspace, model, trial.wish(), as_json=False)


def test_where_the_store_lost_the_model_its_image_has_the_requests(
    trial: Trial, copied: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Path(copied.settings.store)
    shutil.rmtree(store / "toy" / trial.canary)
    assert verify(copied, "toy", trial.wish(), as_json=True) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["key"] == trial.canary
    shutil.rmtree(store / ".images")
    with pytest.raises(StoreError, match="neither the store nor the image has toy") as failure:
        verify(copied, "toy", trial.wish(), as_json=True)
    assert "Point SLIPWAY_STORE to the store that releases use." in str(failure.value)


def test_a_reviewed_key_that_nothing_names_any_more_can_be_verified(
    trial: Trial, copied: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied.settings.repo / MANIFEST).unlink()
    assert verify(copied, "toy", trial.wish(key=trial.canary), as_json=False) == ExitCode.DONE
    assert "promote" not in capsys.readouterr().out
    with pytest.raises(InputError, match="nothing of toy is released in production") as failure:
        verify(copied, "toy", trial.wish(), as_json=False)
    assert "slipway serve toy --challenger" in str(failure.value)


def test_without_a_spec_there_is_no_limit(trial: Trial, copied: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (copied.settings.repo / "data/toy/model.toml").unlink()
    assert verify(copied, "toy", trial.wish(), as_json=False) == ExitCode.DONE
    assert "no limit is set" in capsys.readouterr().out


def test_a_card_without_golden_requests_verifies_nothing(trial: Trial, copied: Workspace) -> None:
    found = trained.load(copied.store, "toy", trial.canary)
    assert found is not None
    bare = found.card.model_copy(update={"golden": ()})
    shutil.rmtree(Path(copied.settings.store) / "toy" / trial.canary)
    copied.store.put(trained.place("toy", trial.canary), {trained.ONNX: found.onnx, trained.CARD: bare.to_json()})
    with pytest.raises(StoreError, match="has no golden requests to be asked with"):
        verify(copied, "toy", trial.wish(), as_json=False)
