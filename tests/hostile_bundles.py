"""A real bundle, and what somebody who wishes us ill would hand on in its place.

`ARCHIVES` turns an archive's honest files into a hostile archive's bytes, `DOCUMENTS` an honest `bundle.json` (as a
dictionary) into a dishonest one, `MODELS` an honest `model.onnx` into something else. Each says what is answered.
"""

from __future__ import annotations

import copy
import io
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from slipway.adapters.git import Git
from slipway.adapters.store import open_store
from slipway.bundle.document import Bundle, Plan
from slipway.report import ReportInput
from slipway.report.review import ModelReview
from slipway.results import Check, Leakage, Severity, StageTime, Validation
from slipway.screen import Screen
from slipway.settings import Settings
from slipway.trained import Trained
from slipway.workspace import Workspace
from tests.conftest import MODEL_TOML, SOURCE, toy_csv

HEAD = "5e" * 20
NUMBER = 7
_REGRESSION = MODEL_TOML.replace('"classification"', '"regression"').replace("log_loss", "rmse")


@dataclass(frozen=True, kw_only=True)
class Honest:
    """What a real run of a pull request hands on."""

    report: ReportInput
    trained: Trained

    @property
    def bundle(self) -> Bundle:
        return Bundle.of(ModelReview(model="toy", report=self.report), pull_request=NUMBER, head=HEAD)

    @property
    def plan(self) -> Plan:
        return Plan(pull_request=NUMBER, head=HEAD, models=("toy",))

    @property
    def bundle_files(self) -> Mapping[str, bytes]:
        return {"bundle.json": self.bundle.to_json()}

    @property
    def challenger_files(self) -> Mapping[str, bytes]:
        return {"model.onnx": self.trained.onnx, "model.json": self.trained.card.to_json()}


def review(root: Path, *, regression: bool = False) -> Honest:
    """Train and judge the model `toy`, as a pull request does that adds it; but for its expectations."""
    from slipway.stages import compare, tune
    from slipway.training.search import InProcess

    workspace = _workspace(root, _REGRESSION if regression else MODEL_TOML)
    data = workspace.settings.repo / "data" / "toy" / "train.csv"
    text = toy_csv()
    data.write_text(text.replace("yes", "9.5").replace("no", "3.25") if regression else text)
    model = workspace.model("toy")
    tuned = tune.run(workspace, model, InProcess())
    trained = Trained(card=tuned.card, onnx=tuned.onnx)
    comparison, _ = compare.run(workspace, model, trained, base=None)
    report = ReportInput(
        model="toy",
        key=model.key,
        commit=HEAD,
        base=None,
        validation=_validation(model.key, tuned.card.training_rows, tuned.card.holdout_rows),
        card=tuned.card,
        trials=tuned.trials,
        comparison=comparison,
        times=(StageTime(stage="validate", seconds=1.5), StageTime(stage="tune", seconds=tuned.seconds)),
        spec=model.spec,
        data_digest=model.inputs.data,
    )
    return Honest(report=report, trained=trained)


def _workspace(root: Path, toml: str) -> Workspace:
    """A folder without a history: nothing is live, nothing is compared with."""
    folder = root / "data" / "toy"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(toml)
    (folder / "train.csv").write_text(toy_csv())
    for name in ("pyproject.toml", "uv.lock", ".python-version"):
        shutil.copy(SOURCE / name, root)
    training = "src/slipway/training"
    shutil.copytree(SOURCE / training, root / training, ignore=shutil.ignore_patterns("__pycache__"))
    return Workspace(
        settings=Settings(repo=root, store=str(root / "store"), tracking_uri=""),
        git=Git(root=root),
        store=open_store(str(root / "store")),
        screen=Screen(console=Console(stderr=True), quiet=True),
        now=lambda: datetime(2026, 1, 31, 12, tzinfo=UTC),
        clock=time.monotonic,
    )


