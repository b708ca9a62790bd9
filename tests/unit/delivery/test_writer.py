"""Manifests change where slipway owns them, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slipway.delivery.manifest import Release, Serving, read
from slipway.delivery.writer import (
    configured,
    first,
    promoted,
    rebuilt,
    restored,
    verified,
    with_canary,
    without_canary,
)
from slipway.errors import InputError

ROOT = Path(__file__).parents[3]
FILE = "m.yaml"
HAND_EDITED = (ROOT / "tests" / "manifests" / "hand-edited.yaml").read_bytes()
OLD_KEY, OLD_IMAGE = "3fa9c1d2" * 8, f"registry.example/iris@sha256:{'ab' * 32}"
NEW = Release(
    key="91bb04ce" * 8,
    image=f"registry.example/iris@sha256:{'cd' * 32}",
    commit="f" * 40,
    metrics={"log_loss": 0.1204567, "accuracy": 1 / 3},
    run="7be1f0a2b3c4d5e6f708192a3b4c5d6e",
)
RUN = f"slipway.dev/mlflow-run: {NEW.run}"
ROUNDED = replace(NEW, metrics={"log_loss": 0.120457, "accuracy": 0.333333})
CANARY = f"""\
    -
        name: 'canary'
        labels: {{"tier": "gold"}}
        annotations:
            slipway.dev/metrics: '{{"log_loss":0.120457,"accuracy":0.333333}}'
            slipway.dev/mlflow-run: "{NEW.run}"
            slipway.dev/commit: '{"f" * 40}'
            slipway.dev/key: "{NEW.key}"
            example.org/poem: |
                roses # are red

                # this is no comment
        traffic:   10
        graph:
            {{name: model, type: MODEL,
             children: []}}
        componentSpecs:
        - spec:
            containers:
              - {{name: proxy, image: "registry.example/proxy:v3"}}
              - image: "{NEW.image}"
                resources:
                    limits: {{memory: 1Gi,  cpu: '2'}}
                name: model
"""
"""The default predictor with another release in it, and without the comments that explain the original."""
TRIAL = [
    ("traffic:   100", "traffic:   90"),
    ("                name: model\n", f"                name: model\n{CANARY}"),
]
METRICS = """'{"log_loss":0.120457,"accuracy":0.333333}'   # on the holdout"""
RELEASED = [
    ("""'{"accuracy": 0.97}'   # on the holdout""", f'{METRICS}\n            slipway.dev/mlflow-run: "{NEW.run}"'),
    ("0123456789" * 4, "f" * 40),
    (OLD_KEY, f'"{NEW.key}"'),
    (OLD_IMAGE, NEW.image),
]
MARK = '            slipway.dev/verified: "true"\n'
MARKED = [(RELEASED[0][0] + "\n", RELEASED[0][0] + "\n" + MARK)]
RELEASED_AND_MARKED = [(RELEASED[0][0] + "\n", RELEASED[0][1] + "\n" + MARK), *RELEASED[1:]]
Edit = Callable[[bytes], bytes]


def trial(manifest: bytes) -> bytes:
    return with_canary(manifest, FILE, NEW, percent=10)


def unmarked(manifest: bytes) -> bytes:
    return restored(manifest, FILE, replace(read(manifest, FILE).default, verified=False))


def edited(replacements: list[tuple[str, str]]) -> bytes:
    text = HAND_EDITED.decode()
    for before, after in replacements:
        assert text.count(before) == 1
        text = text.replace(before, after)
    return text.encode()


