"""Where a release is on the cluster: by the names that its platform gives, or by a template of one's own.

Seldon Core 1: the service of a predictor is `<deployment>-<predictor>`; with `seldon.io/no-engine`, as slipway's
manifests have it, its port is the container's own, and the operator counts those from 9000 on by the container's name,
which is the same in both predictors (operator/apis/machinelearning.seldon.io/v1/defaults.go; 8000 is its engine's).
KServe, Standard: the service is `<name>-predictor`, port 80; a canary is an InferenceService of its own.
KServe, Knative: with the annotation `serving.kserve.io/enable-tag-routing` the newest revision has the tag `latest`,
and the one before it `prev` for as long as both share the traffic; Knative gives a tag its own name in the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping

from slipway.errors import InputError
from slipway.spec import DeploymentMode, Platform

_CANARY = "canary"
_SELDON_PORT = 9000
_HINT = "Known there: {model}, {predictor}, {namespace}, {environment}."


def namespace(template: str, environment: str) -> str:
    """Where an environment is on the cluster; `InputError` where the template cannot be filled in."""
    return _filled(template, {"environment": environment}, "namespace", "Known there: {environment}.")


def endpoint(
    template: str, platform: Platform, mode: DeploymentMode, names: Mapping[str, str], *, has_canary: bool
) -> str:
    """The address of a predictor: of the template, if there is one.

    Args:
        template: With the names in braces; empty: the platform's own address.
        platform: Of the manifest.
        mode: KServe's.
        names: model, predictor, namespace, environment.
        has_canary: Whether a canary shares the traffic: then KServe's newest revision is not the default.
    """
    if template:
        return _filled(template, names, "endpoint", _HINT)
    model, predictor, place = names["model"], names["predictor"], names["namespace"]
    match platform, mode:
        case Platform.SELDON, _:
            return f"http://{model}-{predictor}.{place}:{_SELDON_PORT}"
        case Platform.KSERVE, DeploymentMode.KNATIVE:
            tag = "latest-" if predictor == _CANARY else "prev-" if has_canary else ""
            return f"http://{tag}{model}-predictor.{place}"
        case _:
            canary = "-canary" if predictor == _CANARY else ""
            return f"http://{model}{canary}-predictor.{place}"


def _filled(template: str, names: Mapping[str, str], what: str, hint: str) -> str:
    try:
        return template.format_map(names)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        raise InputError(f"the {what} {template!r} has a name in braces that is not known", hint=hint) from None
