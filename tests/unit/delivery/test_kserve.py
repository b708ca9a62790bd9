"""What KServe serves is read and written as strictly as what Seldon does, with Knative and without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.delivery.test_writer import COMMENTS, LINES, as_json, indented

from slipway.delivery.manifest import Release, Serving, live_key, manifest_path, manifest_paths, read
from slipway.delivery.writer import (
    configured,
    first,
    moved,
    promoted,
    rebuilt,
    restored,
    verified,
    with_canary,
    without_canary,
)
from slipway.errors import InputError
from slipway.spec import DeploymentMode, Platform
from slipway.trial.address import endpoint

ROOT = Path(__file__).parents[3]
FILE = "gitops/models/iris/production/inference-service.yaml"
HAND_EDITED = (ROOT / "tests" / "manifests" / "inference-services.yaml").read_bytes()
ON_TRIAL = (ROOT / "tests" / "manifests" / "inference-service.yaml").read_bytes()
STANDARD, KNATIVE = DeploymentMode.STANDARD, DeploymentMode.KNATIVE
OLD = Release(
    key="3fa9c1d2" * 8,
    image=f"registry.example/iris@sha256:{'ab' * 32}",
    commit="0123456789" * 4,
    metrics={"accuracy": 1.0},
    verified=True,
)
NEW = Release(
    key="91bb04ce" * 8,
    image=f"registry.example/iris@sha256:{'cd' * 32}",
    commit="f" * 40,
    metrics={"log_loss": 0.125},
    run="7be1f0a2b3c4d5e6f708192a3b4c5d6e",
)
BARE = replace(NEW, metrics={}, run="")
Edit = Callable[[bytes], bytes]


def kserve(mode: DeploymentMode, release: Release = OLD, model: str = "iris", environment: str = "production") -> bytes:
    return first(model, release, replicas=2, platform=Platform.KSERVE, mode=mode, environment=environment)


def trial(manifest: bytes, release: Release = NEW, percent: int = 10) -> bytes:
    return with_canary(manifest, FILE, release, percent=percent)


def ended(manifest: bytes) -> bytes:
    return without_canary(manifest, FILE)


def test_every_platform_has_its_file() -> None:
    kserve_path = manifest_path("iris", "staging", Platform.KSERVE)
    assert str(kserve_path) == "gitops/models/iris/staging/inference-service.yaml"
    assert manifest_paths("iris", "staging") == (manifest_path("iris", "staging"), kserve_path)


# ---- edits of hand work


STANDARD_TRIAL = [
    (
        '                - {name: proxy, image: "registry.example/proxy:v3"}\n',
        """\
                - {name: proxy, image: "registry.example/proxy:v3"}
    -
        apiVersion: serving.kserve.io/v1beta1
        kind: InferenceService
        metadata:
            labels: {"team": flowers}
            name: 'iris-canary'
            annotations:
                slipway.dev/commit: 'ffffffffffffffffffffffffffffffffffffffff'
                serving.kserve.io/deploymentMode: RawDeployment
                slipway.dev/key: "91bb04ce91bb04ce91bb04ce91bb04ce91bb04ce91bb04ce91bb04ce91bb04ce"
        spec:
            predictor:
                serviceAccountName: irises
                containers:
                - image: "registry.example/iris@sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
                  name: kserve-container
                  env: [{name: PREDICTOR_ID, value: "canary"}, {name: LOG, value: 'x # y'}]
                  resources:
                      limits: {memory: 1Gi,  cpu: '2'}
                - {name: proxy, image: "registry.example/proxy:v3"}
