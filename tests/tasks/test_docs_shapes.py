"""What tasks make of the examples of docs/data.md."""

import json
import pathlib
import re

import numpy as np
import pytest

from tfbert import Tokenizer
from tfbert.data import read
from tfbert.tasks.registry import task_class
from tfbert.text import Vocabulary

PAGE = (pathlib.Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
TOKENIZER = Tokenizer(Vocabulary(["[PAD]", *(f"[unused{i}]" for i in range(4)), "[UNK]", "[CLS]", "[SEP]", "a"]))
# A file, its columns, and what a task makes of it.
_CONTENT = r"((?:(?!```).)*)"
EXAMPLES = re.findall(
    rf"^```(\S+\.\S+)\n{_CONTENT}^```\n\n^```json\n{_CONTENT}^```\n\n^```example (\S+)([^\n]*)\n{_CONTENT}^```$",
    PAGE,
    re.M | re.S,
)


@pytest.mark.parametrize(
    ("name", "content", "_", "task", "settings", "wanted"), EXAMPLES, ids=[example[0] for example in EXAMPLES]
)
def test_example(name, content, _, task, settings, wanted, tmp_path):
    (tmp_path / name).write_text(content, encoding="utf-8")
    table = read(tmp_path / name)
    given = dict(pair.split("=", 1) for pair in settings.split())
    given = {key: value.split(",") if key == "labels" else value for key, value in given.items()}
    own = task_class(task)(TOKENIZER, **task_class(task).settings_for(table, **given))
    examples = own.examples(table)
    assert json.loads(json.dumps(examples, default=np.ndarray.tolist)) == json.loads(wanted)


def test_every_shape_has_an_example():
    assert len(EXAMPLES) == PAGE.count("```example ") == 6
