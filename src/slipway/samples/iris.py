"""Fisher's irises: four measures of a flower, three species."""

from __future__ import annotations

from pathlib import Path

from slipway.samples.classics import check_rows, write_csv

FILE = "train.csv"
ROWS = 150
SEED = 0

HEADER = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")


def write(file: Path, rows: int, seed: int) -> None:  # noqa: ARG001  nothing is drawn
    """Write the 150 flowers, in scikit-learn's order."""
    from sklearn.datasets import load_iris

    check_rows("iris", rows, ROWS)
    bunch = load_iris()
    species = [str(bunch.target_names[code]) for code in bunch.target]
    # Lengths keep their decimal point, as they were measured to a millimetre.
    measures = [[f"{length:.1f}" for length in flower] for flower in bunch.data.tolist()]
    write_csv(file, HEADER, [[*flower, name] for flower, name in zip(measures, species, strict=True)])
