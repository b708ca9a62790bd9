"""The GitHub adapter against a GitHub that fails as it is told, over real HTTP."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.github_server import ACTIONS, TOKEN, FakeGitHub, Fault

from slipway.adapters.github import GitHub, connect
from slipway.errors import InputError, OutsideError
from slipway.forge.interface import Annotation, Check, Conclusion, Forge, Level, Proposer, Tracker

HEAD = "ab" * 20
CHECK = Check(
    name="slipway", head=HEAD, title="promote", summary="All is well.", url="https://run.example", external_id="9.1"
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    monkeypatch.setattr("slipway.adapters.github.identity._TIMEOUT", 1.0)
    with FakeGitHub.serve() as github:
        yield github


@dataclass
class Naps:
    """How long was slept; nobody sleeps."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def forge(server: FakeGitHub, naps: Naps) -> GitHub:
    return connect(server.environ(), sleep=naps)


def remarks(count: int) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(path="data/toy/train.csv", line=n, level=Level.FAILURE, message=f"m{n}") for n in range(1, count + 1)
    )


# ---- reading


class TestReading:
    def test_it_is_a_forge_and_a_proposer(self, forge: GitHub) -> None:
        a_forge: Forge = forge
        a_proposer: Proposer = forge
        a_tracker: Tracker = forge
        assert a_forge.repository == "acme/models"
        assert a_proposer
        assert a_tracker

    def test_a_pull_request_of_a_fork(self, server: FakeGitHub, forge: GitHub) -> None:
        server.state.open_pull(head=HEAD, branch="ändern/#1", repository="someone/models")
        pull = forge.pull(1)
        assert pull
        assert (pull.head, pull.head_repository, pull.head_branch) == (HEAD, "someone/models", "ändern/#1")
        assert (pull.base_branch, pull.is_open, pull.number) == ("main", True, 1)

    def test_a_fork_that_is_gone_has_no_name(self, server: FakeGitHub, forge: GitHub) -> None:
        server.state.open_pull().repository = None
        pull = forge.pull(1)
        assert pull
        assert not pull.head_repository

    def test_no_pull_request_is_none_and_no_repository_is_an_error(self, server: FakeGitHub, forge: GitHub) -> None:
        assert forge.pull(7) is None
        server.state.name = "other"
        with pytest.raises(OutsideError, match=r"Is GITHUB_REPOSITORY \(acme/models\) right"):
            forge.pull(7)

    def test_pull_requests_of_a_branch_are_that_branchs_alone(self, server: FakeGitHub, forge: GitHub) -> None:
        mine = server.state.open_pull(branch="change", repository="someone/models")
        server.state.open_pull(branch="change", repository="someone/models-2")
        server.state.open_pull(branch="change")
        closed = server.state.open_pull(branch="change", repository="someone/models")
        closed.is_open = False
        assert [pull.number for pull in forge.pulls_from("someone/models", "change")] == [mine.number]
        assert list(forge.pulls_from("", "change")) == []
        assert list(forge.pulls_from("someone/models", "")) == []

    def test_pull_requests_of_a_commit_merged_ones_too(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = server.state.open_pull()
        server.state.merge(pull, HEAD)
        server.state.open_pull(head=HEAD).is_open = False
        assert [(one.number, one.is_open) for one in forge.pulls_of_commit(HEAD)] == [(1, False)]

    def test_a_run(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = server.state.open_pull(repository="someone/models")
        made = server.state.add_run(pull, attempt=2, conclusion="cancelled")
        run = forge.run(made.id)
        assert (run.attempt, run.head, run.head_repository) == (2, pull.head, "someone/models")
        assert (run.is_done, run.was_cancelled, run.event) == (True, True, "pull_request")
        assert run.path == ".github/workflows/pull-request.yml"

    def test_lists_of_many_pages(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = server.state.open_pull()
        for n in range(230):
            server.state.say(pull, "someone", f"{n}")
        run = server.state.add_run(pull, {f"slipway-model-{n}": b"x" for n in range(130)})
        assert [comment.body for comment in forge.comments(1)] == [f"{n}" for n in range(230)]
        assert len({artifact.name for artifact in forge.artifacts(run.id)}) == 130
        assert len(server.asked("GET", "/comments")) == 3

    def test_a_comment_of_an_account_that_is_gone(self, server: FakeGitHub, forge: GitHub) -> None:
        server.state.say(server.state.open_pull(), None, "hello")
        assert [comment.author for comment in forge.comments(1)] == ["ghost"]

    def test_what_did_not_change_costs_nothing(self, server: FakeGitHub, forge: GitHub) -> None:
        server.state.open_pull()
        first, used = forge.pull(1), server.used
        assert [forge.pull(1) for _ in range(5)] == [first] * 5
        assert server.used == used
        server.state.pulls[1].head = HEAD
        now = forge.pull(1)
        assert now
        assert now.head == HEAD


# ---- faults


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [Fault.server_error(times=3), Fault.closes(times=3), Fault.cut(times=3), Fault.broken(times=3, status=504)],
        ids=lambda fault: fault.kind.name,
    )
    def test_reading_goes_on_after(self, server: FakeGitHub, forge: GitHub, naps: Naps, fault: Fault) -> None:
        server.state.open_pull()
        server.faults.append(fault)
        assert forge.pull(1)
        assert naps.seconds == [1, 2, 4]

    def test_a_server_that_stays_down(self, server: FakeGitHub, forge: GitHub, naps: Naps) -> None:
        server.faults.append(Fault.server_error(times=99, status=503))
        with pytest.raises(OutsideError, match="answers with 503: it was asked in vain to read pull request 1"):
            forge.pull(1)
        assert naps.seconds == [1, 2, 4, 8]

    def test_no_answer_in_time(self, server: FakeGitHub, forge: GitHub, naps: Naps) -> None:
        server.state.open_pull()
        server.faults.append(Fault.hangs(seconds=1.5))
        assert forge.pull(1)
        assert naps.seconds == [1]

    def test_nobody_there(self, naps: Naps) -> None:
        environ = {"GITHUB_API_URL": "http://127.0.0.1:9", "GITHUB_REPOSITORY": "a/b", "GITHUB_TOKEN": TOKEN}
        with pytest.raises(OutsideError, match=r"cannot be reached .*\n.*Is GITHUB_API_URL right"):
            connect(environ, sleep=naps).comment(1, "hello")
        assert naps.seconds == [1, 2, 4, 8], "what was never sent may be sent again"

    @pytest.mark.parametrize(
        ("fault", "seconds"),
        [
            (Fault.secondary_limit(retry_after="7"), (7, 7)),
            (Fault.secondary_limit(retry_after="7", status=429), (7, 7)),
            (Fault.secondary_limit(retry_after=""), (60, 60)),
            (Fault.secondary_limit(retry_after="Sat, 21 Nov 2026 16:00:23 GMT"), (60, 60)),
            (Fault.primary_limit(resets_in=30), (29, 32)),
        ],
    )
    def test_a_limit_is_waited_for(
        self, server: FakeGitHub, forge: GitHub, naps: Naps, fault: Fault, seconds: tuple[float, float]
    ) -> None:
        pull = server.state.open_pull()
        server.faults.append(fault)
        forge.comment(1, "hello")
        assert len(naps.seconds) == 1
        assert seconds[0] <= naps.seconds[0] <= seconds[1]
        assert len(server.state.said(pull)) == 1

    def test_a_limit_that_lasts_is_told_with_its_end(self, server: FakeGitHub, forge: GitHub, naps: Naps) -> None:
        server.faults.append(Fault.primary_limit(times=99, resets_in=3000))
        with pytest.raises(OutsideError, match=r"too many requests for now.*\n.*again after \d\d:\d\d UTC"):
            forge.pull(1)
        assert naps.seconds == []

    def test_patience_is_one_for_all_that_a_command_asks(self, server: FakeGitHub, forge: GitHub, naps: Naps) -> None:
        server.state.open_pull()
        for _ in range(3):
            server.faults.append(Fault.secondary_limit(retry_after="100"))
            assert forge.pull(1)
        server.faults.append(Fault.secondary_limit(retry_after="1"))
        with pytest.raises(OutsideError, match="too many requests"):
            forge.pull(1)
        assert naps.seconds == [100, 100, 100]

    def test_an_answer_that_is_none_of_githubs(self, server: FakeGitHub, forge: GitHub) -> None:
        server.state.settings["/pulls/1"] = {"number": "one"}
        with pytest.raises(OutsideError, match=r"not what it says it is: number.*\n.*lead to GitHub's API"):
            forge.pull(1)

    def test_a_list_without_end(self, server: FakeGitHub, forge: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("slipway.adapters.github.line.MOST_PAGES", 2)
        pull = server.state.open_pull()
        for _ in range(201):
            server.state.say(pull, "someone", "hello")
        with pytest.raises(OutsideError, match="no end of pages to read the comments"):
            list(forge.comments(1))

    def test_a_repository_that_has_moved(self, server: FakeGitHub, forge: GitHub) -> None:
        server.faults.append(Fault.refused(status=301, message="Moved Permanently"))
        with pytest.raises(OutsideError, match="has moved"):
            forge.pull(1)


# ---- writing


class TestComments:
    def test_write_edit_delete(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = server.state.open_pull()
        comment = forge.comment(1, "one")
        assert comment.author == ACTIONS == forge.login
        forge.edit(comment.id, "two")
        assert [one.body for one in server.state.said(pull)] == ["two"]
        forge.delete(comment.id)
        forge.delete(comment.id)
        assert server.state.said(pull) == []

    @pytest.mark.parametrize(
        "fault", [Fault.lost, Fault.cut, Fault.broken, Fault.closes, Fault.server_error], ids=lambda f: f.__name__
    )
    @pytest.mark.parametrize("times", [1, 2])
    def test_it_is_written_once_whatever_becomes_of_the_answer(
        self, server: FakeGitHub, forge: GitHub, fault: Callable[..., Fault], times: int
    ) -> None:
        pull = server.state.open_pull()
        server.state.say(pull, "someone", "hello\n")
        server.faults.append(fault("POST", "/comments", times=times))
        comment = forge.comment(1, "hello\n")
        assert [(one.id, one.author) for one in server.state.said(pull)][1:] == [(comment.id, ACTIONS)]

    def test_an_edit_is_repeated(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = server.state.open_pull()
        comment = forge.comment(1, "one")
        server.faults.append(Fault.lost("PATCH", times=2))
        forge.edit(comment.id, "two")
        assert [one.body for one in server.state.said(pull)] == ["two"]


class TestChecks:
    def test_made_then_told_again(self, server: FakeGitHub, forge: GitHub) -> None:
        forge.check(replace(CHECK, title="running"))
        forge.check(replace(CHECK, conclusion=Conclusion.NEUTRAL, annotations=remarks(3)))
        (check,) = server.state.checks_of(HEAD)
        assert (check.status, check.conclusion, check.title) == ("completed", "neutral", "promote")
        assert [one["message"] for one in check.annotations] == ["m1", "m2", "m3"]

    def test_another_run_is_another_check(self, server: FakeGitHub, forge: GitHub) -> None:
        forge.check(CHECK)
        forge.check(replace(CHECK, external_id="9.2"))
        assert len(server.state.checks_of(HEAD)) == 2

    def test_somebody_elses_check_of_the_same_name_is_left_alone(self, server: FakeGitHub, forge: GitHub) -> None:
        forge.check(CHECK)
        server.state.checks_of(HEAD)[0].app = "other"
        forge.check(replace(CHECK, title="mine"))
        assert [(one.app, one.title) for one in server.state.checks_of(HEAD)] == [
            ("other", "promote"),
            ("github-actions", "mine"),
        ]

    @pytest.mark.parametrize("count", [0, 1, 50, 51, 230])
    def test_annotations_come_in_batches_and_once(self, server: FakeGitHub, forge: GitHub, count: int) -> None:
        told = replace(CHECK, conclusion=Conclusion.FAILURE, annotations=remarks(count))
        forge.check(told)
        forge.check(told)
        (check,) = server.state.checks_of(HEAD)
        assert [one["start_line"] for one in check.annotations] == list(range(1, count + 1))

    @pytest.mark.parametrize("fault", [Fault.lost, Fault.broken, Fault.server_error], ids=lambda f: f.__name__)
    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    def test_a_lost_answer_neither_doubles_nor_drops(
        self, server: FakeGitHub, forge: GitHub, method: str, fault: Callable[..., Fault]
    ) -> None:
        server.faults.append(fault(method, "/check-runs", times=2))
        forge.check(replace(CHECK, conclusion=Conclusion.FAILURE, annotations=remarks(120)))
        (check,) = server.state.checks_of(HEAD)
        assert [one["start_line"] for one in check.annotations] == list(range(1, 121))

    def test_long_texts_are_cut_and_say_so(self, server: FakeGitHub, forge: GitHub) -> None:
        long = replace(remarks(1)[0], title="t" * 300, message="ü" * 70_000)
        forge.check(replace(CHECK, title="x" * 400, summary="é" * 70_000, annotations=(long,)))
        (check,) = server.state.checks_of(HEAD)
        assert len(check.summary.encode()) <= 65_535
        assert check.summary.endswith("cut here: GitHub shows no more of it.")
        assert len(check.title.encode()) <= 255
        assert check.title.endswith("…")
        assert len(check.annotations[0]["message"].encode()) <= 64_000


# ---- downloads


class TestDownloads:
    def test_the_other_host_sees_no_token(self, server: FakeGitHub, forge: GitHub) -> None:
        out = download(server, forge, b"content", limit=7)
        assert out == b"content"
        (blob,) = server.asked("GET", "/blobs/")
        assert "authorization" not in blob.headers
        assert blob.host.startswith("localhost")

    @pytest.mark.parametrize("said", [None, 1])
    def test_more_than_is_wanted_is_not_read(self, server: FakeGitHub, forge: GitHub, said: int | None) -> None:
        with pytest.raises(OutsideError, match="larger than the 100,000 bytes"):
            download(server, forge, b"x" * 5_000_000, limit=100_000, size=said)

    def test_what_is_cut_begins_again(self, server: FakeGitHub, forge: GitHub, naps: Naps) -> None:
        server.faults.append(Fault.cut("GET", "/blobs/", times=2))
        assert download(server, forge, b"0123456789" * 9999, limit=99_990) == b"0123456789" * 9999
        assert naps.seconds == [1, 2]

    def test_what_has_expired(self, server: FakeGitHub, forge: GitHub) -> None:
        with pytest.raises(OutsideError, match=r"'slipway-plan' has expired\n.*Run the workflow again"):
            download(server, forge, b"", limit=1, expired=True)

    def test_a_storage_that_stays_down_is_told_without_its_address(self, server: FakeGitHub, forge: GitHub) -> None:
        server.faults.append(Fault.server_error("GET", "/blobs/", times=99))
        with pytest.raises(OutsideError) as caught:
            download(server, forge, b"x", limit=1)
        assert "s1gned" not in str(caught.value)


def download(server: FakeGitHub, forge: GitHub, content: bytes, *, limit: int, **fields: Any) -> bytes:
    """What an artefact with this content comes to, behind three bytes that were there before."""
    run = server.state.add_run(server.state.open_pull())
    server.state.add_artifact(run, "slipway-plan", content, **fields)
    out = io.BytesIO(b"abc")
    out.seek(3)
    (artifact,) = forge.artifacts(run.id)
    forge.download(artifact, out, limit)
    assert out.getvalue()[:3] == b"abc"
    return out.getvalue()[3:]


# ---- pull requests of slipway's own


class TestProposing:
    def test_open_find_and_merge(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = forge.open_pull("slipway/production/toy", "main", "release(toy): 1", "why")
        assert forge.pull_of_branch("slipway/production/toy") == pull
        assert forge.open_pull("slipway/production/toy", "main", "release(toy): 1", "why") == pull
        forge.merge_when_ready(pull)
        forge.merge_when_ready(pull)
        assert server.state.pulls[pull.number].merges_itself

    @pytest.mark.parametrize("fault", [Fault.lost, Fault.broken, Fault.closes], ids=lambda f: f.__name__)
    def test_it_is_opened_once(self, server: FakeGitHub, forge: GitHub, fault: Callable[..., Fault]) -> None:
        server.faults.append(fault("POST", "/pulls"))
        pull = forge.open_pull("release", "main", "release(toy): 1", "why")
        assert list(server.state.pulls) == [pull.number]

    def test_with_nothing_to_wait_for_it_is_merged_now(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = forge.open_pull("release", "main", "title", "why")
        server.state.is_ready = True
        server.state.merges = frozenset({"squash"})
        forge.merge_when_ready(pull)
        assert server.state.pulls[pull.number].is_merged
        assert server.asked("PUT", "/merge")[0].body == {"merge_method": "squash", "sha": pull.head}

    @pytest.mark.parametrize("fault", [Fault.lost, Fault.broken, Fault.cut], ids=lambda f: f.__name__)
    def test_what_was_merged_is_done_whatever_came_of_the_answer(
        self, server: FakeGitHub, forge: GitHub, fault: Callable[..., Fault]
    ) -> None:
        pull = forge.open_pull("release", "main", "title", "why")
        server.state.is_ready = True
        server.faults.append(fault("PUT", "/merge"))
        forge.merge_when_ready(pull)
        assert server.state.pulls[pull.number].is_merged
        assert len(server.asked("PUT", "/merge")) == 2

    def test_what_cannot_be_merged_is_no_merge(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = forge.open_pull("release", "main", "title", "why")
        server.state.is_ready = True
        server.state.pulls[pull.number].is_open = False
        with pytest.raises(OutsideError, match=r"will not merge itself.*not mergeable.*\n.*by hand: .*/pull/1"):
            forge.merge_when_ready(pull)

    def test_a_repository_without_auto_merge_says_how(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = forge.open_pull("release", "main", "title", "why")
        server.state.auto_merge = False
        with pytest.raises(OutsideError, match=r"will not merge itself.*\n.*gh repo edit --enable-auto-merge.*/pull/1"):
            forge.merge_when_ready(pull)

    def test_graphqls_own_way_to_say_that_it_was_too_much(self, server: FakeGitHub, forge: GitHub, naps: Naps) -> None:
        server.faults.append(Fault.graphql_limit(resets_in=30))
        assert forge.login == ACTIONS
        assert 29 <= naps.seconds[0] <= 32

    def test_it_is_edited_and_closed_and_found_when_it_is_closed(self, server: FakeGitHub, forge: GitHub) -> None:
        pull = forge.open_pull("slipway/watch/toy", "main", "one", "why")
        forge.edit_pull(pull, title="one", body="why\r\n")
        assert not server.asked("PATCH")
        forge.edit_pull(pull, title="two", body="why")
        assert (server.state.pulls[1].title, server.state.pulls[1].is_open) == ("two", True)
        forge.close_pull(pull, body="over")
        assert forge.pull_of_branch("slipway/watch/toy") is None
        assert [(one.number, one.is_open, one.body) for one in forge.pulls_of_branch("slipway/watch/toy")] == [
            (1, False, "over")
        ]


class TestIssues:
    def test_opened_edited_closed_and_found(self, server: FakeGitHub, forge: GitHub) -> None:
        issue = forge.open_issue("watch", "Drift", "why")
        server.state.open_issue("somebody", "Mine", labels=("watch",))
        server.state.open_issue(ACTIONS, "Another")
        server.state.open_pull()
        assert list(forge.issues("watch")) == [issue]
        forge.edit_issue(issue, title="Drift", body="why")
        assert not server.asked("PATCH")
        forge.edit_issue(issue, title="Drift of 2", body="because")
        forge.close_issue(issue, body="over")
        (found,) = forge.issues("watch")
        assert (found.title, found.body, found.is_open) == ("Drift of 2", "over", False)
        assert server.state.issues[issue.number].reason == "completed"

    def test_a_pull_request_with_the_label_is_no_issue(self, server: FakeGitHub, forge: GitHub) -> None:
        server.state.open_pull()
        assert list(forge.issues("")) == []

    @pytest.mark.parametrize("fault", [Fault.lost, Fault.broken, Fault.closes], ids=lambda f: f.__name__)
    def test_it_is_opened_once(self, server: FakeGitHub, forge: GitHub, fault: Callable[..., Fault]) -> None:
        server.faults.append(fault("POST", "/issues"))
        issue = forge.open_issue("watch", "Drift", "why")
        assert list(server.state.issues) == [issue.number]


# ---- credentials


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    """A private key and its public half, PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )


def token(text: str) -> dict[str, str]:
    return {"GITHUB_TOKEN": text}


class TestCredentials:
    def test_a_personal_token_is_a_person(self, server: FakeGitHub, naps: Naps) -> None:
        server.state.tokens["ghp_mine"] = "alice"
        assert connect(server.environ(**token("ghp_mine")), sleep=naps).login == "alice"

    @pytest.mark.parametrize("prefix", ["", "/api/v3"])
    @pytest.mark.parametrize("escaped", [False, True])
    def test_an_app(self, server: FakeGitHub, naps: Naps, key: tuple[str, str], prefix: str, *, escaped: bool) -> None:
        private, server.state.app_key = key
        server.state.tokens.clear()
        text = private.replace("\n", "\\n") if escaped else private
        environ = server.environ(
            SLIPWAY_GITHUB_APP_ID="5", SLIPWAY_GITHUB_APP_KEY=text, GITHUB_TOKEN="", GITHUB_API_URL=server.url + prefix
        )
        app = connect(environ, sleep=naps)
        server.state.open_pull()
        assert app.comment(1, "hello").author == "slipway[bot]" == app.login
        assert len(server.asked("POST", "/access_tokens")) == 1

    def test_an_app_that_is_not_installed(self, server: FakeGitHub, naps: Naps, key: tuple[str, str]) -> None:
        private, server.state.app_key = key
        server.state.name = "other"
        environ = server.environ(SLIPWAY_GITHUB_APP_ID="5", SLIPWAY_GITHUB_APP_KEY=private)
        with pytest.raises(OutsideError, match="App 5 is not installed in"):
            connect(environ | {"GITHUB_REPOSITORY": "acme/models"}, sleep=naps).pull(1)

    @pytest.mark.parametrize(
        ("environ", "hint"),
        [
            ({}, r"permissions: \{ checks: write \}"),
            ({"GITHUB_TOKEN": "ghp_mine"}, r"Give the token «Checks» \(write\)"),
        ],
    )
    def test_a_permission_that_is_missing_is_named(
        self, server: FakeGitHub, naps: Naps, environ: dict[str, str], hint: str
    ) -> None:
        server.state.tokens["ghp_mine"] = "alice"
        server.state.denied = {"checks=write"}
        with pytest.raises(OutsideError, match=rf"refuses to make a check run: Resource not accessible.*\n.*{hint}"):
            connect(server.environ(**environ), sleep=naps).check(CHECK)

    def test_a_token_that_is_none(self, server: FakeGitHub, naps: Naps) -> None:
        with pytest.raises(OutsideError, match=r"does not accept the credentials\n.*not expired"):
            connect(server.environ(**token("ghp_old")), sleep=naps).pull(1)

    def test_secrets_are_shown_nowhere(self, server: FakeGitHub, naps: Naps, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level("DEBUG"):
            forge = connect(server.environ(**token("ghp_s3cret")), sleep=naps)
            with pytest.raises(OutsideError) as caught:
                forge.pull(1)
        assert "s3cret" not in repr(forge) + repr(forge.settings) + repr(forge.line) + str(caught.value) + caplog.text
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize(
        ("environ", "said"),
        [
            ({}, "GITHUB_REPOSITORY names no repository: it is not set"),
            ({}, "GITHUB_TOKEN is not set"),
            ({"GITHUB_REPOSITORY": "models"}, "'models' is none"),
            ({"GITHUB_REPOSITORY": "a/.."}, "'a/..' is none"),
            ({"GITHUB_API_URL": "github.example"}, "GITHUB_API_URL is no address"),
            ({"SLIPWAY_GITHUB_APP_ID": "5"}, "SLIPWAY_GITHUB_APP_KEY is not set"),
            ({"SLIPWAY_GITHUB_APP_KEY": "s3cret"}, "SLIPWAY_GITHUB_APP_ID is not set"),
            ({"SLIPWAY_GITHUB_APP_KEY": "s3cret", "SLIPWAY_GITHUB_APP_ID": "5"}, "APP_KEY is no private key"),
            ({"GITHUB_TOKEN": "s3cret\nx"}, "GITHUB_TOKEN is no token"),
        ],
    )
    def test_what_the_environment_lacks_is_named(self, environ: dict[str, str], said: str) -> None:
        with pytest.raises(InputError, match=re.escape(said)) as caught:
            connect(environ)
        assert "s3cret" not in str(caught.value)