""",
    ),
    (
        "{name: iris-predictor, port: 80,   weight: 100}",
        "{name: iris-predictor, port: 80,   weight: 90}, {name: iris-canary-predictor, port: 80,   weight: 10}",
    ),
]
STANDARD_NEW = [("0123456789" * 4, "f" * 40), (OLD.key, f'"{NEW.key}"'), ("ab" * 32, "cd" * 32)]
COUNTED = [('"registry.example/proxy:v3"}\n', '"registry.example/proxy:v3"}\n                minReplicas: 4\n')]


@pytest.mark.parametrize(
    ("edit", "replacements"),
    [
        (lambda m: trial(m, BARE), STANDARD_TRIAL),
        (lambda m: trial(trial(m, NEW, percent=70), BARE), STANDARD_TRIAL),
        (lambda m: ended(trial(m)), []),
        (lambda m: promoted(trial(m, BARE), FILE), STANDARD_NEW),
        (lambda m: restored(m, FILE, BARE), STANDARD_NEW),
        (lambda m: rebuilt(trial(m, BARE), FILE, OLD.key, NEW.image), [*STANDARD_TRIAL, STANDARD_NEW[2]]),
        (lambda m: configured(m, FILE, replicas=4, percent=5), COUNTED),
        (lambda m: configured(m, FILE, replicas=1, percent=5), [(COUNTED[0][0], COUNTED[0][1].replace("4", "1"))]),
    ],
)
def test_edits_of_two_services_full_of_hand_work(edit: Edit, replacements: list[tuple[str, str]]) -> None:
    expected = HAND_EDITED.decode()
    for before, after in replacements:
        assert expected.count(before) == 1
        expected = expected.replace(before, after)
    assert edit(HAND_EDITED).decode() == expected


RECORD = ON_TRIAL.decode().partition('    "slipway.dev/default": ')[2].partition("}\nspec")[0]
AT_ONCE = [
    (f',\n    "slipway.dev/default": {RECORD}', ""),
    ("    canaryTrafficPercent: 20   # slipway's\n", ""),
    ("value: canary", "value: default"),
]


@pytest.mark.parametrize(
    ("edit", "replacements"),
    [
        (lambda m: trial(m, BARE, percent=20), []),
        (lambda m: configured(m, FILE, replicas=3, percent=5), [("Percent: 20 ", "Percent: 5 ")]),
        (lambda m: configured(m, FILE, replicas=4, percent=20), [("minReplicas: 3", "minReplicas: 4")]),
        (lambda m: rebuilt(m, FILE, NEW.key, OLD.image.replace("ab", "ef")), [("cd" * 32, "ef" * 32)]),
        (lambda m: promoted(m, FILE), AT_ONCE),
        (
            ended,
            [
                (f'"{NEW.key}"', f'"{OLD.key}"'),
                (f'"{"f" * 40}",', f'"{OLD.commit}", "slipway.dev/metrics": "{{\\"accuracy\\":1.0}}", {{MARK}},'),
                ("Percent: 20 ", "Percent: 0 "),
                ("cd" * 32, "ab" * 32),
                ("value: canary", "value: default"),
            ],
        ),
    ],
)
def test_edits_of_a_service_with_knative_full_of_hand_work(edit: Edit, replacements: list[tuple[str, str]]) -> None:
    expected = ON_TRIAL.decode()
    for before, after in replacements:
        assert expected.count(before) == 1
        expected = expected.replace(before, after.replace("{MARK}", '"slipway.dev/verified": "true"'))
    assert edit(ON_TRIAL).decode() == expected


# ---- manifests as people may write them


@st.composite
def services(draw: st.DrawFn, mode: str) -> str:
    """An `InferenceService`, its fields in any order, with comments between and behind them."""
    quote = draw(st.sampled_from(["", "'", '"']))
    annotations = [f"slipway.dev/key: {quote}{OLD.key}{quote}", f"slipway.dev/commit: '{OLD.commit}'"]
    annotations += ["slipway.dev/metrics: '{\"auc\": 0.5}'"] if draw(st.booleans()) else []
    annotations += ['slipway.dev/verified: "true"'] if draw(st.booleans()) else []
    annotations = draw(st.permutations([*annotations, f"serving.kserve.io/deploymentMode: {mode}"]))
    if draw(st.booleans()):
        told = "  annotations: {" + ", ".join(annotations) + "}"
    else:
        told = "  annotations:\n" + "\n".join(f"    {line}" + draw(COMMENTS) for line in annotations)
    metadata = draw(st.permutations([f"  name: {quote}iris{quote}", told]))
    env = draw(st.sampled_from(["", ", env: [{name: PREDICTOR_ID, value: default}]"]))
    predictor = [
        f"containers:\n- {{name: kserve-container, image: {quote}{OLD.image}{quote}{env}}}",
        *(["minReplicas: 3"] if draw(st.booleans()) else []),
        *(["tolerations: [{key: 'a # b'}]"] if draw(st.booleans()) else []),
    ]
    lines = [draw(LINES) + line + draw(COMMENTS) for line in draw(st.permutations(predictor))]
    fields = [
        "apiVersion: serving.kserve.io/v1beta1",
        "kind: InferenceService",
        "metadata:\n" + "\n".join(metadata),
        "spec:\n  predictor:\n" + indented("\n".join(lines), 4),
    ]
    return "\n".join(draw(LINES) + line for line in draw(st.permutations(fields))) + "\n"


@st.composite
def lists(draw: st.DrawFn) -> str:
    """Two objects, in any order."""
    weight = draw(st.permutations(["name: iris-predictor", "port: 80", "weight: 100"]))
    if draw(st.booleans()):
        backends = "backendRefs: [{" + ", ".join(weight) + "}]"
    else:
        backends = "backendRefs:\n  - " + "\n    ".join(line + draw(COMMENTS) for line in weight)
    route = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  rules:\n  - "
        + indented(backends, 4).lstrip()
        + "\n"
    )
    items = draw(st.permutations([draw(services("Standard")), route]))
    text = "".join("-\n" + indented(item, 2) for item in items)
    return "apiVersion: v1\nkind: List\nitems:\n" + indented(text, draw(st.integers(0, 3)))


def written(texts: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    @st.composite
    def drawn(draw: st.DrawFn) -> bytes:
        text = draw(texts) + draw(st.sampled_from(["", "# last\n"]))
        text = text.replace("\n", "\r\n") if draw(st.booleans()) else text
        content = ("\ufeff" + text if draw(st.booleans()) else text).encode()
        return draw(st.sampled_from([content, as_json(content), as_json(content, indent=2)]))

    return drawn()


STANDARDS = st.one_of(written(lists()), st.just(HAND_EDITED), st.just(kserve(STANDARD)))
KNATIVES = st.one_of(written(services("Knative")), st.just(kserve(KNATIVE)))
ANY = STANDARDS | KNATIVES
RELEASES = st.sampled_from([NEW, replace(NEW, run=""), replace(NEW, metrics={}), BARE])
FEW = settings(max_examples=25)
"""Each example is several edits, and each edit several readings; their kinds are few."""
OWNED = {"weight", "minReplicas", "canaryTrafficPercent"}


def unowned(manifest: bytes) -> Any:
    """What the manifest says, without a canary and without the fields that slipway owns."""
    return _unowned(yaml.load(manifest, Loader=yaml.CSafeLoader))


def _unowned(part: Any) -> Any:
    match part:
        case dict():
            kept = {k: v for k, v in part.items() if k not in OWNED and not k.startswith("slipway.dev/")}
            kept = {k: v for k, v in kept.items() if k != "image" or "iris@" not in v}
            if part.get("name") == "PREDICTOR_ID":
                kept.pop("value")
            return {k: _unowned(v) for k, v in kept.items()}
        case list():
            return [_unowned(item) for item in part if not _is_canary(item)]
    return part


def _is_canary(item: Any) -> bool:
    names = (item.get("name"), item.get("metadata", {}).get("name")) if isinstance(item, dict) else ()
    return "iris-canary-predictor" in names or "iris-canary" in names


@FEW
@given(manifest=ANY, release=RELEASES, percent=st.integers(0, 99))
def test_a_trial_is_what_it_says_and_nothing_else(manifest: bytes, release: Release, percent: int) -> None:
    before = read(manifest, FILE)
    after = trial(manifest, replace(release, verified=True), percent)
    assert read(after, FILE) == replace(before, canary=release, canary_percent=percent)
    assert live_key(after, FILE) == before.default.key
    assert trial(after, release, percent) == after
    assert read(ended(after), FILE) == before
    assert unowned(after) == unowned(manifest)


@FEW
@given(manifest=STANDARDS, release=RELEASES, percent=st.integers(0, 99))
def test_a_trial_of_a_second_service_leaves_no_trace(manifest: bytes, release: Release, percent: int) -> None:
    assert ended(trial(manifest, release, percent)) == manifest


@FEW
@given(manifest=KNATIVES, release=RELEASES, percent=st.integers(0, 99))
def test_a_trial_that_ends_with_knative_keeps_the_traffic_where_it_was(
    manifest: bytes, release: Release, percent: int
) -> None:
    """Without `canaryTrafficPercent: 0` it would go to the newest revision that is ready: the canary's."""
    after = ended(trial(manifest, release, percent))
    assert yaml.load(after, Loader=yaml.CSafeLoader)["spec"]["predictor"]["canaryTrafficPercent"] == 0
    assert ended(after) == after
    assert restored(after, FILE, read(after, FILE).default) == after
    assert restored(trial(manifest, release, percent), FILE, read(manifest, FILE).default) == after
    assert ended(trial(after, release, percent)) == after
    assert trial(after, release, percent) == trial(manifest, release, percent)
    new_image = f"registry.example/iris@sha256:{'ef' * 32}"
    edits: list[Edit] = [
        lambda m: restored(m, FILE, release),
        lambda m: rebuilt(m, FILE, OLD.key, new_image),
        lambda m: configured(m, FILE, replicas=9, percent=1),
    ]
    for edit in edits:
        assert read(edit(after), FILE) == read(edit(manifest), FILE)
        document = yaml.load(edit(after), Loader=yaml.CSafeLoader)
        assert "canaryTrafficPercent" not in document["spec"]["predictor"]
        assert "slipway.dev/default" not in document["metadata"]["annotations"]


