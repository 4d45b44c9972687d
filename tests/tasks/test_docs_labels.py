"""The examples of labels in docs/data.md: a file, its columns, and the labels that a task reads of it."""

import json
import pathlib
import re

import pytest

from tfbert.data import read
from tfbert.tasks.classification.task import Classification

PAGE = (pathlib.Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
SECTION = re.search(r"^## Labels$(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]
EXAMPLE = re.compile(r"^```(\S+\.\S+)\n(.*?)^```\n\n^```json\n(.*?)^```\n\n^```labels ?(\S*)\n(.*?)^```$", re.M | re.S)
EXAMPLES = EXAMPLE.findall(SECTION)


def test_every_block_is_read():
    assert len(EXAMPLES) == SECTION.count("```labels") == SECTION.count("```json") >= 4


@pytest.mark.parametrize(
    ("name", "content", "columns", "setting", "wanted"), EXAMPLES, ids=[row[0] for row in EXAMPLES]
)
def test_example(tmp_path, name, content, columns, setting, wanted):
    (tmp_path / name).write_text(content, encoding="utf-8")
    table, wanted = read(tmp_path / name), json.loads(wanted)
    assert table.columns == json.loads(columns)
    settings = Classification.settings_for(table, **dict([setting.split("=")] if setting else []))
    assert list(settings["labels"]) == wanted["labels"]
    assert Classification(None, **settings).examples(table)["label"].tolist() == wanted["rows"]
