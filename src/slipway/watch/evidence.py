"""What was found of a model, as the Markdown of a pull request or an issue. Names in it come from data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.key import SHORT
from slipway.report.markdown import table
from slipway.report.numbers import NOTHING, count, duration, number, percent, signed, size
from slipway.report.tables import Name, Own, Table
from slipway.report.text import clean, code, fence, prose
from slipway.watch.decision import Finding, Kind, Live
from slipway.watch.drift import LEAST_ROWS, Moved, Subject
from slipway.watch.labels import CONFIDENCE, Metric, Quality

if TYPE_CHECKING:
    from slipway.datasets.pointer import Pointer

LIMIT = 60_000
"""Characters; GitHub takes 65,536."""
ROWS, DRAWN = 20, 6
_WIDTH = 16
_LABEL = 40
_PROPOSED = """\
`slipway watch` opened it, and keeps this text up to date; what is below its end is yours. It goes the way of all pull \
requests: the data are validated, a challenger is trained on them and compared with what is live, and a person merges \
it. Close it, and these data are not proposed again."""
_STUCK = """\
So there is nothing that `slipway watch` could propose. Put newer rows where its pointer's source is, or open a pull \
request that changes the data yourself."""
_OPENED = """\
`slipway watch` opened this, keeps this text up to date (what is below its end is yours), and closes it when the drift \
is over. Close it yourself, and it is not opened again for the same drift of the same release."""
_INDEX = "The population stability index: above 0.25 is a large shift. In strong letters: large, and not by chance."
_FIRST_STRONG, _END = "\u2068", "\u2069"


@dataclass(frozen=True, kw_only=True)
class Update:
    """A pointer as it is, and as it is proposed."""

    file: str
    before: Pointer
    after: Pointer


def headline(findings: Sequence[Finding]) -> str:
    """What was found, in our own words: `drift of 2 features and of the predictions`; empty if nothing was."""
    features = sum(one.kind is Kind.FEATURE for one in findings)
    drifted = [count(features, "feature")] if features else []
    drifted += ["the predictions"] if any(one.kind is Kind.PREDICTIONS for one in findings) else []
    said = [f"drift of {' and of '.join(drifted)}"] if drifted else []
    said += ["worse answers"] if any(one.kind is Kind.QUALITY for one in findings) else []
    return ", and ".join(said)


def summary(live: Live) -> list[str]:
    """What is live, in plain sentences without their full stops; names in them are as they are."""
    if not any(one.rows for one in live.moved):
        return [f"Prometheus has seen no row of {live.key[:SHORT]} in {duration(live.seconds)}"]
    said = [f"{count(round(live.rows), 'row')} of {live.key[:SHORT]} in {duration(live.seconds)}"]
    said += [f"drift of {_plain(one)}: PSI {number(one.psi, 2)}" for one in live.moved if one.has_drifted]
    quality = live.quality
    if quality is None or quality.now is None:
        return [*said, "no labels came back"]
    rows = count(round(quality.now.rows), "labelled row")
    return [*said, f"{quality.metric} {_value(quality.metric, quality.now.value)} on {rows}"]


def _plain(moved: Moved) -> str:
    return "the predictions" if _is_answer(moved) else clean(moved.counts.name, _LABEL)


def proposal(model: str, update: Update, findings: Sequence[Finding], live: Live | None, unknown: str = "") -> str:
    """The text of a pull request. `unknown`: why nothing is known of what is live, in a sentence."""
    found = headline(findings)
    return "\n\n".join(
        [
            f"**The source of {code(model)} holds newer data{f'; {found}' if found else ''}.**",
            f"This updates the data pointer {code(update.file, 120)} and nothing else. {_PROPOSED}",
            table(_of_update(update)),
            *_sections(live, unknown),
        ]
    )


def doubt(standing: Sequence[Finding]) -> str:
    """What is to be said of what was found before, and that nobody can call over; a sentence, without its full stop."""
    return f"of {headline(standing)} too little came back to say that it is over"


def stuck(model: str, found: Sequence[Finding], why: str, live: Live, standing: Sequence[Finding] = ()) -> str:
    """The text of an issue. `standing`: what was found before, of which this look says nothing."""
    still = doubt(standing)
    return "\n\n".join(
        [
            f"**{code(model)}: {headline([*found, *standing])}; and there are no newer data.**",
            *([f"{still[:1].upper()}{still[1:]}, so it stands."] if standing else []),
            f"{prose(why[:1].upper() + why[1:])}. {_STUCK}",
            _OPENED,
            *_sections(live, ""),
        ]
    )


def over(model: str) -> str:
    """What an issue or a pull request says when there is nothing to it any more."""
    return f"There is nothing to this any more: `slipway watch` looked at {code(model)} again, and closed it."


