"""The five parts of the multiple choice task."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert import Tokenizer
from tfbert.data import Table, columns
from tfbert.data.bad_rows import BadRows, usable
from tfbert.data.reading import read
from tfbert.encoders.layers.masking import MASKED
from tfbert.errors import ConfigError, DataError, RowError
from tfbert.tasks.multiple_choice.loss import MultipleChoiceLoss
from tfbert.tasks.multiple_choice.metrics import metrics
from tfbert.tasks.multiple_choice.task import MultipleChoiceTask
from tfbert.text import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "sky", "blue", "sour", "loud"]))


def table(**columns):
    return Table.from_columns(columns, source="train.jsonl")


def task(**settings):
    return MultipleChoiceTask(TOKENIZER, **settings)


def tensors(example):
    return {name: columns.tensor(values) for name, values in example.items()}


# 1 example


@pytest.mark.parametrize(
    ("label", "settings", "wanted"),
    [
        (2, {}, 2),
        ("0", {}, 0),
        (" 1 ", {}, 1),
        ("B", {}, 1),
        ("c", {}, 2),
        ("loud", {}, 2),
        (np.int64(1), {}, 1),
        (1, {"first_label": 1}, 0),
        ("3", {"first_label": 1}, 2),
        ("C", {"first_label": 1}, 2),
    ],
)
def test_what_a_label_may_be(label, settings, wanted):
    rows = table(prompt=["sky"], choices=[["blue", "sour", "loud"]], label=[label])
    assert task(**settings).examples(rows)["label"].tolist() == [wanted]


def test_a_label_that_is_the_text_of_a_choice():
    """A number may be a choice's text; where that is another choice than the number's, a letter decides."""
    choices = [["2", "3", "9"]]
    assert task().examples(table(prompt=["1 + 1"], choices=choices, label=["9"]))["label"].tolist() == [2]
    assert task().examples(table(prompt=["1 + 1"], choices=choices, label=[2]))["label"].tolist() == [2]
    assert task().examples(table(prompt=["1 + 1"], choices=choices, label=["A"]))["label"].tolist() == [0]
    with pytest.raises(DataError, match="row 0: the label '2' is the text of choice 0 and the number of choice 2; give the letter"):  # fmt: skip
        task().examples(table(prompt=["1 + 1"], choices=choices, label=["2"]))
    with pytest.raises(DataError, match="'B' is the text of choice 0 and the letter of choice 1; give the number"):
        task().examples(table(prompt=["x"], choices=[["B", "A"]], label=["B"]))


@pytest.mark.parametrize(
    ("names", "settings"),
    [
        (["choice0", "choice1", "choice2"], {}),
        (["ending0", "ending1", "ending2"], {}),
        (["option_1", "option_2", "option_3"], {}),
        (["answerA", "answerB", "answerC"], {}),
        (["sol1", "sol2", "sol3"], {"choices": "sol"}),
    ],
)
def test_choices_in_columns_of_their_own(names, settings):
    cells = [["blue", "loud"], ["sour", "sour"], ["loud", ""]]
    rows = table(prompt=["sky", "sky"], label=[2, 0], **dict(zip(names, cells, strict=True)))
    example = task(columns=settings).examples(rows, training=True)
    assert example["choices"] == [["blue", "sour", "loud"], ["loud", "sour"]]


def test_lists_of_any_length_and_names():
    rows = table(ctx=["a", "b"], endings=[["x", "y", ""], ("x", "y", "z")], label=["1", "2"])
    example = task().examples(rows)
    assert (example["prompt"], example["choices"]) == (["a", "b"], [["x", "y"], ["x", "y", "z"]])
    rows = table(q=["a"], alternatives=np.array([["x", "y"]]), right=["x"])
    named = task(columns={"prompt": "q", "choices": "alternatives", "label": "right"})
    assert named.examples(rows)["label"].tolist() == [0]
    assert set(named.examples(rows, labelled=False)) == {"prompt", "choices"}


def test_rows_of_json_lines_may_lack_the_last_choices(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(
        '{"question": "a", "option1": "x", "option2": "y", "answer": "2"}\n'
        '{"question": "b", "option1": "x", "option2": "y", "option3": "z", "answer": "3"}\n'
    )
    example = task(first_label=1).examples(read(path), training=True)
    assert example["choices"] == [["x", "y"], ["x", "y", "z"]]
    assert example["label"].tolist() == [1, 2]


def test_swags_file(tmp_path):
    """The columns of the release's train.csv, read as the config says."""
    import importlib.util
    import pathlib

    path = pathlib.Path(__file__).resolve().parents[2] / "configs/swag.py"
    spec = importlib.util.spec_from_file_location("swag", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    (tmp_path / "train.csv").write_text(
        ",video-id,fold-ind,startphrase,sent1,sent2,gold-source,ending0,ending1,ending2,ending3,label\n"
        '0,v,1,"A man stands. He, then",A man stands.,"He, then",gold,sits.,"runs, fast.",sings.,flies.,3\n'
    )
    rows = read(tmp_path / "train.csv")
    settings = MultipleChoiceTask.settings_for(rows, max_length=config.max_length, columns={}, **config.settings)
    example = task(**settings).examples(rows, training=True)
    assert example["prompt"] == ["A man stands. He, then"]
    assert example["choices"] == [["sits.", "runs, fast.", "sings.", "flies."]]
    assert example["label"].tolist() == [3]


GOOD = {"prompt": ["sky", "sky"], "choices": [["blue", "sour"], ["sour", "blue"]], "label": [0, 1]}


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({"choices": [["blue", "sour"], ["sour"]]}, {}, "train.jsonl, row 1: 1 choice; a row needs at least 2"),
        ({"choices": [["blue", "sour"], ["", ""]]}, {}, "row 1: 0 choices"),
        ({"choices": [["blue", "sour"], ["", "sour"]]}, {}, "row 1: choice 0 of 2 is empty"),
        ({"choices": [["blue", "sour"], ["sour", " "]]}, {}, "row 1: choice 1 of 2 is empty"),
        ({"choices": [["blue", "blue"], ["sour", "blue"]], "label": ["blue", "sour"]}, {}, "row 0: choices 0 and 1 are both 'blue', and so is the label"),
        ({"choices": [["blue", "sour"], "sour"]}, {}, "row 1: column 'choices' must hold a list of texts, not 'sour'"),
        ({"choices": [["blue", 3], ["sour", "blue"]]}, {}, r"row 0: column 'choices' must hold .* not \['blue', 3\]"),
        ({"choices": [["blue", None], ["sour", "blue"]]}, {}, "row 0: column 'choices' must hold"),
        ({"label": [0, 2]}, {}, "row 1: the label 2 names none of the 2 choices.*first_label=1"),
        ({"label": [-1, 0]}, {}, "row 0: the label -1 names none"),
        ({"label": [0, 1]}, {"first_label": 1}, "row 0: the label 0 names none of the 2 choices; a label is a number from 1"),
        ({"label": ["A", "C"]}, {}, "row 1: the label 'C' names none"),
        ({"label": ["blue", "bleu"]}, {}, "row 1: the label 'bleu' names none"),
        ({"label": ["blue", "1" * 5000]}, {}, "row 1: the label '111.* names none"),
        ({"label": [0, None]}, {}, "row 1: the label None names none"),
        ({"label": [0, True]}, {}, "row 1: the label True names none"),
        ({"label": [0, 1.5]}, {}, "row 1: the label 1.5 names none"),
        ({"prompt": ["sky", 3]}, {}, "row 1: column 'prompt' holds"),
        ({"prompt": [], "choices": [], "label": []}, {}, "has no rows"),
        ({"choices": None}, {}, "no column 'choices'"),
        ({"prompt": None}, {}, "no column 'prompt'"),
        ({"label": None}, {}, "no column 'label'"),
        ({"prompt": None, "context": ["a", "b"], "question": ["c", "d"]}, {}, "'question' and 'context' may each be the prompt"),
        ({}, {"columns": {"choices": "sol"}}, "no column 'sol', nor sol0, sol1, …; the columns are 'prompt'"),
        ({"choices": None, "ending0": ["a", "b"], "ending1": ["b", 3]}, {}, "row 1: columns 'ending0' to 'ending1' must hold texts"),
    ],
)  # fmt: skip
def test_a_bad_table(changes, settings, message):
    given = {name: values for name, values in {**GOOD, **changes}.items() if values is not None}
    with pytest.raises(DataError, match=message):
        task(**settings).examples(table(**given), training=True)