@FEW
@given(manifest=ANY, release=RELEASES)
def test_a_promotion_is_what_a_release_at_once_is(manifest: bytes, release: Release) -> None:
    before = read(manifest, FILE)
    after = restored(manifest, FILE, release)
    assert promoted(trial(manifest, release), FILE) == after
    marked = promoted(trial(manifest, release), FILE, verified=True)
    assert read(marked, FILE) == read(verified(after, FILE), FILE)
    assert read(after, FILE) == replace(before, default=release)
    assert restored(after, FILE, release) == after
    assert unowned(after) == unowned(manifest)


@FEW
@given(manifest=ANY, stage=st.integers(0, 2))
def test_a_mark_belongs_to_the_default_and_leaves_no_trace(manifest: bytes, stage: int) -> None:
    bare = restored(manifest, FILE, replace(read(manifest, FILE).default, verified=False))
    bare = [bare, trial(bare), ended(trial(bare))][stage]
    before = read(bare, FILE)
    marked = verified(bare, FILE)
    assert read(marked, FILE) == replace(before, default=replace(before.default, verified=True))
    assert verified(marked, FILE) == marked
    assert unowned(marked) == unowned(bare)
    unmarked = restored(marked, FILE, before.default)
    assert unmarked == (ended(bare) if stage == 1 else bare)


