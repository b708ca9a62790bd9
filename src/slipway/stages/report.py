"""`report`: what the reviewer reads, written to `.slipway/report/<model>/`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.key import canonical

if TYPE_CHECKING:
    from slipway.report import ReportInput
    from slipway.workspace import Workspace

_STAMP = "inputs.sha256"
_VERSION = 2
"""Raised when the report's code changes what it shows."""


def run(workspace: Workspace, report: ReportInput) -> tuple[Path, bool]:
    """Write the report; its folder, and whether it was there already with the same content."""
    folder = workspace.settings.report(report.model)
    stamp = folder / _STAMP
    digest = _digest(report)
    if stamp.is_file() and stamp.read_text() == digest:
        return folder, True
    from slipway.report.files import files, replace

    replace(folder, {**files(report), _STAMP: digest.encode()})
    return folder, False


def _digest(report: ReportInput) -> str:
    """Of all that the report says but the times, which differ when nothing else does."""
    content = {
        "version": _VERSION,
        "key": report.key,
        "commit": report.commit,
        "base": report.base,
        "validation": report.validation.model_dump(mode="json"),
        "comparison": report.comparison and report.comparison.model_dump(mode="json"),
        "spec": report.spec.model_dump(mode="json"),
        "engine": report.engine,
        "manifest_diff": report.manifest_diff,
        "data_digest": report.data_digest,
    }
    return hashlib.sha256(canonical(content)).hexdigest()
