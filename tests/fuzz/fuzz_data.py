"""Data files in every format: read whole and in windows, with bad rows refused and skipped."""

from __future__ import annotations

import gzip
import io
import json
import pathlib
from collections.abc import Callable
from typing import Any

import containers
import mutations
from fuzzing import Reader
from quick_records import quick
from tfrecords import record

from tfbert.data import read, stream
from tfbert.errors import DataError

_CONLL = "-DOCSTART- -X- -X- O\n\nAda NNP B-NP B-PER\nsaw VBD B-VP O\nRome NNP B-NP B-LOC\n\n字 X X O\n"
_CONLLU = (
    "# sent_id = s1\n# text = Don't go to Rome\n1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_\n1\tDo\tdo\tAUX\t_\t_\t3\taux\t_\t_\n"
    "2\tn't\tnot\tPART\t_\t_\t3\tadvmod\t_\t_\n2.1\tyou\t_\tPRON\t_\t_\t_\t_\t_\t_\n3\tgo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n"
    "4\tRome\tRome\tPROPN\t_\t_\t3\tobl\t_\tNER=B-place|SpaceAfter=No\n\n"
)
_SQUAD = {
    "version": "v2.0",
    "data": [
        {"title": "Names", "paragraphs": [{"context": "is Ann", "qas": [
            {"id": "q1", "question": "who?", "answers": [{"text": "Ann", "answer_start": 3}], "is_impossible": False},
            {"id": "q2", "question": "why?", "answers": [], "is_impossible": True, "plausible_answers": []}]}]},
    ],
}  # fmt: skip
_RACE = {
    "answers": ["B", "A"], "options": [["new", "old"], ["a city", "a river"]], "questions": ["Rome is _ .", "What is Rome?"],
    "article": "Rome is an old city.", "id": "high1.txt",
}  # fmt: skip
_SEMEVAL = '1\t"The <e1>film</e1> made of <e2>wood</e2> is late."\nMessage-Topic(e1,e2)\nComment: none\n\n2\t"<e1>a</e1> <e2>b</e2>"\nOther\nComment:\n\n'
_ANN = (
    "T1\tplace 7 11\tRome\nT2\tperson 13 16\tAda\nT3\tplace 21 29\tNew York\nT5\tperson 0 3;13 16\tNée Ada\nE1\tsee:T2\nA1\tOld T1\n"
    "#1\tAnnotatorNotes T1\tsure\n*\tEquiv T1 T3\nR1\tvisited Arg1:T2 Arg2:T3\t\nR2\tborn_in Arg1:T2 Arg2:T1\n"
)
_TEXT = "Née in Rome.\r\nAda saw\r\nNew York and Bonn."
_ROWS = [
    {"text": "a [film", "label": 1, "meta": {"id": "x", "tags": ["a", None]}, "score": 0.5},
    {"text": 'dull "}', "label": 0, "meta": {"id": "y"}, "words": ["one", "two"]},
]


def _read(path: pathlib.Path, format: str | None = None, encoding: str | None = None) -> None:
    refusal = None
    for bad_rows in ("error", "skip"):
        given: Any = {"format": format, "encoding": encoding, "bad_rows": bad_rows}
        try:
            _use(read(path, **given))
            for table in stream(path, most_rows=2, **given):
                _use(table)
        except DataError as error:
            refusal = refusal or error
    if refusal:
        raise refusal


def _use(table) -> None:
    rows = list(table)
    assert len(rows) == len(table)
    table.select(slice(0, 1))
    table.row_name(0)
    table.has_column("meta.id")
    for name in list(table.columns)[:50]:
        for column in (table.column, table.list_column, table.text_column):
            try:
                column(name)
            except DataError:
                pass


def _reader(
    file: str,
    *sound: str | bytes,
    mutate: Callable = mutations.of_lines,
    format: str | None = None,
    encoding: str | None = None,
    beside: dict[str, str] | None = None,
    folder: bool = False,
) -> Reader:
    def seeds(work: pathlib.Path) -> list[bytes]:
        (work / file).parent.mkdir(parents=True, exist_ok=True)
        for name, text in (beside or {}).items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text, newline="", encoding="utf-8")
        data = [one.encode(encoding or "utf-8") if isinstance(one, str) else one for one in sound]
        return [gzip.compress(one, mtime=0) for one in data] if file.endswith(".gz") else data

    def attack(path: pathlib.Path) -> None:
        _read(path.parents[len(pathlib.PurePath(file).parts) - 2] if folder else path, format, encoding)

    return Reader(file, seeds, attack, containers.compressed(mutate) if file.endswith(".gz") else mutate)


