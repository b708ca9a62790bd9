"""What the environment says, and for whatever it leaves open the repository's pyproject.toml. Read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway import project
from slipway.errors import InputError
from slipway.project import Project, Reuse

__all__ = ["LOCAL", "PRODUCTION", "Reuse", "Settings"]

LOCAL = Path(".slipway")
"""Whatever a run leaves behind in a repository; Git ignores it."""


PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where this command works and what it may use.

    `store` and `tracking_uri` may carry credentials, so they stay out of the repr.
    """

    repo: Path
    store: str = field(repr=False)
    tracking_uri: str = field(repr=False)
    ray_address: str | None = None
    environment: str = PRODUCTION
    """The one that a command is about: the first, unless SLIPWAY_ENVIRONMENT names another."""
    environments: tuple[str, ...] = (PRODUCTION,)
    """In the order in which a release goes through them."""
    alone: bool = False
    """Whether SLIPWAY_ENVIRONMENT says so: then a command is about that environment and no other."""
    approve: tuple[str, ...] = ()
    """Those that a release enters by a pull request which a person merges."""
    namespace: str = "models-{environment}"
    endpoint: str = ""
    """A model's address on the cluster, where it is not the platform's own name for it."""
    prometheus: str = ""
    prometheus_token: Path | None = None
    """The file of the token that Prometheus wants, if it wants one."""
    prometheus_ca: Path | None = None
    """The file of the certificates that it is trusted by, where the system's do not do."""
    registry: str = "localhost/slipway"
    """Where images are pushed to; a model's image is `<registry>/<model>`."""
    builder: str | None = None
    """The S2I builder that images are built upon, as `name@sha256:…`; without one, they are folders of this machine."""
    landing: str = "push"
    """How a commit gets to main: `push`, or `branch` for a pull request where main is protected."""
    reuse: Reuse = Reuse.OWN
    """Whose pull requests' models are shipped as they were reviewed."""
    data_cache: Path | None = None
    """Where this machine keeps the data that pointers name; else each repository keeps its own."""
    home: Path | None = None
    workflow: str = ""
    """The workflow of GitHub Actions that runs this, by its address and the branch that it is of; else nothing."""

    @property
    def local(self) -> Path:
        """The folder for whatever a run leaves behind: in the repository, unless it is a passing copy of one."""
        return self.home or self.repo / LOCAL

    @property
    def through(self) -> tuple[str, ...]:
        """The environments that a command goes through: all, unless one is named."""
        is_one = self.alone or self.environment not in self.environments
        return (self.environment,) if is_one else self.environments

    @property
    def earlier(self) -> tuple[str, ...]:
        """The environments before this one: it takes what was verified in the last of them."""
        listed = self.environments
        return listed[: listed.index(self.environment)] if self.environment in listed else ()

    @property
    def onwards(self) -> tuple[str, ...]:
        """This environment, and those that follow it."""
        listed = self.environments
        return listed[listed.index(self.environment) :] if self.environment in listed else (self.environment,)

    @property
    def is_followed(self) -> bool:
        """Whether another environment takes what was verified in this one."""
        return self.environment in self.environments[:-1]

    def report(self, model: str) -> Path:
        """The folder of the newest report of a model."""
        return self.local / "report" / model

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, repo: Path, store: str | None = None) -> Settings:
        """Read both; what the command line says comes first. `InputError` where `[tool.slipway]` is wrong."""
        repo = repo.resolve()
        table = project.read(repo)
        return cls(
            repo=repo,
            store=store or environ.get("SLIPWAY_STORE") or str(repo / LOCAL / "store"),
            tracking_uri=environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{repo / LOCAL / 'mlflow.db'}",
            ray_address=environ.get("RAY_ADDRESS") or None,
            environment=_environment(environ.get("SLIPWAY_ENVIRONMENT"), table),
            environments=table.environments,
            alone=bool(environ.get("SLIPWAY_ENVIRONMENT")),
            approve=table.approve,
            namespace=_template(environ, "SLIPWAY_NAMESPACE", project.NAMESPACE_FIELDS) or table.namespace,
            endpoint=_template(environ, "SLIPWAY_ENDPOINT", project.ENDPOINT_FIELDS) or table.endpoint,
            prometheus=environ.get("SLIPWAY_PROMETHEUS") or table.prometheus,
            prometheus_token=_file(environ.get("SLIPWAY_PROMETHEUS_TOKEN_FILE")),
            prometheus_ca=_file(environ.get("SLIPWAY_PROMETHEUS_CA_FILE")),
            registry=environ.get("SLIPWAY_REGISTRY") or table.registry or "localhost/slipway",
            builder=environ.get("SLIPWAY_BUILDER") or table.builder or None,
            landing=environ.get("SLIPWAY_LANDING") or table.landing,
            reuse=table.reuse.pull_requests,
            data_cache=_data_cache(environ),
            workflow=_workflow(environ),
        )


def _environment(named: str | None, table: Project) -> str:
    """The one that is named, else the first; any name will do where the repository lists none."""
    if named and "environments" in table.model_fields_set and named not in table.environments:
        known = ", ".join(table.environments)
        raise InputError(f"SLIPWAY_ENVIRONMENT is {named!r}, which is no environment here", hint=f"There are {known}.")
    return named or table.environments[0]


def _template(environ: Mapping[str, str], name: str, fields: tuple[str, ...]) -> str:
    try:
        return project.checked(environ.get(name, ""), fields)
    except ValueError as error:
        raise InputError(f"{name} {error}") from None


def _workflow(environ: Mapping[str, str]) -> str:
    """As the certificate names it that GitHub gives to a job which signs: <server>/<owner>/<name>/<path>@<ref>.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    server, own = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_WORKFLOW_REF")
    return f"{server}/{own}" if server and own else ""


def _file(name: str | None) -> Path | None:
    return Path(name) if name else None


def _data_cache(environ: Mapping[str, str]) -> Path | None:
    """Where it is said, else where this user's programs keep what can be fetched again (XDG base directories)."""
    if named := environ.get("SLIPWAY_DATA_CACHE"):
        return Path(named).absolute()
    home = environ.get("HOME")
    caches = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else "")
    return Path(caches) / "slipway" / "data" if caches else None