@pytest.mark.parametrize(
    ("edit", "replacements"),
    [
        (trial, TRIAL),
        (lambda m: trial(trial(m)), TRIAL),
        (lambda m: with_canary(with_canary(m, FILE, replace(NEW, run=""), percent=50), FILE, NEW, percent=10), TRIAL),
        (lambda m: restored(m, FILE, NEW), RELEASED),
        (lambda m: promoted(trial(m), FILE), RELEASED),
        (lambda m: without_canary(trial(m), FILE), []),
        (lambda m: without_canary(m, FILE), []),
        (lambda m: rebuilt(m, FILE, OLD_KEY, NEW.image), [(OLD_IMAGE, NEW.image)]),
        (lambda m: rebuilt(m, FILE, NEW.key, NEW.image), []),
        (lambda m: rebuilt(trial(m), FILE, OLD_KEY, NEW.image), [*TRIAL, (OLD_IMAGE, NEW.image)]),
        (lambda m: restored(m, FILE, read(m, FILE).default), []),
        (lambda m: verified(m, FILE), MARKED),
        (lambda m: verified(verified(m, FILE), FILE), MARKED),
        (lambda m: unmarked(verified(m, FILE)), []),
        (lambda m: trial(verified(m, FILE)), [*TRIAL, *MARKED]),
        (lambda m: verified(trial(m), FILE), [*TRIAL, *MARKED]),
        (lambda m: with_canary(m, FILE, replace(NEW, verified=True), percent=10), TRIAL),
        (lambda m: without_canary(trial(verified(m, FILE)), FILE), MARKED),
        (lambda m: restored(verified(m, FILE), FILE, NEW), RELEASED),
        (lambda m: promoted(trial(verified(m, FILE)), FILE), RELEASED),
        (lambda m: promoted(trial(m), FILE, verified=True), RELEASED_AND_MARKED),
        (lambda m: restored(m, FILE, replace(NEW, verified=True)), RELEASED_AND_MARKED),
        (lambda m: configured(m, FILE, replicas=1, percent=5), [("'default'\n", "'default'\n        replicas: 1\n")]),
        (
            lambda m: configured(trial(m), FILE, replicas=4, percent=5),
            [
                TRIAL[1],
                ("traffic:   100", "traffic:   95"),
                ("traffic:   10\n", "traffic:   5\n"),
                ("'default'\n", "'default'\n        replicas: 4\n"),
                ("'canary'\n", "'canary'\n        replicas: 4\n"),
            ],
        ),
        (
            lambda m: restored(m, FILE, replace(NEW, metrics={}, run="")),
            [
                ("            slipway.dev/metrics: '{\"accuracy\": 0.97}'   # on the holdout\n", ""),
                ("0123456789" * 4, "f" * 40),
                *RELEASED[2:],
            ],
        ),
    ],
)
def test_edits_of_a_manifest_full_of_hand_work(edit: Edit, replacements: list[tuple[str, str]]) -> None:
    assert edit(HAND_EDITED).decode() == edited(replacements).decode()


# ---- manifests as people may write them


COMMENTS = st.sampled_from(["", "", "  # a 'comment' {with: [signs", " # - name: canary"])
LINES = st.sampled_from(["", "", "\n", "# a line\n", "   # a: line\n\n"])
EXTRAS = st.sampled_from(
    [
        "",
        "svcOrchSpec: {env: [{name: A, value: 'x # y'}]}",
        "labels:\n  text: |\n    # none\n\n    of it",
        "labels:\n  folded: >-\n    one\n    two",
        'hpaSpec:\n  maxReplicas: 4\n  metrics:\n  - {type: Resource, "at": [1, 2]}',
        "x: 'it''s é 😀'",
        "empty:",
    ]
)


def indented(text: str, width: int) -> str:
    return "".join(" " * width + line if line.strip() else line for line in text.splitlines(keepends=True))


@st.composite
def predictors(draw: st.DrawFn) -> str:
    """The default predictor, its fields in any order, with comments between and behind them."""
    quote = draw(st.sampled_from(["", "'", '"']))
    annotations = [f"slipway.dev/key: {quote}{OLD_KEY}{quote}", f"slipway.dev/commit: '{'0' * 40}'"]
    if draw(st.booleans()):
        annotations.append("slipway.dev/metrics: '{\"auc\": 0.5}'")
    if draw(st.booleans()):
        annotations.append(f"slipway.dev/mlflow-run: {quote}{'a' * 32}{quote}")
    if draw(st.booleans()):
        annotations.append('slipway.dev/verified: "true"')
    if draw(st.booleans()):
        annotations.append('seldon.io/no-engine: "true"')
    annotations = draw(st.permutations(annotations))
    if draw(st.booleans()):
        told = "annotations: {" + draw(st.sampled_from([", ", ",", ",\n  "])).join(annotations) + "}"
    else:
        told = "annotations:\n" + "\n".join(
            indented(draw(LINES), 2) + f"  {line}" + draw(COMMENTS) for line in annotations
        )
    fields = [
        f"name: {quote}default{quote}",
        told,
        "traffic: 100",
        "graph: {name: model, children: []}",
        f"componentSpecs:\n- spec:\n    containers:\n    - name: model\n      image: {quote}{OLD_IMAGE}{quote}",
        *(["replicas: 3"] if draw(st.booleans()) else []),
        *filter(None, [draw(EXTRAS)]),
    ]
    return "\n".join(draw(LINES) + line + draw(COMMENTS) for line in draw(st.permutations(fields)))


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    width = draw(st.sampled_from([2, 4, 6]))
    dash = "-" + " " * (width - 1) if draw(st.booleans()) else "-\n"
    item = indented(draw(predictors()), width)
    first_line = item.splitlines()[0]
    inline = first_line.strip() and not first_line.strip().startswith("#") and not dash.endswith("\n")
    item = dash + item.removeprefix(" " * width) if inline else "-\n" + item
    shadow = draw(
        st.sampled_from(["", "- {name: mirror, shadow: true}\n", "# the mirror\n- name: mirror\n  shadow: true\n"])
    )
    items = [item + "\n", shadow]
    text = (
        draw(st.sampled_from(["", "---\n", "# first\n\n---\n"]))
        + "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nspec:\n  predictors:"
        + draw(COMMENTS)
        + "\n"
        + indented("".join(items if draw(st.booleans()) else items[::-1]), draw(st.integers(2, 4)))
        + draw(st.sampled_from(["", "  name: x\n", "# last\n", "\n\n", "...\n"]))
    )
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    if draw(st.booleans()):
        text = "\ufeff" + text
    return text.encode()