def _validation(key: str, training: int, holdout: int) -> Validation:
    check = Check(type="expect_column_to_exist", column="width", severity=Severity.CRITICAL, passed=True,
                  expected="the column is there", observed="so it is")  # fmt: skip
    return Validation(
        model="toy", key=key, data_file="data/toy/train.csv", rows=training + holdout, training_rows=training,
        holdout_rows=holdout, columns=4, ignored={"label": "the target"}, checks=(check,), change=None, seconds=0.5,
        leakage=Leakage(duplicates=0, share=0.0, severity=Severity.INFO),
    )  # fmt: skip


# ---- archives

Files = Mapping[str, bytes]


def archive(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An honest archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method, compresslevel=1) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return stream.getvalue()


def _with(files: Files, name: str, content: bytes = b"x") -> bytes:
    return archive({**files, name: content})


def _named(files: Files, name: str) -> bytes:
    """The same files, of which the first has another name."""
    first, *rest = files
    return archive({name: files[first], **{other: files[other] for other in rest}})


def _entry(files: Files, change: Callable[[zipfile.ZipInfo], None], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as opened:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            change(info)
            opened.writestr(info, content)
    return stream.getvalue()


def _mode(mode: int) -> Callable[[zipfile.ZipInfo], None]:
    def change(info: zipfile.ZipInfo) -> None:
        info.create_system, info.external_attr = 3, mode << 16

    return change


def _twice(files: Files) -> bytes:
    """The second of them would win."""
    first = next(iter(files))
    place = first[:-1] + "#"
    return archive({**files, place: b"{}"}).replace(place.encode(), first.encode())


_CENTRAL = b"PK\x01\x02"


def _patched(files: Files, offset: int, form: str, *values: int) -> bytes:
    """An archive whose first entry in the table of contents says something else at an offset."""
    content = bytearray(archive(files))
    struct.pack_into(form, content, content.index(_CENTRAL) + offset, *values)
    return bytes(content)


def _encrypted(files: Files) -> bytes:
    return _patched(files, 8, "<H", 0x0801)


def _zip64_lie(files: Files) -> bytes:
    """It claims sixteen exbibytes in a field that only large archives have."""
    first = next(iter(files))
    stream = io.BytesIO(archive({first: files[first]}))
    with zipfile.ZipFile(stream) as opened:
        info = opened.infolist()[0]
        start = opened.start_dir
    extra = struct.pack("<HHQQ", 1, 16, 2**64 - 1, 2**64 - 1)
    head = bytearray(stream.getvalue()[start : start + 46])
    struct.pack_into("<LL", head, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", head, 30, len(extra))
    table = bytes(head) + info.filename.encode() + extra
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(table), start, 0)
    return stream.getvalue()[:start] + table + end


def _long_table(files: Files) -> bytes:
    """Its end says that the table of contents is as long as all that stands before it."""
    content = archive({**files, "padding": b""}, zipfile.ZIP_STORED)
    body = b"\0" * 2**20 + content[:-22]
    return body + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(body), 0, 0)


def _many(files: Files) -> bytes:
    """A table of contents that names the same file again and again, as fast as it can be made."""
    content = archive(files)
    start, end = content.index(_CENTRAL), content.rindex(b"PK\x05\x06")
    table = content[start:end] * 200_000
    return content[:start] + table + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(table), start, 0)


def deflated(name: str, stream: bytes, size: int) -> bytes:
    """An archive of one file with this compressed stream, which is said to have this size."""
    content = bytearray(archive({name: stream}, zipfile.ZIP_STORED))
    table = content.rindex(_CENTRAL)
    struct.pack_into("<H", content, 8, zipfile.ZIP_DEFLATED)
    struct.pack_into("<H", content, table + 10, zipfile.ZIP_DEFLATED)
    struct.pack_into("<L", content, table + 24, size)
    return bytes(content)


def zeros(size: int) -> bytes:
    """A compressed stream of so many of them, made of equal pieces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (size // 2**20) + packer.flush()


def bomb(name: str, size: int) -> bytes:
    """One file of nothing but zeros."""
    return deflated(name, zeros(size), size)


def _lying_bomb(files: Files) -> bytes:
    """It says that it has ten bytes."""
    return deflated(next(iter(files)), zeros(2**28), 10)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What is done to honest bytes, and a pattern of what is said of the result."""

    make: Callable[[Any], Any]
    says: str


