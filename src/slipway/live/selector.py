"""Which series are a model's, in Prometheus' words."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE, DEPLOYMENT, PREDICTOR = "namespace", "deployment_name", "predictor_name"
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True, kw_only=True)
class Selector:
    """A model in a namespace, which the scrape adds to what the model says of itself."""

    model: str
    namespace: str

    def series(self, metric: str, **labels: str) -> str:
        """The metric's series of this model whose labels have these values."""
        wanted = {NAMESPACE: self.namespace, DEPLOYMENT: self.model, **labels}
        return f"{metric}{{{','.join(f'{name}="{_text(value)}"' for name, value in wanted.items())}}}"


def _text(value: str) -> str:
    """A value as PromQL writes it between quotes; https://prometheus.io/docs/prometheus/latest/querying/basics/."""
    return value.translate(_ESCAPED)
