"""Round numbers along an axis."""

from __future__ import annotations

import math

_STEPS = (1, 2, 5, 10)


def step_of(low: float, high: float, most: int) -> float:
    """The smallest of 1, 2 and 5, times a power of ten, of which at most that many fit between two numbers."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * s for s in _STEPS if power * s >= rough * (1 - 1e-9))
