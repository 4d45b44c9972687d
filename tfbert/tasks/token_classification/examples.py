"""The example of a token classification: a text or its words, and the labelled spans in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.errors import ConfigError, DataError
from tfbert.tasks.columns import column_name, unknown_label
from tfbert.tasks.token_classification.cells import spans_of
from tfbert.tasks.token_classification.schemes import scheme_of
from tfbert.tasks.token_classification.tags import spans_of_tags
from tfbert.tasks.word_borders import spans_inside_words

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.tasks.token_classification.task import TokenClassification

# Other data sets' names for the same columns.
_OTHER_NAMES = {
    "text": ("sentence",),
    "words": ("tokens",),
    "tags": ("ner_tags", "labels", "label"),
    "spans": ("entities", "label", "labels"),
}


def _column_name(part: str, table: Table, columns: Mapping[str, str]) -> str:
    """As `columns.column_name`; a column named for the label is the tags' or the spans', and a number is a name."""
    if part in ("tags", "spans") and "label" in columns:
        columns = {part: columns["label"], **columns}
    name = column_name(part, table, {key: str(value) for key, value in columns.items()}, _OTHER_NAMES)
    table.has_column(name)
    return name


def has_words(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether the rows are lists of words. If the table has texts too, only if it also has tags of the words."""
    text, words, tags = (_column_name(part, table, columns) in table.columns for part in ("text", "words", "tags"))
    if not words and not text and "words" in table.unread:
        table.column(_column_name("words", table, columns))  # raises
    return words and (tags or not text)


def labels_of(table: Table, columns: Mapping[str, str], tag_names: Sequence[str] = ()) -> tuple[str, ...]:
    """All labels of a table's spans, sorted; those of `tag_names` in their order, where its tags are numbers."""
    if tag_names:
        scheme = scheme_of(dict.fromkeys(tag_names, 1))
        tags = [tag for tag in tag_names if tag not in scheme.outside]
        return tuple(dict.fromkeys(scheme.prefixes[tag][1] if tag in scheme.prefixes else tag for tag in tags))
    spans, _ = _read_spans(table, columns, has_words(table, columns))
    found = {label for row in spans for _, _, label in row}
    if not found:
        raise DataError(f"{table.source}: no entity in any row; nothing can be learned")
    return tuple(sorted(found))