@FEW
@given(manifest=ANY, replicas=st.integers(0, 9), percent=st.integers(0, 99))
def test_a_configuration_changes_counts_alone(manifest: bytes, replicas: int, percent: int) -> None:
    on_trial = trial(manifest)
    after = configured(on_trial, FILE, replicas=replicas, percent=percent)
    assert read(after, FILE) == replace(read(on_trial, FILE), replicas=replicas, canary_percent=percent)
    assert configured(after, FILE, replicas=replicas, percent=percent) == after
    assert unowned(after) == unowned(manifest)
    alone = read(configured(manifest, FILE, replicas=replicas, percent=percent), FILE)
    assert alone == replace(read(manifest, FILE), replicas=replicas)


@FEW
@given(manifest=ANY)
def test_what_changes_nothing_gives_the_same_bytes(manifest: bytes) -> None:
    now = read(manifest, FILE)
    assert ended(manifest) == manifest
    assert restored(manifest, FILE, now.default) == manifest
    assert rebuilt(manifest, FILE, NEW.key, NEW.image) == manifest
    assert moved(manifest, FILE, "iris", platform=Platform.KSERVE, mode=now.mode) == manifest


def test_the_default_of_a_trial_with_knative_gets_no_other_image() -> None:
    with pytest.raises(InputError, match="KServe runs no new image of the default till it is over"):
        rebuilt(ON_TRIAL, FILE, OLD.key, NEW.image)


