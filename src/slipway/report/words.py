"""What a verdict means and what to do about it, in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from slipway.key import SHORT
from slipway.report import ReportInput
from slipway.report.numbers import count, decimals, duration, number, percent, signed
from slipway.report.style import Origin
from slipway.report.text import clean, slug
from slipway.results import Comparison, Interval, MetricRow, Reason, ReasonState, VerdictName

METRICS = {
    "log_loss": "log loss",
    "brier": "Brier score",
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "rmse": "RMSE",
    "mae": "MAE",
}
FAMILIES = {"random_forest": "random forest", "xgboost": "XGBoost", "baseline": "baseline"}
_MARKS = {VerdictName.PROMOTE: "✅", VerdictName.BLOCK: "❌", VerdictName.INCONCLUSIVE: "⚠️"}


def mark(verdict: VerdictName) -> str:
    """The verdict's sign; the word always stands beside it."""
    return _MARKS[verdict]


def metric(name: str) -> str:
    """A metric as people call it."""
    return METRICS.get(name) or _plain(name, 30)


def family(name: str) -> str:
    """A family as people call it, short enough for a label."""
    return FAMILIES.get(name) or _plain(name, 14)


def _plain(name: str, limit: int) -> str:
    """A name that a hostile report may have made up, in letters that mean nothing to Markdown."""
    return clean(re.sub(r"[^A-Za-z0-9]+", " ", name), limit) or "?"


def short(key: str | None) -> str:
    """A key or a commit as people are shown it."""
    return (key or "")[:SHORT]


def places(interval: Interval) -> int:
    """The decimals that tell an interval's ends apart, for it and for all that stands beside it."""
    half = (interval.high - interval.low) / 2
    return decimals([half], 2) if half > 0 else decimals([interval.estimate])


def spread(interval: Interval, digits: int | None = None) -> str:
    """`+0.071 [+0.031, +0.111]`."""
    digits = places(interval) if digits is None else digits
    low, high = signed(interval.low, digits), signed(interval.high, digits)
    return f"{signed(interval.estimate, digits)} [{low}, {high}]"


def better(row: MetricRow) -> str:
    """The direction in which a metric improves."""
    return "↑" if row.higher_is_better else "↓"


def took(report: ReportInput) -> str:
    """How long it took, apart from what had been done before."""
    before = f" (and {duration(report.seconds_before)} before)" if report.seconds_before else ""
    return f"{duration(report.seconds)}{before}"


def judged(interval: Interval) -> str:
    """`0.021 better [+0.008, +0.034]`, for a line without room."""
    digits = places(interval)
    low, high = signed(interval.low, digits), signed(interval.high, digits)
    side = "better" if interval.estimate > 0 else "worse"
    is_equal = signed(interval.estimate, digits) == number(0.0, digits)
    return f"{'equal' if is_equal else f'{number(abs(interval.estimate), digits)} {side}'} [{low}, {high}]"


def failing(comparison: Comparison) -> tuple[Reason, ...]:
    """The checks of the gate that failed."""
    return tuple(r for r in comparison.reasons if r.state is ReasonState.FAIL)


def sentences(report: ReportInput) -> list[str]:
    """What the verdict means, and what to do. None of it quotes data."""
    if not report.validation.passed:
        return _blocked_by_data(report)
    if report.comparison is None:
        return [
            "The data are sound, but the search found no model: no trial was completed.",
            "See the errors of the trials below, then change the search space or the data.",
        ]
    said = {
        VerdictName.PROMOTE: _promote,
        VerdictName.BLOCK: _block,
        VerdictName.INCONCLUSIVE: _inconclusive,
    }[report.verdict](report.comparison)
    return [*_first_model(report.comparison), *said]


def _blocked_by_data(report: ReportInput) -> list[str]:
    failed = len(report.validation.blocking)
    parts = [f"{count(failed, 'critical expectation')} failed"] if failed else []
    if report.validation.leakage.severity == "critical":
        parts.append("holdout rows stand on the training side as well")
    return [
        f"The data cannot be trained on: {' and '.join(parts)}. No model was searched.",
        f"Correct the rows below; or, if the data are right, correct data/{slug(report.model)}/expectations.json.",
    ]


def _first_model(comparison: Comparison) -> list[str]:
    if comparison.champion.kind != "baseline":
        return []
    guess = "the class frequencies" if comparison.task == "classification" else "the mean"
    return [f"Nothing is live yet, so the champion is the baseline, which always predicts {guess}."]


def measured(comparison: Comparison) -> str:
    """The improvement as a clause: by how much, on what, how surely."""
    row = comparison.primary
    interval = row.improvement
    digits = places(interval)
    amount = number(abs(interval.estimate), digits)
    is_equal = signed(interval.estimate, digits) == number(0.0, digits)
    judged = "as good as the champion" if is_equal else f"{amount} {'better' if interval.estimate > 0 else 'worse'}"
    ends = f"{signed(interval.low, digits)} to {signed(interval.high, digits)}"
    return (
        f"{judged} in {metric(row.name)} on {units(comparison)}"
        f" ({percent(interval.confidence)} interval of the improvement {ends})"
    )


