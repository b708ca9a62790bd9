"""What was found in the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slipway.report import checks
from slipway.report.numbers import NOTHING, count, number, percent
from slipway.report.tables.cells import Name, Own, Table
from slipway.results import Check, DataChange, FailingRow, Validation


def of_failed_checks(validation: Validation) -> Table:
    """The expectations that failed."""
    rows = tuple(
        (
            Own("❌ critical" if check.severity == "critical" else f"⚠️ {check.severity}"),
            Name(check.column) if check.column is not None else Own("(the table)"),
            check.expected,
            check.observed,
            Own(count(check.failing_rows) if check.failing_rows else NOTHING),
        )
        for check in checks.failed(validation)
    )
    return Table(
        headers=("", "Column", "Expected", "Found", "Rows"),
        rows=rows,
        numeric=frozenset({4}),
    )


def of_all_checks(validation: Validation) -> Table:
    """Every expectation and what came of it, the failed ones first."""
    passed = tuple(
        (
            Own("✅ pass"),
            Name(check.column) if check.column is not None else Own("(the table)"),
            check.expected,
            check.observed,
            Own(NOTHING),
        )
        for check in validation.checks
        if check.passed
    )
    failed = of_failed_checks(validation)
    return replace(failed, rows=(*failed.rows, *passed))


def of_failing_rows(found: Sequence[tuple[Check | None, FailingRow]]) -> Table:
    """Rows that an expectation rejects, or (without one) that stand on both sides of the split."""
    rows = tuple(
        (
            Own(count(row.line)),
            Name((check.column or "(the table)") if check else "(all features)"),
            Name(row.value),
            check.expected if check else Own("not on the training side as well"),
        )
        for check, row in found
    )
    return Table(headers=("Line", "Column", "Value", "Expected"), rows=rows, numeric=frozenset({0}))


def failing_rows(validation: Validation) -> list[tuple[Check | None, FailingRow]]:
    """All failing rows that are known, those of blocking checks first."""
    rows: list[tuple[Check | None, FailingRow]] = [
        (check, row) for check in checks.failed(validation) for row in check.examples
    ]
    return [*rows, *((None, row) for row in validation.leakage.examples)]


def of_columns(change: DataChange) -> Table:
    """Columns that came, went or changed their type."""
    rows = []
    for column in change.columns:
        what = "new" if column.before is None else "gone" if column.now is None else "other type"
        types = tuple(Name(t) if t is not None else Own(NOTHING) for t in (column.before, column.now))
        rows.append((Name(column.name), Own(what), *types))
    return Table(headers=("Column", "Change", "Type before", "Type now"), rows=tuple(rows))


def of_shifts(change: DataChange) -> Table:
    """How far each column's distribution moved."""
    rows = []
    for shift in change.shifts:
        moved = max(range(len(shift.labels)), key=lambda i: abs(shift.now[i] - shift.before[i]), default=None)
        most: tuple[str, ...] = (Own(NOTHING), Own(NOTHING))
        if moved is not None and shift.psi > 0:
            most = (Name(shift.labels[moved]), Own(f"{percent(shift.before[moved])} → {percent(shift.now[moved])}"))
        rows.append((Name(shift.column), Own(f"{shift.size}"), Own(number(shift.psi, 3)), *most))
    return Table(
        headers=("Column", "Shift", "PSI", "Moved most", "Share of rows"),
        rows=tuple(rows),
        numeric=frozenset({2}),
    )
