"""CoNLL files: a word and its tag a line, sentences between empty lines."""

from __future__ import annotations

import collections
import re
from array import array
from collections.abc import Iterable, Sequence

from absl import logging

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers.conll_columns import Sentences, is_tag, named_columns
from tfbert.data.table import Table
from tfbert.errors import NoRowsError, RowError

_LANGUAGE = re.compile(r"[a-z]{2,3}:")
_BLANKS = " \t\r\n"  # a no-break space or an ideographic space is part of a word
_CONLL_2012 = "#begin document"
_FIELDS_OF_2012 = 11  # up to the named entities; then one for each predicate of the sentence, and coreference


def read_conll(
    lines: Iterable[str], name: str, bad_rows: BadRows = REFUSING, column_names: Sequence[str] = ()
) -> Table:
    r"""Lines -> a `Table` of `words` and `tags`, lists of str: the columns of the file that hold them.

    Columns are separated by tabs or, in a line without a tab, by spaces. A blank line ends a sentence. Lines that begin
    with -DOCSTART- and comments, which begin with # before the first word of a sentence, are left out. WikiANN's prefix
    (a language code and a colon on every word of the file) is removed. A row's line number is that of its first word.

    Which columns are words and tags, `named_columns` finds out; each of the file is also a column by its number, from
    "1". Sources: Tjong Kim Sang and De Meulder 2003; Benikova et al. 2014 (GermEval); Pradhan et al. 2012 (OntoNotes).

    Args:
        column_names: of the columns of the file, in order. None is found out then.

    Raises:
        RowError: a line with another number of columns than the others, unless `bad_rows` skips its sentence.
        DataError: a file without words.

    >>> read_conll(["New\tB-place\n", "York\tI-place\n", "\n"], "a.conll").columns
    {'words': [['New', 'York']], 'tags': [['B-place', 'I-place']]}
    """
    sentences, numbers = _split(lines)
    if not sentences:
        raise NoRowsError(f"{name}: no words in it")
    width = _width(sentences)
    if not width:
        logging.warning("%s: lines have different numbers of columns; the first and the last are read", name)
        sentences, width = [[[fields[0], fields[-1]] for fields in sentence] for sentence in sentences], 2
    if width < 2:
        raise _one_column(name, numbers[0][0], sentences[0][0])
    kept: Sentences = []
    line_numbers = array("q")
    for sentence, sentence_lines in zip(sentences, numbers, strict=True):
        wrong = next((i for i, fields in enumerate(sentence) if len(fields) != width), None)
        if wrong is None:
            kept.append(sentence)
            line_numbers.append(sentence_lines[0])
        else:
            bad_rows.add(_another_width(name, sentence_lines[wrong], sentence[wrong], width), len(kept))
    if not kept:
        raise NoRowsError(f"{name}: no sentence of it can be read; the first: {bad_rows.errors[0]}")
    spare = {str(k + 1): [[fields[k] for fields in sentence] for sentence in kept] for k in range(width)}
    columns, unread = named_columns(spare, name, column_names)
    if "words" in columns:
        columns["words"] = _without_language(columns["words"])
    return Table(columns, source=name, line_numbers=line_numbers, bad_rows=bad_rows, spare=spare, unread=unread)


def _split(lines: Iterable[str]) -> tuple[Sentences, list[list[int]]]:
    """The fields of each word of each sentence, and the numbers of their lines."""
    sentences: Sentences = []
    numbers: list[list[int]] = []
    once: dict[str, str] = {}  # of equal words and tags one text is kept
    begins = []  # (sentence, fields): lines at the beginning of a sentence which may be comments
    within = is_2012 = False
    for number, line in enumerate(lines, 1):
        line = line.rstrip(_BLANKS)
        if not line or line.startswith("-DOCSTART-"):
            within = False
            continue
        is_2012 = is_2012 or line.startswith(_CONLL_2012)
        if is_2012 and line.startswith("#"):
            within = False
            continue
        fields = line.split("\t") if "\t" in line else [field for field in line.split(" ") if field]
        stripped = (field.strip(_BLANKS) for field in fields[: _FIELDS_OF_2012 if is_2012 else None])
        fields = [once.setdefault(field, field) for field in stripped]
        if not within:
            sentences.append([])
            numbers.append([])
        if line.startswith("#") and not any(map(_is_word_line, sentences[-1])):
            begins.append((len(sentences) - 1, len(sentences[-1])))
        within = True
        sentences[-1].append(fields)
        numbers[-1].append(number)
    for sentence, word in reversed(_comments(sentences, begins)):
        del sentences[sentence][word], numbers[sentence][word]
    return [fields for fields in sentences if fields], [some for some in numbers if some]


def _is_word_line(fields: list[str]) -> bool:
    return not fields[0].startswith("#")


def _comments(sentences: Sentences, begins: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Which of the lines that begin with # are no words: those with other columns, or no tag."""
    if not begins:
        return []
    others = [fields for sentence in sentences for fields in sentence if _is_word_line(fields)]
    if not others:
        return [place for place in begins if len(sentences[place[0]][place[1]]) < 2]
    width = collections.Counter(map(len, others)).most_common(1)[0][0]
    last = {fields[-1] for fields in others if len(fields) == width}
    found = []
    for sentence, word in begins:
        fields = sentences[sentence][word]
        if len(fields) != width or not (fields[-1] in last or is_tag(fields[-1])):
            found.append((sentence, word))
    return found


def _width(sentences: Sentences) -> int:
    """How many columns most lines have; 0 where no number is common, but each line ends with a tag."""
    lines = [fields for sentence in sentences for fields in sentence]
    counts = collections.Counter(map(len, lines))
    width = max(counts, key=lambda width: (counts[width], width))
    if counts[width] * 2 < len(lines) and all(len(fields) > 1 and is_tag(fields[-1]) for fields in lines):
        return 0
    return width


def _one_column(name: str, number: int, fields: list[str]) -> RowError:
    message = f"one column, {fields[0]!r}; a word and its tag stand in a line, with a tab or a space between them"
    return RowError(f"{name}, line {number}: {message}", "one column in a line")


def _another_width(name: str, number: int, fields: list[str], width: int) -> RowError:
    if len(fields) == 1:
        return _one_column(name, number, fields)
    message = f"{len(fields)} columns, {' '.join(fields)!r:.60}, where most lines have {width}"
    message += "; where words have spaces, columns need tabs between them"
    return RowError(f"{name}, line {number}: {message}", "another number of columns")


def _without_language(sentences: list[list[str]]) -> list[list[str]]:
    prefix = _LANGUAGE.match(sentences[0][0])
    if prefix and all(word.startswith(prefix[0]) for words in sentences for word in words):
        return [[word[len(prefix[0]) :] for word in words] for words in sentences]
    return sentences
