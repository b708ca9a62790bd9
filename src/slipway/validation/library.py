"""Great Expectations, loaded when it is needed and kept quiet."""

from __future__ import annotations

import gc
import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the library's warnings and log lines, which are about itself, from the user."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def load() -> None:
    """Import the library, once; a thread may begin, for a later call waits until it is done.

    What 460 modules define is never garbage: not looking for any meanwhile, nor among it later, saves a
    sixth of the import and nearly all of each `release`.
    """
    if "great_expectations" in sys.modules:
        importlib.import_module("great_expectations")
        return
    collecting = gc.isenabled()
    gc.disable()
    try:
        with quietly():
            import great_expectations  # noqa: F401
    finally:
        logging.captureWarnings(capture=False)  # the import hands all of Python's warnings to logging
        gc.freeze()
        if collecting:
            gc.enable()


def release() -> None:
    """Give back the frames of validators that are done: they are parts of reference cycles."""
    gc.collect()


def validator(frame: pd.DataFrame) -> Any:  # noqa: ANN401
    """A validator of the frame, in a context that lives in memory and shows no progress.

    The frame goes to the execution engine itself: as a batch of a data source it would first be hashed,
    which takes longer than a dozen expectations do.
    """
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.validator.validator import Validator

    engine = PandasExecutionEngine(batch_data_dict={"data": frame})
    return Validator(execution_engine=engine, data_context=_context())


@cache
def _context() -> Any:  # noqa: ANN401
    from great_expectations import get_context
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context
