"""The format of SemEval-2010 Task 8: a marked sentence, its relation, a comment and an empty line for each record."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

from tfbert.data.table import Table
from tfbert.errors import DataError, NoRowsError

_SENTENCE = re.compile(r"(\d+)\t(.*)")
_RELATION = re.compile(r"[^\s()]+(\((e1,e2|e2,e1)\))?")
_COMMENT = "Comment:"


def read_semeval(lines: Iterable[str], name: str) -> Table:
    r"""Lines of TRAIN_FILE.TXT or TEST_FILE_FULL.TXT -> a Table with id, text (marked, without its quotes) and label.

    A file without any relation, as the task's unlabelled test file, has no column label. Comments are skipped.
    Source: Hendrickx et al. 2010, and the files of the release.

    Raises:
        DataError: a line that does not fit the format, or a record without its relation; names the line.

    >>> lines = ['1\t"The <e1>child</e1> slept in the <e2>cradle</e2>."\n', "Other\n", "Comment:\n", "\n"]
    >>> list(read_semeval(lines, "train.txt"))
    [{'id': '1', 'text': 'The <e1>child</e1> slept in the <e2>cradle</e2>.', 'label': 'Other'}]
    """
    columns: dict[str, list] = {"id": [], "text": [], "label": []}
    line_numbers = array("q")
    in_comment = False
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
            raise _unexpected(name, number, line, columns["label"])
    if not line_numbers:
        raise NoRowsError(f"{name}: no records in it; each begins with a number, a tab and a sentence in quotes")
    labels = columns["label"]
    if not any(labels):
        del columns["label"]
    elif None in labels:
        row = labels.index(None)
        raise DataError(
            f"{name}, line {line_numbers[row]}: the record {columns['id'][row]} has no relation; the line after its "
            f"sentence must be one, such as {next(filter(None, labels))}"
        )
    return Table(columns, source=name, line_numbers=line_numbers)


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _unexpected(name: str, number: int, line: str, labels: list) -> DataError:
    shown = repr(line if len(line) <= 60 else line[:57] + "...")
    if not labels or (labels[-1] is not None and not _RELATION.fullmatch(line)):
        wanted = "a record begins with a number, a tab and a sentence in quotes"
    elif labels[-1] is not None:
        wanted = f"the record has a relation already, {labels[-1]}"
    else:
        wanted = "a relation is one word, with (e1,e2) or (e2,e1) after it where it has a direction"
    return DataError(f"{name}, line {number}: {shown} does not fit the SemEval format here; {wanted}")