def _lines(rows: list[Any]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"


def _json_lines(chance, seeds):
    """A line of JSON with other values, or other lines."""
    if chance.random() < 0.4:
        return mutations.of_lines(chance, seeds)
    lines = chance.choice(seeds).splitlines()
    place = chance.randrange(len(lines))
    lines[place] = mutations.of_json(chance, [lines[place]])
    return b"\n".join(lines)


def _example(**features: list) -> bytes:
    import tensorflow as tf

    def feature(values):
        if values and isinstance(values[0], str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
        if values and isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    made = {name: feature(values) for name, values in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString(deterministic=True)


def _tfrecord(file: str, read: Callable = _read, count: int = 10_000) -> Reader:
    def seeds(work: pathlib.Path) -> list[bytes]:
        rows = [
            _example(text=["für Elise"], label=[3], score=[0.5], words=["a"]),
            _example(text=["x"], label=[4], words=["a", "b"]),
        ]
        data = b"".join(map(record, rows))
        return [gzip.compress(data, mtime=0)] if file.endswith(".gz") else [data, record(rows[0])]

    mutate = containers.compressed(containers.records) if file.endswith(".gz") else containers.records
    return Reader(file, seeds, read, mutate, count=count)


def _parquet(work: pathlib.Path) -> list[bytes]:
    import pyarrow
    import pyarrow.parquet

    found = []
    for options in ({}, {"compression": "none", "use_dictionary": False}):
        stream = io.BytesIO()
        columns = {
            "text": ["für Elise", None, "x"],
            "words": [["a", "b"], [], ["c"]],
            "label": [1, 2, 3],
            "score": [0.5, None, 1.5],
        }
        pyarrow.parquet.write_table(pyarrow.table(columns), stream, row_group_size=2, **options)
        found.append(stream.getvalue())
    return found


_CSV = 'text,label,meta.id\n"a ""b"" c",good,1\n"two\nlines",bad,2\nplain,"x, y",3\n'
_TSV = 'text\tlabel\na "b" c\tgood\nd\tbad\n'
READERS = {
    "tsv": _reader("rows.tsv", _TSV, 'text\tlabel\n"a ""b"" c"\tgood\n"two\nlines"\tbad\n'),
    "csv": _reader("rows.csv", _CSV, "sep=;\ntext;label\na;1\nb;2\n", _CSV.replace(",", "|")),
    "csv_gz": _reader("rows.csv.gz", _CSV),
    "csv_utf16": _reader("rows.csv", _CSV, encoding="utf-16"),
    "jsonl": _reader("rows.jsonl", _lines(_ROWS), _lines([{"text": "a"}] * 3), mutate=_json_lines),
    "jsonl_gz": _reader("rows.jsonl.gz", _lines(_ROWS), mutate=_json_lines),
    "json": _reader(
        "rows.json",
        json.dumps(_ROWS),
        json.dumps({"data": _ROWS, "version": 1}, indent=1),
        json.dumps({name: {"0": 1, "1": "x"} for name in ("text", "label")}),
        json.dumps({"columns": ["text", "label"], "index": [0, 1], "data": [["a", 1], ["b", 2]]}),
        mutate=mutations.of_json,
    ),
    "json_lines_in_json": _reader("rows.json", _lines(_ROWS), mutate=_json_lines),
    "json_path": _reader("rows.json", json.dumps({"data": {"items": _ROWS}}), mutate=mutations.of_json, format="json:data.items"),
    "txt": _reader("rows.txt", "one\n\ntwo words\n字 \n", "__label__a x\n__label__b y z\n"),
    "trec": _reader("rows.label", "DESC:manner How did it end ?\nENTY:cremat What films ?\n"),
    "fasttext": _reader("rows.ft", "__label__a __label__b x y\n__label__c z\n"),
    "conll": _reader("rows.conll", _CONLL, "EU\tB-ORG\nis\tO\n\nsaw\tO\n", "Ada U-PER\nin O\nNew B-LOC\nYork L-LOC\n"),
    "conllu": _reader("rows.conllu", _CONLLU),
    "squad": _reader("rows.json", json.dumps(_SQUAD), mutate=mutations.of_json),
    "squad_named": _reader("rows.json", json.dumps(_SQUAD), mutate=mutations.of_json, format="squad"),
    "race": _reader("rows.json", json.dumps(_RACE), mutate=mutations.of_json),
    "race_named": _reader("rows.txt", json.dumps(_RACE), _lines([_RACE, _RACE]), mutate=_json_lines, format="race"),
    "semeval": _reader("rows.semeval", _SEMEVAL, format="semeval"),
    "brat": _reader("docs/a.ann", _ANN, format="brat", beside={"docs/a.txt": _TEXT}, folder=True),
    "brat_relations": _reader("docs/a.ann", _ANN, format="brat_relations", beside={"docs/a.txt": _TEXT}, folder=True),
    "brat_text": _reader("docs/a.txt", _TEXT, format="brat", beside={"docs/a.ann": _ANN}, folder=True),
    "folder": _reader("docs/good/1.txt", "a fine film\n", beside={"docs/bad/1.txt": "dull"}, folder=True),
    "tfrecord": _tfrecord("rows.tfrecord", quick(_read)),
    # each file that is opened is a graph of tf.data's, 40 ms and more: half a second for an input
    "tfrecord_dataset": _tfrecord("rows.tfrecord", count=200),
    "tfrecord_gz": _tfrecord("rows.tfrecord.gz"),
    "parquet": Reader("rows.parquet", _parquet, _read, mutations.of_bytes),
}  # fmt: skip
