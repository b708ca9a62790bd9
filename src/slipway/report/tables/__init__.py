"""The tables of a report, made once for the comment and for the page."""

from __future__ import annotations

from slipway.report.tables.cells import Name, Own, Table, Wide
from slipway.report.tables.data import (
    failing_rows,
    of_all_checks,
    of_columns,
    of_failed_checks,
    of_failing_rows,
    of_shifts,
)
from slipway.report.tables.judgement import (
    of_checks,
    of_classes,
    of_confusions,
    of_importances,
    of_metrics,
    of_serving,
    of_slices,
    ranked,
)
from slipway.report.tables.run import of_golden, of_packages, of_times
from slipway.report.tables.search import of_space, of_trials

__all__ = [
    "Name",
    "Own",
    "Table",
    "Wide",
    "failing_rows",
    "of_all_checks",
    "of_checks",
    "of_classes",
    "of_columns",
    "of_confusions",
    "of_failed_checks",
    "of_failing_rows",
    "of_golden",
    "of_importances",
    "of_metrics",
    "of_packages",
    "of_serving",
    "of_shifts",
    "of_slices",
    "of_space",
    "of_times",
    "of_trials",
    "ranked",
]