def units(comparison: Comparison) -> str:
    """What the models were judged on."""
    rows = count(comparison.holdout_rows, "holdout row")
    return rows if comparison.units == comparison.holdout_rows else f"{rows} in {comparison.units:,} groups"


def _asked(comparison: Comparison) -> str:
    least = comparison.min_improvement
    if least == 0:
        return "any improvement"
    if least < 0:
        return f"no more than {number(-least)} worse"
    return f"an improvement of more than {number(least)}"


def _promote(comparison: Comparison) -> list[str]:
    return [
        f"The challenger is {measured(comparison)}.",
        f"The gate asks for {_asked(comparison)}, and no guardrail is broken.",
        "Merge to ship it.",
    ]


def _block(comparison: Comparison) -> list[str]:
    broken = failing(comparison)
    checks = {reason.check for reason in broken}
    lead = f"The challenger is {measured(comparison)}."
    if "improvement" in checks or not broken:
        return [lead, f"The gate asks for {_asked(comparison)}.", *_advice(checks or {"improvement"})]
    guardrails = "A guardrail is" if len(broken) == 1 else f"{len(broken)} guardrails are"
    return [
        lead,
        f"{guardrails} broken all the same: {listed(_CHECKS[r.check].lower() for r in broken)}.",
        *_advice(checks),
    ]


def _inconclusive(comparison: Comparison) -> list[str]:
    interval = comparison.primary.improvement
    digits = places(interval)
    shown = comparison.min_improvement + interval.detectable
    if comparison.champion.key == comparison.key:
        return ["The challenger is the champion: what is live is these very bytes, so a merge ships nothing new."]
    return [
        (
            f"This holdout cannot tell the two apart: the challenger is {measured(comparison)}, "
            f"and the gate asks for {_asked(comparison)}."
        ),
        f"An improvement of {number(shown, digits)} or more would have shown four times in five.",
        (
            "Add holdout rows, look for a larger improvement, or, if the change is wanted for another reason, "
            "set a negative min_improvement under [gate] in model.toml."
        ),
    ]


_CHECKS = {
    "improvement": "Improvement",
    "slices": "Slices",
    "latency": "Latency",
    "size": "Size",
    "parity": "ONNX parity",
    "data": "Data for both models",
}
_ADVICE = {
    "improvement": "Change the data or the search space; merging as it is ships nothing.",
    "slices": "Look at the slices below: add rows of the groups that got worse, or features that tell them apart.",
    "latency": "Search smaller models (fewer trees, less depth), or raise max_p99_ms under [gate].",
    "size": "Search smaller models (fewer trees, less depth), or raise max_size_mb under [gate].",
    "parity": "The exported model is not the one that was trained; please report this as a fault of Slipway.",
    "data": "See what is said of the data below.",
}


def check(name: str) -> str:
    """A check of the gate as people call it."""
    return _CHECKS.get(name, name)


def _advice(checks: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(_ADVICE[name] for name in _ADVICE if name in checks))


def listed(parts: Iterable[str]) -> str:
    """`one, two and three`."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def merge(report: ReportInput, origin: Origin = Origin.OWN) -> list[str]:
    """What a merge would ship. None of it quotes data."""
    key = slug(short(report.key))
    if report.verdict is not VerdictName.PROMOTE or report.card is None:
        return ["Nothing ships: only the verdict `promote` does. What is live stays live."]
    serving = report.spec.serving
    replicas = count(serving.replicas, "replica")
    is_first = report.comparison is not None and report.comparison.champion.kind == "baseline"
    first = (
        f"It gets {serving.canary_percent}% of the traffic as the canary, on {replicas}, and all of it once promoted."
        if serving.canary_percent and not is_first
        else f"It gets all of the traffic at once, on {replicas}{', for nothing is live yet' if is_first else ''}."
    )
    bytes_of = {
        Origin.OWN: (
            f"Key `{key}` ships as it was reviewed: these very bytes, nothing is trained again "
            "(unless the change brings code besides, or main changes the same inputs first)."
        ),
        Origin.FORK: (
            f"Key `{key}` is trained again, for what a fork trained is shown and never shipped; "
            "the release says whether the bytes came out the same."
        ),
        Origin.UNTRUSTED: (
            f"Key `{key}` is trained again, as this repository asks for; the release says whether the bytes came out "
            "the same."
        ),
    }
    return [bytes_of[origin], first]


def rollback(model: str, key: str) -> str:
    """The command, in one line, that takes the key's newest release back; a key that came back has more than one."""
    pattern = rf"^(release|promote|restore)\({model}\): {short(key)}"
    return f"git revert $(git log -1 --first-parent -E --format=%H --grep='{pattern}')"