UNKNOWN = "a file that no bundle has"
ARCHIVES: Mapping[str, Attack] = {
    "climbs": Attack(make=lambda files: _with(files, "../../.git/hooks/post-checkout"), says=UNKNOWN),
    "climbs-to-a-known-name": Attack(make=lambda files: _named(files, "../" + next(iter(files))), says=UNKNOWN),
    "absolute": Attack(make=lambda files: _with(files, "/etc/passwd"), says=UNKNOWN),
    "backslashes": Attack(make=lambda files: _with(files, "..\\..\\x"), says=UNKNOWN),
    "drive": Attack(make=lambda files: _with(files, "C:\\x"), says=UNKNOWN),
    "dot": Attack(make=lambda files: _named(files, "./" + next(iter(files))), says=UNKNOWN),
    "folder": Attack(make=lambda files: _with(files, "folder/"), says=UNKNOWN),
    "other-case": Attack(make=lambda files: _named(files, next(iter(files)).upper()), says=UNKNOWN),
    "control-characters": Attack(make=lambda files: _with(files, "\x1b[31m\r\n::set-output"), says="not repeated here"),
    "markdown": Attack(make=lambda files: _with(files, "@all <img src=x> `"), says="not repeated here"),
    "long-name": Attack(make=lambda files: _with(files, "x" * 60_000), says="not repeated here"),
    "cut-name": Attack(make=lambda files: _named(files, next(iter(files)) + "#x").replace(b"#x", b"\0x"), says=UNKNOWN),
    "twice": Attack(make=_twice, says="twice"),
    "link": Attack(make=lambda files: _entry(files, _mode(0o120777)), says="no regular file"),
    "pipe": Attack(make=lambda files: _entry(files, _mode(0o010644)), says="no regular file"),
    "device": Attack(make=lambda files: _entry(files, _mode(0o060644)), says="no regular file"),
    "encrypted": Attack(make=_encrypted, says="encrypted"),
    "bzip2": Attack(make=lambda files: archive(files, zipfile.ZIP_BZIP2), says="compressed in a way"),
    "lzma": Attack(make=lambda files: archive(files, zipfile.ZIP_LZMA), says="compressed in a way"),
    "unknown-method": Attack(make=lambda files: _patched(files, 10, "<H", 99), says="compressed in a way"),
    "zip64-lie": Attack(make=_zip64_lie, says="bytes; .* are allowed"),
    "long-table": Attack(make=_long_table, says="table of contents|damaged"),
    "hundreds-of-thousands-of-files": Attack(make=_many, says="table of contents"),
    "nested": Attack(make=lambda files: _with(files, "more.zip", archive(files)), says=UNKNOWN),
    "bomb": Attack(make=lambda files: bomb(next(iter(files)), 2**28), says="bytes; .* are allowed"),
    "lying-bomb": Attack(make=_lying_bomb, says="damaged"),
    "cut-short": Attack(make=lambda files: archive(files)[:-30], says="damaged"),
    "changed": Attack(make=lambda files: archive(files, zipfile.ZIP_STORED).replace(b"e", b"f", 1), says="damaged"),
    "text": Attack(make=lambda _: b"<html>504</html>", says="damaged"),
    "empty": Attack(make=lambda _: b"", says="damaged"),
    "no-files": Attack(make=lambda _: archive({}), says="there is no"),
}
"""`no-files` is read, and then there is no document."""


# ---- documents