def test_a_choice_twice_is_read_for_evaluation():
    rows = table(prompt=["sky"], choices=[["blue", "blue", "sour"]], label=["blue"])
    assert task().examples(rows)["label"].tolist() == [0]


def test_a_choice_twice_is_no_obstacle_where_the_answer_is_its_number(caplog):
    rows = table(prompt=["sky"] * 2, choices=[["blue", "blue", "sour"]] * 2, label=[1, 0])
    assert task().examples(rows, training=True)["label"].tolist() == [1, 0]
    assert caplog.messages == ["train.jsonl: 2 rows have a choice twice, first at train.jsonl, row 0"]


def test_numbers_that_may_begin_at_1_are_refused():
    mixed = table(prompt=["sky"] * 3, choices=[["blue", "sour", "loud"]] * 3, label=["A", "C", "1"])
    with pytest.raises(
        DataError, match="row 2: the label '1' is a number, and 'A' of train.jsonl, row 0 a letter; first_label=1"
    ):
        task().examples(mixed)
    assert task(first_label=1).examples(mixed)["label"].tolist() == [0, 2, 0]
    assert task(first_label=0).examples(mixed)["label"].tolist() == [0, 2, 1]
    from_1 = table(prompt=["sky"] * 3, choices=[["blue", "sour", "loud"]] * 3, label=[1, 3, 2])
    from_1.bad_rows = BadRows("skip")
    with pytest.raises(
        DataError, match="row 1: the label 3 names none of the 3 choices from 0, and no label is 0; first_label=1"
    ) as error:
        usable(from_1, task().examples)
    assert not isinstance(error.value, RowError)  # of the whole file: the others would be read as their neighbours
    assert task(first_label=1).examples(from_1)["label"].tolist() == [0, 2, 1]


