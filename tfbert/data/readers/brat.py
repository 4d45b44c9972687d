"""A folder of BRAT's pairs of files: texts (.txt) and what is marked in them (.ann)."""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from absl import logging

from tfbert.data.bad_rows import REFUSING, BadRows
from tfbert.data.readers.lines import decoded_lines, open_data
from tfbert.data.table import Table
from tfbert.errors import DataError, NoRowsError, RowError

_ENTITY = re.compile(r"(T\S+)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)(?:\t(.*))?")
_RELATION = re.compile(r"(R\S+)\t(\S+) (\S+?):(\S+) (\S+?):(\S+)\s*")
_LEFT_OUT = {
    "E": "events",
    "A": "attributes",
    "M": "attributes",
    "N": "normalizations",
    "#": "notes",
    "*": "equivalences",
}


class Entity(NamedTuple):
    """[start, end) in characters of its text."""

    start: int
    end: int
    label: str


class Document(NamedTuple):
    """A pair of files: the path of the .ann, the text, {id: entity}, and (line, id, label, ids of head and tail)."""

    path: str
    text: str
    entities: dict[str, Entity]
    relations: list[tuple[int, str, str, str, str]]


def read_brat(folder: str, encoding: str = "utf-8", bad_rows: BadRows = REFUSING) -> Table:
    """The documents of a folder -> a `Table` of id, text and spans, [[start, end, label], …]; the T lines.

    Discontinuous entities (their parts stand between ";"), those that overlap a longer one, events, attributes and
    the like are left out, and counted in the log. Source: brat.nlplab.org/standoff.html; BioNLP and n2c2 publish so.

    Raises:
        RowError: a document with a line of another form, or an entity outside its text, unless `bad_rows` skips it.
        DataError: a folder without pairs.

    >>> _ = pathlib.Path("news").mkdir(), pathlib.Path("news/1.txt").write_text("Ada saw Rome.")
    >>> _ = pathlib.Path("news/1.ann").write_text("T1\\tperson 0 3\\tAda\\n")
    >>> read_brat("news").column("spans")
    [[[0, 3, 'person']]]
    """
    columns: dict[str, list] = {"id": [], "text": [], "spans": []}
    left_out: collections.Counter[str] = collections.Counter()

    def refuse(error: RowError) -> None:
        bad_rows.add(error, len(columns["id"]))

    for document in _documents(folder, encoding, refuse, left_out):
        kept = _without_overlaps(list(document.entities.values()))
        left_out["entities that overlap a longer one"] += len(document.entities) - len(kept)
        columns["id"].append(_id(document))
        columns["text"].append(document.text)
        columns["spans"].append([list(entity) for entity in kept])
    left_out["relations"] = 0  # of no use here
    return _table(columns, folder, bad_rows, left_out, "documents")


def read_brat_relations(folder: str, encoding: str = "utf-8", bad_rows: BadRows = REFUSING) -> Table:
    """The relations of a folder -> a `Table` of id, text, head, tail and label: a row for each R line.

    The text is the lines of the document from the one with the first entity to the one with the second; head is the
    relation's first argument. Pairs of entities without a relation are no rows: a model that shall find none has to be
    given such pairs, with a label for them. The rest is as in `read_brat`.

    >>> _ = pathlib.Path("notes").mkdir(), pathlib.Path("notes/1.txt").write_text("Hello.\\nAda saw Rome.")
    >>> entities = "T1\\tperson 7 10\\tAda\\nT2\\tplace 15 19\\tRome\\n"
    >>> _ = pathlib.Path("notes/1.ann").write_text(entities + "R1\\tvisited Arg1:T1 Arg2:T2\\n")
    >>> list(read_brat_relations("notes"))
    [{'id': '1:R1', 'text': 'Ada saw Rome.', 'head': [0, 3], 'tail': [8, 12], 'label': 'visited'}]
    """
    columns: dict[str, list] = {"id": [], "text": [], "head": [], "tail": [], "label": []}
    left_out: collections.Counter[str] = collections.Counter()

    def refuse(error: RowError) -> None:
        bad_rows.add(error, len(columns["id"]))

    for document in _documents(folder, encoding, refuse, left_out):
        for line, name, label, *arguments in document.relations:
            missing = next((argument for argument in arguments if argument not in document.entities), None)
            if missing is not None:
                message = f"{document.path}, line {line}: {name} is of {missing}, which is no entity in one piece here"
                refuse(RowError(message, "a relation of what is no entity"))
                continue
            head, tail = (document.entities[argument] for argument in arguments)
            begin = document.text.rfind("\n", 0, min(head.start, tail.start)) + 1
            end = document.text.find("\n", max(head.end, tail.end))
            columns["id"].append(f"{_id(document)}:{name}")
            columns["text"].append(document.text[begin : len(document.text) if end < 0 else end])
            columns["head"].append([head.start - begin, head.end - begin])
            columns["tail"].append([tail.start - begin, tail.end - begin])
            columns["label"].append(label)
    return _table(columns, folder, bad_rows, left_out, "relations")


