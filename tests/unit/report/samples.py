"""Reports to render: one ordinary case, and what the other cases change of it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from slipway.report import ReportInput
from slipway.results import (
    CalibrationBin,
    Champion,
    Check,
    ColumnChange,
    Comparison,
    DataChange,
    Diagnostics,
    FailingRow,
    Golden,
    Importance,
    Interval,
    Leakage,
    MetricRow,
    ModelCard,
    Parity,
    Reason,
    ReasonState,
    Severity,
    Shift,
    ShiftWord,
    SliceRow,
    SplitRule,
    StageTime,
    Timing,
    Validation,
    VerdictName,
)
from slipway.spec import ModelSpec
from slipway.training.trial import Outcome, TrialState

KEY = "3fa9c1d27be04c5d8a11f2f0c47e5b6a90d3b8c1e2f4a6978812c0de5512ab34"
CHAMPION_KEY = "91bb04ce55d2417f8e0a3c6b7d9f1024a5b6c7d8e9f00112233445566778899a"
COMMIT = "8c2f4e1a9b7d6c5e4f3a2b1c0d9e8f7a6b5c4d3e"
BASE = "1d2c3b4a5f6e7d8c9b0a1f2e3d4c5b6a7f8e9d0c"
IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
SPECIES = ("setosa", "versicolor", "virginica")
HOSTILE = (
    "</td></table><script>alert(1)</script>",
    "a | b | c",
    "`` ` ``",
    "@octocat #1 GH-2 octo/repo#3",
    "[click](https://evil.example) <https://evil.example> www.evil.example",
    "![x](https://evil.example/pixel.png)",
    "line\nbreak\r\n\r\n# heading",
    "\u202eright to left\u202c \u0000\u0007\u001b[31m",
    "**bold** _it_ ~~gone~~ $x^2$ :tada:",
    "--> <!-- slipway:pull-request:iris -->",
    "</details></summary><h1>",
    "x" * 10_000,
    "",
    "\\",
    "\\|",
    "1) a",
    "me@example.com",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324",
    "&lt;b&gt; &#64;octocat",
    "' onload=alert(1) x=\"",
)


# ---- parts


def interval(estimate: float, half: float, confidence: float = 0.95) -> Interval:
    return Interval(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        confidence=confidence,
        detectable=1.43 * half,
    )


def spec(**tables: dict[str, Any]) -> ModelSpec:
    base: dict[str, dict[str, Any]] = {
        "model": {"task": "classification", "target": "species"},
        "data": {"path": "train.csv", "slices": ["season"]},
        "search": {
            "trials": 48,
            "metric": "log_loss",
            "random_forest": {
                "max_depth": {"int": [2, 16]},
                "max_features": {"choice": ["sqrt", 0.5, 1.0]},
                "n_estimators": {"int": [50, 400], "log": True},
            },
            "xgboost": {
                "learning_rate": {"float": [0.01, 0.3], "log": True},
                "max_depth": {"int": [2, 8]},
                "subsample": {"float": [0.5, 1.0]},
                "n_estimators": 500,
            },
        },
        "gate": {"max_slice_regression": 0.05},
        "serving": {},
    }
    return ModelSpec.model_validate({name: {**table, **tables.get(name, {})} for name, table in base.items()})


def trials(count: int = 48, *, failures: Sequence[int] = (7,), scale: float = 0.12) -> tuple[Outcome, ...]:
    dice = random.Random(4)
    return tuple(_trial(number, dice, failed=number in failures, scale=scale) for number in range(count))


def _trial(number: int, dice: random.Random, *, failed: bool, scale: float) -> Outcome:
    family = "xgboost" if dice.random() < min(0.75, 0.4 + number / 80) else "random_forest"
    params: dict[str, Any]
    if family == "xgboost":
        rate = math.exp(dice.uniform(math.log(0.01), math.log(0.3)))
        params = {"learning_rate": rate, "max_depth": dice.randint(2, 8), "n_estimators": 500,
                  "subsample": dice.uniform(0.5, 1.0)}  # fmt: skip
        score = scale * (1 + 0.8 * abs(math.log(rate / 0.08)) + 0.3 * dice.random())
    else:
        params = {"max_depth": dice.randint(2, 16), "max_features": dice.choice(["sqrt", 0.5, 1.0]),
                  "n_estimators": dice.randint(50, 400)}  # fmt: skip
        score = scale * (1.25 + 0.9 / params["max_depth"] + 0.4 * dice.random())
    if failed:
        return Outcome(number=number, family=family, params=params, state=TrialState.FAILED, seconds=0.08,
                       error="ValueError: log_loss is nan on fold 3")  # fmt: skip
    folds = tuple(score + 0.04 * scale * shift for shift in (-1, 0.5, 1, -0.5, 0))
    return Outcome(number=number, family=family, params=params, state=TrialState.COMPLETE, score=score,
                   fold_scores=folds, rounds=dice.randint(40, 180) if family == "xgboost" else None,
                   seconds=0.3 + 0.4 * dice.random())  # fmt: skip


def check(column: str | None = "petal width (cm)", **changes: Any) -> Check:
    fields = {
        "type": "expect_column_values_to_be_between",
        "column": column,
        "severity": Severity.CRITICAL,
        "passed": True,
        "expected": "between 0.1 and 3",
        "observed": "between 0.1 and 2.5",
    }
    return Check.model_validate({**fields, **changes})


def failed_check(column: str = "petal width (cm)", **changes: Any) -> Check:
    examples = tuple(FailingRow(line=line, value=value) for line, value in ((17, "-0.2"), (93, "41"), (94, "41")))
    found = {"passed": False, "observed": "3 values outside, such as 41", "failing_rows": 3, "examples": examples}
    return check(column, **{**found, **changes})


def change() -> DataChange:
    deciles = tuple(f"{low:.1f} to {low + 0.6:.1f}" for low in (4.3 + 0.6 * step for step in range(6)))
    return DataChange(
        base=BASE,
        rows_before=138,
        rows_added=14,
        rows_removed=2,
        columns=(ColumnChange(name="season", before=None, now="string"),
                 ColumnChange(name="petal width (cm)", before="int64", now="double")),
        shifts=(
            Shift(column="season", psi=0.31, size=ShiftWord.LARGE, labels=("spring", "summer", "autumn", "(missing)"),
                  before=(0.52, 0.3, 0.12, 0.06), now=(0.31, 0.3, 0.35, 0.04)),
            Shift(column="sepal length (cm)", psi=0.14, size=ShiftWord.MODERATE, labels=deciles,
                  before=(0.1, 0.2, 0.3, 0.2, 0.1, 0.1), now=(0.05, 0.15, 0.25, 0.25, 0.18, 0.12)),
            Shift(column="petal length (cm)", psi=0.04, size=ShiftWord.SMALL, labels=deciles,
                  before=(0.2, 0.2, 0.2, 0.2, 0.1, 0.1), now=(0.18, 0.19, 0.2, 0.21, 0.11, 0.11)),
            Shift(column="sepal width (cm)", psi=0.002, size=ShiftWord.NONE, labels=deciles,
                  before=(0.2, 0.2, 0.2, 0.2, 0.1, 0.1), now=(0.2, 0.2, 0.2, 0.19, 0.11, 0.1)),
        ),
    )  # fmt: skip


def validation(**changes: Any) -> Validation:
    fields = {
        "model": "iris",
        "key": KEY,
        "data_file": "data/iris/train.csv",
        "rows": 150,
        "training_rows": 112,
        "holdout_rows": 38,
        "columns": 6,
        "ignored": {"observer": "dropped by model.toml"},
        "checks": (
            *(check(column) for column in IRIS),
            check("species", expected="one of setosa, versicolor, virginica", observed="3 categories"),
            check(None, expected="between 100 and 10,000 rows", observed="150 rows"),
            failed_check("sepal width (cm)", severity=Severity.WARNING, expected="between 2 and 4.2",
                         observed="2 values outside, such as 4.4", failing_rows=2,
                         examples=(FailingRow(line=17, value="4.4"), FailingRow(line=35, value="4.3"))),
        ),
        "leakage": Leakage(duplicates=1, share=1 / 38, severity=Severity.WARNING,
                           examples=(FailingRow(line=144, value="5.8, 2.7, 5.1, 1.9"),)),
        "change": change(),
        "seconds": 2.1,
    }  # fmt: skip
    return Validation.model_validate({**fields, **changes})


def card(**changes: Any) -> ModelCard:
    fields = {
        "model": "iris",
        "key": KEY,
        "task": "classification",
        "target": "species",
        "classes": SPECIES,
        "numeric": IRIS,
        "categorical": ("season",),
        "family": "xgboost",
        "params": {"learning_rate": 0.081, "max_depth": 3, "n_estimators": 96, "subsample": 0.8},
        "trial": 31,
        "trials": 48,
        "failed_trials": 1,
        "metric": "log_loss",
        "cv_score": 0.1293,
        "cv_fold_scores": (0.11, 0.13, 0.15, 0.12, 0.136),
        "training_rows": 112,
        "holdout_rows": 38,
            "split": SplitRule(columns=("sepal_length", "season"), share=0.25),
        "onnx_sha256": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
        "onnx_bytes": 184_320,
        "parity": Parity(rows=1_038, largest=3.1e-7, tolerance=1e-5),
        "packages": {"numpy": "1.26.4", "onnx": "1.22.0", "optuna": "5.0.0", "scikit-learn": "1.9.1",
                     "skl2onnx": "1.20.0", "xgboost": "3.4.1"},
        "golden": (
            Golden(numeric=(5.1, 3.5, 1.4, 0.2), categorical=("spring",), answer=(0.981, 0.012, 0.007)),
            Golden(numeric=(6.7, None, 5.2, 2.3), categorical=(None,), answer=(0.004, 0.035, 0.961)),
        ),
        "reference": (),
    }  # fmt: skip
    return ModelCard.model_validate({**fields, **changes})


def slices(count: int = 3, half: float = 0.06) -> tuple[SliceRow, ...]:
    seasons = ("spring", "summer", "autumn", "winter", *(f"week {week}" for week in range(5, 200)))
    return tuple(
        SliceRow(
            column="season",
            group=group,
            rows=max(3, 18 - place),
            champion=0.21 + 0.01 * place,
            challenger=0.14 + 0.012 * place,
            improvement=interval(0.07 - 0.004 * place, half * (1 + place / 10)) if place != 2 else None,
            regressed=False,
        )
        for place, group in enumerate(seasons[:count])
    )


def diagnostics(*, good: bool) -> Diagnostics:
    confusion = ((13, 0, 0), (0, 11, 1), (0, 1, 12)) if good else ((13, 0, 0), (0, 9, 3), (0, 4, 9))
    off = 0.03 if good else 0.12
    bins = tuple(
        CalibrationBin(predicted=p, observed=min(1.0, max(0.0, p + off * math.sin(6 * p))), rows=rows)
        for p, rows in ((0.02, 61), (0.12, 8), (0.31, 5), (0.48, 4), (0.66, 5), (0.83, 7), (0.97, 24))
    )
    return Diagnostics(confusion=confusion, calibration=bins)


def metric(name: str, champion: float, challenger: float, half: float, **changes: Any) -> MetricRow:
    higher = name in {"accuracy", "roc_auc", "average_precision"}
    gain = challenger - champion if higher else champion - challenger
    fields = {
        "name": name,
        "primary": False,
        "higher_is_better": higher,
        "champion": champion,
        "challenger": challenger,
        "improvement": interval(gain, half),
    }
    return MetricRow.model_validate({**fields, **changes})


def comparison(**changes: Any) -> Comparison:
    fields = {
        "model": "iris",
        "key": KEY,
        "champion": Champion(kind="live", key=CHAMPION_KEY, commit=BASE),
        "task": "classification",
        "classes": SPECIES,
        "metric": "log_loss",
        "holdout_rows": 38,
        "units": 38,
        "metrics": (
            metric("log_loss", 0.2134, 0.1422, 0.0402, primary=True),
            metric("accuracy", 0.8158, 0.9474, 0.1053),
            metric("brier", 0.1201, 0.0784, 0.0331),
            metric("roc_auc", 0.9712, 0.9921, 0.0188),
        ),
        "slices": slices(),
        "champion_timing": Timing(p50_ms=0.021, p99_ms=0.058, asked=2_000),
        "challenger_timing": Timing(p50_ms=0.026, p99_ms=0.071, asked=2_000),
        "champion_bytes": 402_944,
        "challenger_bytes": 184_320,
        "parity": Parity(rows=1_038, largest=3.1e-7, tolerance=1e-5),
        "importances": tuple(
            Importance(feature=name, mean=mean, spread=mean / 6 + 0.003)
            for name, mean in zip((*IRIS[::-1], "season"), (0.61, 0.43, 0.012, 0.006, -0.001), strict=True)
        ),
        "champion_diagnostics": diagnostics(good=False),
        "challenger_diagnostics": diagnostics(good=True),
        "verdict": VerdictName.PROMOTE,
        "reasons": reasons(),
        "min_improvement": 0.0,
        "seconds": 1.4,
    }
    return Comparison.model_validate({**fields, **changes})


def reasons(**texts: tuple[ReasonState, str]) -> tuple[Reason, ...]:
    said = {
        "improvement": (ReasonState.PASS, "log_loss +0.0712 [+0.0310, +0.1114] lies above 0"),
        "slices": (ReasonState.PASS, "none of 2 judged slices is worse than 0.05; 1 has too few rows to judge"),
        "latency": (ReasonState.PASS, "p99 of one row 0.071 ms, limit 25 ms"),
        "size": (ReasonState.PASS, "0.18 MB, limit 50 MB"),
        "parity": (ReasonState.PASS, "largest difference 3.1e-07 over 1,038 rows, tolerance 1e-05"),
        **texts,
    }
    return tuple(
        Reason.model_validate({"check": name, "state": state, "text": text}) for name, (state, text) in said.items()
    )


TIMES = (
    StageTime(stage="validate", seconds=2.1),
    StageTime(stage="tune", seconds=14.2),
    StageTime(stage="compare", seconds=1.4),
    StageTime(stage="report", seconds=2.2, reused=True),
)


# ---- cases


def promote(**changes: Any) -> ReportInput:
    report = ReportInput(
        model="iris",
        key=KEY,
        commit=COMMIT,
        base=BASE,
        validation=validation(),
        card=card(),
        trials=trials(),
        comparison=comparison(),
        times=TIMES,
        spec=spec(),
    )
    return replace(report, **changes)


def block_by_metric() -> ReportInput:
    worse = metric("log_loss", 0.1422, 0.2134, 0.0402, primary=True)
    reason = (ReasonState.FAIL, "log_loss −0.0712 [−0.1114, −0.0310] lies below 0")
    return promote(
        comparison=comparison(
            metrics=(worse, metric("accuracy", 0.9474, 0.8158, 0.1053)),
            verdict=VerdictName.BLOCK,
            reasons=reasons(improvement=reason),
        )
    )


def block_by_slice(count: int = 3) -> ReportInput:
    bad = SliceRow(column="season", group="winter", rows=11, champion=0.12, challenger=0.31,
                   improvement=interval(-0.19, 0.11), regressed=True)  # fmt: skip
    reason = (ReasonState.FAIL, "season = winter is worse by more than 0.05: −0.190 [−0.300, −0.080]")
    return promote(
        comparison=comparison(slices=(*slices(count), bad), verdict=VerdictName.BLOCK, reasons=reasons(slices=reason))
    )


def inconclusive() -> ReportInput:
    unclear = metric("log_loss", 0.1522, 0.1422, 0.0402, primary=True)
    reason = (ReasonState.WARN, "log_loss +0.0100 [−0.0302, +0.0502] spans 0")
    return promote(
        comparison=comparison(
            metrics=(unclear,), slices=(), verdict=VerdictName.INCONCLUSIVE, reasons=reasons(improvement=reason)
        )
    )


def first_model() -> ReportInput:
    flat = Diagnostics(confusion=((13, 0, 0), (12, 0, 0), (13, 0, 0)))
    return promote(
        commit=None,
        base=None,
        validation=validation(change=None),
        comparison=comparison(
            champion=Champion(kind="baseline"),
            metrics=(metric("log_loss", 1.0986, 0.1422, 0.0702, primary=True),
                     metric("accuracy", 0.3421, 0.9474, 0.1653)),
            champion_timing=None,
            champion_bytes=None,
            champion_diagnostics=flat,
        ),
    )  # fmt: skip


def regression(*, baseline: bool = False) -> ReportInput:
    dice = random.Random(11)
    actual = tuple(dice.uniform(25, 346) for _ in range(110))
    guess = tuple(152.1 for _ in actual) if baseline else tuple(0.4 * a + 90 + dice.gauss(0, 42) for a in actual)
    better = tuple(0.6 * a + 60 + dice.gauss(0, 34) for a in actual)
    groups = tuple(
        SliceRow(column="sex", group=group, rows=rows, champion=60.2, challenger=55.1,
                 improvement=interval(gain, 5.1), regressed=False)
        for group, rows, gain in (("1", 58, 4.4), ("2", 52, 6.1))
    )  # fmt: skip
    table = {"model": {"task": "regression", "target": "progression"}, "search": {"metric": "rmse"}}
    return promote(
        model="diabetes",
        spec=spec(**table, gate={"max_slice_regression": 3.0}),
        trials=trials(scale=48.0, failures=()),
        validation=validation(
            model="diabetes", rows=442, training_rows=332, holdout_rows=110, data_file="data/diabetes/train.csv"
        ),
        card=card(model="diabetes", task="regression", target="progression", classes=(), metric="rmse", cv_score=57.3,
                  golden=(Golden(numeric=(0.04, 0.05, 0.06, 0.02), categorical=("1",), answer=(206.1,)),)),
        comparison=comparison(
            model="diabetes",
            champion=Champion(kind="baseline") if baseline else Champion(kind="live", key=CHAMPION_KEY, commit=BASE),
            task="regression",
            classes=(),
            metric="rmse",
            holdout_rows=110,
            units=110,
            metrics=(metric("rmse", 60.33, 55.14, 3.84, primary=True), metric("mae", 48.2, 44.91, 3.42)),
            slices=groups,
            champion_diagnostics=Diagnostics(predicted=guess, actual=actual),
            challenger_diagnostics=Diagnostics(predicted=better, actual=actual),
            reasons=reasons(improvement=(ReasonState.PASS, "rmse +5.19 [+1.35, +9.03] lies above 0")),
        ),
    )  # fmt: skip


def binary() -> ReportInput:
    rare = Diagnostics(confusion=((24_871, 22), (61, 46)), calibration=diagnostics(good=True).calibration)
    before = Diagnostics(confusion=((24_831, 62), (79, 28)), calibration=diagnostics(good=False).calibration)
    return promote(
        model="fraud",
        spec=spec(model={"task": "classification", "target": "is_fraud"}, search={"metric": "average_precision"}),
        validation=validation(model="fraud", rows=100_000, training_rows=75_000, holdout_rows=25_000,
                              data_file="data/fraud/transactions.parquet"),
        card=card(model="fraud", classes=("0", "1"), metric="average_precision", cv_score=0.4312),
        comparison=comparison(
            model="fraud",
            classes=("no", "yes"),
            metric="average_precision",
            holdout_rows=25_000,
            units=8_120,
            metrics=(metric("average_precision", 0.3811, 0.4402, 0.0312, primary=True),
                     metric("log_loss", 0.0211, 0.0189, 0.0009), metric("brier", 0.0039, 0.0035, 0.0002),
                     metric("roc_auc", 0.9411, 0.9523, 0.0061), metric("accuracy", 0.9944, 0.9967, 0.0007)),
            slices=slices(30, half=0.05),
            champion_diagnostics=before,
            challenger_diagnostics=rare,
        ),
    )  # fmt: skip


def identical() -> ReportInput:
    """Nothing differs, and there is as little of everything as there can be."""
    same = metric("log_loss", 0.2, 0.2, 0.0, primary=True)
    one = Diagnostics(calibration=(CalibrationBin(predicted=0.5, observed=0.5, rows=38),) * 2)
    return promote(
        trials=trials(1, failures=()),
        card=card(golden=(), packages={}, trial=0),
        validation=validation(change=None, checks=(), ignored={}),
        times=(),
        comparison=comparison(
            metrics=(same,), slices=(), importances=(), verdict=VerdictName.INCONCLUSIVE, reasons=reasons(),
            champion_diagnostics=one, challenger_diagnostics=one,
        ),
    )  # fmt: skip


def rejected() -> ReportInput:
    checks = (*validation().checks, failed_check(), failed_check("species", expected="one of setosa, versicolor, "
              "virginica", observed="2 values outside, such as 'virginia'", failing_rows=2,
              examples=(FailingRow(line=120, value="virginia"), FailingRow(line=121, value="Setosa"))))  # fmt: skip
    return promote(validation=validation(checks=checks), card=None, trials=(), comparison=None, times=TIMES[:1])


def nothing_found() -> ReportInput:
    return promote(trials=trials(6, failures=range(6)), card=None, comparison=None, times=TIMES[:2])


def many_trials(count: int = 5_000) -> ReportInput:
    return promote(trials=trials(count, failures=range(0, count, 9)))


def many_classes(count: int = 40) -> ReportInput:
    classes = tuple(f"species number {n}" for n in range(count))
    counts = tuple(
        tuple(9 if true == guess else (true * guess) % 3 // 2 for guess in range(count)) for true in range(count)
    )
    found = Diagnostics(confusion=counts, calibration=diagnostics(good=True).calibration)
    return promote(
        card=card(classes=classes),
        comparison=comparison(classes=classes, champion_diagnostics=found, challenger_diagnostics=found),
    )


def hostile(names: Sequence[str] = HOSTILE, columns: int = 300) -> ReportInput:
    """Everything that comes from data is one of `names`."""
    name = [names[place % len(names)] for place in range(columns)]
    bad = [failed_check(n, severity=Severity.WARNING, expected=n, observed=n,
                        examples=(FailingRow(line=2, value=n),)) for n in name]  # fmt: skip
    moved = DataChange(
        base=names[0], rows_before=1, rows_added=1, rows_removed=1,
        columns=tuple(ColumnChange(name=n, before=n, now=n) for n in name),
        shifts=tuple(Shift(column=n, psi=0.3, size=ShiftWord.LARGE, labels=(n, n), before=(0.5, 0.5), now=(0.9, 0.1))
                     for n in name),
    )  # fmt: skip
    groups = tuple(SliceRow(column=n, group=n, rows=9, champion=0.2, challenger=0.4, improvement=interval(-0.2, 0.1),
                            regressed=True) for n in name)  # fmt: skip
    classes = tuple(name[:3])
    return promote(
        commit=names[0],
        validation=validation(
            data_file=names[0], checks=tuple(bad), change=moved, ignored=dict.fromkeys(names, names[0]),
            leakage=Leakage(duplicates=1, share=0.1, severity=Severity.WARNING,
                            examples=tuple(FailingRow(line=1, value=n) for n in names)),
        ),
        trials=tuple(replace(t, error=names[t.number % len(names)] if t.error else "") for t in
                     trials(48, failures=range(0, 48, 2))),
        card=card(classes=classes, target=names[0], numeric=tuple(name), packages=dict.fromkeys(names, names[0])),
        comparison=comparison(
            classes=classes, slices=groups, verdict=VerdictName.BLOCK,
            importances=tuple(Importance(feature=n, mean=0.1, spread=0.01) for n in name),
            reasons=reasons(slices=(ReasonState.FAIL, " ".join(names))),
            champion=Champion(kind="live", key=names[0], commit=names[0], missing_columns=tuple(name)),
        ),
    )  # fmt: skip


CASES = {
    "promote": promote,
    "block-by-metric": block_by_metric,
    "block-by-slice": block_by_slice,
    "inconclusive": inconclusive,
    "first-model": first_model,
    "regression": regression,
    "binary": binary,
    "identical": identical,
    "rejected": rejected,
    "nothing-found": nothing_found,
    "many-trials": many_trials,
    "many-classes": many_classes,
    "hostile": hostile,
}