STEM = {"stem": "Which is old?", "choices": [{"text": "Rome", "label": "A"}, {"text": "Ada", "label": "B"}]}
NUMBERED = {"stem": "Which?", "choices": [{"text": "x", "label": "1"}, {"text": "y", "label": "2"}]}


@pytest.mark.parametrize(
    "columns",
    [
        {"question": [STEM, NUMBERED], "answerKey": ["B", "1"]},  # ARC has both
        {
            "question": [STEM["stem"], NUMBERED["stem"]],
            "choices": [{"text": ["Rome", "Ada"], "label": ["A", "B"]}, {"text": ["x", "y"], "label": ["1", "2"]}],
            "answerKey": ["B", "1"],
        },
    ],
    ids=["published", "hub"],
)
def test_lettered_choices_of_arc(columns):
    example = task().examples(table(**columns), training=True)
    assert example["prompt"] == ["Which is old?", "Which?"]
    assert example["choices"] == [["Rome", "Ada"], ["x", "y"]]
    assert example["label"].tolist() == [1, 0]


def test_what_is_nearly_arc():
    with pytest.raises(RowError, match="row 0: the answer 'C' is none of the labels A, B"):
        task().examples(table(question=[STEM], answerKey=["C"]))
    with pytest.raises(RowError, match="row 0: a question as in ARC is"):
        task().examples(table(question=[{"stem": "x", "options": ["a"]}], answerKey=["C"]))
    with pytest.raises(RowError, match="row 0: the label None names none"):  # CommonsenseQA's test has no answers
        task().examples(table(question=[STEM], answerKey=[""]))


