"""report.html: one page that needs nothing else, for reading and for print."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.report import ReportInput, numbers, parameters, plots, tables, words
from slipway.report.plots.diagnosis import MOST_CLASSES
from slipway.report.plots.features import MOST_FEATURES
from slipway.report.tables import Name, Own, Table
from slipway.report.text import SHORT, clean, literal
from slipway.results import Comparison, VerdictName

if TYPE_CHECKING:
    import jinja2

_MOST_TRIALS = 1_000
_MOST_ROWS = 300
_LONG_TABLE = 12
_DIFF = 1_000
"""Lines."""
_CAPTION = 500
_CONFUSIONS = 15
_GOLDEN_COLUMNS, _GOLDEN_REQUESTS = 8, 5
_IN_STORE = "all of them are in trials.parquet in the store"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A plot in the page. `svg` is our own; `alt` may quote data."""

    title: str
    alt: str
    svg: str

    @property
    def caption(self) -> str:
        """What the plot shows, where that is not too long to stand beneath it; tables say the rest."""
        return self.alt if len(self.alt) <= _CAPTION else self.alt[:_CAPTION].rpartition(". ")[0] + "."


@dataclass(frozen=True, kw_only=True)
class Block:
    """A chapter of the page."""

    anchor: str
    title: str
    text: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()
    """Each with its heading."""


def render(report: ReportInput) -> str:
    """The page. It asks for nothing from elsewhere, and its content policy forbids it to."""
    shares = parameters.importances(report)
    drawn = plots.for_page(report, shares)
    svgs = plots.svgs(drawn)
    figures = {p.name: Figure(title=p.title, alt=p.alt, svg=svgs[p.name]) for p in drawn}
    environment = _environment()
    style = importlib.resources.files("slipway.report").joinpath("templates", "page.css").read_text("utf-8")
    return environment.get_template("page.html.j2").render(
        report=report,
        style=style,
        policy=_policy(style),
        mark=words.mark(report.verdict),
        sentences=words.sentences(report),
        merge=[text.replace("`", "") for text in words.merge(report)],
        diff=_diff(report),
        rollback=words.rollback(report.model, report.key),
        facts=_facts(report),
        checks=tables.of_checks(report),
        blocks=[b for b in _blocks(report, figures, shares) if b.text or b.figures or b.tables],
    )


def _diff(report: ReportInput) -> str:
    """Its lines, escaped: whatever else is shown becomes one line."""
    import markupsafe

    ships = report.verdict is VerdictName.PROMOTE and report.manifest_diff.strip()
    return markupsafe.escape("\n".join(literal(report.manifest_diff, _DIFF))) if ships else ""


