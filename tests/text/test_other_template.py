"""<s> A </s></s> B </s> without segments goes through the tasks that look at single tokens, and through pretraining."""

import numpy as np
import pytest
import tensorflow as tf

from tfbert.data import Table
from tfbert.data.batching.static_shapes import filled_up
from tfbert.data.pretraining.examples.rows import make_rows
from tfbert.data.pretraining.examples.sequences import make_sequences, room
from tfbert.data.pretraining.examples.tokens import Tokens
from tfbert.tasks.question_answering.task import QuestionAnswering
from tfbert.tasks.relation_extraction.task import RelationExtraction
from tfbert.text import SpecialTokens, Tokenizer, Vocabulary
from tfbert.text.template import Template

WORDS = "who is old rome ann a the ##s built , . 1 w x y z".split()
BERT = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
SPECIAL = SpecialTokens(unknown="<unk>", start="<s>", separator="</s>", padding="<pad>", mask="<mask>")
OTHER = Tokenizer(
    Vocabulary(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *WORDS]),
    special_tokens=SPECIAL,
    template=Template(before=(0,), between=(2, 2), after=(2,), second_segment=0),
)
QUESTIONS = ["who is ann", "who built rome, who", ""]
CONTEXTS = [
    "ann is old. the romes built a rome, and é ann built the a the a. ann ann is the rome. " * 3,
    "rome is old, ann built a rome.",
    "a",
]
ANSWERS = [{"text": "ann built the a", "answer_start": 42}, {"text": "ann", "answer_start": 13}, []]


def answered(tokenizer):
    """Targets and answers of a question answering task, as (text, token of the context) of each window."""
    task = QuestionAnswering(
        tokenizer,
        max_length=18 + tokenizer.num_special_tokens(2),
        stride=4,
        max_question_length=6,
        unanswerable=True,
        n_best=5,
        answer_length=6,
    )
    rows = Table.from_columns({"question": QUESTIONS, "context": CONTEXTS, "answers": ANSWERS}, source="x")
    example = {
        name: tf.ragged.constant(column, dtype=tf.string) if name == "answers" else tf.constant(column)
        for name, column in task.examples(rows).items()
    }
    features = task.features(example)
    is_context = features["text_ids"].numpy() == 1
    # The same logits for the same tokens of the contexts, whatever stands around them; the first is "no answer".
    logits = np.zeros((*is_context.shape, 2), np.float32)
    values = np.random.default_rng(0).normal(0, 3, (is_context.sum() + len(logits), 2))
    logits[is_context], logits[:, 0] = values[: is_context.sum()], values[is_context.sum() :]
    answers = task.answer(example, features, tf.constant(logits))
    target = task.target(example, features).numpy()
    places = np.cumsum(is_context, 1)  # of a window's context, from 1
    target = [[0 if place == 0 else int(places[w, place]) for place in pair] for w, pair in enumerate(target)]
    return features, target, {name: value.numpy() for name, value in answers.items()}


def test_question_answering():
    bert, other = answered(BERT), answered(OTHER)
    assert len(bert[1]) > 6
    assert not other[0]["segment_ids"].numpy().any()
    assert other[0]["token_ids"][-1].numpy().tolist() == [0, 2, 2, WORDS.index("a") + 5, 2] + [1] * 17
    assert bert[1] == other[1]
    assert sum(map(any, other[1])) == 2  # one window holds all of the first answer, one the second; there is no third
    for name, values in bert[2].items():
        np.testing.assert_array_equal(values, other[2][name])
    assert [answer for answer in other[2]["answer"] if answer]


def test_tokens_of_padding_are_of_no_text():
    strings = tf.TensorSpec([None], tf.string)
    function = tf.function(lambda *texts: filled_up(OTHER(*texts, offsets=True), 2, 10), input_signature=[strings] * 2)
    filled = function(tf.constant(["ann"]), tf.constant(["rome is"]))
    assert filled["text_ids"].numpy().tolist() == [[-1, 0, -1, -1, 1, 1, -1, -1, -1, -1], [-1] * 10]


@pytest.mark.parametrize("between", [(), (2,), (2, 2)])
def test_relation_extraction(between):
    tokenizer = Tokenizer(
        OTHER.vocabulary, special_tokens=SPECIAL, template=Template(before=(0, 4), between=between, after=(2, 2))
    )
    task = RelationExtraction(tokenizer, labels=("Other", "built(e1,e2)"), markers=("w", "x", "y", "z"), max_length=11)
    assert task.room == 3
    features = task.features(
        {"text": tf.constant(["a <e1>ann</e1> is <e2>rome</e2> .", "<e2>a</e2><e1>the</e1>", "a"])}
    )
    rows = [
        [OTHER.vocabulary.tokens[i] for i in row if i != OTHER.padding_id]
        for row in features["token_ids"].numpy().tolist()
    ]
    assert rows == [
        "<s> <mask> w ann x is y rome z </s> </s>".split(),
        "<s> <mask> y a z w the x </s> </s>".split(),
        "<s> <mask> a </s> </s>".split(),
    ]
    assert features["head_start"].numpy().tolist() == [2, 5, 0]
    assert features["tail_start"].numpy().tolist() == [6, 2, 0]


@pytest.mark.parametrize("objective", ["nsp", "sop", "none"])
def test_pretraining_rows(objective):
    ids = np.arange(100, 300, dtype=np.int32)
    sentences = np.arange(0, 201, 4)
    begins = np.zeros(200, bool)
    begins[sentences[:-1]] = True
    tokens = Tokens(ids, begins, sentences, np.array([0, 10, 11, 30, 50]))
    made = {"template": OTHER.template, "max_length": 32, "seed": "s"}
    sequences = make_sequences(tokens, objective=objective, short_probability=0.3, **made)
    assert room(objective, 32, OTHER.template) == 32 - (2 if objective == "none" else 4)
    rows = make_rows(tokens, sequences, packed=False, **made)
    assert not rows.segment_ids.any()
    assert rows.sequence_lengths.max() <= 32
    found = []
    for i, length in enumerate(rows.sequence_lengths):
        row = rows.token_ids[rows.splits[i] : rows.splits[i + 1]].tolist()
        assert len(row) == length
        text = " ".join("</s>" if token == 2 else "<s>" if token == 0 else str(token) for token in row)
        assert text.startswith("<s> ") and text.endswith(" </s>")
        runs = text.removeprefix("<s> ").removesuffix(" </s>").split(" </s> </s> ")
        assert len(runs) == 2 or objective == "none"
        assert not any("s" in run for run in runs)
        found += [list(map(int, run.split())) for run in runs]
    wanted = [ids[a:b].tolist() for a, b in zip(sequences.starts, sequences.ends, strict=True)]
    assert sorted(found) == sorted(wanted)
    if objective == "none":
        assert sorted(sum(found, [])) == ids.tolist()