FAULTS = {
    "less than 2 choices": (["blue"], 0),
    "an empty choice": (["", "blue"], 0),
    "choices that are no texts": (["blue", 3], 0),
    "a label that names no choice": (["blue", "sour"], "green"),
    "a label that names two choices": (["1", "0"], "1"),
    "an answer that is two choices": (["blue", "blue"], "blue"),
    None: (["blue", "sour"], 0),
}


@settings(deadline=None, max_examples=40)  # tokenizers take their time at first
@given(st.lists(st.sampled_from(list(FAULTS)), max_size=30))
def test_rows_in_are_rows_out_and_rows_counted(kinds):
    kinds = [*kinds, None]
    rows = table(prompt=["sky"] * len(kinds), **{
        name: [FAULTS[kind][k] for kind in kinds] for k, name in enumerate(["choices", "label"])
    })  # fmt: skip
    rows.bad_rows = BadRows("skip")
    example, used = usable(rows, lambda some: task().examples(some, training=True))
    assert len(used) == len(example["prompt"]) == kinds.count(None)
    assert rows.bad_rows.counts() == {kind: kinds.count(kind) for kind in set(kinds) - {None}}


def test_bad_settings():
    with pytest.raises(ConfigError, match="no setting 'max_lenght'; did you mean 'max_length'"):
        MultipleChoiceTask.settings_for(table(**GOOD), max_lenght=3)
    with pytest.raises(ConfigError, match="no setting 'labels'"):
        MultipleChoiceTask.from_settings({"labels": ["a"]}, TOKENIZER)
    with pytest.raises(ConfigError, match="columns prompt, choices and label, but no text"):
        task(columns={"text": "sentence"})


# 2 features


def test_pairs_and_the_gaps_of_shorter_rows():
    example = tensors({"prompt": ["sky", "loud sky"], "choices": [["blue", "sour", "loud loud"], ["sour", "blue"]]})
    features = task().features(example)
    assert features["token_ids"].numpy().tolist() == [
        [2, 4, 3, 5, 3, 0],
        [2, 4, 3, 6, 3, 0],
        [2, 4, 3, 7, 7, 3],
        [2, 7, 4, 3, 6, 3],
        [2, 7, 4, 3, 5, 3],
        [2, 3, 3, 0, 0, 0],  # no choice
    ]
    assert features["padding_mask"].numpy().sum(1).tolist() == [5, 5, 6, 6, 6, 0]
    assert features["segment_ids"].numpy()[3].tolist() == [0, 0, 0, 0, 1, 1]
    assert features["rows"].numpy().tolist() == [0, 0, 0, 1, 1, 1]
    target = task().target({**example, "label": tf.constant([2, 0])}, features)
    assert target.numpy().tolist() == [[2, 3]] * 3 + [[0, 3]] * 3
    dense = {"prompt": example["prompt"], "choices": example["choices"].to_tensor("")}
    for name, values in task().features(dense).items():
        np.testing.assert_array_equal(values, features[name])


def test_pairs_are_cut_to_the_length():
    features = task(max_length=6).features({"prompt": ["sky sky sky"], "choices": [["blue loud", "sour"]]})
    assert features["token_ids"].numpy().tolist() == [[2, 4, 4, 3, 5, 3], [2, 4, 4, 3, 6, 3]]


# 4 loss and metrics


def test_the_loss_is_the_mean_of_the_rows_cross_entropies():
    random = np.random.default_rng(0)
    counts, labels = [3, 2, 4, 2], [2, 0, 1, 1]
    logits = random.normal(size=(4, 4)).astype("float32") * 3
    logits[np.arange(4) >= np.array(counts)[:, None]] = MASKED
    losses = []
    for row, count, label in zip(logits, counts, labels, strict=True):
        weights = [np.exp(value) for value in row[:count]]
        losses.append(-np.log(weights[label] / sum(weights)))
    truth = np.repeat([[label, 4] for label in labels], 4, axis=0)
    np.testing.assert_allclose(MultipleChoiceLoss()(truth, logits.reshape(-1, 1)), np.mean(losses), rtol=1e-5)
    weighted = MultipleChoiceLoss()(truth, logits.reshape(-1, 1), sample_weight=np.repeat([1.0, 0, 0, 0], 4))
    np.testing.assert_allclose(weighted, losses[0] / 4, rtol=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(MultipleChoiceLoss()))
    np.testing.assert_allclose(again(truth, logits.reshape(-1, 1)), np.mean(losses), rtol=1e-5)


