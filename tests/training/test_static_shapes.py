"""Batches of one shape train as batches padded to their longest do, whole steps under XLA, several in an execution."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import QuestionAnswerer, RelationExtractor, SentenceEncoder, Summarizer, TextClassifier, TokenClassifier
from tfbert.data import Table
from tfbert.errors import ConfigError
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.runs.finetune import batches_of

TEXTS = ["my parcel is late", "refund", "where is my order i want it on monday", "a", "the card was charged twice"]
LABELS = ["late", "money", "late", "money", "late"]
LONG = [f"{text} and the order is the parcel" for text in TEXTS]
SPANS = [[[3, 9, "thing"]], [[0, 6, "money"]], [], [], [[4, 8, "thing"], [9, 12, "verb"]]]
DOCUMENTS = ["It is late. I want my money back. Where is it?", "Refund my order please. It is monday."]
MARKED = [
    "the <e1>card</e1> was on the <e2>order</e2>",
    "my <e2>parcel</e2> is my <e1>money</e1>",
    "<e1>a</e1> <e2>b</e2>",
]
CASES = {  # class, settings, columns
    "classification": (TextClassifier, {"max_length": 16}, {"text": TEXTS, "label": LABELS}),
    "windows": (TextClassifier, {"max_length": 8, "windows": True, "stride": 2}, {"text": LONG, "label": LABELS}),
    "multi_label": (
        TextClassifier,
        {"max_length": 16, "problem": "multi_label"},
        {"text": TEXTS, "label": ["late,money", "money", "", "late", "late"]},
    ),
    "token_classification": (TokenClassifier, {"max_length": 8}, {"text": LONG, "spans": SPANS}),
    "question_answering": (
        QuestionAnswerer,
        {"max_length": 16, "stride": 4},
        {"question": ["where is it"] * 5, "context": LONG, "answers": ["parcel", "refund", "order", "parcel", "card"]},
    ),
    "summarization": (
        Summarizer,
        {"max_length": 12},
        {"document": DOCUMENTS * 2, "summary": ["I want my money back.", "Refund my order please."] * 2},
    ),
    "relation_extraction": (RelationExtractor, {"max_length": 16}, {"text": MARKED, "label": ["of", "in", "of"]}),
}


def trained(case, checkpoint, *, static, jit_compile=False, accumulation=1, steps=5):
    """Weights after some steps, the losses' mean, and answers to all of the data; batches are of 2, of 2, of 1."""
    model_class, settings, columns = CASES[case]
    table = Table.from_columns(columns)
    keras.utils.set_random_seed(0)
    model = model_class.from_checkpoint(checkpoint, **model_class.task_class.settings_for(table, **settings))
    for layer in model._flatten_layers():  # dropout's masks have the batch's shape
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    config = FinetuneConfig(
        task=model.task.name,
        batch_size=2,
        static_shapes=static,
        accumulation=accumulation,
        max_length=settings["max_length"],
    )
    batches = batches_of(model.task.examples(table, training=True), model, config)
    model.compile(
        keras.optimizers.SGD(0.1, global_clipnorm=1.0), metrics=[], accumulation=accumulation, jit_compile=jit_compile
    )
    dataset = model.on_all_replicas(batches, 0)
    if static:
        assert all(spec.shape.is_fully_defined() for spec in tf.nest.flatten(dataset.element_spec))
    loss = model.fit(dataset, steps_per_epoch=steps, epochs=1, verbose=0).history["loss"][0]
    return [np.array(value) for value in model.get_weights()], loss, model.evaluate_answers(batches)


_QUICK = ("token_classification",)


@pytest.mark.parametrize(
    "case", [case if case in _QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
)
def test_a_static_batch_trains_as_any_other(case, tiny_checkpoint):
    weights, loss, (logs, answers) = trained(case, tiny_checkpoint, static=False)
    # rows that only fill up, parts of one shape, and the whole step compiled
    compiled = trained(case, tiny_checkpoint, static=True, jit_compile=True, accumulation=2)
    assert compiled[1] == pytest.approx(loss, abs=1e-5)
    for one, other in zip(weights, compiled[0], strict=True):
        np.testing.assert_allclose(other, one, atol=2e-6)
    assert compiled[2][0] == pytest.approx(logs, abs=1e-5, nan_ok=True)
    assert compiled[2][1].keys() == answers.keys()
    for name, values in answers.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(compiled[2][1][name], values, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(compiled[2][1][name], values, err_msg=name)


def test_a_task_whose_rows_belong_together_is_refused(tiny_checkpoint):
    model = SentenceEncoder.from_checkpoint(tiny_checkpoint)
    config = FinetuneConfig(task="sentence_embedding", jit_compile=True)
    with pytest.raises(ConfigError, match="task sentence_embedding has no batches of static shape"):
        batches_of({}, model, config)


def test_several_steps_in_an_execution_are_the_same_steps(tiny_checkpoint):
    """Four at once in epochs of five: the last execution has one; the callback's batch is the last of each."""
    seen, weights = [], []
    ends = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    for steps in (1, 4):
        keras.utils.set_random_seed(0)
        model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["late", "money"])
        model.compile(tfbert.AdamW(1e-3), steps_per_execution=steps)
        model.fit(TEXTS, LABELS, batch_size=1, epochs=2, verbose=0, callbacks=[ends])
        assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 10
        weights.append(model.get_weights())
    assert seen == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 3, 7, 3, 7]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
