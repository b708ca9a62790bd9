"""What a decision does to `gitops/`, and what the commit says."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from slipway.delivery import manifest, writer
from slipway.delivery.manifest import Release, Serving
from slipway.plan import commit
from slipway.plan.commit import Change, Current
from slipway.plan.history import State
from slipway.plan.rule import Because, Decision, Shape, Wanted

PATH = "gitops/models/toy/production/seldon-deployment.yaml"
SHAPE = Shape(replicas=3, canary_percent=10)
ASKED = "c" * 40


def release(letter: str) -> Release:
    image = f"registry.example/toy@sha256:{letter * 64}"
    return Release(key=letter * 64, image=image, commit=letter * 40, metrics={"log_loss": 0.25})


A, B = release("a"), release("b")
LIVE = writer.first("toy", A, replicas=2)
TRIAL = writer.with_canary(LIVE, PATH, B, percent=10)


def current(content: bytes | None) -> Current:
    return Current(environment="production", files={} if content is None else {PATH: content})


def state(
    content: bytes | None,
    *,
    wanted: Wanted = Wanted.RELEASE,
    wish: Release | None = None,
    shape: Shape | None = None,
    trial: Release | None = None,
) -> State:
    because = (Because(commit=ASKED, what="asked for it"), Because(commit="d" * 40, what="had it before"))
    decision = Decision(wanted=wanted, key=B.key, because=because, release=wish)
    serving = None if content is None else manifest.read(content, PATH)
    return State(model="toy", key=B.key, serving=serving, decision=decision, trial=trial, shape=shape)


def served(change: Change) -> Serving:
    content = change.files[PATH]
    assert content
    return manifest.read(content, PATH)


def trailers(change: Change) -> dict[str, str]:
    command = ["git", "interpret-trailers", "--parse"]
    done = subprocess.run(command, input=change.message, capture_output=True, text=True, check=True)
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


PUT_BACK = state(TRIAL, wish=B)
AT_ONCE = Shape(replicas=3, canary_percent=0)
ONE = Shape(replicas=1, canary_percent=None)
BOTH = Shape(replicas=4, canary_percent=25)
CHANGES: list[tuple[Change, str, str | None]] = [
    (commit.released(state(None), current(None), B, SHAPE), "release(toy): bbbbbbbb 100%", B.key),
    (commit.released(state(LIVE), current(LIVE), B, SHAPE), "release(toy): bbbbbbbb canary 10%", B.key),
    (commit.released(state(LIVE), current(LIVE), B, AT_ONCE), "release(toy): bbbbbbbb 100%", B.key),
    (commit.promoted(state(TRIAL, trial=B), current(TRIAL)), "promote(toy): bbbbbbbb 100%", B.key),
    (commit.restored(state(LIVE, wish=B), current(LIVE), SHAPE), "restore(toy): bbbbbbbb 100%", B.key),
    (commit.restored(state(None, wish=B), current(None), SHAPE), "restore(toy): bbbbbbbb 100%", B.key),
    (commit.restored(PUT_BACK, current(TRIAL), SHAPE), "restore(toy): bbbbbbbb 100%", B.key),
    (commit.rolled_back(state(TRIAL), current(TRIAL)), "rollback(toy): bbbbbbbb", B.key),
    (commit.retired(state(LIVE), current(LIVE)), "retire(toy): aaaaaaaa", A.key),
    (commit.configured(state(LIVE, shape=ONE), current(LIVE)), "configure(toy): 1 replica", B.key),
    (commit.configured(state(TRIAL, shape=BOTH), current(TRIAL)), "configure(toy): 4 replicas, canary 25%", B.key),
]


@pytest.mark.parametrize(("change", "subject", "key"), CHANGES, ids=lambda value: value or None)
def test_a_message_says_what_why_and_for_which_commit(change: Change, subject: str, key: str) -> None:
    first, blank, *body = change.message.splitlines()
    assert (first, blank) == (subject, "")
    assert change.subject == subject
    assert change.verb == subject.split("(", maxsplit=1)[0]
    assert body[:3] == ["cccccccccccc asked for it.", "dddddddddddd had it before.", ""]
    assert trailers(change) == {
        "Slipway-Model": "toy",
        "Slipway-Key": key,
        "Slipway-Environment": "production",
        "Slipway-Source": ASKED,
    }


IMAGE = f"registry.example/toy@sha256:{'f' * 64}"


def test_a_rebuild_says_what_it_is_built_upon() -> None:
    change = commit.rebuilt(state(TRIAL), current(TRIAL), A, IMAGE, f"quay.example/builder@sha256:{'1a2b' * 16}")
    assert change.subject == "rebuild(toy): aaaaaaaa on builder 1a2b1a2b"
    assert (served(change).default, served(change).canary) == (replace(A, image=IMAGE), B)
    assert trailers(change) == {
        "Slipway-Model": "toy",
        "Slipway-Key": A.key,
        "Slipway-Environment": "production",
        "Slipway-Source": A.commit,
        "Slipway-Builder": f"quay.example/builder@sha256:{'1a2b' * 16}",
    }
    without = commit.rebuilt(state(TRIAL), current(TRIAL), A, IMAGE, "source-9f86d081")
    assert without.subject == "rebuild(toy): aaaaaaaa on builder 9f86d081"


def test_what_is_restored_may_have_been_rebuilt() -> None:
    change = commit.restored(state(LIVE, wish=B), current(LIVE), SHAPE, image=IMAGE)
    assert (served(change).default.key, served(change).default.image) == (B.key, IMAGE)
    put_back = commit.restored(PUT_BACK, current(TRIAL), SHAPE, image=IMAGE)
    assert served(put_back).default == replace(B, image=IMAGE), "it keeps the commit that asked for it"


def test_one_more_sentence_stands_before_the_trailers() -> None:
    said = commit.released(state(None), current(None), B, SHAPE, said="the bytes are the same")
    assert trailers(said) == trailers(CHANGES[0][0])
    assert "\nThe bytes are the same.\n\nSlipway-Model" in said.message


def test_a_first_release_serves_at_once() -> None:
    now = served(CHANGES[0][0])
    assert (now.default, now.canary, now.replicas) == (B, None, 3)


def test_a_release_stands_on_trial_beside_what_runs() -> None:
    now = served(CHANGES[1][0])
    assert (now.default, now.canary, now.canary_percent, now.replicas) == (A, B, 10, 2)


@pytest.mark.parametrize("at", [2, 3])
def test_without_a_trial_or_after_it_the_release_has_everything(at: int) -> None:
    now = served(CHANGES[at][0])
    assert (now.default, now.canary) == (B, None)


@pytest.mark.parametrize("at", [4, 5])
def test_what_is_restored_names_the_commit_that_asked_for_it_now(at: int) -> None:
    now = served(CHANGES[at][0])
    assert (now.default.key, now.default.image, now.default.commit) == (B.key, B.image, ASKED)
    assert now.canary is None


def test_what_a_person_put_back_is_what_it_was() -> None:
    now = served(CHANGES[6][0])
    assert (now.default, now.canary) == (B, None)


def test_a_rollback_leaves_the_default() -> None:
    assert CHANGES[7][0].files == {PATH: LIVE}


def test_a_retirement_removes_all_that_stands_there() -> None:
    files = {PATH: LIVE, "gitops/models/toy/production/kustomization.yaml": b"resources: []\n"}
    change = commit.retired(state(LIVE), Current(environment="production", files=files))
    assert change.files == dict.fromkeys(files)


def test_a_configuration_changes_how_and_not_what() -> None:
    now = served(CHANGES[10][0])
    assert (now.default, now.canary, now.replicas, now.canary_percent) == (A, B, 4, 25)


def test_the_content_is_not_in_what_is_printed_of_a_change() -> None:
    assert "SeldonDeployment" not in repr(CHANGES[0][0])
    assert "SeldonDeployment" not in repr(current(LIVE))
