"""How a proposal reads: `model.toml` with comments that teach, and a README to be completed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from slipway.scaffold.inference import HUGE, LARGE, Proposal
from slipway.scaffold.profile import Profile
from slipway.training.recipe import DEFAULT_NULLS, MetricName, Task

_COLUMN = 28
_WIDTH = 112
_MOST_LISTED = 200


def model_toml(proposal: Proposal) -> str:
    """The text of `model.toml`."""
    parts = (_head(), _model(proposal), _data(proposal), _search(proposal), _gate(proposal), _serving())
    return "\n".join("\n".join(part) + "\n" for part in parts)


def readme(name: str, proposal: Proposal, *, source: str) -> str:
    """The text of the model's README, with gaps where only a person knows."""
    listed = "\n".join(_row(column, proposal) for column in proposal.columns[:_MOST_LISTED])
    more = len(proposal.columns) - _MOST_LISTED
    rest = f"\nand {more} more columns.\n" if more > 0 else ""
    return f"""# {name}

What does this model predict, for whom, and what is done with the answer?

| column | type | missing | unit, meaning |
|---|---|---|---|
{listed}
{rest}
**Source.** Made from `{source}`, {proposal.rows:,} rows. Where do they come from, who collected them, when?

**Licence.** Who may use them?

**Make it again.** Which query or program wrote the file?
"""


def toml_string(text: str) -> str:
    """A basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _strings(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(toml_string, texts))}]"


def _line(key: str, value: str, comment: str = "") -> str:
    head = f"{key} = {value}"
    return f"{head:<{_COLUMN - 1}} # {comment}" if comment else head


def _head() -> Iterator[str]:
    yield "#:schema ../model.schema.json"
    yield "# [model], [data] and [search] shape the model: a change there trains a new one."
    yield "# [gate] and [serving] change what ships and how it runs, and train nothing."


def _model(proposal: Proposal) -> Iterator[str]:
    yield "[model]"
    yield _line("task", toml_string(proposal.task.value), proposal.task_reason)
    yield _line("target", toml_string(proposal.target.name))


def _data(proposal: Proposal) -> Iterator[str]:
    yield "[data]"
    yield _line("path", toml_string(proposal.path))
    yield _line("holdout", f"{proposal.holdout}", "the share of rows that no model ever trains on")
    if proposal.split_time:
        yield _line("split_time", toml_string(proposal.split_time), proposal.split_reason)
    if proposal.split_key:
        yield _line("split_key", _strings(proposal.split_key), proposal.split_reason)
    if proposal.slices:
        yield _line("slices", _strings(proposal.slices), "groups that are judged apart")
    if proposal.drop:
        yield from _drop(proposal.drop)
    if proposal.nulls:
        yield _line("nulls", _strings((*DEFAULT_NULLS, *proposal.nulls)), "how missing values are spelled")
    for hint in proposal.hints:
        yield from _comment(hint)


def _drop(drop: dict[str, str]) -> Iterator[str]:
    yield "drop = [                    # columns that the model does not see"
    for name, reason in drop.items():
        yield f"  {toml_string(name) + ',':<{_COLUMN - 3}} # {reason}"
    yield "]"


def _comment(text: str) -> Iterator[str]:
    """A sentence as lines of a comment."""
    line = "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    yield line


def _search(proposal: Proposal) -> Iterator[str]:
    yield "[search]"
    yield _line("trials", f"{proposal.trials}", "configurations to try")
    yield _line("batch", "8", "trials under way at once; any number of workers finds the same model")
    yield _line("folds", f"{proposal.folds}")
    yield _line("metric", toml_string(proposal.metric.value), proposal.metric_reason)
    yield ""
    yield "# A family that has no table is not searched. Each line is a range, a choice or a fixed value."
    yield from _random_forest(proposal.rows)
    yield ""
    yield from _xgboost(proposal.rows)


def _random_forest(rows: int) -> Iterator[str]:
    yield "[search.random_forest]"
    yield f"n_estimators = {{ int = [{'40, 120' if rows >= LARGE else '50, 200'}], log = true }}"
    yield f"max_depth = {{ int = [{'4, 14' if rows >= LARGE else '2, 12'}] }}"
    yield f"min_samples_leaf = {{ int = [{'2, 50' if rows >= LARGE else '1, 20'}], log = true }}"
    yield "max_features = { float = [0.2, 1.0] }"
    if rows >= LARGE:
        most = min(0.5, float(f"{20_000 / rows:.1g}"))
        comment = "each tree sees a part of the rows, which keeps trials fast"
        yield _line("max_samples", f"{{ float = [{float(f'{most / 5:.1g}')}, {most}] }}", comment)


def _xgboost(rows: int) -> Iterator[str]:
    yield "[search.xgboost]"
    yield _line("n_estimators", "400" if rows < HUGE else "200", "at most: boosting stops early on each fold")
    yield "learning_rate = { float = [0.02, 0.3], log = true }"
    yield f"max_depth = {{ int = [2, {6 if rows < LARGE else 8}] }}"
    yield "min_child_weight = { float = [0.5, 20.0], log = true }"
    yield "subsample = { float = [0.5, 1.0] }"
    yield "colsample_bytree = { float = [0.5, 1.0] }"


def _gate(proposal: Proposal) -> Iterator[str]:
    unit = {MetricName.RMSE: "in the target's unit", MetricName.LOG_LOSS: "in nats of log loss"}
    spoken = unit.get(proposal.metric, "of the metric")
    yield "[gate]"
    yield _line("confidence", "0.95")
    yield _line("min_improvement", "0.0", f"{spoken}; negative: how much worse is still accepted")
    if proposal.slices:
        yield _line("max_slice_regression", _slice_loss(proposal), "no slice may get worse by more")
    yield _line("max_p99_ms", "25", "of one row's prediction")
    yield _line("max_size_mb", "50")


def _slice_loss(proposal: Proposal) -> str:
    """A loss that a reviewer would notice: a twentieth of the spread of a number, of 1 for classes."""
    if proposal.task is Task.CLASSIFICATION:
        return "0.1" if proposal.metric is MetricName.AVERAGE_PRECISION else "0.05"
    return f"{float(f'{proposal.target.deviation / 20:.1g}')}"


def _serving() -> Iterator[str]:
    yield "[serving]"
    yield _line("replicas", "2")
    yield _line("canary_percent", "10", "traffic of a release while it is on trial")


def _row(column: Profile, proposal: Proposal) -> str:
    share = f"{column.nulls / column.rows:.1%}" if column.nulls else ""
    role = "**the target**" if column.name == proposal.target.name else proposal.drop.get(column.name, "")
    return f"| {_cell(column.name)} | {column.kind} | {share} | {role} |"


def _cell(text: str) -> str:
    plain = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{plain}`"
