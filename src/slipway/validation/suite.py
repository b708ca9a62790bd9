"""The expectation suite: Great Expectations' own JSON, with every fault named by entry and line.

The library itself logs and drops an entry that it cannot read; here that is an error, because a check
that silently does not run looks like a check that passed.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.errors import InputError
from slipway.results import Severity
from slipway.training.faults import Fault
from slipway.validation import library

_SUITE_KEYS = frozenset({"name", "expectations", "meta", "notes", "id", "suite_parameters"})
_ENTRY_KEYS = frozenset({"type", "kwargs", "severity", "meta", "notes", "description", "id", "rendered_content"})
_ABOUT_TYPES = frozenset(
    {"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list", "expect_column_type_to_be"}
)
_SPACE = re.compile(r"[\s,:]*")
_HINT = 'A suite looks like {"name": "…", "expectations": [{"type": "…", "kwargs": {…}, "severity": "critical"}]}.'
_SEVERITIES = ", ".join(Severity)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One expectation of a suite, and where it stands."""

    number: int
    """From 1."""
    line: int
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    description: str = ""
    """What its author wrote for people; the words of `words.expected` otherwise."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns that are needed to check it; None for all, empty for none but their names."""
        if "row_condition" in self.kwargs or self.type.startswith(("expect_query", "unexpected_rows")):
            return None
        if self.about_table:
            return ()
        named = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        return tuple(dict.fromkeys([*named, *self.kwargs.get("column_list", ())])) or None

    @property
    def about_table(self) -> bool:
        """Whether it asks for the columns' names or the number of rows only."""
        return self.type.startswith("expect_table_") or self.type == "expect_column_to_exist"

    @property
    def about_type(self) -> bool:
        """Whether it asks how values are stored."""
        return self.type in _ABOUT_TYPES

    @property
    def label(self) -> str:
        """As people are told."""
        return f"expectation {self.number} ({self.type})"


def parse(content: bytes, file: str) -> tuple[Entry, ...]:
    """The entries of a suite; `InputError` names every fault of its form. Loads no library."""
    text = _text(content, file)
    suite = _json(text, file)
    if not isinstance(suite, dict) or not isinstance(suite.get("expectations"), list):
        raise InputError(Fault(file=file, line=1, what="this is not an expectation suite", hint=_HINT))
    lines = list(_entry_lines(text))
    faults = list(_suite_faults(suite, file))
    entries: list[Entry] = []
    for number, (line, entry) in enumerate(zip(lines, suite["expectations"], strict=True), start=1):
        wrong = [Fault(file=file, line=line, what=f"expectation {number}: {what}") for what in _form_faults(entry)]
        faults += wrong
        if not wrong:
            entries.append(
                Entry(
                    number=number,
                    line=line,
                    type=entry["type"],
                    kwargs=entry["kwargs"],
                    severity=Severity(entry.get("severity") or Severity.CRITICAL),
                    description=entry.get("description") or "",
                )
            )
    if faults:
        raise InputError(faults)
    return tuple(entries)


def check(entries: Sequence[Entry], columns: Sequence[str], file: str) -> None:
    """Ask Great Expectations to read each entry, and the data for its columns; `InputError` names every fault."""
    library.load()
    faults = [
        Fault(file=file, line=entry.line, what=f"{entry.label}: {what}", hint=hint)
        for entry in entries
        for what, hint in (*_library_faults(entry), *_column_faults(entry, columns))
    ]
    if faults:
        raise InputError(faults)
    _check_count(entries, file)


def configuration(entry: Entry) -> Any:  # noqa: ANN401
    """The entry as Great Expectations' own configuration; its number travels in `meta`."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationConfiguration(
        type=entry.type,
        kwargs=dict(entry.kwargs),
        severity=entry.severity.value,
        meta={"entry": entry.number},
    )


def _text(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(Fault(file=file, line=line, what="the file is not UTF-8")) from None


def _json(text: str, file: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        what = f"this is not JSON: {error.msg} (column {error.colno})"
        raise InputError(Fault(file=file, line=error.lineno, what=what)) from None
    except RecursionError:
        raise InputError(Fault(file=file, what="this JSON is nested too deeply to be an expectation suite")) from None


def _entry_lines(text: str) -> Iterator[int]:
    """The line on which each expectation begins, of a text that is known to be a suite's JSON."""
    decoder = json.JSONDecoder()
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if key == "expectations":
            at, lines = _elements(text, at, decoder)
            yield from lines
            return
        at = _skip(text, decoder.raw_decode(text, at)[1])


