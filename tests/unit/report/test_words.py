from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from slipway.adapters.git import Git
from slipway.report import words

from . import samples


@pytest.mark.parametrize(
    ("estimate", "half", "text"),
    [
        (0.0712, 0.0402, "+0.071 [+0.031, +0.111]"),
        (5.19, 3.84, "+5.2 [+1.4, +9.0]"),
        (-0.19, 0.11, "−0.19 [−0.30, −0.08]"),
        (1_234.5, 410.0, "+1,234 [+824, +1,644]"),
        (0.0022, 0.0009, "+0.00220 [+0.00130, +0.00310]"),
        (0.0, 0.0, "0.000 [0.000, 0.000]"),
        (0.1, 0.0, "+0.100 [+0.100, +0.100]"),
    ],
)
def test_an_interval_has_the_digits_that_it_can_vouch_for(estimate: float, half: float, text: str) -> None:
    assert words.spread(samples.interval(estimate, half)) == text


def test_a_key_is_shortened() -> None:
    assert [words.short(key) for key in (samples.KEY, None)] == ["3fa9c1d2", ""]


@pytest.mark.parametrize(
    ("name", "text"),
    [("log_loss", "log loss"), ("roc_auc", "ROC AUC"), ("rmse", "RMSE"), ("of_the_future", "of the future")],
)
def test_metrics_have_names(name: str, text: str) -> None:
    assert words.metric(name) == text


def test_groups_are_named_where_they_were_resampled() -> None:
    assert words.units(samples.comparison(holdout_rows=1_000, units=120)) == "1,000 holdout rows in 120 groups"


def test_each_broken_guardrail_has_its_advice() -> None:
    report = samples.block_by_slice()
    assert words.sentences(report)[1:] == [
        "A guardrail is broken all the same: slices.",
        "Look at the slices below: add rows of the groups that got worse, or features that tell them apart.",
    ]


def test_an_inconclusive_verdict_says_what_would_have_shown() -> None:
    assert "An improvement of 0.057 or more would have shown four times in five." in words.sentences(
        samples.inconclusive()
    )


def test_equal_models_are_called_equal() -> None:
    assert "the challenger is as good as the champion in log loss" in words.sentences(samples.identical())[0]


@pytest.mark.parametrize(
    ("subjects", "taken_back"),
    [
        (["release({m}): {k} canary 10%"], 0),
        (["release({m}): {k} canary 10%", "promote({m}): {k} 100%"], 1),
        (["release({m}): {k} 100%", "release({m}): bbbbbbbb 100%", "restore({m}): {k} 100%"], 2),
        (["restore({m}): {k} 100%", "Revert release({m}): {k}", "release(iris2): {k} 100%", "configure({m}): {k}"], 0),
    ],
)
def test_the_command_takes_back_the_newest_release_of_the_key(
    subjects: list[str], taken_back: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git = Git(root=tmp_path)
    git.run("init", "--quiet", "--initial-branch=main")
    for name, value in {"name": "Test", "email": "test@example.org"}.items():
        git.run("config", f"user.{name}", value)
    for number, subject in enumerate(subjects):
        (tmp_path / f"{number}").touch()
        git.run("add", "--all")
        git.run("commit", "--quiet", "--message", subject.format(m="iris", k=words.short(samples.KEY)))
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2099-01-01T00:00:00Z")  # the side's is the newest of all
    git.run("switch", "--quiet", "--create", "side", "HEAD^" if len(subjects) > 1 else "HEAD")
    git.run("commit", "--quiet", "--allow-empty", "--message", f"release(iris): {words.short(samples.KEY)} on a side")
    git.run("switch", "--quiet", "main")
    git.run("merge", "--quiet", "--no-ff", "--message", "Merge", "side")
    command = words.rollback("iris", samples.KEY).replace("git revert", "git revert --no-edit")
    subprocess.run(["/bin/sh", "-ec", command], cwd=tmp_path, check=True, capture_output=True)
    assert {int(path.name) for path in tmp_path.glob("[0-9]")} == {*range(len(subjects))} - {taken_back}
