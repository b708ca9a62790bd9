"""Ray: the machine's own cores, or a cluster that is there already."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.adapters.signals import end_on_term
from slipway.errors import OutsideError

# Read by Ray when it is imported. No telemetry, no files beside each trial, no searcher state on disk: the
# search keeps its own record. The interrupt key ends the command, not just the search.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else workers start `uv run` themselves, wherever uv may be
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
_CARRIED = ("NPY_DISABLE_CPU_FEATURES", "ORT_DISABLE_TELEMETRY")
"""What the command line sets for itself, and workers that it did not start would go without."""
_MIB = 1 << 20
_SHARED_MEMORY = "/dev/shm"  # noqa: S108  where Ray keeps its objects
_LEAST = 80 * _MIB
_MOST = 2048 * _MIB


@dataclass(kw_only=True)
class Cluster:
    """Ray, started in the background so that other work goes on meanwhile.

    `address` is None for this machine's own cores; `workers` is how many trials run at once, None for as
    many as there are cores.
    """

    address: str | None
    workers: int | None
    _thread: threading.Thread | None = field(default=None, init=False)
    _error: Exception | None = field(default=None, init=False)
    _up: threading.Event = field(default_factory=threading.Event, init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)

    def start(self) -> None:
        """Begin to start; returns at once, and does nothing the second time."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="ray", daemon=True)
            self._thread.start()

    def ready(self) -> int:
        """Wait until Ray runs; the number of trials that may run at once. Raises `OutsideError`."""
        self.start()
        self._up.wait()
        end_on_term()
        if self._error is not None:
            raise OutsideError(
                f"Ray did not start: {self._error}",
                hint="Is there memory and room in /tmp? RAY_ADDRESS names another cluster.",
            )
        if self.workers is not None:
            return self.workers
        import ray

        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def release(self) -> None:
        """Begin to end what was started, in the background; a cluster that was there before goes on."""
        self._over.set()

    def stop(self) -> None:
        """End what was started, and wait until it has ended."""
        self.release()
        if self._thread is not None:
            self._thread.join()

    def _live(self) -> None:
        """Start Ray and stay: its processes end with the thread, not the process, that started them."""
        try:
            self._connect()
        except Exception as error:  # noqa: BLE001  kept for the thread that waits
            self._error = error
        self._up.set()
        self._over.wait()
        if self._error is None:
            import ray

            ray.shutdown()

    def _connect(self) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import ray

        logging.getLogger("ray").setLevel(logging.ERROR)
        local: dict[str, Any] = {
            "num_cpus": self.workers or _cores(),
            "num_gpus": 0,
            "include_dashboard": False,
            "object_store_memory": _object_store(),
        }
        ray.init(
            address=self.address or "local",
            log_to_driver=False,
            configure_logging=False,
            **({"runtime_env": _travelling()} if self.address else local),
        )


def _travelling() -> dict[str, Any]:
    """What a cluster that was there before has to be given, so that its workers give the bytes that they give here.

    The code that the key names, whatever its image has, and the processor features that NumPy may use.
    """
    import slipway

    code = str(Path(slipway.__file__).parent)
    return {"py_modules": [code], "env_vars": {name: os.environ[name] for name in _CARRIED if name in os.environ}}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _object_store() -> int:
    """Bytes for Ray's objects: what shared memory has to spare, within bounds.

    A container's shared memory is often 64 MiB; Ray then uses files in /tmp, as it would say at length.
    """
    try:
        spare = shutil.disk_usage(_SHARED_MEMORY).free // 2
    except OSError:
        spare = 0
    if spare < _LEAST:
        os.environ.setdefault("RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE", "1")
    return max(_LEAST, min(_MOST, spare))