def as_json(manifest: bytes, **layout: Any) -> bytes:
    return json.dumps(yaml.load(manifest, Loader=yaml.CSafeLoader), ensure_ascii=False, **layout).encode()


ANY = st.one_of(
    manifests(), manifests().map(as_json), manifests().map(lambda m: as_json(m, indent=2)), st.just(HAND_EDITED)
)
OWNED = ("traffic:", 'traffic":', "slipway.dev/", "image", "replicas")


def others_lines(manifest: bytes) -> list[str]:
    """The lines with nothing of slipway's, but for a comma, brace or comment that an entry's neighbour takes over."""
    lines = manifest.decode().splitlines()
    return [line.split(" #")[0].rstrip(" ,}") for line in lines if not any(name in line for name in OWNED)]


def unowned(manifest: bytes) -> Any:
    """What the manifest says, without a canary and without the fields that slipway owns."""
    document = yaml.load(manifest, Loader=yaml.CSafeLoader)
    kept = [p for p in document["spec"]["predictors"] if p["name"] != "canary"]
    for predictor in kept:
        for name in ("traffic", "replicas"):
            predictor.pop(name, None)
        annotations = predictor.get("annotations", {})
        predictor["annotations"] = {k: v for k, v in annotations.items() if not k.startswith("slipway.dev/")}
        for component in predictor.get("componentSpecs", []):
            for container in component["spec"]["containers"]:
                container.pop("image")
    document["spec"]["predictors"] = kept
    return document


RELEASES = st.sampled_from([NEW, replace(NEW, run=""), replace(NEW, metrics={}), replace(NEW, metrics={}, run="")])


@given(manifest=ANY, release=RELEASES, percent=st.integers(0, 99))
def test_a_trial_leaves_no_trace(manifest: bytes, release: Release, percent: int) -> None:
    before = read(manifest, FILE)
    after = with_canary(manifest, FILE, release, percent=percent)
    canary = replace(release, metrics=ROUNDED.metrics if release.metrics else {})
    assert read(after, FILE) == replace(before, canary=canary, canary_percent=percent)
    assert with_canary(after, FILE, release, percent=percent) == after
    assert without_canary(after, FILE) == manifest
    assert unowned(after) == unowned(manifest)


@given(manifest=ANY, release=RELEASES)
def test_a_promotion_changes_owned_lines_alone(manifest: bytes, release: Release) -> None:
    before = read(manifest, FILE)
    after = restored(manifest, FILE, release)
    assert promoted(with_canary(manifest, FILE, release, percent=10), FILE) == after
    default = replace(release, metrics=ROUNDED.metrics if release.metrics else {})
    assert read(after, FILE) == replace(before, default=default)
    assert restored(after, FILE, release) == after
    assert unowned(after) == unowned(manifest)
    assert others_lines(after) == others_lines(manifest)
    if release is NEW and not before.default.verified:  # nothing is taken away
        assert after.count(b"#") == manifest.count(b"#")