def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Another value at a place; where `to` is a function, what it makes of the value that is there."""

    def change(document: dict[str, Any]) -> dict[str, Any]:
        changed = copy.deepcopy(document)
        inner: Any = changed
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = to(inner[path[-1]]) if callable(to) else to
        return changed

    return change


def _all(*changes: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(document: dict[str, Any]) -> dict[str, Any]:
        for one in changes:
            document = one(document)
        return document

    return change


_OTHER_KEY = "ab" * 32
_CONTRADICTS = "contradicts itself"
_REPORT = ("report",)
_CARD = ("report", "card")
_COMPARISON = ("report", "comparison")
_FAILED_CHECK: dict[str, Any] = {"type": "t", "column": None, "severity": "critical", "passed": False, "expected": "e",
                 "observed": "o", "failing_rows": 1, "examples": []}  # fmt: skip

_PREDICTIONS: Mapping[str, Mapping[str, Any]] = {
    "of-no-rows": {"rows": 0},
    "of-other-rows": {"rows": 10**6},
    "of-other-classes": {"probabilities": [0.2, 0.3, 0.5]},
    "of-more-than-all": {"probabilities": [0.75, 0.75]},
    "below-nought": {"probabilities": [-0.5, 1.5]},
    "too-right": {"accuracy": 1.5},
    "not-right": {"accuracy": None},
    "of-numbers": {"edges": [1.0], "counts": [1, 2]},
    "of-both-tasks": {"mae": 0.5},
}

DOCUMENTS: Mapping[str, Attack] = {
    "other-pull-request": Attack(make=_set("pull_request", to=8), says="another pull request"),
    "other-commit": Attack(make=_set("head", to="ab" * 20), says="another pull request or commit"),
    "other-model": Attack(
        make=_all(_set("model", to="iris"), _set("report", "model", to="iris")), says="another model"
    ),
    "climbing-model": Attack(make=_set("model", to="../../x"), says="model"),
    "version": Attack(make=_set("version", to=2), says="version"),
    "unknown-field": Attack(make=_set("report", to=lambda old: {**old, "@all\n": 1}), says=r"report\.…: Extra"),
    "validation-of-other-model": Attack(make=_set(*_REPORT, "validation", "model", to="iris"), says=_CONTRADICTS),
    "card-of-other-model": Attack(make=_set(*_CARD, "model", to="iris"), says=_CONTRADICTS),
    "comparison-of-other-model": Attack(make=_set(*_COMPARISON, "model", to="iris"), says=_CONTRADICTS),
    "card-of-other-key": Attack(make=_set(*_CARD, "key", to=_OTHER_KEY), says="another model or key"),
    "comparison-of-other-key": Attack(make=_set(*_COMPARISON, "key", to=_OTHER_KEY), says="another model or key"),
    "key-is-none": Attack(make=_set("report", "key", to="x"), says=r"report\.key"),
    "key-in-capitals": Attack(make=_set("report", "key", to=lambda old: old.upper()), says=r"report\.key"),
    "data-file-of-workflows": Attack(
        make=_set(*_REPORT, "validation", "data_file", to=".github/workflows/release.yml"), says="data file"
    ),
    "data-file-climbs": Attack(
        make=_all(
            _set(*_REPORT, "validation", "data_file", to="data/toy/../../x"),
            _set(*_REPORT, "spec", "data", "path", to="../../x"),
        ),
        says="data file",
    ),
    "data-file-with-line-end": Attack(
        make=_all(
            _set(*_REPORT, "validation", "data_file", to="data/toy/a\nb.csv"),
            _set(*_REPORT, "spec", "data", "path", to="a\nb.csv"),
        ),
        says="data file",
    ),
    "verdict": Attack(
        make=_set(*_COMPARISON, "verdict", to=lambda old: "block" if old == "promote" else "promote"), says="verdict"
    ),
    "failing-reason": Attack(make=_set(*_COMPARISON, "reasons", 0, "state", to="fail"), says="verdict or a reason"),
    "left-out-reason": Attack(make=_set(*_COMPARISON, "reasons", to=lambda old: old[:-1]), says="verdict or a reason"),
    "broken-parity": Attack(make=_set(*_COMPARISON, "parity", "largest", to=1.0), says="verdict or a reason"),
    "negative-parity": Attack(make=_set(*_CARD, "parity", "largest", to=-1.0), says="is negative"),
    "slow": Attack(make=_set(*_COMPARISON, "challenger_timing", "p99_ms", to=1e6), says="verdict or a reason"),
    "large": Attack(
        make=_all(_set(*_COMPARISON, "challenger_bytes", to=10**9), _set(*_CARD, "onnx_bytes", to=10**9)),
        says="verdict or a reason",
    ),
    "softer-gate": Attack(make=_set(*_COMPARISON, "min_improvement", to=-9.0), says="another gate"),
    "surer-gate": Attack(make=_set(*_REPORT, "spec", "gate", to={"confidence": 0.6}), says="difference of its two"),
    "interval": Attack(
        make=_set(*_COMPARISON, "metrics", 0, "improvement", "low", to=-1.0), says="verdict or a reason"
    ),
    "estimate": Attack(make=_set(*_COMPARISON, "metrics", 0, "improvement", "estimate", to=9.0), says="difference"),
    "direction": Attack(make=_set(*_COMPARISON, "metrics", 0, "higher_is_better", to=True), says="difference"),
    "no-primary": Attack(make=_set(*_COMPARISON, "metrics", 0, "primary", to=False), says="not one metric decides"),
    "two-primaries": Attack(make=_set(*_COMPARISON, "metrics", 1, "primary", to=True), says="not one metric decides"),
    "no-metrics": Attack(make=_set(*_COMPARISON, "metrics", to=[]), says="not one metric decides"),
    "unknown-metric": Attack(make=_set(*_COMPARISON, "metrics", 1, "name", to="x"), says="difference"),
    "regressed": Attack(make=_set(*_COMPARISON, "slices", 0, "regressed", to=True), says="a group is judged"),
    "slice-of-no-column": Attack(make=_set(*_COMPARISON, "slices", 0, "column", to="x"), says="a group is judged"),
    "champion-without-key": Attack(make=_set(*_COMPARISON, "champion", "kind", to="live"), says="champion"),
    "baseline-with-key": Attack(make=_set(*_COMPARISON, "champion", "key", to=_OTHER_KEY), says="champion"),
    "confusion": Attack(
        make=_set(*_COMPARISON, "challenger_diagnostics", "confusion", to=[[1, 2, 3]]), says="drawn of a model"
    ),
    "units": Attack(make=_set(*_COMPARISON, "units", to=10**6), says="more rows than the holdout"),
    "promoted-with-bad-data": Attack(
        make=_set(*_REPORT, "validation", "checks", to=[_FAILED_CHECK]), says="whose data were rejected"
    ),
    **{
        f"predictions-{name}": Attack(
            make=_set(*_CARD, "predictions", to=lambda old, more=more: {**old, **more}), says="on the holdout"
        )
        for name, more in _PREDICTIONS.items()
    },
    "predictions-negative": Attack(
        make=_set(*_CARD, "predictions", to=lambda old: {**old, "rows": -1}), says="negative"
    ),
    "predictions-many": Attack(
        make=_set(*_CARD, "predictions", to=lambda old: {**old, "probabilities": [0.5] * 101}), says="101 entries"
    ),
    "no-card": Attack(make=_set(*_CARD, to=None), says="there is no challenger"),
    "rows": Attack(make=_set(*_REPORT, "validation", "rows", to=3), says="rows are not those of both sides"),
    "negative-rows": Attack(make=_set(*_REPORT, "validation", "columns", to=-4), says="is negative"),
    "holdout-rows": Attack(make=_set(*_CARD, "holdout_rows", to=1), says="counts other rows"),
    "trials-left-out": Attack(make=_set(*_REPORT, "trials", to=lambda old: old[:-1]), says=_CONTRADICTS),
    "trials-in-disorder": Attack(make=_set(*_REPORT, "trials", to=lambda old: old[::-1]), says="not numbered"),
    "trial-of-no-family": Attack(make=_set(*_REPORT, "trials", 0, "family", to="pickle"), says="does not search"),
    "not-the-best": Attack(make=_set(*_CARD, "cv_score", to=1e-9), says="another score"),
    "score-of-failure": Attack(make=_set(*_REPORT, "trials", 0, "state", to="failed"), says="score and failed"),
    "golden": Attack(make=_set(*_CARD, "golden", 0, "answer", to=[0.5]), says="golden request"),
    "reference": Attack(make=_set(*_CARD, "reference", 0, "name", to="x"), says="how they are distributed"),
    "column-twice": Attack(make=_set(*_CARD, "numeric", to=["width", "width"]), says="names a column twice"),
    "stage": Attack(make=_set(*_REPORT, "times", 0, "stage", to="<b>"), says="a stage has no name"),
    "huge-integer": Attack(make=_set(*_REPORT, "validation", "columns", to=10**300), says="validation.columns"),
    "huge-number": Attack(make=_set(*_COMPARISON, "metrics", 1, "champion", to=1e300), says="too large a number"),
    "many-trials": Attack(make=_set(*_REPORT, "trials", to=lambda old: old * 30_000), says="allowed|more parts"),
    "many-slices": Attack(make=_set(*_COMPARISON, "slices", to=lambda old: old * 1_000), says="entries; 2,000"),
    "many-examples": Attack(
        make=_set(*_REPORT, "validation", "checks", 0, "examples", to=[{"line": 1, "value": "x"}] * 101),
        says="entries; 100 ",
    ),
    "many-parameters": Attack(
        make=_set(*_CARD, "params", to={str(number): number for number in range(101)}), says="entries; 100 "
    ),
    "long-text": Attack(make=_set(*_CARD, "target", to="x" * 70_000), says="characters; 65,536"),
    "long-key-of-a-table": Attack(
        make=_set(*_REPORT, "validation", "ignored", to={"x" * 70_000: "y"}), says="characters; 65,536"
    ),
    "engine": Attack(make=_set(*_REPORT, "engine", to="<script>"), says=r"report\.engine"),
    "data-digest": Attack(make=_set(*_REPORT, "data_digest", to="x"), says=r"report\.data_digest"),
    "spec": Attack(make=_set(*_REPORT, "spec", "search", "trials", to="4"), says=r"report\.spec\.search\.trials"),
    "report-and-error": Attack(make=_set("error", to="e"), says="a report, or an error"),
    "neither": Attack(make=_set("report", to=None), says="a report, or an error"),
}


# ---- models


def _model(change: Callable[[Any], None]) -> Callable[[bytes], bytes]:
    def make(content: bytes) -> bytes:
        from onnx import ModelProto

        model = ModelProto.FromString(content)
        change(model)
        changed: bytes = model.SerializeToString(deterministic=True)
        return changed

    return make


def _trees(name: str, to: Callable[[list[Any]], list[Any]]) -> Callable[[bytes], bytes]:
    """Other values of a list of the trees."""

    def change(model: Any) -> None:
        for attribute in model.graph.node[-1].attribute:
            if attribute.name == name:
                values = attribute.ints or attribute.floats or attribute.strings
                changed = to(list(values))
                del values[:]
                values.extend(changed)

    return _model(change)


def _chained(model: Any) -> None:
    """One tree, as deep as it has nodes: whoever follows it by recursion runs out of stack."""
    branches = 50_000
    own = list(range(2 * branches + 1))
    inner = [number % 2 == 0 and number < 2 * branches for number in own]
    lists: dict[str, list[Any]] = {
        "nodes_nodeids": own,
        "nodes_treeids": [0] * len(own),
        "nodes_modes": [b"BRANCH_LEQ" if is_inner else b"LEAF" for is_inner in inner],
        "nodes_truenodeids": [n + 1 if is_inner else 0 for n, is_inner in zip(own, inner, strict=True)],
        "nodes_falsenodeids": [n + 2 if is_inner else 0 for n, is_inner in zip(own, inner, strict=True)],
        **{name: [0] * len(own) for name in ("nodes_featureids", "nodes_missing_value_tracks_true")},
        **{name: [0.0] * len(own) for name in ("nodes_hitrates", "nodes_values")},
    }
    for attribute in model.graph.node[-1].attribute:
        if attribute.name in lists:
            values = attribute.ints or attribute.floats or attribute.strings
            del values[:]
            values.extend(lists[attribute.name])
        elif attribute.name.startswith("class_") or attribute.name.startswith("target_"):
            first = attribute.ints or attribute.floats
            last = [2 * branches] if attribute.name.endswith("nodeids") else [0]
            del first[:]
            first.extend(last)


def _external(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def _operator(kind: str, domain: str = "", **attributes: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        from onnx import helper

        model.graph.node.insert(0, helper.make_node(kind, [], ["extra"], domain=domain, **attributes))

    return change


def _huge_initializer(model: Any) -> None:
    model.graph.initializer.add(name="huge", data_type=1, dims=[2**40])


def _function(model: Any) -> None:
    model.functions.add(name="f", domain="d")


def _opset(model: Any) -> None:
    model.opset_import.add(domain="com.evil", version=1)


def _metadata(model: Any) -> None:
    model.metadata_props.add(key="more", value="x")


def _width(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 10**9


def _label_default(model: Any) -> None:
    for attribute in model.graph.node[1].attribute:
        if attribute.name == "default_float":
            attribute.f = 0.5


def _nested_messages(_: bytes) -> bytes:
    """A graph of a hundred million empty nodes, two bytes each, for which a parser takes a hundred."""
    count = 30_000_000
    nodes = b"\x0a\x00" * count
    size, length = len(nodes), bytearray()
    while size:
        length.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
    return b"\x3a" + bytes(length) + nodes


_ANOTHER = "give another file"
MODELS: Mapping[str, Attack] = {
    "external-data": Attack(make=_model(_external), says=_ANOTHER),
    "custom-operator": Attack(make=_model(_operator("Read", "com.evil")), says=_ANOTHER),
    "loop": Attack(make=_model(_operator("Loop")), says=_ANOTHER),
    "constant": Attack(make=_model(_operator("ConstantOfShape")), says=_ANOTHER),
    "huge-initializer": Attack(make=_model(_huge_initializer), says=_ANOTHER),
    "function": Attack(make=_model(_function), says=_ANOTHER),
    "opset": Attack(make=_model(_opset), says=_ANOTHER),
    "metadata": Attack(make=_model(_metadata), says=_ANOTHER),
    "width": Attack(make=_model(_width), says=_ANOTHER),
    "unknown-field": Attack(make=lambda content: content + b"\xfa\x7f\x01x", says=_ANOTHER),
    "other-encoding": Attack(make=_model(_label_default), says=_ANOTHER),
    "cycle": Attack(make=_trees("nodes_truenodeids", lambda old: [0] * len(old)), says="not trees"),
    "two-parents": Attack(make=_trees("nodes_falsenodeids", lambda old: [old[0]] * 2 + old[2:]), says="not trees"),
    "far-node": Attack(make=_trees("nodes_truenodeids", lambda old: [2**62, *old[1:]]), says="not trees"),
    "deep": Attack(make=_model(_chained), says="too deep"),
    "far-column": Attack(make=_trees("nodes_featureids", lambda old: [99, *old[1:]]), says="column"),
    "negative-column": Attack(make=_trees("nodes_featureids", lambda old: [-1, *old[1:]]), says="column"),
    "short-list": Attack(make=_trees("nodes_values", lambda old: old[1:]), says="differ in length"),
    "mode": Attack(make=_trees("nodes_modes", lambda old: [b"BRANCH_MEMBER", *old[1:]]), says="otherwise"),
    "numbers": Attack(make=_trees("nodes_nodeids", lambda old: old[::-1]), says="not numbered"),
    "far-leaf": Attack(make=_trees("class_nodeids", lambda old: [10**9, *old[1:]]), says="leaf that there is not"),
    "far-class": Attack(make=_trees("class_ids", lambda old: [10**9, *old[1:]]), says="output that there is not"),
    "no-number": Attack(make=_trees("class_weights", lambda old: [float("nan"), *old[1:]]), says="no number"),
    "no-trees": Attack(make=_model(lambda model: model.graph.node.pop()), says="one ensemble"),
    "cut-short": Attack(make=lambda content: content[:-100], says="slipway exports"),
    "text": Attack(make=lambda _: b"<html>504</html>", says="slipway exports"),
    "many-messages": Attack(make=_nested_messages, says="memory|parsed"),
}