@FEW
@given(data=st.data(), manifest=ANY)
def test_hostile_bytes_give_nothing_but_an_input_error(data: st.DataObject, manifest: bytes) -> None:
    content = trial(manifest) if data.draw(st.booleans()) else manifest
    start = data.draw(st.integers(0, len(content)))
    patch = data.draw(st.binary(max_size=6) | st.sampled_from([b"- ", b"{", b"\n", b": ", b"'", b" #", b"? ", b"9"]))
    damaged = content[:start] + patch + content[data.draw(st.integers(start, min(len(content), start + 9))) :]
    with suppress(InputError):
        live_key(damaged, FILE)
    with suppress(InputError):
        before = read(damaged, FILE)
        assert "@sha256:" in before.default.image
        assert read(trial(damaged), FILE) == replace(before, canary=NEW, canary_percent=10)


# ---- strictness


def test_what_is_live_and_on_trial_is_read() -> None:
    assert read(ON_TRIAL, FILE) == Serving(
        default=OLD, canary=BARE, replicas=3, canary_percent=20, platform=Platform.KSERVE, mode=KNATIVE
    )
    standard = read(trial(HAND_EDITED, BARE), FILE)
    default = replace(OLD, metrics={}, verified=False)
    assert standard == Serving(
        default=default, canary=BARE, replicas=1, canary_percent=10, platform=Platform.KSERVE, mode=STANDARD
    )
    assert standard.is_on(Platform.KSERVE, STANDARD)
    assert not standard.is_on(Platform.KSERVE, KNATIVE)
    assert not standard.is_on(Platform.SELDON, STANDARD)


TWO = trial(HAND_EDITED, BARE).decode()


@pytest.mark.parametrize(
    ("manifest", "before", "after", "said"),
    [
        (TWO, "kind:   List", "kind: Pod", "kind must be SeldonDeployment or InferenceService or List"),
        (TWO, "apiVersion: v1\nkind:", "apiVersion: v2\nkind:", "apiVersion must be v1"),
        (TWO, "weight: 90", "weight: 80", "the traffic of default and canary sums to 90, not to 100"),
        (TWO, "weight: 90", 'weight: "90"', "weight must be a whole number"),
        (TWO, "weight: 90", "port: 90", "stands there twice"),
        (TWO, ",   weight: 90", "", "weight is missing"),
        (TWO, "'iris-canary'", "'iris-mirror'", "slipway keeps iris and iris-canary alone"),
        (TWO, "name: 'iris'", "name: 'violet'", "slipway keeps violet and violet-canary alone"),
        (TWO, "{name: docs,", "{name: iris-predictor,", "more than one rule of an HTTPRoute sends traffic to iris-pre"),
        (TWO, "{name: iris-predictor,", "{name: violets,", "no rule of an HTTPRoute sends traffic to iris-predictor"),
        (TWO, "{name: iris-canary-predictor,", "{name: violets,", "traffic to iris-predictor and iris-canary-pred"),
        (TWO, "{name: iris-canary-predictor,", "{name: iris-predictor,", "the rule sends to iris-predictor twice"),
        (
            TWO,
            "weight: 90}, {name: iris-canary-predictor, port: 80,   weight: 10}",
            "weight: 100}",
            "has not the canary",
        ),
        (TWO, "gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v0", "apiVersion must be gateway.net"),
        (TWO, "serving.kserve.io/v1beta1", "serving.kserve.io/v1", "apiVersion must be serving.kserve.io/v1beta1"),
        (TWO, "RawDeployment", "Knative", "deploymentMode must be Standard or RawDeployment"),
        (TWO, 'value: "canary"', 'value: "default"', "the metrics of this container are those of the canary"),
        (TWO, "name: kserve-container", "name: server", "no container is named kserve-container"),
        (TWO, "{name: proxy,", "{name: kserve-container,", "more than one container is named kserve-container"),
        (TWO, "ab" * 32, "ab", "is not named by its digest alone"),
        (TWO, "InferenceService", "Pod", "there is no InferenceService"),
        (ON_TRIAL, '"Serverless"', '"Standard"', "deploymentMode must be Knative or Serverless"),
        (ON_TRIAL, "Percent: 20", "Percent: 100", "canaryTrafficPercent is 100, and the document says that a release"),
        (ON_TRIAL, "Percent: 20", "Percent: -1", "canaryTrafficPercent must be a whole number"),
        (ON_TRIAL, "canaryTrafficPercent: 20", "timeout: 1", "canaryTrafficPercent is missing"),
        (ON_TRIAL, "slipway.dev/default", "ours/default", "no annotation slipway.dev/default says what the other part"),
        (ON_TRIAL, "value: canary", "value: default", "the metrics of this container are those of the canary"),
        (ON_TRIAL, '"verified": true', '"verified": "true"', "slipway.dev/default is not what slipway wrote"),
        (ON_TRIAL, '"verified": true', '"more": true', "slipway.dev/default is not what slipway wrote"),
        (ON_TRIAL, '"accuracy": 1', '"accuracy": NaN', "slipway.dev/default is not what slipway wrote"),
        (ON_TRIAL, '"key": "3fa9', '"key": "3FA9', "slipway.dev/default is not what slipway wrote"),
        (ON_TRIAL, f"iris@sha256:{'ab' * 32}", "iris:v1", "slipway.dev/default is not what slipway wrote"),
        (ON_TRIAL, RECORD, "'[]'", "slipway.dev/default is not what slipway wrote"),
        (ON_TRIAL, RECORD, "'{'", "slipway.dev/default is not what slipway wrote"),
        (ON_TRIAL, RECORD, "[]", "slipway.dev/default must be one value"),
        (ended(ON_TRIAL), "Percent: 0", "Percent: 20", "is 20, and the document says that nothing is on trial"),
    ],
)
def test_a_manifest_that_leaves_a_doubt_is_refused(manifest: bytes | str, before: str, after: str, said: str) -> None:
    text = manifest if isinstance(manifest, str) else manifest.decode()
    assert before in text
    with pytest.raises(InputError) as raised:
        read(text.replace(before, after).encode(), "m.yaml")
    assert said in str(raised.value)
    assert raised.value.faults[0].line
    assert raised.value.faults[0].hint