def _elements(text: str, at: int, decoder: json.JSONDecoder) -> tuple[int, list[int]]:
    lines: list[int] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        lines.append(text.count("\n", 0, at) + 1)
        at = _skip(text, decoder.raw_decode(text, at)[1])
    return at, lines


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _suite_faults(suite: Mapping[str, Any], file: str) -> Iterator[Fault]:
    if not isinstance(suite.get("name"), str) or not suite["name"]:
        yield Fault(file=file, line=1, what="the suite has no name", hint=_HINT)
    for key in suite.keys() - _SUITE_KEYS:
        yield Fault(file=file, line=1, what=f"{key!r} is not known in a suite", hint=_HINT)
    if suite.get("suite_parameters"):
        yield Fault(file=file, line=1, what="suite_parameters are not supported", hint="Write the values themselves.")


def _form_faults(entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "it must be an object with a type and kwargs"
        return
    if not isinstance(entry.get("type"), str):
        yield 'its "type" must be a text'
    if not isinstance(entry.get("kwargs"), dict):
        yield 'its "kwargs" must be an object'
    elif "$PARAMETER" in json.dumps(entry["kwargs"]):
        yield "suite parameters are not supported; write the value itself"
    if entry.get("severity", Severity.CRITICAL) not in (*Severity, None):
        yield f'its "severity" must be one of {_SEVERITIES}, not {entry["severity"]!r}'
    if not isinstance(entry.get("description") or "", str):
        yield 'its "description" must be a text'
    for key in sorted(entry.keys() - _ENTRY_KEYS):
        yield f"{key!r} is not known here{_close(key, _ENTRY_KEYS)}"


def _library_faults(entry: Entry) -> Iterator[tuple[str, str]]:
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.exceptions import ExpectationNotFoundError, GreatExpectationsError
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    try:
        with library.quietly():
            configuration(entry).to_domain_obj()
    except ExpectationNotFoundError:
        known = list_registered_expectation_implementations()
        yield f"Great Expectations has no such expectation{_close(entry.type, known)}", ""
    except ValidationError as error:
        for text in dict.fromkeys(_kwarg_fault(entry, detail) for detail in error.errors()):
            yield text, ""
    except (GreatExpectationsError, TypeError, ValueError) as error:
        yield f"Great Expectations refuses it: {error}", ""


def _kwarg_fault(entry: Entry, detail: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in detail["loc"] if part != "__root__")
    match detail["type"]:
        case "value_error.extra":
            return f"{name!r} is not one of its kwargs"
        case "value_error.missing":
            return f"its kwargs lack {name!r}"
        case _:
            return f"{name} = {entry.kwargs.get(name)!r}: {detail['msg']}" if name else str(detail["msg"])


def _column_faults(entry: Entry, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in entry.columns or ():
        if name not in columns:
            shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")  # noqa: PLR2004
            yield f"the data have no column {name!r}{_close(str(name), columns)}", f"The columns are: {shown}."


def _close(word: str, known: Iterable[str]) -> str:
    spelled = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), spelled, n=1)
    return f"; did you mean {spelled[found[0]]!r}?" if found else ""


def _check_count(entries: Sequence[Entry], file: str) -> None:
    from great_expectations import ExpectationSuite

    with library.quietly():
        suite = ExpectationSuite(name="suite", expectations=[configuration(entry) for entry in entries])
    if len(suite.expectations) != len(entries):
        dropped = len(entries) - len(suite.expectations)
        raise InputError(Fault(file=file, what=f"Great Expectations drops {dropped} of its expectations"))
