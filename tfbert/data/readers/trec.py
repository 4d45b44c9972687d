"""A label and its text a line: the questions of TREC, and what other data sets have in this form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers.rows import ObjectRows
from tfbert.errors import ConfigError, RowError


def trec_rows(
    lines: Iterable[str], name: str, column_names: Sequence[str] = (), bad_rows: BadRows = REFUSING
) -> ObjectRows:
    r"""Lines `LABEL text` -> columns label, coarse_label and text; a blank line is skipped.

    The label is all before the first space or tab. `coarse_label` is its part before a colon, which TREC has between
    its 6 coarse and 50 fine classes; where there is none, the label. Source: Li and Roth 2002,
    cogcomp.seas.upenn.edu/Data/QA/QC (train_5500.label, TREC_10.label, in Latin-1). MR, SST and CR as Kim 2014's
    successors publish them have the form too.

    Raises:
        RowError, when rows are taken: a line with a label alone, unless `bad_rows` skips it.

    >>> list(trec_rows(["DESC:manner How did serfdom develop ?\n"], "train_5500.label").take())
    [{'label': 'DESC:manner', 'coarse_label': 'DESC', 'text': 'How did serfdom develop ?'}]
    """
    if column_names:
        raise ConfigError(f"{name}: lines of a label and a text have their own columns; leave out column_names")
    return ObjectRows(_objects(lines, name, bad_rows), name, bad_rows=bad_rows)


def _objects(lines: Iterable[str], name: str, bad_rows: BadRows) -> Iterator[tuple[int, dict[str, Any], int]]:
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if not line.strip():
            continue
        label, *texts = line.replace("\t", " ", 1).split(" ", 1) if _tab_first(line) else line.split(" ", 1)
        text = texts[0].strip(" \t") if texts else ""
        if not label or not text:
            shown = line if len(line) <= 60 else line[:57] + "..."
            message = f"{name}, line {number}: {shown!r} is not a label, a space and a text"
            bad_rows.add(RowError(message, "a label or a text alone"))
            continue
        yield number, {"label": label, "coarse_label": label.split(":", 1)[0], "text": text}, len(line)


def _tab_first(line: str) -> bool:
    tab, space = line.find("\t"), line.find(" ")
    return 0 <= tab and (space < 0 or tab < space)
