"""Every seed derives from the key, so that equal keys give equal models."""

from __future__ import annotations

import hashlib


def derive(key: str, *purpose: str | int) -> int:
    """A 31-bit seed for one purpose: `derive(key, "trial", 7)`."""
    text = "/".join([key, *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
