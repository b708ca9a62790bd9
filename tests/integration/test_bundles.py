"""Real reviews, handed on through a folder and an archive, are taken as what they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.hostile_bundles import archive

from slipway.adapters.git import Commit
from slipway.bundle import folder as folders
from slipway.bundle import read
from slipway.bundle.document import Bundle
from slipway.bundle.hostile import from_archive, from_folder
from slipway.report import ReportInput
from slipway.report.review import ModelReview
from slipway.results import StageTime, VerdictName
from slipway.stages import compare, tune, validate
from slipway.trained import Trained
from slipway.training.search import InProcess
from slipway.workspace import Workspace

SOURCE = Path(__file__).parents[2]
HEAD = "5e" * 20
EXPECTED = read.Expected(pull_request=7, head=HEAD)
MANIFEST = """\
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: toy
spec:
  predictors:
    - name: default
      traffic: 100
      annotations:
        slipway.dev/key: {key}
"""


def review(workspace: Workspace, name: str, trials: int, base: Commit | None) -> tuple[ReportInput, Trained | None]:
    """What the stages of a pull request find."""
    model = workspace.model(name, trials=trials)
    validation, _ = validate.run(workspace, model, base=base)
    tuned = tune.run(workspace, model, InProcess()) if validation.passed else None
    trained = Trained(card=tuned.card, onnx=tuned.onnx) if tuned else None
    comparison = compare.run(workspace, model, trained, base=base)[0] if trained else None
    report = ReportInput(
        model=name,
        key=model.key,
        commit=HEAD,
        base=base.id if base else None,
        validation=validation,
        card=trained.card if trained else None,
        trials=tuned.trials if tuned else (),
        comparison=comparison,
        times=(StageTime(stage="validate", seconds=validation.seconds),),
        spec=model.spec,
        data_digest=model.inputs.data,
    )
    return report, trained


def check_handed_on(report: ReportInput, trained: Trained | None, folder: Path) -> None:
    """Through both ways, whatever the engine is."""
    bundle = Bundle.of(ModelReview(model=report.model, report=report), pull_request=7, head=HEAD)
    folders.write(folder, bundle, trained)
    place = folder / report.model
    for files, challenger in (
        (from_folder(place, ["bundle.json"]), from_folder(place / "challenger", ["model.onnx", "model.json"])),
        (zipped(place, folder), zipped(place / "challenger", folder)),
    ):
        found = read.bundle(files, report.model, EXPECTED)
        assert found.review(HEAD).report == report
        assert bool(challenger) == bool(trained)
        if trained:
            assert read.challenger(challenger, found) == trained


def zipped(folder: Path, work: Path) -> dict[str, bytes]:
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} if folder.exists() else {}
    if not files:
        return {}
    (work / "artefact.zip").write_bytes(archive(files))
    return dict(from_archive(work / "artefact.zip", files))


@pytest.mark.parametrize(("name", "trials"), [("iris", 6), ("diabetes", 6)])
def test_a_first_model_is_handed_on(workspace: Workspace, tmp_path: Path, name: str, trials: int) -> None:
    shutil.copytree(SOURCE / "data" / name, workspace.settings.repo / "data" / name)
    report, trained = review(workspace, name, trials, None)
    assert report.comparison
    check_handed_on(report, trained, tmp_path / "bundles")


def test_a_change_of_a_live_model_is_handed_on(
    workspace: Workspace, tmp_path: Path, commit: Callable[[str], str]
) -> None:
    first, _ = review(workspace, "toy", 4, None)
    root = workspace.settings.repo
    live = root / "gitops" / "models" / "toy" / workspace.settings.environment
    live.mkdir(parents=True)
    (live / "seldon-deployment.yaml").write_text(MANIFEST.format(key=first.key))
    base = Commit(git=workspace.git, id=commit("Release toy"))
    data = root / "data" / "toy" / "train.csv"
    data.write_text("".join(data.read_text().splitlines(keepends=True)[:130]))
    report, trained = review(workspace, "toy", 3, base)
    assert report.comparison
    assert report.comparison.champion.key == first.key
    assert report.validation.change
    check_handed_on(report, trained, tmp_path / "bundles")


def test_rejected_data_are_handed_on(workspace: Workspace, tmp_path: Path) -> None:
    suite = workspace.settings.repo / "data" / "toy" / "expectations.json"
    entries = json.loads(suite.read_text())
    entries["expectations"][1]["kwargs"]["max_value"] = 4
    suite.write_text(json.dumps(entries))
    report, trained = review(workspace, "toy", 4, None)
    assert trained is None
    assert report.verdict is VerdictName.BLOCK
    check_handed_on(report, trained, tmp_path / "bundles")