def _of_update(update: Update) -> Table:
    before, after = update.before, update.after
    sources = (before.source, after.source)
    rows: list[tuple[str, ...]] = [
        (Own("MD5"), Name(before.md5), Name(after.md5)),
        (Own("Size"), *(_size(one.size) for one in (before, after))),
        (Own("Source"), *(Name(_end(one.url)) if one else Own(NOTHING) for one in sources)),
        (Own("ETag"), *(Name(one.etag.strip('"')) if one else Own(NOTHING) for one in sources)),
    ]
    return Table(headers=("", "Now", "With this"), rows=tuple(rows))


def _size(count_of_bytes: int | None) -> Own:
    return Own(NOTHING if count_of_bytes is None else size(count_of_bytes))


def _end(url: str) -> str:
    return url if len(url) <= _LABEL else f"…{url[-_LABEL:]}"


def _sections(live: Live | None, unknown: str) -> list[str]:
    if live is None:
        return [f"### What is live\n\n{unknown or 'Nothing is live, so there is nothing that could have drifted.'}"]
    lead = f"### What is live\n\n{code(live.key[:SHORT])} in {code(live.environment)}, "
    if not any(one.rows for one in live.moved):
        return [f"{lead}of which Prometheus has seen no row in {duration(live.seconds)}.", _labels(live.quality)]
    rows = count(round(live.rows), "row")
    return [
        f"{lead}on {rows} in {duration(live.seconds)}.",
        table(_of_moved(live.moved).first(ROWS, "see the dashboard")),
        *_drawn([one for one in live.moved if one.has_drifted][:DRAWN]),
        _labels(live.quality),
    ]


def _of_moved(moved: Sequence[Moved]) -> Table:
    order = sorted(moved, key=lambda one: (not one.has_drifted, -one.psi))
    return Table(
        headers=("", "PSI", "Chance gives up to", "Shift", "Moved most", "Share of rows"),
        rows=tuple(_row(one) for one in order),
        numeric=frozenset({1, 2}),
        strong=frozenset(i for i, one in enumerate(order) if one.has_drifted),
        rest=_INDEX,
    )


def _row(moved: Moved) -> tuple[str, ...]:
    before, now = moved.shares
    most = max(range(len(now)), key=lambda i: abs(now[i] - before[i]), default=None)
    shown: tuple[str, ...] = (Own(NOTHING), Own(NOTHING))
    if most is not None and moved.is_told:
        shown = (Name(moved.counts.labels[most]), Own(f"{percent(before[most])} → {percent(now[most])}"))
    return (_named(moved), Own(number(moved.psi, 3)), Own(number(moved.noise, 3)), Own(_word(moved)), *shown)


def _named(moved: Moved) -> str:
    return Name(moved.counts.name) if moved.counts.subject is Subject.FEATURE else Own("_the predictions_")


def _word(moved: Moved) -> str:
    return moved.size.value if moved.is_told else f"fewer than {LEAST_ROWS} rows"


def _drawn(moved: Sequence[Moved]) -> list[str]:
    """Shares of the rows before and now, bin by bin; what data may hold stands at the end, where it moves nothing."""
    return [
        f"{prose('The predictions') if _is_answer(one) else code(one.counts.name)}\n\n{_bars(one)}" for one in moved
    ]


def _is_answer(moved: Moved) -> bool:
    return moved.counts.subject is Subject.PREDICTIONS


def _bars(moved: Moved) -> str:
    before, now = moved.shares
    top = max(*before, *now)
    lines = [f"{'before':{_WIDTH + 9}}{'now':{_WIDTH + 9}}"]
    for label, one, other in zip(moved.counts.labels, before, now, strict=True):
        bars = f"{_bar(one, top, '░')}{percent(one):>7}  {_bar(other, top, '█')}{percent(other):>7}"
        lines.append(f"{bars}  {_FIRST_STRONG}{clean(label, _LABEL)}{_END}")
    return fence([line.rstrip() for line in lines], "text")


def _bar(share: float, top: float, sign: str) -> str:
    """At least a sign for what is there at all."""
    length = round(_WIDTH * share / top) if top else 0
    return f"{sign * (length or share > 0):{_WIDTH}}"


def _labels(quality: Quality | None) -> str:
    lead = "### Labels\n\n"
    if quality is None or quality.now is None:
        return f"{lead}No row's truth came back, so nobody knows how right the answers are."
    rows = count(round(quality.now.rows), "row")
    value = _value(quality.metric, quality.now.value)
    if quality.before is None:
        return (
            f"{lead}Of {rows} the truth came back: {quality.metric} {value}. What it was on the holdout is not known."
        )
    said = f"{lead}Of {rows} the truth came back: {quality.metric} {value}, on the holdout "
    said += f"{_value(quality.metric, quality.before.value)}. "
    if quality.least is None:
        return f"{said}So few rows tell nothing."
    if quality.has_regressed:
        worse = percent(quality.least) if quality.metric is Metric.ACCURACY else signed(quality.least)
        return f"{said}**It is worse, by {worse} at least, with {percent(CONFIDENCE)} confidence.**"
    return f"{said}It is not worse beyond doubt."


def _value(metric: Metric, value: float) -> str:
    return percent(value) if metric is Metric.ACCURACY else number(value)