@pytest.mark.parametrize(
    ("annotations", "left"),
    [
        ("{KEY, COMMIT,  # who\n         RUN}", "{KEY, COMMIT,  # who\n         }"),
        ("{KEY,  # what\n         RUN, COMMIT}", "{KEY,  # what\n         COMMIT}"),
        ("{RUN, KEY, COMMIT}", "{KEY, COMMIT}"),
        ("{ KEY , RUN ,COMMIT }", "{ KEY ,COMMIT }"),
    ],
)
def test_an_entry_leaves_its_braces_and_a_comment_stays(annotations: str, left: str) -> None:
    def manifest(template: str) -> bytes:
        told = {"KEY": f"slipway.dev/key: {OLD_KEY}", "COMMIT": f"slipway.dev/commit: {'f' * 40}", "RUN": RUN}
        for name, entry in told.items():
            template = template.replace(name, entry)
        head, rest = HAND_EDITED.decode().split("annotations: #")
        return f"{head}annotations: {template}\n        traffic:{rest.partition('traffic:')[2]}".encode()

    before = manifest(annotations)
    live = read(before, FILE).default
    assert restored(before, FILE, replace(live, run="")).decode() == manifest(left).decode()


@given(manifest=ANY, of_canary=st.booleans())
def test_a_rebuild_changes_an_image_alone(manifest: bytes, *, of_canary: bool) -> None:
    on_trial = trial(manifest)
    before = read(on_trial, FILE)
    key, image = (NEW.key if of_canary else before.default.key), f"other.example/iris@sha256:{'ef' * 32}"
    after = rebuilt(on_trial, FILE, key, image)
    served = (before.default, before.canary or NEW)
    default, canary = (replace(one, image=image) if one.key == key else one for one in served)
    assert read(after, FILE) == replace(before, default=default, canary=canary)
    assert rebuilt(after, FILE, key, image) == after
    assert unowned(after) == unowned(manifest)


@given(manifest=ANY, of_trial=st.booleans())
def test_a_mark_and_its_removal_leave_no_trace(manifest: bytes, *, of_trial: bool) -> None:
    bare = unmarked(trial(manifest) if of_trial else manifest)
    bare = trial(bare) if of_trial else bare
    before = read(bare, FILE)
    marked = verified(bare, FILE)
    assert read(marked, FILE) == replace(before, default=replace(before.default, verified=True))
    assert verified(marked, FILE) == marked
    assert unowned(marked) == unowned(bare)
    assert unmarked(marked) == (without_canary(bare, FILE) if of_trial else bare)


@given(manifest=ANY, release=RELEASES)
def test_another_release_does_not_inherit_the_mark(manifest: bytes, release: Release) -> None:
    marked = verified(manifest, FILE)
    on_trial = with_canary(marked, FILE, replace(release, verified=True), percent=10)
    now = read(on_trial, FILE)
    assert now.default.verified
    assert now.canary
    assert not now.canary.verified
    assert not read(promoted(on_trial, FILE), FILE).default.verified
    assert read(promoted(on_trial, FILE, verified=True), FILE).default.verified
    assert without_canary(on_trial, FILE) == marked


@given(manifest=ANY, replicas=st.integers(0, 9), percent=st.integers(0, 99))
def test_a_configuration_changes_counts_alone(manifest: bytes, replicas: int, percent: int) -> None:
    on_trial = trial(manifest)
    after = configured(on_trial, FILE, replicas=replicas, percent=percent)
    assert read(after, FILE) == replace(read(on_trial, FILE), replicas=replicas, canary_percent=percent)
    assert configured(after, FILE, replicas=replicas, percent=percent) == after
    assert unowned(after) == unowned(manifest)


@given(manifest=ANY)
def test_what_changes_nothing_gives_the_same_bytes(manifest: bytes) -> None:
    now = read(manifest, FILE)
    assert without_canary(manifest, FILE) == manifest
    assert restored(manifest, FILE, now.default) == manifest


