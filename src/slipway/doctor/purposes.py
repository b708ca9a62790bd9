"""What each secret and variable of the workflows is good for. A test holds this to the workflows."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.doctor.finding import Need


@dataclass(frozen=True)
class Purpose:
    """Whether releases need it, and what for."""

    need: Need
    why: str


_LOGIN = "logs in to the registry; without it, to ghcr.io as the workflow itself, and to no other"
APP_ID, APP_KEY = "SLIPWAY_GITHUB_APP_ID", "SLIPWAY_GITHUB_APP_KEY"
PURPOSES = {
    "SLIPWAY_STORE": Purpose(
        Need.NECESSARY, "the store that outlasts a run, as s3://bucket/prefix: releases wait for it"
    ),
    "AWS_ACCESS_KEY_ID": Purpose(Need.NECESSARY, "who writes to the store"),
    "AWS_SECRET_ACCESS_KEY": Purpose(Need.NECESSARY, "who writes to the store"),
    "AWS_ENDPOINT_URL": Purpose(Need.ADVISED, "where the store is, if not at AWS"),
    "AWS_DEFAULT_REGION": Purpose(Need.ADVISED, "the store's region; without it, us-east-1"),
    "MLFLOW_TRACKING_URI": Purpose(Need.ADVISED, "where searches are recorded; without it, nowhere that lasts"),
    "MLFLOW_TRACKING_USERNAME": Purpose(Need.ADVISED, "who records searches"),
    "MLFLOW_TRACKING_PASSWORD": Purpose(Need.ADVISED, "who records searches"),
    "REGISTRY_USERNAME": Purpose(
        Need.ADVISED,
        "who logs in to the registry; no secret, for GitHub drops what names an image if a secret is in it",
    ),
    "REGISTRY_PASSWORD": Purpose(Need.ADVISED, _LOGIN),
    "SLIPWAY_REGISTRY_HOST": Purpose(Need.ADVISED, "the registry's host; without it, ghcr.io"),
    APP_ID: Purpose(Need.ADVISED, "the GitHub App that pushes to main, or opens the pull requests of releases"),
    APP_KEY: Purpose(Need.ADVISED, "the private key of that App"),
    "SLIPWAY_DEPLOY_KEY": Purpose(Need.ADVISED, "the deploy key that pushes to main, where no App does"),
    "SLIPWAY_PROMETHEUS": Purpose(Need.ADVISED, "what scrapes the models; without it, only their data are watched"),
    "SLIPWAY_PROMETHEUS_TOKEN": Purpose(Need.ADVISED, "the token that Prometheus wants, if it wants one"),
    "SLIPWAY_WATCH": Purpose(Need.ADVISED, "«never» where the cluster watches, or nobody is to"),
    "SLIPWAY_ATTEST": Purpose(Need.ADVISED, "«never» for a private repository without GitHub Enterprise Cloud"),
}
CREDENTIALS = {APP_KEY: "Integration", "SLIPWAY_DEPLOY_KEY": "DeployKey"}
"""Either of them pushes releases to a protected main, if its rules let that kind of actor pass."""
LOGIN = frozenset({"SLIPWAY_REGISTRY_HOST", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"})
"""What it takes to push images to another registry than ghcr.io."""
REVIEWS = "reviews"
"""The environment whose jobs push images; others look them up, which many a registry lets anybody do."""
WATCH = "watch"
"""The environment whose App proposes newer data, and releases nothing."""
_OTHER = Purpose(Need.ADVISED, "a workflow asks for it")


def purpose(name: str) -> Purpose:
    """What it is good for; one of a repository's own is told of as such."""
    return PURPOSES.get(name, _OTHER)
