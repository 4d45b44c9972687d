"""The error of a column that a table does not have: which there are, which is likely meant, and how to name it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from tfbert.errors import DataError, nearest

# What published data sets call a part of the example; for the advice only, never read without being named.
_LIKELY = {
    "text": ("text", "sentence", "review", "message", "comment", "tweet", "content", "body", "utterance", "document",
             "question", "title", "description", "v2"),
    "text_pair": ("text2", "text_2", "sentence2", "hypothesis", "context", "answer", "passage"),
    "label": ("label", "class", "category", "target", "sentiment", "topic", "intent", "emotion", "rating", "stars",
              "score", "polarity", "genre", "toxic", "y", "v1"),
    "words": ("tokens", "token", "word"),
    "tags": ("tag", "ner", "ner_tag", "pos_tags", "entities"),
    "answers": ("answer",),
    "context": ("passage", "paragraph", "article"),
    "document": ("article", "text", "body"),
    "summary": ("highlights", "abstract", "headline"),
}  # fmt: skip
_FLAGS = {part: f"--{part}_column" for part in ("text", "text_pair", "label")}
NAME_COLUMNS = "name its columns by --column_names=A,B,…, in Python column_names=['A', 'B', …]"
_LONG_NAME = 60  # characters that no name of a column has, but a text


def missing_column(
    source: str,
    name: str,
    columns: Mapping[str, Sequence],
    part: str | None = None,
    *,
    others: Collection[str] = (),
    names_from_file: bool = False,
) -> DataError:
    """The error; `part` is what the column would be of the example, None where it is no part of one.

    Args:
        others: columns that are other parts.
        names_from_file: whether the file's first line gave the names.

    >>> print(missing_column("a.tsv", "label", {"text": [], "category": []}, "label"))
    a.tsv: no column 'label'; the columns are 'text', 'category'; did you mean 'category'? Then give
    --label_column=category, in Python columns={'label': 'category'}
    """
    message = f"{source}: no column {name!r}; the columns are {listed(columns)}"
    found = _meant(name, part, [column for column in columns if part is None or column not in others])
    headless = names_from_file and looks_like_data(columns)
    if found is not None:
        message += f"; did you mean {found!r}?"
    if part is not None and not (headless and found is None):
        value = "NAME" if found is None else found
        flag = f"{_FLAGS.get(part, f'--config.columns.{part}')}={value}"
        flag = flag if re.fullmatch(r"[\w.=-]+", flag) else f"'{flag}'"
        advice = f"{flag}, in Python columns={{{part!r}: {value!r}}}"
        message += f"; name the one to read by {advice}" if found is None else f" Then give {advice}"
    if len(columns) == 1 and re.search("[,;|]", next(iter(columns))) and ".tsv" in source.lower():
        message += "; fields of a .tsv file are between tabs: --format=csv, in Python format='csv', reads other ones"
    if headless:
        message += f"; the file seems to have no header line: {NAME_COLUMNS}"
    return DataError(message)


def looks_like_data(columns: Mapping[str, Sequence]) -> bool:
    """Whether names that a file's first line gave look like a row of it: a number, a text, or a value that recurs.

    >>> looks_like_data({"a fine film": ["dull"], "1": ["0"]})
    True
    """
    return any(is_value(name) or name in values for name, values in columns.items() if name)


def is_value(name: str) -> bool:
    """Whether the name of a column is a number, or long as a text is."""
    try:
        float(name)
    except ValueError:
        return len(name) > _LONG_NAME
    return True


def _meant(name: str, part: str | None, others: Sequence[str]) -> str | None:
    """The column that is likely meant."""
    found = nearest(name, others)
    if found is None and part is not None:
        folded = {other.strip().casefold(): other for other in reversed(others)}
        found = next((folded[likely] for likely in _LIKELY.get(part, ()) if likely in folded), None)
    if found is None and part is not None and len(others) == 1:
        found = others[0]
    return found


def listed(names: Collection[str]) -> str:
    """Names for a message, cut: those of a file without a header line may be whole texts."""
    shown = [repr(name if len(name) <= 40 else name[:37] + "...") for name in list(names)[:20]]
    return ", ".join(shown) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"
