"""`tune` in a cluster: the search runs as a RayJob, and its result comes back through the store."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters.ray_job import document, source
from slipway.adapters.ray_job.document import Owner, Wish
from slipway.adapters.ray_job.kubernetes import Cluster
from slipway.adapters.signals import until_ended
from slipway.errors import OutsideError

if TYPE_CHECKING:
    from slipway.workspace import Model, Workspace


@dataclass(frozen=True, kw_only=True)
class RayJob:
    """What the command line says of it."""

    template: Path
    image: str | None = None
    """Of all its pods, instead of the template's."""
    queue: str | None = None
    """Kueue's local queue, instead of the template's."""


def run[Tuned](
    workspace: Workspace,
    model: Model,
    job: RayJob,
    *,
    load: Callable[[], Tuned | None],
    environ: Mapping[str, str],
    trials: int | None = None,
) -> Tuned:
    """What `load` finds in the store after the RayJob, or before: then nothing is submitted.

    Nothing of the RayJob is left, however it ended. `environ` may name the pod that it belongs to.

    Raises:
        InputError: the template or the store will not do, or the search says that its own input is wrong.
        OutsideError: Kubernetes, KubeRay or the search failed.
        KeyboardInterrupt: a signal ended the command.
    """
    from slipway.adapters.ray_job.follow import Follower

    if (known := load()) is not None:
        return known
    template = document.read(job.template)
    url = source.check_store(workspace.settings.store)
    with until_ended() as pause, closing(Cluster.connect(pause)) as cluster:
        wish = Wish(
            model=model.name,
            key=model.key,
            run=uuid.uuid4().hex,
            source=source.upload(workspace.store, url, model),
            store=url,
            trials=trials,
            image=job.image,
            queue=job.queue,
            owner=Owner.from_environ(environ),
        )
        submitted = document.build(template, wish, namespace=cluster.namespace)
        Follower(
            cluster=cluster, document=submitted, say=workspace.screen.say, is_kept=lambda: load() is not None
        ).follow()
    if (tuned := load()) is None:
        raise OutsideError(
            f"RayJob {wish.name} ended well, and {url} has no challenger of key {model.short_key}",
            hint="Do its pods and this command use the same server for S3? Compare their AWS_ENDPOINT_URL.",
        )
    return tuned