def test_metrics_are_scikit_learns():
    import sklearn.metrics

    random = np.random.default_rng(0)
    counts = random.integers(2, 6, 50)
    choices = [[str(k) for k in range(count)] for count in counts]
    labels = random.integers(0, counts)
    logits = random.normal(size=(50, 5))
    # Batches of shorter rows are filled up with 0 when they are joined.
    logits[np.arange(5) >= counts[:, None]] = 0
    logits -= 10
    values = metrics({"choices": choices, "label": labels}, {"logits": logits})
    chosen = [row[:count].argmax() for row, count in zip(logits, counts, strict=True)]
    assert list(values) == ["accuracy", "mean_reciprocal_rank"]
    assert values["accuracy"] == sklearn.metrics.accuracy_score(labels, chosen)
    # With one right choice, average precision of its ranking is the reciprocal rank.
    precision = [
        sklearn.metrics.label_ranking_average_precision_score([np.arange(count) == label], [row[:count]])
        for row, count, label in zip(logits, counts, labels, strict=True)
    ]
    assert values["mean_reciprocal_rank"] == pytest.approx(np.mean(precision))


def test_of_equal_logits_the_first_is_chosen():
    examples = {"choices": [["a", "b", "c"]] * 2, "label": np.array([0, 2])}
    values = metrics(examples, {"logits": np.zeros((2, 3))})
    assert values == {"accuracy": 0.5, "mean_reciprocal_rank": pytest.approx((1 + 1 / 3) / 2)}


# 5 answer


def test_answer_and_its_gaps():
    example = {
        "prompt": ["sky"] * 3,
        "choices": tf.constant([["blue", "sour", "loud"], ["sour", "blue", ""], ["", "", ""]]),
    }
    logits = tf.constant([[1.0, 3, 2], [5, 1, MASKED], [MASKED] * 3])
    answer = task().answer(example, None, tf.reshape(logits, [-1, 1]))
    assert answer["choice"].dtype == tf.int32
    assert answer["choice"].numpy().tolist() == [1, 0, -1]
    assert answer["text"].numpy().tolist() == [b"sour", b"sour", b""]
    exponentials = np.exp([[1.0, 3, 2], [5, 1, -np.inf]])
    wanted = exponentials / exponentials.sum(1, keepdims=True)
    np.testing.assert_allclose(answer["probabilities"], [*wanted, [0, 0, 0]], atol=1e-6)
    np.testing.assert_array_equal(answer["logits"], logits)
    rows = task().readable({name: value.numpy() for name, value in answer.items()})
    assert [len(row["probabilities"]) for row in rows] == [3, 2, 0]
    assert rows[1]["score"] == rows[1]["probabilities"][0] == pytest.approx(0.982, abs=1e-3)
    assert rows[2] == {"choice": -1, "text": "", "score": 0.0, "probabilities": []}


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (2, 0)])
def test_answer_of_nothing(shape):
    example = {"prompt": tf.fill(shape[:1], "sky"), "choices": tf.zeros(shape, tf.string)}
    features = task().features(example)
    answer = task().answer(example, features, tf.fill([tf.shape(features["rows"])[0], 1], MASKED))
    assert answer["choice"].numpy().tolist() == [-1] * shape[0]
    assert answer["text"].numpy().tolist() == [b""] * shape[0]
    assert np.sum(answer["probabilities"]) == 0


def test_as_many_prompts_as_rows_of_choices():
    with pytest.raises(tf.errors.InvalidArgumentError):
        task().features({"prompt": tf.constant(["sky"]), "choices": tf.constant([["blue", "sour"]] * 2)})
