"""MultipleChoice in a Keras workflow, on disk and served."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import MultipleChoice
from tfbert.data import Table
from tfbert.encoders.layers.masking import MASKED
from tfbert.errors import CheckpointError, DataError
from tfbert.tasks.evaluation import Answers

QUESTIONS = ["i want my", "please my", "where is my", "my order"]


def rows():
    """One of two words is right among one to three others; where it stands differs."""
    prompts, choices, labels = [], [], []
    for i in range(12):
        others = ["order", "parcel", "where"][: 1 + i % 3]
        place = (i * 5) % (len(others) + 1)
        prompts.append(QUESTIONS[i % 4])
        choices.append([*others[:place], ("refund", "money")[i // 2 % 2], *others[place:]])
        labels.append(place)
    return prompts, choices, labels


PROMPTS, CHOICES, LABELS = rows()


def new(checkpoint, **settings):
    keras.utils.set_random_seed(0)
    model = MultipleChoice.from_checkpoint(checkpoint, **settings)
    model.compile(tfbert.AdamW(5e-3))
    return model


def without_dropout(checkpoint, tmp_path):
    """The same weights in a model whose dropout is 0, with a head that tells choices apart."""
    folder = tmp_path / "still"
    model = MultipleChoice.from_checkpoint(checkpoint)
    kernel = model.network.get_layer("classifier").kernel
    kernel.assign(kernel * 50)
    model.save(folder)
    config = json.loads((folder / "config.json").read_text())
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (folder / "config.json").write_text(json.dumps(config))
    return MultipleChoice.from_checkpoint(folder)


@pytest.fixture(scope="module")
def trained(tiny_checkpoint):
    model = new(tiny_checkpoint)
    model.fit((PROMPTS, CHOICES), LABELS, epochs=15, batch_size=4, verbose=0)
    return model


# learning


def test_learns_to_perfection(trained):
    assert trained.load_report.missing == ("classifier/kernel", "classifier/bias")
    values = trained.evaluate((PROMPTS, CHOICES), LABELS, return_dict=True)
    assert list(values) == ["loss", "accuracy", "mean_reciprocal_rank"]
    assert values["loss"] < 0.1
    assert values["accuracy"] == values["mean_reciprocal_rank"] == 1.0
    answer = trained.predict({"prompt": ["where is my"], "choices": [["parcel", "money"]]})[0]
    assert (answer["choice"], answer["text"]) == (1, "money")
    assert answer["score"] == max(answer["probabilities"])
    assert sum(answer["probabilities"]) == pytest.approx(1)


@pytest.mark.slow
def test_learns_from_a_dataset_in_parts_and_half_precision(tiny_checkpoint):
    model = new(tiny_checkpoint, dtype="mixed_float16")
    model.compile(tfbert.AdamW(5e-3), accumulation=2)
    padded = np.array([row + [""] * (4 - len(row)) for row in CHOICES])
    data = tf.data.Dataset.from_tensor_slices(({"prompt": PROMPTS, "choices": padded}, LABELS)).batch(4)
    validation = ((PROMPTS, CHOICES), LABELS)
    history = model.fit(data, epochs=12, validation_data=validation, validation_freq=12, verbose=0).history
    assert history["val_accuracy"] == history["val_mean_reciprocal_rank"] == [1.0]
    assert model(model.task.features({"prompt": PROMPTS[:1], "choices": tf.constant(CHOICES[:1])})).dtype == tf.float32


def test_forms_of_data(trained):
    wanted = trained.evaluate((PROMPTS, CHOICES), LABELS, return_dict=True)
    names = [row[label] for row, label in zip(CHOICES, LABELS, strict=True)]
    columns = {"prompt": PROMPTS, "choices": CHOICES}
    for x, y in [
        ((np.array(PROMPTS), CHOICES), np.array(names)),
        (Table.from_columns({**columns, "label": LABELS}), None),
    ]:
        assert trained.evaluate(x, y, return_dict=True) == pytest.approx(wanted, rel=1e-5)
    padded = np.array([row + [""] * (4 - len(row)) for row in CHOICES])
    data = tf.data.Dataset.from_tensor_slices(({"prompt": PROMPTS, "choices": padded}, LABELS)).batch(5)
    assert trained.evaluate(data, return_dict=True, verbose=0)["loss"] == pytest.approx(wanted["loss"], rel=1e-5)
    answers = trained.predict(columns)
    assert trained.predict((PROMPTS, CHOICES)) == answers
    of_array = trained.predict((np.array(PROMPTS), padded))
    assert [row["text"] for row in of_array] == [row["text"] for row in answers] == names
    logits = trained.predict(data.map(lambda x, y: x), verbose=0)
    assert logits.shape == (12 * 4, 1)


def test_the_loss_of_a_data_set_is_the_mean_of_its_rows(trained):
    """Whatever the batches, whose rows have different numbers of choices."""
    losses = [
        -np.log(answer["probabilities"][label])
        for answer, label in zip(trained.predict((PROMPTS, CHOICES)), LABELS, strict=True)
    ]
    loss = trained.evaluate((PROMPTS, CHOICES), LABELS, batch_size=5, return_dict=True)["loss"]
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)


def test_errors(trained):
    with pytest.raises(DataError, match="row 1: the label 'refund' names none of the 2 choices"):
        trained.fit((PROMPTS[:2], [["a", "b"]] * 2), ["a", "refund"])
    with pytest.raises(DataError, match="row 0: 1 choice; a row needs at least 2"):
        trained.predict({"prompt": ["a"], "choices": [["b"]]})
    with pytest.raises(DataError, match="no column 'choices'"):
        trained.predict(["a"])


# gradients of parts


def gradients(model, parts):
    columns = {"prompt": PROMPTS[:7], "choices": CHOICES[:7], "label": LABELS[:7]}
    example = model.task.examples(Table.from_columns(columns), training=True)
    example = {**example, "choices": tf.ragged.constant(example["choices"])}
    features = model.task.features(example)
    target = model.task.target(example, features)
    model.compile(tfbert.AdamW(), accumulation=parts)

    step = model.step.gradients if parts == 1 else model.step.accumulated_gradients
    loss, outputs, of_weights = step(features, target, None, model.step.loss_denominator(features, target))
    return loss.numpy(), outputs.numpy(), [tf.convert_to_tensor(g).numpy() for g in of_weights]


@pytest.mark.parametrize("parts", [3, 9])
def test_parts_give_the_gradient_of_the_whole_batch(tiny_checkpoint, tmp_path, parts):
    """Of 7 rows with two to four choices, which no part cuts apart; with 9 parts some would be empty."""
    model = without_dropout(tiny_checkpoint, tmp_path)
    whole, in_parts = gradients(model, 1), gradients(model, parts)
    np.testing.assert_allclose(in_parts[0], whole[0], rtol=1e-5)
    np.testing.assert_allclose(in_parts[1], whole[1], atol=1e-5)
    for ours, wanted in zip(in_parts[2], whole[2], strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-5 * max(1, np.abs(wanted).max()))


def test_the_gaps_of_shorter_rows_are_not_learned_from(tiny_checkpoint, tmp_path):
    """The batch's gradient is the mean of the rows', each alone and without gaps."""
    model = without_dropout(tiny_checkpoint, tmp_path)
    model.compile(tfbert.AdamW())
    alone = []
    for prompt, choices, label in zip(PROMPTS[:7], CHOICES[:7], LABELS[:7], strict=True):
        example = {"prompt": [prompt], "choices": tf.constant([choices]), "label": [label]}
        features = model.task.features(example)
        _, _, of_row = model.step.gradients(features, model.task.target(example, features), None, 1.0)
        alone.append([tf.convert_to_tensor(g).numpy() for g in of_row])
    for together, *of_rows in zip(gradients(model, 1)[2], *alone, strict=True):
        np.testing.assert_allclose(together, np.mean(of_rows, axis=0), atol=1e-5 * max(1, np.abs(together).max()))


# answers


def test_answers_are_those_of_each_pair_alone(trained):
    """In plain Python: a logit of each pair by itself, then a softmax over the row."""
    long = ["where is my order, it should have been here on monday " * 30, "", "x" * 3000]
    prompts = [*PROMPTS[:5], *long]
    choices = [*CHOICES[:5], ["money", "order " * 300], ["refund", "parcel", "money"], ["a", "b"]]
    answers = trained.predict((prompts, choices), batch_size=3)
    for prompt, row, answer in zip(prompts, choices, answers, strict=True):
        logits = []
        for choice in row:
            features = trained.task.tokenizer([prompt], [choice], max_length=128)
            logits.append(float(trained.network(features)[0, 0]))
        weights = [np.exp(logit - max(logits)) for logit in logits]
        np.testing.assert_allclose(answer["probabilities"], np.array(weights) / sum(weights), atol=1e-5)
        best = logits.index(max(logits))
        assert (answer["choice"], answer["text"]) == (best, row[best])
        assert answer["score"] == answer["probabilities"][best]
    assert json.loads(json.dumps(answers)) == answers
    assert trained.predict({"prompt": [], "choices": []}) == []


def test_a_pair_without_a_choice_has_no_chance(trained):
    features = trained.task.features({"prompt": ["refund"], "choices": tf.constant([["order", "money", ""]])})
    logits = trained(features).numpy()[:, 0]
    assert logits[2] == np.float32(MASKED)
    assert np.abs(logits[:2]).max() < 100


def test_what_the_report_draws(trained):
    wrong = [(label + 1) % len(row) for label, row in zip(LABELS, CHOICES, strict=True)]
    batches = trained._batches((PROMPTS, CHOICES), [LABELS[0], *wrong[1:]], 5, shuffle=False)
    _, answers = trained.evaluate_answers(batches)
    drawn = trained.task.evaluation(batches.examples, answers, token_lengths=batches.lengths, data="dev.jsonl")
    assert isinstance(drawn, Answers)
    assert drawn.quality.tolist() == [1.0] + [0.0] * 11
    assert drawn.metrics["accuracy"] == pytest.approx(1 / 12)
    assert drawn.predicted == [row[label] for row, label in zip(CHOICES, LABELS, strict=True)]
    assert drawn.truth[1] == CHOICES[1][wrong[1]]
    tokens = trained.task.tokenizer.tokenize
    assert drawn.token_lengths[0] == sum(3 + len(tokens([PROMPTS[0]])[0]) + len(tokens([c])[0]) for c in CHOICES[0])


# what is saved


def test_saves_a_hugging_face_folder(trained, tmp_path):
    trained.save(tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config["architectures"] == ["BertForMultipleChoice"]
    again = tfbert.load(tmp_path / "model")
    assert type(again) is MultipleChoice
    assert again.load_report.missing == ()
    assert again.predict((PROMPTS, CHOICES)) == trained.predict((PROMPTS, CHOICES))
    # A folder that tfbert did not save: transformers' own, whose classifier is the same.
    del config["tfbert"]
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    assert MultipleChoice.from_checkpoint(tmp_path / "model").load_report.missing == ()
    with pytest.raises(CheckpointError, match="was not saved by tfbert"):
        tfbert.load(tmp_path / "model")


def test_what_is_served_is_predicts_answer(trained):
    def answer(**inputs):
        return trained.answer(inputs)

    def served(prompts, choices):
        most = max(map(len, choices), default=0)
        padded = [row + [""] * (most - len(row)) for row in choices]
        shape = [len(choices), most]
        values = answer(prompt=tf.constant(prompts, tf.string), choices=tf.constant(padded, tf.string, shape=shape))
        assert values["choice"].dtype == tf.int32
        for name in ("probabilities", "logits"):
            assert values[name].shape == (len(choices), max(most, 1))
        return {name: value.numpy() for name, value in values.items()}

    far = "order " * 5000
    for prompts, choices in (
        (PROMPTS, CHOICES),
        (PROMPTS[:1], CHOICES[:1]),
        (["", far], [["refund", "money"], ["order", far, "parcel"]]),
    ):
        values, wanted = served(prompts, choices), trained.predict((prompts, choices))
        for i, row in enumerate(wanted):
            count = len(row["probabilities"])
            np.testing.assert_allclose(values["probabilities"][i, :count], row["probabilities"], atol=1e-6)
            assert not values["probabilities"][i, count:].any()
            assert (values["logits"][i, count:] < -1e8).all()
            assert (values["choice"][i], values["text"][i].decode()) == (row["choice"], row["text"])
    for prompts, choices in (([], []), (["refund"], [[]]), (["refund", ""], [["", ""], ["", ""]])):
        values = served(prompts, choices)
        assert values["choice"].tolist() == [-1] * len(prompts)
        assert values["text"].tolist() == [b""] * len(prompts)
        assert not values["probabilities"].any()
    # One choice, a gap before one, and what is not UTF-8.
    values = served(["refund", "refund", b"\xff refund"], [["money"], ["", "money"], [b"\xff\xfe", b"\x00"]])
    assert values["choice"].tolist()[:2] == [0, 1]
    np.testing.assert_allclose(values["probabilities"][:2], [[1, 0], [0, 1]])
    assert np.isfinite(values["probabilities"]).all()
