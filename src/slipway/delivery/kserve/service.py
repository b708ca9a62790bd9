"""An `InferenceService`: where the model's container, its replicas and its release stand in it.

KServe 0.16 named the modes `Standard` and `Knative`; before, they were `RawDeployment` and `Serverless`, and its
webhook rewrites these since then (`inference_service_defaults.go`), so that Git and the cluster would never agree.
Both are read, and the new names written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from slipway.delivery.document import Document, Items, Scalar, Table
from slipway.delivery.served import saying
from slipway.spec import DeploymentMode

API_VERSION: Final = "serving.kserve.io/v1beta1"
KIND: Final = "InferenceService"
MODE: Final = "serving.kserve.io/deploymentMode"
MODES: Final = {
    DeploymentMode.STANDARD: ("Standard", "RawDeployment"),
    DeploymentMode.KNATIVE: ("Knative", "Serverless"),
}
CONTAINER: Final = "kserve-container"
"""The name that KServe knows a model's container by."""
PREDICTOR_ENV: Final = "PREDICTOR_ID"
"""Names the predictor in the model's metrics; Seldon's operator sets it, here the manifest does."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """The parts of an `InferenceService`."""

    name: Scalar
    annotations: Table
    predictor: Table
    container: Table


def service(document: Document, table: Table, mode: DeploymentMode) -> Service:
    """An `InferenceService` of that mode; `InputError` for another object or another mode."""
    saying(document, table, "apiVersion", {API_VERSION: None})
    saying(document, table, "kind", {KIND: None})
    metadata = document.table(table, "metadata")
    annotations = document.table(metadata, "annotations")
    saying(document, annotations, MODE, dict.fromkeys(MODES[mode]))
    predictor = document.table(document.table(table, "spec"), "predictor")
    return Service(
        name=document.scalar(metadata, "name"),
        annotations=annotations,
        predictor=predictor,
        container=_container(document, predictor),
    )


def named_in_metrics(document: Document, container: Table) -> Table | None:
    """The entry of the environment that names the predictor in metrics, if people left it there."""
    env = container.get("env")
    for entry in env.items if isinstance(env, Items) else ():
        if isinstance(entry, Table) and document.scalar(entry, "name").text == PREDICTOR_ENV:
            return entry
    return None


def hold_name(document: Document, container: Table, predictor: str) -> None:
    """`InputError` if the metrics of one predictor would be taken for another's."""
    entry = named_in_metrics(document, container)
    if entry is None:
        return
    value = document.scalar(entry, "value")
    if value.text != predictor:
        what = f"{PREDICTOR_ENV} is {value.text!r}, but the metrics of this container are those of the {predictor}"
        raise document.refused(value, what)


def _container(document: Document, predictor: Table) -> Table:
    """The container that runs the model."""
    found = [
        table
        for table in document.tables(predictor, "containers")
        if table.get("name") and document.scalar(table, "name").text == CONTAINER
    ]
    if len(found) != 1:
        count = "no container" if not found else "more than one container"
        raise document.refused(predictor, f"{count} is named {CONTAINER}, which runs the model")
    return found[0]
