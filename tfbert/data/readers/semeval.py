"""The format of SemEval-2010 Task 8: a marked sentence, its relation, a comment and an empty line for each record."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.table import Table
from tfbert.errors import NoRowsError, RowError

_SENTENCE = re.compile(r"(\d+)\t(.*)")
_RELATION = re.compile(r"[^\s()]+(\((e1,e2|e2,e1)\))?")
_COMMENT = "Comment:"


def read_semeval(lines: Iterable[str], name: str, bad_rows: BadRows = REFUSING) -> Table:
    r"""Lines of TRAIN_FILE.TXT or TEST_FILE_FULL.TXT -> a Table with id, text (marked, without its quotes) and label.

    A file without any relation, as the task's unlabelled test file, has no column label. Comments are skipped.
    Source: Hendrickx et al. 2010, and the files of the release.

    Raises:
        RowError: a record with a line that does not fit, or without its relation, unless `bad_rows` skips it.
        NoRowsError: a file without records.

    >>> lines = ['1\t"The <e1>child</e1> slept in the <e2>cradle</e2>."\n', "Other\n", "Comment:\n", "\n"]
    >>> list(read_semeval(lines, "train.txt"))
    [{'id': '1', 'text': 'The <e1>child</e1> slept in the <e2>cradle</e2>.', 'label': 'Other'}]
    """
    columns: dict[str, list] = {"id": [], "text": [], "label": []}
    line_numbers = array("q")
    in_comment, after_empty_line = False, True
    faults: dict[int, RowError] = {}  # of records
    for number, line in enumerate(lines, 1):
        line = line.rstrip()
        sentence = _SENTENCE.fullmatch(line)
        if sentence:
            columns["id"].append(sentence[1])
            columns["text"].append(_unquoted(sentence[2]))
            columns["label"].append(None)
            line_numbers.append(number)
            in_comment = False
        elif not line:
            in_comment = False
        elif in_comment or (line.startswith(_COMMENT) and line_numbers):
            in_comment = True  # until the next empty line
        elif line_numbers and columns["label"][-1] is None and _RELATION.fullmatch(line):
            columns["label"][-1] = line
        else:
            error = _unexpected(name, number, line, columns["label"])
            if after_empty_line:  # a record whose first line is damaged
                for values in columns.values():
                    values.append(None)
                line_numbers.append(number)
            faults.setdefault(len(line_numbers) - 1, error)
        after_empty_line = not line
    if not line_numbers:
        raise NoRowsError(f"{name}: no records in it; each begins with a number, a tab and a sentence in quotes")
    labels = columns["label"]
    if any(labels):
        for row in (row for row, label in enumerate(labels) if label is None):
            message = (
                f"{name}, line {line_numbers[row]}: the record {columns['id'][row]} has no relation; the line after "
                f"its sentence must be one, such as {next(filter(None, labels))}"
            )
            faults.setdefault(row, RowError(message, "a record without a relation"))
    else:
        del columns["label"]
    for before, row in enumerate(sorted(faults)):
        bad_rows.add(faults[row], row - before)
    if len(faults) == len(line_numbers):
        raise NoRowsError(f"{name}: no record of it can be read; the first: {faults[0]}")
    table = Table(columns, source=name, line_numbers=line_numbers, bad_rows=bad_rows)
    return table.select(row for row in range(len(table)) if row not in faults) if faults else table


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _unexpected(name: str, number: int, line: str, labels: list) -> RowError:
    shown = repr(line if len(line) <= 60 else line[:57] + "...")
    if not labels or (labels[-1] is not None and not _RELATION.fullmatch(line)):
        wanted = "a record begins with a number, a tab and a sentence in quotes"
    elif labels[-1] is not None:
        wanted = f"the record has a relation already, {labels[-1]}"
    else:
        wanted = "a relation is one word, with (e1,e2) or (e2,e1) after it where it has a direction"
    message = f"{name}, line {number}: {shown} does not fit the SemEval format here; {wanted}"
    return RowError(message, "a line that does not fit the format")