def has_numbers(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether a table's tags are numbers."""
    name = _column_name("tags", table, columns)
    rows = table.columns.get(name, ())
    tags = [tag for row in rows if isinstance(row, (list, tuple, np.ndarray)) for tag in row]
    return has_words(table, columns) and bool(tags) and all(map(_is_number, tags))


def read(task: TokenClassification, table: Table, *, labelled: bool, training: bool) -> dict[str, Any]:
    """A checked table as columns: text or words, and spans: int32 [n, 3] a row, in order.

    A span is start, end (exclusive) and the number of its label, in characters of a text or in words. In evaluation a
    label that the task does not have gets a number below 0, each its own.
    """
    if not len(table):
        raise DataError(f"{table.source} has no rows")
    words = has_words(table, task.columns)
    name = _column_name("words" if words else "text", table, task.columns)
    texts = _words(table, name) if words else table.text_column(name)
    if not labelled:
        return {"words" if words else "text": texts}
    named, faults = _read_spans(table, task.columns, words, task)
    if training and not any(named):
        raise DataError(f"{table.source}: no entity in any row; nothing can be learned")
    spans, unknown = _numbered(named, task.labels, table, training)
    if words:
        _check_blank_words(table, texts, named)
    else:
        cut, hint = spans_inside_words(task.tokenizer, texts, [[span[:2] for span in row] for row in named])
        what = "spans begin or end inside a word or touch none, the words they touch are learned"
        faults = [*faults, (what + (f" ({hint})" if hint else ""), cut)]
    for what, rows in [*faults, unknown]:
        table.note(what, rows)
    return {"words" if words else "text": texts, "spans": spans}


def _words(table, name):
    rows = table.list_column(name)
    for i, words in enumerate(rows):
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            message = f"column {name!r} must hold a list of words, not {words!r:.80}"
            raise table.row_error(i, message, "no list of words")
    return rows


def _read_spans(table, columns, words, task=None):
    """For each row its sorted [(start, end, label), …]; and [(what is wrong, the rows that have it), …]."""
    tags, spans = (_column_name(part, table, columns) for part in ("tags", "spans"))
    if words and (tags in table.columns or spans not in table.columns):
        rows = _words(table, _column_name("words", table, columns))
        return _spans_of_tags(table, rows, _tags(table, tags, rows, task), task)
    texts = (table.list_column if words else table.column)(_column_name("words" if words else "text", table, columns))
    found, overlaps = [], []
    for i, (text, cell) in enumerate(zip(texts, table.column(spans), strict=True)):
        row, overlapping = spans_of(cell, text, spans, lambda message, kind, i=i: table.row_error(i, message, kind))
        overlaps += [i] * overlapping
        found.append(row)
    return found, [("spans overlap a longer one and are left out", overlaps)]


def _tags(table, name, rows, task):
    """The tags of each row as texts, as many as words."""
    names = task.tag_names if task is not None else ()
    found = []
    for i, (words, tags) in enumerate(zip(rows, table.list_column(name), strict=True)):
        tags = tags.tolist() if isinstance(tags, np.ndarray) else tags
        if not isinstance(tags, list) or not all((isinstance(tag, str) and tag) or _is_number(tag) for tag in tags):
            message = f"column {name!r} must hold a list of tags, not {tags!r:.80}"
            raise table.row_error(i, message, "no list of tags")
        if len(tags) != len(words):
            message = f"{len(words)} words, but {len(tags)} tags"
            raise table.row_error(i, message, "another number of tags than words")
        outside = next((tag for tag in tags if _is_number(tag) and names and not 0 <= int(tag) < len(names)), None)
        if outside is not None:
            message = f"the tag {outside} is none of the {len(names)} that settings.labels names, from 0"
            raise table.row_error(i, message, "the number of no tag")
        found.append([names[int(tag)] if names and _is_number(tag) else tag for tag in tags])
    distinct = {tag for tags in found for tag in tags} - {"0"}  # "0" may be written for O
    if not names and distinct and all(map(_is_number, distinct)):
        raise DataError(
            f"{table.source}: the tags in column {name!r} are numbers; give their names in the order of the numbers: "
            "--config.settings.labels=\"('O', 'B-person', 'I-person')\", in Python labels=[\"O\", \"B-person\", …]"
        )
    return [list(map(str, tags)) for tags in found]


def _is_number(tag):
    return (isinstance(tag, (int, np.integer)) and not isinstance(tag, bool)) or (
        isinstance(tag, str) and tag.isascii() and tag.isdecimal()
    )


def _spans_of_tags(table, rows, all_tags, task):
    def place(row, word):
        return f"{table.row_name(row)}, word {word + 1} ({rows[row][word]!r})"

    said = []
    labels = task.labels if task is not None else ()
    spans, begun = spans_of_tags(all_tags, place, labels, lambda what, rows: said.append((what, rows)))
    return spans, [*said, ("tags I- begin an entity (as in IOB1) and are read as B-", [row for row, _ in begun])]


def _check_blank_words(table, rows, spans):
    """Raises a row error for an entity without a word, which no model can find."""
    blank = []
    for i, (words, row) in enumerate(zip(rows, spans, strict=True)):
        if all(word.strip() for word in words):
            continue
        blank += [i for word in words if not word.strip()]
        for start, end, label in row:
            if not any(word.strip() for word in words[start:end]):
                message = f"the {label!r} at word {start + 1} is empty or a space, {words[start:end]!r:.60}"
                raise table.row_error(i, message, "an empty entity")
    table.note("words are empty or spaces, which no tag is learned of", blank)


def _numbered(named, labels, table, training):
    """Spans with the numbers of their labels, int32 [n, 3] a row; and what is to be noted of unknown ones."""
    numbers = {label: i for i, label in enumerate(labels)}
    rows, unknown, strange = [], [], {}
    for i, row in enumerate(named):
        for _, _, label in row:
            if label not in numbers:
                if training:
                    raise table.row_error(i, _message(label, labels), "an unknown label")
                strange.setdefault(label, -1 - len(strange))
                unknown.append(i)
        values = [(start, end, numbers.get(label, strange.get(label))) for start, end, label in row]
        rows.append(np.array(values, np.int32).reshape(-1, 3))
    if strange and len(unknown) == sum(map(len, named)):
        raise unknown_label(min(strange), labels, table.row_name(unknown[0]))
    return rows, (f"entities have a label that training never had ({', '.join(sorted(strange))}) and count as missed",
                  unknown)  # fmt: skip


def _message(label, labels):
    return str(unknown_label(label, labels, "")).removeprefix(": ")


def checked_names(tag_names: Sequence[str]) -> None:
    """Raises ConfigError for names of tags that are of no one scheme."""
    strange = scheme_of(dict.fromkeys(tag_names, 1)).strange
    if strange:
        raise ConfigError(f"the tag {min(strange)!r} is of no scheme among {', '.join(tag_names)}")
