"""Waiting that a signal ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

type Pause = Callable[[float], None]
"""Wait for so many seconds; it raises `KeyboardInterrupt` when the command is to end."""

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def until_ended() -> Iterator[Pause]:
    """Waits that end by a signal, and nothing else does.

    A handler that raises would do so anywhere: while a server is being started, or a call is half done.
    """
    ended = threading.Event()

    def pause(seconds: float) -> None:
        if ended.wait(seconds):
            raise KeyboardInterrupt

    heard = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup means it
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in heard}
    try:
        yield pause
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Hear endings only after the block: a process that is half started would be nobody's to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for ending in heard[:1]:
            signal.raise_signal(ending)


def end_on_term() -> None:
    """Have SIGTERM end the command as the interrupt key does: engines and Kubernetes send it.

    To be said again after a library took the signal for itself, as Ray does. Heard by the main thread alone.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
