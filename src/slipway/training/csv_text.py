"""The bytes of a CSV, looked through once before anything is parsed."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from slipway.training.faults import DataError, Fault

_CHUNK = 1 << 22
_PARQUET = b"PAR1"
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_QUOTE, _ZERO = ord('"'), ord("0")


def _members(characters: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=np.bool_)
    table[list(characters)] = True
    return table


_BOUNDARY = _members(b',\n\r"')
_BEFORE_SIGN = _members(b',\n\r" ')
_SIGN = _members(b" -+")
_AFTER_ZERO = _members(b"0123456789xX")


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What there is to know of a CSV's text before it is parsed."""

    regular_quotes: bool
    """Each quote stands beside a comma, a line's end or another quote, and their number is even."""
    leading_zeros: bool
    """Something may be a number that begins with 0."""


def scan(stream: BinaryIO) -> Scan:
    """Read a stream to its end in bounded memory; `DataError` with the line for what is no UTF-8 text."""
    state = _State()
    while chunk := stream.read(_CHUNK):
        state.take(chunk)
    return state.result()


@dataclass(kw_only=True)
class _State:
    """What the chunks so far have shown."""

    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))
    tail: bytes = b""
    """The last three bytes: the last one is judged when the next one is known."""
    lines: int = 0
    """Line ends so far; CR and LF together are one."""
    quotes: int = 0
    regular_quotes: bool = True
    leading_zeros: bool = False

    def take(self, chunk: bytes) -> None:
        if not self.tail:
            _check_start(chunk)
        if (at := chunk.find(b"\0")) >= 0:
            raise DataError(Fault(line=self._line(chunk, at), what="there is a NUL byte: this is not a text file"))
        self._decode(chunk)
        self._look(chunk)
        self.lines = self._line(chunk, len(chunk)) - 1
        self.tail = ((self.tail or b"\n\n") + chunk)[-3:]

    def result(self) -> Scan:
        if not self.tail:
            raise DataError(Fault(what="the file is empty", hint="Write a header and rows into it."))
        self._decode(b"", final=True)
        self._look(b"\n")
        return Scan(regular_quotes=self.regular_quotes and self.quotes % 2 == 0, leading_zeros=self.leading_zeros)

    def _line(self, chunk: bytes, at: int) -> int:
        """The line of a place in this chunk."""
        straddling = at > 0 and self.tail.endswith(b"\r") and chunk.startswith(b"\n")
        both = chunk.count(b"\r\n", 0, at) + straddling
        return 1 + self.lines + chunk.count(b"\n", 0, at) + chunk.count(b"\r", 0, at) - both

    def _decode(self, chunk: bytes, *, final: bool = False) -> None:
        kept = len(self.decoder.getstate()[0])
        try:
            self.decoder.decode(chunk, final=final)
        except UnicodeDecodeError as error:
            raise DataError(
                Fault(
                    line=self._line(chunk, max(error.start - kept, 0)),
                    what=f"this is not UTF-8 (byte 0x{error.object[error.start]:02x})",
                    hint="Convert the file: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW.",
                )
            ) from None

    def _look(self, chunk: bytes) -> None:
        """Judge each byte by the two before it and the one after it."""
        bytes_ = np.frombuffer((self.tail or b"\n\n") + chunk, dtype=np.uint8)
        middle = bytes_[2:-1]
        before, after = bytes_[1:-2], bytes_[3:]
        places = np.flatnonzero(middle == _QUOTE)
        opening = (np.arange(len(places)) + self.quotes) % 2 == 0
        beside = np.where(opening, before[places], after[places])
        self.regular_quotes = self.regular_quotes and bool(np.all(_BOUNDARY[beside]))
        self.quotes += len(places)
        if not self.leading_zeros:
            zeros = np.flatnonzero(middle == _ZERO)
            zeros = zeros[_AFTER_ZERO[after[zeros]]]
            begins = _BOUNDARY[before[zeros]] | (_SIGN[before[zeros]] & _BEFORE_SIGN[bytes_[zeros]])
            self.leading_zeros = bool(np.any(begins))


def _check_start(chunk: bytes) -> None:
    if chunk.startswith(_PARQUET):
        raise DataError(Fault(what="this is a Parquet file", hint="Name it .parquet."))
    for mark, name in _BYTE_ORDER_MARKS.items():
        if chunk.startswith(mark):
            hint = r"Take it off: sed -i '1s/^\xEF\xBB\xBF//' FILE." if name == "UTF-8" else "Save it as UTF-8."
            raise DataError(Fault(line=1, what=f"the file begins with a {name} byte-order mark", hint=hint))
