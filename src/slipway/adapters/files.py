"""Files by their path, written into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their path below a folder, which is made. `OSError` where that fails.

    The paths are trusted: whoever reads them from elsewhere checks that they stay inside.
    """
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
