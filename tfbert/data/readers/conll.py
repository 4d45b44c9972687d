"""CoNLL files: a word and its tag a line, sentences between empty lines."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

from tfbert.data.table import Table
from tfbert.errors import DataError, NoRowsError

_LANGUAGE = re.compile(r"[a-z]{2,3}:")
_BLANKS = " \t\r\n"  # a no-break space or an ideographic space is part of a word


def read_conll(lines: Iterable[str], name: str) -> Table:
    r"""Lines -> a `Table` of `words` and `tags`, lists of str: the first and the last column of the file.

    Columns are separated by tabs or, in a line without a tab, by spaces. A blank line ends a sentence; lines that begin
    with -DOCSTART- are left out. WikiANN's prefix (a language code and a colon on every word of the file) is removed.
    A row's line number is that of its first word. Source: Tjong Kim Sang and De Meulder 2003.

    Raises:
        DataError: a line with one column, or a file without words.

    >>> read_conll(["New\tB-place\n", "York\tI-place\n", "\n"], "a.conll").columns
    {'words': [['New', 'York']], 'tags': [['B-place', 'I-place']]}
    """
    all_words: list[list[str]] = []
    all_tags: list[list[str]] = []
    line_numbers = array("q")
    within = False
    for number, line in enumerate(lines, 1):
        line = line.rstrip(_BLANKS)
        if not line or line.startswith("-DOCSTART-"):
            within = False
            continue
        fields = line.split("\t") if "\t" in line else line.lstrip(" ").split(" ")
        if len(fields) < 2:
            raise DataError(
                f"{name}, line {number}: one column, {fields[0]!r}; a word and its tag stand in a line, "
                f"with a tab or a space between them"
            )
        if not within:
            within = True
            all_words.append([])
            all_tags.append([])
            line_numbers.append(number)
        all_words[-1].append(fields[0].strip(_BLANKS))
        all_tags[-1].append(fields[-1].strip(_BLANKS))
    if not all_words:
        raise NoRowsError(f"{name}: no words in it")
    prefix = _LANGUAGE.match(all_words[0][0])
    if prefix and all(word.startswith(prefix[0]) for words in all_words for word in words):
        all_words = [[word[len(prefix[0]) :] for word in words] for words in all_words]
    return Table({"words": all_words, "tags": all_tags}, source=name, line_numbers=line_numbers)
