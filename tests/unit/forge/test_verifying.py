"""What a pull request is told of a release that was taken back, at a GitHub of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.github_server import FakeGitHub
from tests.github_server.state import ACTIONS

from slipway.adapters.github import GitHub, connect
from slipway.forge.verifying import TakenBack, Told, tell, text

MERGED = "a" * 40
TAKEN = TakenBack(
    model="toy",
    environment="production",
    key="3fa9c1d2" * 8,
    commit="b" * 40,
    back=f"git revert {'b' * 12}",
    origin=MERGED,
    subject="Give toy newer data",
    branch="main",
    reasons=("golden request 1 of 4 got another answer",),
)


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub.serve() as server:
        yield server


@pytest.fixture
def forge(github: FakeGitHub) -> GitHub:
    return connect(github.environ(), sleep=lambda _: None, tries=2)


def silent(said: str) -> None:
    raise AssertionError(said)


def test_the_pull_request_that_caused_it_is_told_once(github: FakeGitHub, forge: GitHub) -> None:
    github.state.open_pull(branch="another")
    pull = github.state.open_pull()
    github.state.merge(pull, MERGED)
    github.state.say(pull, "somebody", f"{TAKEN.marker}\nI say so too.")
    assert tell(forge, TAKEN, silent).is_news
    assert tell(forge, replace(TAKEN, reasons=("in other words",)), silent).is_news is False
    assert (len(github.asked("POST", "/comments")), github.asked("PATCH")) == (1, [])
    again = replace(TAKEN, commit="d" * 40, reasons=("and it is slow",))
    assert tell(forge, again, silent).is_news
    theirs, mine = github.state.said(pull)
    assert theirs.body.endswith("I say so too.")
    assert mine.author == ACTIONS
    assert "it is slow" in mine.body
    assert TAKEN.back in mine.body
    assert len(github.state.comments) == 2


def test_what_waits_for_main_s_rules_is_told_once_until_it_is_done(github: FakeGitHub, forge: GitHub) -> None:
    pull = github.state.open_pull()
    github.state.merge(pull, MERGED)
    waiting = replace(TAKEN, is_waiting=True)
    for taken, is_news in ((waiting, True), (replace(waiting, reasons=("a minute later",)), False)):
        assert tell(forge, taken, silent).is_news is is_news
    (said,) = github.state.said(pull)
    assert "is taken back" in said.body
    assert "once main's rules let it in" in said.body
    assert "a minute later" not in said.body
    assert tell(forge, TAKEN, silent).is_news
    (said,) = github.state.said(pull)
    assert "was taken back" in said.body


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Merge pull request #1 from acme/change", 1),
        ("Give toy newer data (#1)", 1),
        ("Give toy newer data (#1) again", 0),
        ("Merge pull request #2 from acme/open", 0),
        ("Give toy newer data (#999)", 0),
        ("Give toy newer data", 0),
    ],
)
def test_a_commit_that_the_forge_does_not_know_names_its_pull_request(
    github: FakeGitHub, forge: GitHub, subject: str, number: int
) -> None:
    merged = github.state.open_pull()
    github.state.merge(merged, "c" * 40)
    github.state.open_pull(branch="open")
    told = tell(forge, replace(TAKEN, subject=subject), silent)
    assert bool(told.address) is bool(number)
    assert len(github.state.said(merged)) == number
    assert len(github.state.comments) == number


def test_a_pull_request_into_another_branch_is_not_told(github: FakeGitHub, forge: GitHub) -> None:
    github.state.merge(github.state.open_pull(base="next"), MERGED)
    assert tell(forge, TAKEN, silent) == Told()


def test_a_comment_that_cannot_be_written_is_a_warning(github: FakeGitHub, forge: GitHub) -> None:
    github.state.merge(github.state.open_pull(), MERGED)
    github.state.denied |= {"pull_requests=write", "issues=write"}
    warnings: list[str] = []
    assert tell(forge, TAKEN, warnings.append) == Told(has_failed=True)
    (warning,) = warnings
    assert "toy: its pull request could not be told" in warning


def test_what_a_cluster_answered_is_harmless() -> None:
    said = text(replace(TAKEN, reasons=("@everybody <img src=x> [a](http://b)\n## Approved",)))
    assert "<img" not in said
    assert "@everybody" not in said
    assert "\n## Approved" not in said
    assert said.startswith(TAKEN.marker)
