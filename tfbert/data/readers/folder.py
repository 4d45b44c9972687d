"""A folder with a subfolder for each class and a file for each text: 20 Newsgroups, IMDb, BBC News."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from typing import Any

from absl import logging

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers.encodings import likely_encodings
from tfbert.data.readers.lines import open_data
from tfbert.data.readers.rows import ObjectRows
from tfbert.errors import DataError, RowError

_PARTS = ("train", "training", "dev", "valid", "validation", "test")
_UNLABELLED = ("unsup", "unlabeled", "unlabelled")


def folder_rows(path: str, encoding: str = "utf-8", bad_rows: BadRows = REFUSING) -> ObjectRows:
    """The files below the subfolders of a folder -> columns text, label (the subfolder) and file.

    The order is that of the names. Hidden files and folders are left out; files beside the subfolders, and subfolders
    for texts without a class (IMDb's unsup), are left out with a warning. Sources: qwone.com/~jason/20Newsgroups,
    ai.stanford.edu/~amaas/data/sentiment, mlg.ucd.ie/datasets/bbc.html.

    Raises:
        DataError: no such subfolders; or they are the parts of a data set, such as train and test.
        RowError, when rows are taken: a file that is not of the encoding, unless `bad_rows` skips it.

    >>> for label in ("bad", "good"):
    ...     pathlib.Path("films", label).mkdir(parents=True)
    ...     _ = pathlib.Path("films", label, "1.txt").write_text(f"a {label} film")
    >>> list(folder_rows("films").take().select([0]))
    [{'text': 'a bad film', 'label': 'bad', 'file': 'bad/1.txt'}]
    """
    folders, files = _inside(path)
    named = ", ".join(folders[:5]) + (", …" if len(folders) > 5 else "")
    if not folders:
        hint = "name a file in it" if files else "it is empty"
        if any(name.endswith(".ann") for name in files):
            hint = "its .txt and .ann files are --format=brat, or brat_relations for the relations"
        raise DataError(f"{path}: this is a folder; {hint} (as data, a folder has a subfolder for each class)")
    parts = [folder for folder in folders if folder.lower() in _PARTS]
    if parts:
        raise DataError(
            f"{path}: this is a folder with {named} in it; name one of them, {os.path.join(path, parts[0])}"
        )
    unlabelled = [folder for folder in folders if folder.lower() in _UNLABELLED]
    if unlabelled:
        logging.warning("%s: %s holds texts without a class, which are left out", path, unlabelled[0])
        folders = [folder for folder in folders if folder not in unlabelled]
    if files:
        logging.warning("%s: %d files beside the subfolders are not read, such as %s", path, len(files), files[0])
    logging.info("%s: its subfolders are the labels: %s", path, named)
    rows = ObjectRows(_objects(path, folders, encoding, bad_rows), path, "file", bad_rows)
    rows.nothing = "this is a folder whose subfolders hold no files"
    return rows


def _inside(path: str) -> tuple[list[str], list[str]]:
    """(subfolders, files) of a folder, sorted, without hidden ones."""
    try:
        names = sorted(name for name in os.listdir(path) if not name.startswith((".", "__MACOSX")))
    except OSError as error:
        raise DataError(f"{path}: cannot be read as a folder: {error.strerror}") from None
    folders = [name for name in names if os.path.isdir(os.path.join(path, name))]
    return folders, [name for name in names if name not in set(folders)]


def _files(path: str) -> Iterator[str]:
    folders, files = _inside(path)
    yield from (os.path.join(path, name) for name in files)
    for folder in folders:
        yield from _files(os.path.join(path, folder))


def _objects(
    path: str, folders: list[str], encoding: str, bad_rows: BadRows
) -> Iterator[tuple[Any, dict[str, Any], int]]:
    for label in folders:
        for file in _files(os.path.join(path, label)):
            with open_data(file) as opened:
                data = opened.read()
            try:
                text = data.removeprefix(codecs.BOM_UTF8).decode(encoding)
            except UnicodeError:
                line = next((line for line in data.splitlines() if not _is(line, encoding)), data)
                likely = likely_encodings(line, begins=line is data)[0]
                advice = f"give --encoding={likely}, in Python encoding={likely!r}"
                message = f"{file}: not {encoding}; it seems to be {likely}: {advice}"
                bad_rows.add(RowError(message, "another encoding"))
                continue
            name = os.path.relpath(file, path).replace(os.sep, "/")
            yield name, {"text": text.rstrip("\r\n"), "label": label, "file": name}, len(text)


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeError:
        return False
    return True