@given(data=st.data(), manifest=ANY)
def test_hostile_bytes_give_nothing_but_an_input_error(data: st.DataObject, manifest: bytes) -> None:
    start = data.draw(st.integers(0, len(manifest)))
    patch = data.draw(
        st.binary(max_size=6) | st.sampled_from([b"- ", b"{", b"\n", b": ", b"'", b" #", b"\t", b"\r", b"? "])
    )
    damaged = manifest[:start] + patch + manifest[data.draw(st.integers(start, min(len(manifest), start + 9))) :]
    try:
        before = read(damaged, FILE)
        after = trial(damaged)
    except InputError as error:
        assert str(error).startswith(FILE)  # noqa: PT017  either end is right
        return
    assert read(after, FILE) == replace(before, canary=ROUNDED, canary_percent=10)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"kind: [", "m.yaml:1: the manifest is not YAML"),
        (HAND_EDITED.replace(b"traffic:   100", b"traffic:   60"), "sums to 60"),
        (HAND_EDITED.replace(OLD_IMAGE.encode(), b"iris:v2"), "'iris:v2' is not named by its digest alone"),
        (HAND_EDITED.replace(b"- name: mirror", b"- &it\n      name: mirror"), "an anchor (&it) is not taken"),
    ],
)
@pytest.mark.parametrize(
    "edit",
    [
        trial,
        lambda m: promoted(m, FILE),
        lambda m: verified(m, FILE),
        lambda m: restored(m, FILE, NEW),
        lambda m: without_canary(m, FILE),
        lambda m: configured(m, FILE, replicas=1, percent=1),
        lambda m: rebuilt(m, FILE, OLD_KEY, NEW.image),
    ],
)
def test_a_broken_manifest_is_refused_by_every_edit(edit: Edit, broken: bytes, said: str) -> None:
    with pytest.raises(InputError) as raised:
        edit(broken)
    assert said in str(raised.value)
    assert raised.value.faults[0].line


def test_without_a_trial_there_is_nothing_to_promote() -> None:
    with pytest.raises(InputError, match="no release is on trial"):
        promoted(HAND_EDITED, FILE)


def test_an_edit_that_would_change_a_text_is_refused() -> None:
    """A last line without an end is part of a block of text: a copy behind it would give it one."""
    head, _, tail = HAND_EDITED.decode().partition("                name: model\n")
    ends = f"{head}                name: model\n        note: |\n            text"
    assert tail
    with pytest.raises(InputError, match="without changing what people wrote"):
        trial(ends.encode())
    assert without_canary(trial(f"{ends}\n".encode()), FILE) == f"{ends}\n".encode()


# ---- the first manifest


def test_a_first_manifest_says_what_it_was_given() -> None:
    assert read(first("iris", NEW, replicas=2), FILE) == Serving(
        default=ROUNDED, canary=None, replicas=2, canary_percent=None
    )
    bare = replace(NEW, metrics={}, run="")
    assert read(first("iris", bare, replicas=0), FILE).default == bare
    assert restored(first("iris", bare, replicas=2), FILE, NEW) == first("iris", NEW, replicas=2)


@pytest.mark.parametrize("model", ["iris", "true", "on", "123", "1e3", "credit-fraud_2"])
def test_a_models_name_is_a_text_to_every_reader(model: str) -> None:
    document = yaml.safe_load(first(model, NEW, replicas=1))
    assert document["metadata"]["name"] == document["spec"]["name"] == model
    assert document["metadata"]["labels"] == {
        "app.kubernetes.io/name": model,
        "app.kubernetes.io/managed-by": "slipway",
        "app.kubernetes.io/part-of": "slipway",
    }


def test_every_annotation_is_a_text_to_kubernetes() -> None:
    number_like = Release(key="1" * 64, image=NEW.image, commit="1e" + "2" * 38, metrics={"it's": 1.0}, run="12")
    for manifest in (first("iris", number_like, replicas=1), restored(HAND_EDITED, FILE, number_like)):
        (default, *_) = yaml.safe_load(manifest)["spec"]["predictors"]
        assert all(isinstance(value, str) for value in default["annotations"].values())


def test_a_first_manifest_runs_as_a_restricted_pod() -> None:
    (predictor,) = yaml.safe_load(first("iris", NEW, replicas=1))["spec"]["predictors"]
    (container,) = predictor["componentSpecs"][0]["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["readinessProbe"]["httpGet"] == {"path": "/health/ping", "port": "http"}


def test_a_release_without_a_digest_is_not_written() -> None:
    with pytest.raises(InputError, match="not named by its digest alone"):
        first("iris", replace(NEW, image="iris:v1"), replicas=1)
    with pytest.raises(InputError, match="not named by its digest alone"):
        restored(HAND_EDITED, FILE, replace(NEW, image="iris:v1"))


def test_what_is_written_passes_the_repositorys_lint(tmp_path: Path) -> None:
    manifest = first("iris", NEW, replicas=2)
    (tmp_path / "first.yaml").write_bytes(manifest)
    (tmp_path / "canary.yaml").write_bytes(trial(manifest))
    lint = [sys.executable, "-m", "yamllint", "--strict", "-c", str(ROOT / ".yamllint"), str(tmp_path)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")
