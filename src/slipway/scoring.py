"""Asking an exported model: a table in, predictions out, on onnxruntime alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.training.evaluation import Floats
    from slipway.training.features import Columns, Matrix, Texts

_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A model that has been loaded from its ONNX bytes, with what its metadata say."""

    session: Any
    columns: Columns
    classes: tuple[str, ...]

    @classmethod
    def load(cls, model: bytes, *, threads: int = 0) -> Self:
        """Load a model; 0 threads leaves the choice to onnxruntime."""
        import onnxruntime

        from slipway.training.features import Columns

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
        return cls(
            session=session,
            columns=Columns(
                numeric=tuple(json.loads(metadata["numeric"])),
                categorical=tuple(json.loads(metadata["categorical"])),
            ),
            classes=tuple(json.loads(metadata["classes"])),
        )

    def predict(self, table: pa.Table) -> Floats:
        """Probabilities (rows x classes) or numbers (rows) for a table, in pieces of bounded size."""
        import numpy as np

        from slipway.training.features import raw

        pieces = [
            self.ask(*raw(table.slice(start, _ROWS), self.columns)) for start in range(0, max(table.num_rows, 1), _ROWS)
        ]
        return np.concatenate(pieces)

    def ask(self, numeric: Matrix, categorical: Texts) -> Floats:
        """Predictions for rows in the form of the model's inputs."""
        prediction: Floats = self.session.run(None, self.feeds(numeric, categorical))[0].astype(float)
        return prediction if self.classes else prediction[:, 0]

    def feeds(self, numeric: Matrix, categorical: Texts) -> dict[str, Any]:
        """The session's inputs; a kind of column that the model does not read is left out."""
        feeds = {"numeric": numeric, "categorical": categorical}
        return {i.name: feeds[i.name] for i in self.session.get_inputs()}