@pytest.mark.parametrize("manifest", [HAND_EDITED.decode(), TWO, ON_TRIAL.decode()])
def test_a_champion_is_found_where_the_rest_is_in_doubt(manifest: str) -> None:
    in_doubt = manifest.replace("weight: ", "weight: 1").replace("canaryTrafficPercent: ", "canaryTrafficPercent: 9")
    assert live_key(in_doubt.encode(), FILE) == OLD.key
    with pytest.raises(InputError, match="carries no key"):
        live_key(manifest.replace("3fa9c1d2", "").encode(), FILE)


# ---- the first manifest, and the way from one platform to another


@pytest.mark.parametrize("mode", DeploymentMode)
def test_a_first_manifest_says_what_it_was_given(mode: DeploymentMode) -> None:
    live = Serving(default=NEW, canary=None, replicas=2, canary_percent=None, platform=Platform.KSERVE, mode=mode)
    assert read(kserve(mode, NEW), FILE) == live
    assert restored(kserve(mode, BARE), FILE, NEW) == kserve(mode, NEW)


def served(manifest: bytes) -> list[dict[str, Any]]:
    document = yaml.safe_load(manifest)
    return [one for one in document.get("items", [document]) if one["kind"] == "InferenceService"]


@pytest.mark.parametrize("mode", DeploymentMode)
def test_a_first_manifest_runs_as_a_restricted_pod(mode: DeploymentMode) -> None:
    (service,) = served(kserve(mode))
    (container,) = service["spec"]["predictor"]["containers"]
    seldon = yaml.safe_load(first("iris", OLD, replicas=2))["spec"]["predictors"][0]["componentSpecs"][0]["spec"]
    for field in ("securityContext", "resources", "volumeMounts"):
        assert container[field] == seldon["containers"][0][field]
    assert service["spec"]["predictor"]["volumes"] == seldon["volumes"]
    assert container["name"] == "kserve-container"
    assert container["ports"][0] == {"name": "http1", "containerPort": 9000, "protocol": "TCP"}
    assert len(container["ports"]) == 1 or mode is STANDARD, "Knative takes one port"
    assert {probe: container[probe]["httpGet"]["port"] for probe in container if probe.endswith("Probe")} == {
        "startupProbe": 9000,
        "readinessProbe": 9000,
        "livenessProbe": 9000,
    }


