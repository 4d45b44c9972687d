"""CoNLL-U: ten columns a word, as Universal Dependencies has them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from absl import logging

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.table import Table
from tfbert.errors import NoRowsError, RowError

_COLUMNS = {"lemmas": 2, "upos": 3, "xpos": 4}  # beside words and tags, those that label words
_ENTITY_KEYS = ("NER", "ner", "NE", "Name")  # of MISC, the first that the file has
_MISC = 9


def read_conllu(lines: Iterable[str], name: str, bad_rows: BadRows = REFUSING) -> Table:
    r"""Lines -> a `Table` of sent_id, words, lemmas, upos, xpos and, where MISC has NER=, tags: lists of str.

    Words are the syntactic ones: the lines of ranges (1-2, such as "don't") and of empty nodes (1.1) are left out, and
    counted in the log. A word without NER= is outside, O. Without any, tags are missing; --config.columns.tags=upos
    learns parts of speech. Sources: universaldependencies.org/format.html, and the NER of UD's Turku files.

    Raises:
        RowError: a sentence with a line that has not ten columns, or another id than the next, unless `bad_rows` skips
            it.
        DataError: a file without sentences.

    >>> read_conllu(["1\tRome\tRome\tPROPN\t_\t_\t0\troot\t_\tNER=B-place\n"], "a.conllu").column("tags")
    [['B-place']]
    """
    columns: dict[str, list] = {"sent_id": [], "words": [], **{part: [] for part in _COLUMNS}}
    misc: list[list[dict[str, str]]] = []
    line_numbers = array("q")
    ranges = empty = 0
    for first, sentence_id, rows in _sentences(lines):
        words = []
        try:
            for number, fields in rows:
                if len(fields) != 10:
                    message = f"{len(fields)} columns, and CoNLL-U has ten, with tabs between them"
                    near = "; a word and its tag in a line are --format=conll" if 1 < len(fields) < 10 else ""
                    raise RowError(f"{name}, line {number}: {message}{near}", "another number of columns")
                if "-" in fields[0]:
                    ranges += 1
                elif "." in fields[0]:
                    empty += 1
                elif fields[0] != str(len(words) + 1):
                    message = f"the id {fields[0]!r}, where word {len(words) + 1} of the sentence comes"
                    raise RowError(f"{name}, line {number}: {message}", "words without their numbers")
                else:
                    words.append(fields)
            if not words:
                raise RowError(f"{name}, line {first}: a sentence without words", "a sentence without words")
        except RowError as error:
            bad_rows.add(error, len(line_numbers))
            continue
        line_numbers.append(first)
        columns["sent_id"].append(sentence_id)
        columns["words"].append([fields[1] for fields in words])
        for part, k in _COLUMNS.items():
            columns[part].append([fields[k] for fields in words])
        misc.append([dict(pair.partition("=")[::2] for pair in fields[_MISC].split("|")) for fields in words])
    if not misc:
        first = f"; the first that cannot be read: {bad_rows.errors[0]}" if len(bad_rows) else ""
        raise NoRowsError(f"{name}: no sentences in it{first}")
    if ranges or empty:
        logging.info("%s: %d ranges of words and %d empty nodes are left out", name, ranges, empty)
    key = next((key for key in _ENTITY_KEYS if any(key in word for words in misc for word in words)), None)
    if key is not None:
        columns["tags"] = [[word.get(key, "O") for word in words] for words in misc]
    unread = {"tags": "no word has NER= in its last column, MISC; --config.columns.tags=upos learns parts of speech"}
    return Table(columns, source=name, line_numbers=line_numbers, bad_rows=bad_rows, unread=unread)


def _sentences(lines: Iterable[str]):
    """(number of its first line, sent_id, [(number, fields), …]) of each."""
    first, sentence_id, rows = 0, "", []
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            sentence_id = value.strip() if key.strip() == "sent_id" else sentence_id
        elif line.strip():
            first = first or number
            rows.append((number, line.split("\t")))
        elif rows:
            yield first, sentence_id, rows
            first, sentence_id, rows = 0, "", []
    if rows:
        yield first, sentence_id, rows
