"""The example of a summarization: which columns it reads, and which sentences its summary is made of. B rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tqdm

from tfbert.data.columns import tensor
from tfbert.errors import DataError
from tfbert.tasks.columns import column_name, has_column
from tfbert.tasks.summarization.oracle import greedy, verbatim, word_tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.summarization.task import Summarization

# Other data sets' names for the same columns.
_OTHER_NAMES = {
    "document": ("article", "text"),
    "summary": ("highlights", "y"),
    "sentences": (),
    "labels": ("label",),
}
PARTS = tuple(_OTHER_NAMES)


def read(task: Summarization, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: document; labelled also labels, and summary where the table has it.

    `labels` is int32 [sentences] for each row, 1 for a sentence of the summary. A document given as `sentences` is
    these as lines.

    For `training` rows whose summary is made of no sentence are left out.

    Raises:
        DataError: a missing column, cells of another kind, labels that do not fit their sentences; in training,
            nothing to learn from.
    """
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    has = {part: _has(task, table, part) for part in PARTS}
    if labelled and has["labels"] and not has["sentences"] and ("labels" in task.columns or not has["summary"]):
        raise DataError(f"{table.source}: labels need a column 'sentences', the list of texts that they label")
    has_labels = has["labels"] and has["sentences"]  # alone they label something else
    if has_labels or has["sentences"] and not has["document"]:
        given = _sentences(table, table.list_column(_name(task, table, "sentences")))
        columns = {"document": ["\n".join(row) for row in given]}
    else:
        columns = {"document": table.text_column(_name(task, table, "document"))}
    if not labelled:
        return columns
    if has["summary"] or not has_labels:
        columns["summary"] = table.text_column(_name(task, table, "summary"))
        if not training:
            empty = [i for i, text in enumerate(columns["summary"]) if not text.strip()]
            table.note("summaries are empty, and no answer to them scores", empty)
    if has_labels:
        columns["labels"] = _given_labels(task, table, given, columns["document"])
    else:
        columns["labels"] = _labels_of_summaries(task, columns)
    return _learnable(table, columns) if training else columns


def _has(task: Summarization, table: Table, part: str) -> bool:
    return has_column(part, table, task.columns, _OTHER_NAMES)


def _name(task: Summarization, table: Table, part: str) -> str:
    return column_name(part, table, task.columns, _OTHER_NAMES)


def _sentences(table, cells):
    """Each row's sentences, without line breaks, which would cut them."""
    for i, cell in enumerate(cells):
        if not isinstance(cell, list) or not all(isinstance(text, str) for text in cell):
            raise table.row_error(i, f"sentences must be a list of texts, not {cell!r:.60}", "no list of sentences")
    return [[" ".join(text.split()) for text in cell] for cell in cells]


def _given_labels(task, table, given, documents):
    cells = table.list_column(_name(task, table, "labels"))
    labels = []
    for row, flag, (starts, _) in zip(given, _flags(table, cells, given), _spans(task, documents), strict=True):
        begins = np.cumsum([0, *(len(text.encode("utf-8", "replace")) + 1 for text in row)])
        # If the splitter cuts a given sentence, each part has its label.
        labels.append(np.array(flag, np.int32)[np.searchsorted(begins, starts, side="right") - 1])
    return labels


def _flags(table, cells, given):
    """0 or 1 for each sentence of each row; that is what all cells hold, or else all hold numbers of sentences."""
    rows = [_integers(cell, table, i) for i, cell in enumerate(cells)]
    sizes = [len(row) for row in given]
    pairs = list(zip(rows, sizes, strict=True))
    other = next((i for i, (row, size) in enumerate(pairs) if len(row) != size or not set(row) <= {0, 1}), None)
    if other is None:
        return rows
    for i, (row, size) in enumerate(pairs):
        if len(set(row)) < len(row) or not set(row) <= set(range(size)):
            raise table.row_error(
                i,
                f"labels {row!r:.60} are not numbers of its {size} sentences, counted from 0, "
                f"each once; nor has every row a 0 or 1 for each sentence: {table.row_name(other)} has "
                f"{rows[other]!r:.60} for {sizes[other]}",
                "labels that do not fit its sentences",
            )
    return [[int(number in row) for number in range(size)] for row, size in pairs]


def _integers(cell, table, i):
    values = cell
    if isinstance(cell, str):  # of TSV and CSV
        try:
            values = json.loads(f"[{cell.strip().strip('[]')}]")
        except ValueError:
            values = None
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        message = f"labels must be a list of 0 and 1, or of sentences' numbers, not {cell!r:.60}"
        raise table.row_error(i, message, "no list of labels")
    return values


def _labels_of_summaries(task, columns):
    documents, summaries = columns["document"], columns["summary"]
    tokenizer = word_tokenizer(summaries[:1000], stem=False)  # enough to recognize the script
    limits = task.limits([len(starts) for starts, _ in _spans(task, documents)])
    rows = zip(sentence_texts(task, documents), summaries, limits, strict=True)
    shown = len(documents) > 1000  # a second or two
    labels = []
    for sentences, summary, limit in tqdm.tqdm(rows, "labels", len(documents), disable=not shown, leave=False):
        numbers = verbatim(sentences, summary)
        if numbers is None:
            numbers = greedy([tokenizer.tokenize(text) for text in sentences], tokenizer.tokenize(summary), limit)
        label = np.zeros(len(sentences), np.int32)
        label[numbers] = 1
        labels.append(label)
    return labels


def _learnable(table, columns):
    """Without the rows from which nothing is learned, which are counted."""
    kept = [i for i, label in enumerate(columns["labels"]) if label.any()]
    if not any(0 < columns["labels"][i].sum() < len(columns["labels"][i]) for i in kept):
        raise DataError(
            f"{table.source}: no document has both a sentence of its summary and another; nothing can be learned"
        )
    if len(kept) < len(table):
        left_out = [i for i, label in enumerate(columns["labels"]) if not label.any()]
        table.note(
            "rows have no sentence in their summary, or none that shares a word with it, and train nothing", left_out
        )
    return {name: [values[i] for i in kept] for name, values in columns.items()}


def _spans(task, documents):
    """The first bytes of each document's sentences, and those after the last: int32 [sentences] each."""
    text, sentences = _split(task, documents)
    splits = sentences.row_splits.numpy()
    starts, ends = sentences.starts.numpy(), sentences.ends.numpy()
    return [(starts[a:b], ends[a:b]) for a, b in zip(splits, splits[1:], strict=False)]


def sentence_texts(task: Summarization, documents: Sequence[str]) -> list[list[str]]:
    """The sentences of each document: a list of lists of str."""
    text, sentences = _split(task, documents)
    texts = sentences.ragged(task.splitter.texts(text, sentences)).to_list()
    return [[part.decode("utf-8", "replace") for part in row] for row in texts]


def _split(task, documents):
    text = tensor(list(documents))
    return text, task.splitter(text)
