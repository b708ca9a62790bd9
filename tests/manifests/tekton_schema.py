"""The fields of Tekton's objects that `tekton/` uses, by its `v1` and `v1beta1` references; any other is refused.

Tekton's admission drops or refuses what it does not know, and no cluster is at hand in CI. A field that is new here is
written down here first, as the reference has it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.alias_generators import to_camel

type Duration = Annotated[str, Field(pattern=r"^(\d+(ms|h|m|s))+$")]
type Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=63)]
type ParamName = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.-]*$")]
type Reference = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.-]*|\$\(params\.[\w-]+\))$")]
type Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
type Value = str | list[str]


class Part(BaseModel):
    """A part of an object: known fields, of their types, and no text that stands for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Metadata(Part):
    name: Annotated[str, Field(min_length=1)] | None = None
    generate_name: Annotated[str, Field(min_length=1)] | None = None
    namespace: Name | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.name is None) == (self.generate_name is None):
            raise ValueError("either name or generateName")
        return self


# ---- Kubernetes' own, inside of Tekton's


class Capabilities(Part):
    add: list[str] = []
    drop: list[str] = []


class SeccompProfile(Part):
    type: Literal["RuntimeDefault", "Unconfined", "Localhost"]


class SecurityContext(Part):
    """A step's."""

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    allow_privilege_escalation: bool | None = None
    read_only_root_filesystem: bool | None = None
    capabilities: Capabilities | None = None
    seccomp_profile: SeccompProfile | None = None


class PodSecurityContext(Part):
    run_as_non_root: bool | None = None
    fs_group: int | None = None
    seccomp_profile: SeccompProfile | None = None


class FieldRef(Part):
    field_path: str


class ValueFrom(Part):
    field_ref: FieldRef


class EnvVar(Part):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
    value: str | None = None
    value_from: ValueFrom | None = None


class Source(Part):
    name: Reference
    optional: bool = False


class EnvFrom(Part):
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] | None = None
    config_map_ref: Source | None = None
    secret_ref: Source | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.config_map_ref is None) == (self.secret_ref is None):
            raise ValueError("either configMapRef or secretRef")
        return self


class VolumeMount(Part):
    name: Name
    mount_path: Annotated[str, Field(pattern="^/")]
    read_only: bool = False


class Amounts(Part):
    cpu: Quantity | None = None
    memory: Quantity | None = None
    storage: Quantity | None = None


class Resources(Part):
    requests: Amounts | None = None
    limits: Amounts | None = None


class Item(Part):
    key: str
    path: str


class EmptyDir(Part):
    medium: Literal["", "Memory"] = ""
    size_limit: Quantity | None = None


class SecretVolume(Part):
    secret_name: Name
    optional: bool = False
    items: list[Item] = []


class Token(Part):
    path: str
    expiration_seconds: Annotated[int, Field(ge=600)] = 3600


class ConfigMapFiles(Part):
    name: Name
    optional: bool = False
    items: list[Item] = []


class DownwardFile(Part):
    path: str
    field_ref: FieldRef


class DownwardFiles(Part):
    items: list[DownwardFile]


class Projection(Part):
    service_account_token: Token | None = None
    config_map: ConfigMapFiles | None = None
    downward_api: DownwardFiles | None = Field(default=None, alias="downwardAPI")


class Projected(Part):
    sources: list[Projection]


class Volume(Part):
    name: Name
    empty_dir: EmptyDir | None = None
    secret: SecretVolume | None = None
    projected: Projected | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.empty_dir, self.secret, self.projected)) != 1:
            raise ValueError("one of emptyDir, secret and projected")
        return self


# ---- tekton.dev/v1


class Param(Part):
    name: ParamName
    value: Value


class ParamSpec(Part):
    name: ParamName
    type: Literal["string", "array", "object"]
    description: str
    default: Value | None = None


class ResultSpec(Part):
    name: ParamName
    type: Literal["string", "array", "object"]
    description: str


class WorkspaceSpec(Part):
    """What a Task or Pipeline declares; only a Task's may be read-only."""

    name: Name
    description: str
    optional: bool = False


class TaskWorkspaceSpec(WorkspaceSpec):
    mount_path: str | None = None
    read_only: bool = False


class Step(Part):
    name: Name
    image: Annotated[str, Field(min_length=1)]
    command: list[str]
    args: list[str]
    working_dir: str | None = None
    timeout: Duration
    env: list[EnvVar]
    env_from: list[EnvFrom]
    volume_mounts: list[VolumeMount]
    compute_resources: Resources
    security_context: SecurityContext


class TaskSpec(Part):
    description: str
    params: list[ParamSpec] = []
    results: list[ResultSpec] = []
    workspaces: list[TaskWorkspaceSpec] = []
    volumes: list[Volume]
    steps: Annotated[list[Step], Field(min_length=1)]


class ResolverRef(Part):
    """A Task or Pipeline, by its name here or by a resolver."""

    name: Name | None = None
    kind: str | None = None
    resolver: Literal["cluster", "git", "bundles", "hub", "http"] | None = None
    params: list[Param] = []

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.name is None) == (self.resolver is None):
            raise ValueError("either name or resolver")
        return self


class When(Part):
    input: str
    operator: Literal["in", "notin"]
    values: Annotated[list[str], Field(min_length=1)]


class Matrix(Part):
    params: Annotated[list[Param], Field(min_length=1)]


class WorkspaceUse(Part):
    name: Name
    workspace: Name
    sub_path: str | None = None


