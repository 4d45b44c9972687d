"""JSON values one after another, or the elements of one array, decoded from lines in constant memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tfbert.errors import DataError

_CHARACTERS = 1 << 16  # of lines that are read together
_BLANK = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


class Value(NamedTuple):
    """A value, the line it begins in and its number of characters."""

    line: int
    value: Any
    size: int


def json_values(lines: Iterable[str], name: str) -> Iterator[Value]:
    r"""The elements of a text that is one array, else its values, between which there is white space.

    Raises:
        DataError: no JSON, with line and column; a text that ends too soon.

    >>> [value.value for value in json_values(['[{"text":\n', '"a"},\n', '{"text": "b"}]\n'], "a.json")]
    [{'text': 'a'}, {'text': 'b'}]
    >>> [value.line for value in json_values(["{\n", "}\n", "{}\n"], "a.json")]
    [1, 3]
    """
    text = _Text(lines, name)
    if text.character() != "[":
        while text.character():
            yield text.value()
        return
    text.at += 1
    if text.character() == "]":
        text.at += 1
    else:
        while True:
            yield text.value()
            follows = text.character()
            text.at += 1
            if follows == "]":
                break
            if follows != ",":
                text.at -= 1
                raise text.error("a comma or ] must follow an element of the array", text.at)
    if text.character():
        raise text.error("more text follows the array", text.at)


class _Text:
    """A text of which a part is in memory: `at` is the next character in it."""

    def __init__(self, lines: Iterable[str], name: str) -> None:
        self.at = 0
        self._lines, self._name = iter(lines), name
        self._text = ""
        self._line, self._counted = 1, 0  # the line of the character `_counted` of the text

    def character(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            self.at = _BLANK.match(self._text, self.at).end()
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._more(_CHARACTERS):
                return ""

    def value(self) -> Value:
        """The value that begins at the next character."""
        self.character()
        size = _CHARACTERS
        while True:
            try:
                value, end = _decode(self._text, self.at)
            except json.JSONDecodeError as error:
                # A value that ends with the text may go on in the next lines; a string ends in its line.
                if error.pos >= len(self._text.rstrip()) and self._more(size):
                    size *= 2  # so that a long value is decoded a few times only
                    continue
                raise self.error(error.msg, error.pos, error.msg.startswith("Unterminated")) from None
            except RecursionError:
                raise self.error("nested too deep", self.at) from None
            except ValueError as error:
                raise self.error(str(error), self.at) from None
            line = self._line_of(self.at)
            value, size, self.at = value, end - self.at, end
            return Value(line, value, size)

    def error(self, reason: str, position: int, unterminated: bool = False) -> DataError:
        line = self._line_of(position)
        column = position - self._text.rfind("\n", 0, position)
        ends = unterminated or position >= len(self._text.rstrip()) and not self._more(1)
        if ends:
            reason += "; the file ends too soon, copy it again"
        return DataError(f"{self._name}, line {line}, column {column}: not JSON: {reason}")

    def _more(self, size: int) -> bool:
        """Adds lines of about so many characters; False at the end."""
        added: list[str] = []
        length = 0
        for line in self._lines:
            added.append(line)
            length += len(line)
            if length >= size:
                break
        if not added:
            return False
        self._line_of(self.at)
        self._text = self._text[self.at :] + "".join(added)
        self.at = self._counted = 0
        return True

    def _line_of(self, position: int) -> int:
        """The line of a character, which is not before `at`; counted once."""
        line = self._line + self._text.count("\n", self._counted, position)
        if position <= self.at:
            self._line, self._counted = line, position
        return line
