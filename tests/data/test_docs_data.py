"""The examples of docs/data.md, read as they stand there; every format has its section."""

import json
import pathlib
import re

import pytest

from tfbert.data import read, reading

PAGE = (pathlib.Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
BINARY = {"tfrecord", "parquet", "tfds"}  # their sections have no example
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
SECTIONS = dict(re.findall(r"^## (\S+)$(.*?)(?=^## |\Z)", PAGE, re.M | re.S))


def examples():
    """(section, files, arguments of `read`, columns): file blocks, and the JSON block that says what they give."""
    for section, text in SECTIONS.items():
        files = {}
        for info, content in _BLOCK.findall(text):
            language, *arguments = info.split()
            if language == "json":
                given = dict(argument.split("=", 1) for argument in arguments)
                yield pytest.param(files, given, json.loads(content), id=f"{section}-{next(iter(files), None)}")
                files = {}
            elif "." in language:
                files[language] = content


def test_every_format_has_a_section_with_an_example():
    assert set(reading.FORMATS.names) | {"tfds"} <= set(SECTIONS)
    with_example = {example.id.split("-")[0] for example in examples()}
    assert set(SECTIONS) - BINARY <= with_example


@pytest.mark.parametrize("files, arguments, columns", examples())
def test_example(tmp_path, monkeypatch, files, arguments, columns):
    """Without `source` among the arguments the one file is read."""
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding=arguments.get("encoding", "utf-8"), newline="")
    if "column_names" in arguments:
        arguments["column_names"] = arguments["column_names"].split(",")
    table = read(arguments.pop("source", None) or next(iter(files)), **arguments)
    assert table.columns == columns
    assert list(table.columns) == list(columns)
