"""Settings that are out of their range are refused when the task is made."""

import pytest

from tfbert import Tokenizer
from tfbert.errors import ConfigError
from tfbert.tasks.registry import TASKS, task_class
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdef"]))
NEEDED = {
    "classification": {"labels": ("x", "y")},
    "token_classification": {"labels": ("x",)},
    "relation_extraction": {"labels": ("x", "y"), "markers": ("a", "b", "c", "d")},
}


@pytest.mark.parametrize("name", TASKS)
def test_max_length_leaves_room_for_a_token(name):
    for length in (-1, 0, 1, 2):
        with pytest.raises(ConfigError, match=f"max_length {length}"):
            task_class(name)(TOKENIZER, **NEEDED.get(name, {}), max_length=length)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("multiple_choice", {"max_length": 4}, "no place for a token of each of 2 texts; it must be at least 5"),
        ("multiple_choice", {"first_label": -1}, "first_label must not be negative"),
        ("classification", {"pairs": True, "max_length": 4}, "a token of each of 2 texts; it must be at least 5"),
        ("classification", {"stride": -1}, "stride must not be negative"),
        ("classification", {"problem": "multi_label", "thresholds": (0.5, 1.5)}, "thresholds are probabilities"),
        ("classification", {"class_weights": (1.0, -1.0)}, "class_weights are numbers from 0 on"),
        ("classification", {"class_weights": (1.0, float("nan"))}, "class_weights are numbers from 0 on"),
        ("classification", {"problem": "multilabel"}, "did you mean 'multi_label'"),
        ("sentence_embedding", {"pooling": "means"}, "did you mean 'mean'"),
    ],
)
def test_what_is_out_of_range(name, settings, message):
    with pytest.raises(ConfigError, match=message):
        task_class(name)(TOKENIZER, **{**NEEDED.get(name, {}), **settings})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("classificaton", "did you mean 'classification'"),
        ("text-classification", "here it is --task=classification$"),
        ("regression", "here it is --task=classification --config.settings.problem=regression"),
        ("ner", "here it is --task=token_classification"),
        ("sentence-similarity", "here it is --task=sentence_embedding"),
    ],
)
def test_a_task_by_another_name(name, message):
    with pytest.raises(ConfigError, match=message):
        task_class(name)


def test_names_of_others_are_no_tasks_of_ours():
    from tfbert.tasks.registry import _OTHER_NAMES

    assert not set(_OTHER_NAMES) & set(TASKS)
    assert {found.split()[0] for found in _OTHER_NAMES.values()} == set(TASKS)
