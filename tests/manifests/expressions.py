"""Conditions of GitHub Actions, evaluated as GitHub does, so that tests see what they say and not how it is written.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

type Value = str | bool
_TOKENS = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>\|\||&&|==|!=|!|\(|\)|,)|(?P<name>[A-Za-z_][\w.-]*))")


def evaluate(expression: str, context: Mapping[str, Value], **functions: Callable[..., Value]) -> Value:
    """What an expression is, given the context's values by their whole names; one that is not there is empty.

    `always()` and `cancelled()` are of a run that goes on. Raises `ValueError` for what it cannot read.
    """
    text = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", expression, flags=re.DOTALL).strip()
    known: dict[str, Callable[..., Value]] = {"always": lambda: True, "cancelled": lambda: False, **functions}
    reader = _Reader(_tokens(text), context, known)
    found = reader.either()
    if reader.tokens:
        raise ValueError(f"{expression!r} goes on after its end, at {reader.tokens[0]!r}")
    return found


def is_true(expression: str, context: Mapping[str, Value], **functions: Callable[..., Value]) -> bool:
    """Whether a job or a step with this condition runs, where nothing failed before."""
    return bool(evaluate(expression, context, **functions))


def dropped(value: str, *secrets: str) -> str:
    """A job's output as the next job has it: GitHub keeps back what holds a secret's value, and only warns.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idoutputs
    """
    return "" if any(secret in value for secret in secrets) else value


def _tokens(text: str) -> list[str]:
    found, end = list[str](), 0
    for match in _TOKENS.finditer(text):
        if match.start() != end:
            break
        found.append(match[0].strip())
        end = match.end()
    if text[end:].strip():
        raise ValueError(f"{text[end:]!r} is no token")
    return found


class _Reader:
    """Reads one expression from its tokens, and knows what each part is."""

    def __init__(
        self, tokens: list[str], context: Mapping[str, Value], functions: Mapping[str, Callable[..., Value]]
    ) -> None:
        self.tokens = tokens
        self.context = context
        self.functions = functions

    def either(self) -> Value:
        """The first of several that is true, else the last."""
        found = self.both()
        while self._takes("||"):
            other = self.both()
            found = found or other
        return found

    def both(self) -> Value:
        """The first of several that is not true, else the last."""
        found = self.equal()
        while self._takes("&&"):
            other = self.equal()
            found = found and other
        return found

    def equal(self) -> Value:
        """Whether two are the same, whatever their case."""
        found = self.single()
        if self._takes("=="):
            return _same(found, self.single())
        if self._takes("!="):
            return not _same(found, self.single())
        return found

    def single(self) -> Value:
        """A text, a value of the context, what a function says, or a whole expression in brackets."""
        token = self.tokens.pop(0)
        if token == "!":  # noqa: S105  a sign of the language
            return not self.single()
        if token == "(":  # noqa: S105  a sign of the language
            found = self.either()
            self._close()
            return found
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        return self._called(token) if self._takes("(") else self.context.get(token, "")

    def _called(self, name: str) -> Value:
        arguments = list[Value]()
        while not self._takes(")"):
            arguments.append(self.either())
            self._takes(",")
        return self.functions[name](*arguments)

    def _close(self) -> None:
        if not self._takes(")"):
            raise ValueError("a bracket is not closed")

    def _takes(self, sign: str) -> bool:
        if self.tokens[:1] != [sign]:
            return False
        self.tokens.pop(0)
        return True


def _same(one: Value, other: Value) -> bool:
    return _text(one) == _text(other)


def _text(value: Value) -> str:
    """Compared as texts: no condition here compares a truth with a text that is not one."""
    return json.dumps(value) if isinstance(value, bool) else value.casefold()
