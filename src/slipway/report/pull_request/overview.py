"""What is said of all models at once: the headline, the table, and what a merge would ship."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from slipway.report import words
from slipway.report.markdown import table
from slipway.report.numbers import NOTHING, count, duration
from slipway.report.pull_request.entry import Entry, Standing
from slipway.report.review import Act, Beside
from slipway.report.tables import Name, Own, Table
from slipway.report.text import clean, code

_WHY = 100
_NAMED, _SHIPPED, _BESIDE = 3, 10, 20


MERGES = {
    Act.RETIRE: "retires it: nothing serves it any more",
    Act.CONFIGURE: "changes how it is served",
    Act.EDIT: "changes its manifest, and with it what is served, at once and unjudged",
}
"""What a merge does to a model of which nothing is judged."""


def headline(entries: Sequence[Entry], refused: str, also: Sequence[Beside] = ()) -> str:
    """The worst of all, with its sign, and whose it is; quotes nothing."""
    if refused:
        return "❌ refused: this change"
    if not entries:
        return "⚠️ nothing to judge, and a merge changes what is served" if also else "✅ no model is affected"
    return f"{entries[0].standing}: {worst(entries)}"


def beside(also: Sequence[Beside]) -> str:
    """What a merge does besides, as a list."""
    shown = [f"- {code(one.model)}: a merge {MERGES[one.act]}" for one in also[:_BESIDE]]
    rest = len(also) - _BESIDE
    return "\n".join([*shown, *([f"- and {count(rest, 'more model')}"] if rest > 0 else [])])


def worst(entries: Sequence[Entry]) -> str:
    """Which models stand worst, of how many."""
    named = [entry.slug for entry in entries if entry.standing is entries[0].standing]
    if len(named) == len(entries) > 1:
        return f"all {len(entries):,} models"
    more = f" and {count(len(named) - _NAMED)} more" if len(named) > _NAMED else ""
    of = f" (of {count(len(entries))} models)" if len(entries) > 1 else ""
    return f"{', '.join(named[:_NAMED])}{more}{of}"


def counted(entries: Sequence[Entry]) -> str:
    """`3 models: 1 block, 2 promote`."""
    counts = Counter(entry.standing for entry in entries)
    return f"{count(len(entries), 'model')}: {', '.join(f'{counts[s]:,} {s.word}' for s in Standing if counts[s])}"


def all_models(entries: Sequence[Entry], room: int, measure: Callable[[str], int], where: str) -> str:
    """The table of models, as many as there is room for."""
    content = _table(entries)
    whole = table(content)
    if measure(whole) <= room:
        return whole
    widest = max(measure(line) for line in whole.split("\n"))
    return table(content.first(max(1, room // widest - 4), where))


def _table(entries: Sequence[Entry]) -> Table:
    rows = tuple(
        (
            Name(entry.model),
            Own(str(entry.standing)),
            _improvement(entry),
            Name(words.short(entry.report.key)) if entry.report else Own(NOTHING),
            _took(entry),
            clean(entry.reason, _WHY),
        )
        for entry in entries
    )
    return Table(headers=("Model", "Verdict", "Improvement [interval]", "Key", "Took", "Why"), rows=rows)


def _improvement(entry: Entry) -> str:
    if entry.report is None or entry.report.comparison is None or not entry.report.validation.passed:
        return Own(NOTHING)
    row = entry.report.comparison.primary
    return Own(f"{words.metric(row.name)} {words.spread(row.improvement)}")


def _took(entry: Entry) -> str:
    """Now and before, on one line."""
    if entry.report is None:
        return Own(NOTHING)
    return Own(duration(entry.report.seconds + entry.report.seconds_before).replace(" ", "\N{NO-BREAK SPACE}"))


def merged(entries: Sequence[Entry]) -> str:
    """Which of several models a merge would ship."""
    shipped = [code(entry.model) for entry in entries if entry.standing is Standing.PROMOTE]
    if not shipped:
        return "**If you merge:** nothing ships. What is live stays live."
    more = [f"{count(len(shipped) - _SHIPPED)} more"] if len(shipped) > _SHIPPED else []
    named = words.listed([*shipped[:_SHIPPED], *more])
    others = "" if len(shipped) == len(entries) else " What is live of the others stays live."
    return f"**If you merge:** {named} {'ships' if len(shipped) == 1 else 'ship'}.{others}"