@pytest.mark.parametrize("mode", DeploymentMode)
@pytest.mark.parametrize("model", ["iris", "true", "on", "y"])
def test_names_are_texts_and_the_metrics_carry_them(mode: DeploymentMode, model: str) -> None:
    for manifest, names in (
        (kserve(mode, model=model), [(model, "default")]),
        (trial(kserve(mode, model=model)), [(model, "default"), (f"{model}-canary", "canary")]),
    ):
        found = []
        for service in served(manifest):
            env = {one["name"]: one["value"] for one in service["spec"]["predictor"]["containers"][0]["env"]}
            assert env["SELDON_DEPLOYMENT_ID"] == model
            found.append((service["metadata"]["name"], env["PREDICTOR_ID"]))
        assert found == (names if mode is STANDARD else [(model, names[-1][1])])


def test_the_route_is_the_address_in_its_environment_and_splits_the_traffic() -> None:
    document = yaml.safe_load(trial(kserve(STANDARD), percent=25))
    route = document["items"][-1]
    (rule,) = route["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/models/production/iris"}}]
    assert [(one["name"], one["port"], one["weight"]) for one in rule["backendRefs"]] == [
        ("iris-predictor", 80, 75),
        ("iris-canary-predictor", 80, 25),
    ]
    assert route["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "1"}, "after the canary is there"


@pytest.mark.parametrize("mode", DeploymentMode)
@pytest.mark.parametrize("model", ["credit_fraud", "7up", "Iris", "iris-", "a" * 47])
def test_a_name_that_kserve_does_not_take_is_said_at_once(mode: DeploymentMode, model: str) -> None:
    with pytest.raises(InputError, match="KServe serves no model named"):
        kserve(mode, model=model)


@pytest.mark.parametrize("mode", DeploymentMode)
def test_a_release_without_a_digest_is_not_written(mode: DeploymentMode) -> None:
    with pytest.raises(InputError, match="not named by its digest alone"):
        kserve(mode, replace(OLD, image="iris:v1"))


@pytest.mark.parametrize("mode", DeploymentMode)
def test_a_release_moves_to_another_platform_and_back(mode: DeploymentMode) -> None:
    seldon = first("iris", OLD, replicas=3)
    there = moved(seldon, FILE, "iris", platform=Platform.KSERVE, mode=mode, environment="production")
    unverified = replace(OLD, verified=False)
    assert there == first("iris", unverified, replicas=3, platform=Platform.KSERVE, mode=mode, environment="production")
    assert moved(there, FILE, "iris", platform=Platform.SELDON, mode=mode) == first("iris", unverified, replicas=3)
    assert moved(seldon, FILE, "iris", platform=Platform.SELDON, mode=mode) == seldon
    for on_trial in (trial(seldon), trial(there)):
        target = (
            Platform.SELDON if on_trial is not trial(seldon) and b"InferenceService" in on_trial else Platform.KSERVE
        )
        with pytest.raises(InputError, match="a release is on trial: its platform stays till then"):
            moved(on_trial, FILE, "iris", platform=target, mode=mode)


def test_what_is_written_passes_the_repositorys_lint(tmp_path: Path) -> None:
    folder = tmp_path / "gitops" / "models" / "iris"
    folder.mkdir(parents=True)
    for mode in DeploymentMode:
        (folder / f"{mode}-first.yaml").write_bytes(kserve(mode, NEW))
        (folder / f"{mode}-canary.yaml").write_bytes(trial(kserve(mode)))
        (folder / f"{mode}-after.yaml").write_bytes(ended(trial(kserve(mode))))
    (tmp_path / ".gitignore").touch()
    lint = [sys.executable, "-m", "yamllint", "--strict", "-c", str(ROOT / ".yamllint"), "gitops"]
    done = subprocess.run(lint, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_canary_with_knative_has_the_address_by_which_it_is_verified() -> None:
    assert b'serving.kserve.io/enable-tag-routing: "true"\n' in kserve(DeploymentMode.KNATIVE)
    names = {"model": "iris", "predictor": "canary", "namespace": "models-staging", "environment": "staging"}
    found = endpoint("", Platform.KSERVE, DeploymentMode.KNATIVE, names, has_canary=True)
    assert found == "http://latest-iris-predictor.models-staging"
