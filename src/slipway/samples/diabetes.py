"""Efron's diabetes patients: ten measures at the start, and how far the disease went within a year."""

from __future__ import annotations

from pathlib import Path

from slipway.samples.classics import check_rows, write_csv

FILE = "train.csv"
ROWS = 442
SEED = 0

NAMES = {
    "age": "age",
    "sex": "sex",
    "bmi": "bmi",
    "bp": "blood_pressure",
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_ratio",
    "s5": "log_triglycerides",
    "s6": "glucose",
}
"""scikit-learn's short names, and readable ones."""
TARGET = "progression"


def write(file: Path, rows: int, seed: int) -> None:  # noqa: ARG001  nothing is drawn
    """Write the 442 patients in natural units, in scikit-learn's order."""
    from sklearn.datasets import load_diabetes

    check_rows("diabetes", rows, ROWS)
    bunch = load_diabetes(scaled=False)
    header = [*(NAMES[name] for name in bunch.feature_names), TARGET]
    patients = zip(bunch.data.tolist(), bunch.target.tolist(), strict=True)
    write_csv(file, header, [[*measures, progression] for measures, progression in patients])