def _policy(style: str) -> str:
    """Nothing may be loaded or run; the one style sheet is allowed by its digest."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("slipway.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["is_name"] = lambda value: isinstance(value, Name)
    environment.filters["short"] = lambda value: clean(value, 3 * SHORT)
    environment.filters["sentence"] = clean
    environment.globals["long_table"] = _LONG_TABLE
    return environment


def _visible(value: Any) -> Any:  # noqa: ANN401  jinja2 hands over whatever a template names
    """Texts without control characters and of bounded length; markup of our own as it is."""
    return value if hasattr(value, "__html__") or not isinstance(value, str) else clean(value, 4_000)


def _facts(report: ReportInput) -> list[tuple[str, str]]:
    data, comparison = report.validation, report.comparison
    champion = "none was compared"
    if comparison:
        champion = words.short(comparison.champion.key) or "the baseline"
    return [
        ("Commit", words.short(report.commit) or "working tree"),
        ("Champion", champion),
        ("Key", words.short(report.key)),
        ("Data", f"{numbers.count(data.rows, 'row')}, {numbers.count(data.holdout_rows)} held out"),
        ("Took", f"{words.took(report)}, {report.engine}"),
    ]


def _blocks(report: ReportInput, figures: dict[str, Figure], shares: dict[str, dict[str, float]]) -> list[Block]:
    data = _data(report, figures)
    if not report.validation.passed:
        return [*data, _run(report)]
    blocks = [*_judgement(report, figures), *data] if report.comparison else data
    return [*blocks, *_search(report, figures, shares), _run(report)]


def _judgement(report: ReportInput, figures: dict[str, Figure]) -> list[Block]:
    comparison = report.comparison
    if comparison is None:
        return []
    diagnoses = tuple(figures[n] for n in ("calibration", "confusion", "predictions", "residuals") if n in figures)
    slices = (("Slices", tables.of_slices(comparison).first(_MOST_ROWS, "in comparison.json")),)
    importances = tables.of_importances(comparison).first(_MOST_ROWS, "in comparison.json")
    limit = report.spec.gate.max_slice_regression
    text = f"A slice fails when it is worse than {limit:g} with the gate's confidence." if limit is not None else ""
    return [
        Block(
            anchor="comparison",
            title="Champion and challenger",
            text=f"Both predict the same {words.units(comparison)}. {text if comparison.slices else ''}",
            figures=(figures["improvement"],),
            tables=(("Metrics", tables.of_metrics(comparison)), *(slices if comparison.slices else ()),
                    ("Latency and size", tables.of_serving(comparison))),
        ),
        Block(anchor="diagnosis", title="Right and wrong", figures=diagnoses, tables=_confusions(comparison)),
        Block(
            anchor="features",
            title="What the challenger looks at",
            figures=tuple(figures[n] for n in ("importances",) if n in figures),
            tables=(("All features", importances),) if len(comparison.importances) > MOST_FEATURES else (),
        ),
    ]  # fmt: skip


def _confusions(comparison: Comparison) -> tuple[tuple[str, Table], ...]:
    """The frequent ones, where a matrix of all classes would not be legible."""
    if len(comparison.classes) <= MOST_CLASSES:
        return ()
    table = tables.of_confusions(comparison).first(_CONFUSIONS, "in comparison.json")
    return (("What the challenger confuses most often", table),) if table.rows else ()


def _data(report: ReportInput, figures: dict[str, Figure]) -> list[Block]:
    validation, change = report.validation, report.validation.change
    rows = tables.failing_rows(validation)
    listed: list[tuple[str, Table]] = []
    if rows:
        listed.append(("Failing rows", tables.of_failing_rows(rows).first(_MOST_ROWS, "in validation.json")))
    if validation.checks:
        listed.append(("Expectations", tables.of_all_checks(validation).first(_MOST_ROWS, "in validation.json")))
    if validation.ignored:
        ignored = tuple((Name(name), why) for name, why in validation.ignored.items())
        table = Table(headers=("Column", "Why"), rows=ignored).first(_MOST_ROWS, "in validation.json")
        listed.append(("Columns that are not read", table))
    blocks = [Block(anchor="data", title="Data", text=f"Read from {validation.data_file}.", tables=tuple(listed))]
    if change is None:
        return blocks
    moved = [("Columns", tables.of_columns(change))] if change.columns else []
    if change.shifts:
        moved.append(("Shift of each column", tables.of_shifts(change).first(_MOST_ROWS, "in validation.json")))
    text = (
        f"Since {words.short(change.base)}, which had {numbers.count(change.rows_before, 'row')}: "
        f"{numbers.count(change.rows_added, 'row')} added, {numbers.count(change.rows_removed, 'row')} removed."
    )
    drawn = tuple(figures[n] for n in ("shifts",) if n in figures)
    return [*blocks, Block(anchor="change", title="Data changes", text=text, figures=drawn, tables=tuple(moved))]


def _search(report: ReportInput, figures: dict[str, Figure], shares: dict[str, dict[str, float]]) -> list[Block]:
    if not report.trials:
        return []
    unjudged = [words.family(name) for name in report.spec.search.families if name not in shares]
    text = ""
    if unjudged:
        text = (
            f"The importance of the hyper-parameters is not shown for {' and '.join(unjudged)}: it takes at least "
            f"{parameters.LEAST_TRIALS} completed trials with different scores."
        )
    trials = tables.of_trials(report).first(_MOST_TRIALS, _IN_STORE)
    drawn = tuple(figures[n] for n in ("search", "parameters") if n in figures)
    listed = (("Search space", tables.of_space(report)), ("Trials, from best to worst", trials))
    return [Block(anchor="search", title="Search", text=text, figures=drawn, tables=listed)]


def _run(report: ReportInput) -> Block:
    card = report.card
    identity = [("Model", report.model), ("Key", report.key), ("Commit", report.commit or "working tree")]
    identity += [("Compared with commit", report.base or "none"), ("Data", report.validation.data_file)]
    if report.data_digest:
        identity.append(("Digest of the data", report.data_digest))
    if report.comparison and report.comparison.champion.key:
        identity.append(("Champion's key", report.comparison.champion.key))
    listed = []
    if card:
        identity += [("model.onnx", f"sha256 {card.onnx_sha256}"), ("Size", numbers.size(card.onnx_bytes))]
        golden = tables.of_golden(card, _GOLDEN_COLUMNS, _GOLDEN_REQUESTS)
        listed = [("Packages", tables.of_packages(card)), ("Golden requests", golden)]
    rows = tuple((Own(name), Name(value)) for name, value in identity)
    return Block(
        anchor="provenance",
        title="Provenance",
        text=f"slipway run {report.model} makes the same model again, byte for byte.",
        tables=(
            ("What made it", Table(headers=("", ""), rows=rows)),
            ("What each stage took", tables.of_times(report.times)),
            *((title, table) for title, table in listed if table.rows),
        ),
    )
