"""One suite on one file, two ways. Run as a program: `suites ours|direct FILE`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from slipway import spec
from tests.benchmarks.measure import ROOT

SUITE = ROOT / "data/fraud/expectations.json"
SPEC = ROOT / "data/fraud/model.toml"


def ours(file: Path) -> int:
    """As `slipway validate` does it, leakage between the sides included."""
    from slipway.training.dataset import read
    from slipway.training.features import dataset
    from slipway.validation import expectations, leakage
    from slipway.validation.suite import check, parse

    parsed = spec.parse(SPEC.read_bytes(), "model.toml")
    data = dataset(read(file, parsed.data), parsed)
    entries = parse(SUITE.read_bytes(), "expectations.json")
    check(entries, data.table.column_names, "expectations.json")

    def rows(found: object) -> list[int]:
        return list(found)  # type: ignore[call-overload]

    checks = expectations.run(entries, data.table, rows)
    leakage.find(data, rows)
    return len(checks)


def direct(file: Path) -> int:
    """As Great Expectations' own documentation does it."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    frame = pd.read_parquet(file)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("fraud")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    suite = context.suites.add(gx.ExpectationSuite(**json.loads(SUITE.read_text())))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="fraud", data=batch, suite=suite))
    result = definition.run(batch_parameters={"dataframe": frame}, result_format="SUMMARY")
    return len(result.results)


if __name__ == "__main__":
    began = time.perf_counter()
    count = {"ours": ours, "direct": direct}[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.write(json.dumps({"checks": count, "seconds": time.perf_counter() - began}) + "\n")