class FinalTask(Part):
    """One that runs whatever happened, and so after nobody."""

    name: Name
    task_ref: ResolverRef
    when: list[When] = []
    matrix: Matrix | None = None
    params: list[Param] = []
    workspaces: list[WorkspaceUse] = []
    timeout: Duration | None = None
    retries: Annotated[int, Field(ge=1)] | None = None
    on_error: Literal["continue", "stopAndFail"] | None = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.retries is not None and self.on_error == "continue":
            raise ValueError("retries and onError exclude each other")
        return self


class PipelineTask(FinalTask):
    run_after: list[Name] = []


class PipelineSpec(Part):
    description: str
    params: list[ParamSpec] = []
    workspaces: list[WorkspaceSpec] = []
    tasks: Annotated[list[PipelineTask], Field(min_length=1)]
    finally_: list[FinalTask] = Field(default=[], alias="finally")


class ClaimSpec(Part):
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"]]
    storage_class_name: str | None = None
    resources: Resources


class Claim(Part):
    spec: ClaimSpec


class WorkspaceBinding(Part):
    name: Name
    sub_path: str | None = None
    volume_claim_template: Claim


class Timeouts(Part):
    pipeline: Duration | None = None
    tasks: Duration | None = None
    finally_: Duration | None = Field(default=None, alias="finally")


class PodTemplate(Part):
    automount_service_account_token: bool | None = None
    enable_service_links: bool | None = None
    host_users: bool | None = None
    security_context: PodSecurityContext | None = None


class TaskRunTemplate(Part):
    service_account_name: Name
    pod_template: PodTemplate | None = None


class TaskRunSpec(Part):
    pipeline_task_name: Name
    service_account_name: Name | None = None
    pod_template: PodTemplate | None = None


class PipelineRunSpec(Part):
    pipeline_ref: ResolverRef
    params: list[Param] = []
    workspaces: list[WorkspaceBinding] = []
    timeouts: Timeouts | None = None
    task_run_template: TaskRunTemplate
    task_run_specs: list[TaskRunSpec] = []


class Task(Part):
    api_version: Literal["tekton.dev/v1"]
    kind: Literal["Task"]
    metadata: Metadata
    spec: TaskSpec


class Pipeline(Part):
    api_version: Literal["tekton.dev/v1"]
    kind: Literal["Pipeline"]
    metadata: Metadata
    spec: PipelineSpec


class PipelineRun(Part):
    api_version: Literal["tekton.dev/v1"]
    kind: Literal["PipelineRun"]
    metadata: Metadata
    spec: PipelineRunSpec


# ---- triggers.tekton.dev/v1beta1


class TemplateParam(Part):
    name: ParamName
    description: str = ""
    default: str | None = None


class TemplateSpec(Part):
    params: list[TemplateParam] = []
    resourcetemplates: Annotated[list[PipelineRun], Field(min_length=1)]


class TriggerTemplate(Part):
    api_version: Literal["triggers.tekton.dev/v1beta1"]
    kind: Literal["TriggerTemplate"]
    metadata: Metadata
    spec: TemplateSpec


class BindingParam(Part):
    name: ParamName
    value: Annotated[str, Field(min_length=1)]


class BindingSpec(Part):
    params: Annotated[list[BindingParam], Field(min_length=1)]


class TriggerBinding(Part):
    api_version: Literal["triggers.tekton.dev/v1beta1"]
    kind: Literal["TriggerBinding"]
    metadata: Metadata
    spec: BindingSpec


class InterceptorRef(Part):
    name: Literal["github", "cel"]
    kind: Literal["ClusterInterceptor", "NamespacedInterceptor"]


class SecretKey(Part):
    secret_name: Name
    secret_key: str


class InterceptorParam(Part):
    """`secretRef` and `eventTypes` of the interceptor for GitHub, `filter` of that for CEL."""

    name: Literal["secretRef", "eventTypes", "filter"]
    value: SecretKey | list[Literal["pull_request", "issue_comment", "push"]] | str


class Interceptor(Part):
    name: Name
    ref: InterceptorRef
    params: list[InterceptorParam]


class ByName(Part):
    ref: Name


class Trigger(Part):
    name: Name
    interceptors: list[Interceptor] = []
    bindings: list[ByName]
    template: ByName


class ListenerContainer(Part):
    resources: Resources


class ListenerPod(Part):
    containers: list[ListenerContainer]


class ListenerTemplate(Part):
    spec: ListenerPod


class ListenerDeployment(Part):
    template: ListenerTemplate


class KubernetesResource(Part):
    spec: ListenerDeployment


class ListenerResources(Part):
    kubernetes_resource: KubernetesResource


class ListenerSpec(Part):
    service_account_name: Name
    resources: ListenerResources
    triggers: Annotated[list[Trigger], Field(min_length=1)]


class EventListener(Part):
    api_version: Literal["triggers.tekton.dev/v1beta1"]
    kind: Literal["EventListener"]
    metadata: Metadata
    spec: ListenerSpec


type Document = Annotated[
    Task | Pipeline | PipelineRun | TriggerTemplate | TriggerBinding | EventListener, Field(discriminator="kind")
]
GROUPS = ("tekton.dev/", "triggers.tekton.dev/")
_READ: TypeAdapter[Document] = TypeAdapter(Document)


def is_tektons(document: dict[str, Any]) -> bool:
    return str(document.get("apiVersion", "")).startswith(GROUPS)


def check(document: dict[str, Any]) -> None:
    """Raises pydantic's `ValidationError`, which names each field that is wrong and where it is."""
    _READ.validate_python(document)