def _table(columns, folder, bad_rows, left_out, what):
    if not columns["id"]:
        first = f"; the first that cannot be read: {bad_rows.errors[0]}" if len(bad_rows) else ""
        raise NoRowsError(f"{folder}: no {what} in its pairs of .txt and .ann files{first}")
    said = ", ".join(f"{count:,} {kind}" for kind, count in sorted(left_out.items()) if count)
    if said:
        logging.warning("%s: left out: %s", folder, said)
    return Table(columns, source=folder, bad_rows=bad_rows)


def _documents(
    folder: str, encoding: str, refuse: Callable[[RowError], None], left_out: collections.Counter[str]
) -> Iterator[Document]:
    if not os.path.isdir(folder):
        raise DataError(f"{folder}: BRAT's format is a folder with pairs of .txt and .ann files; name the folder")
    paths = sorted(
        os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(".ann")
    )
    if not paths:
        raise NoRowsError(f"{folder}: no .ann files in it; BRAT's format is pairs of .txt and .ann files")
    for path in paths:
        text = "".join(_lines(path.removesuffix(".ann") + ".txt", encoding)).replace("\r\n", "\n")
        document = Document(path, text, {}, [])
        skipped: collections.Counter[str] = collections.Counter()
        try:
            for number, line in enumerate(_lines(path, encoding), 1):
                if line.strip():
                    _add(line.rstrip("\r\n"), number, document, skipped)
        except RowError as error:
            refuse(error)
            continue
        left_out.update(skipped)
        yield document


def _add(line: str, number: int, document: Document, left_out: collections.Counter[str]) -> None:
    where = f"{document.path}, line {number}"
    entity, relation = _ENTITY.fullmatch(line), _RELATION.fullmatch(line)
    if entity:
        name, label, places, surface = entity.groups()
        if ";" in places:
            left_out["discontinuous entities"] += 1
            return
        start, end = map(int, places.split())
        if not start < end <= len(document.text):
            message = f"{name} from {start} to {end} is no span of its text of {len(document.text)} characters"
            raise RowError(f"{where}: {message}", "an entity outside its text")
        if surface and "".join(document.text[start:end].split()) != "".join(surface.split()):
            message = f"{name} is {surface!r:.60}, and characters {start} to {end} are {document.text[start:end]!r:.60}"
            raise RowError(f"{where}: {message}", "an entity that is not its text")
        document.entities[name] = Entity(start, end, label)
    elif relation:
        name, label, _, head, _, tail = relation.groups()
        document.relations.append((number, name, label, head, tail))
    elif line[0] in _LEFT_OUT:
        left_out[_LEFT_OUT[line[0]]] += 1
    else:
        message = f"{where}: {line!r:.60} is no line of BRAT's, such as 'T1\\tperson 0 3\\tAda'"
        raise RowError(message, "no line of BRAT's")


def _lines(path: str, encoding: str) -> list[str]:
    with open_data(path) as file:
        return list(decoded_lines(file, path, encoding))


def _id(document: Document) -> str:
    return os.path.basename(document.path).removesuffix(".ann")


def _without_overlaps(entities: list[Entity]) -> list[Entity]:
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda entity: entity.start - entity.end):  # the longest first
        if all(entity.end <= other.start or other.end <= entity.start for other in kept):
            kept.append(entity)
    return sorted(kept)
