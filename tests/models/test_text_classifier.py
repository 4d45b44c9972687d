"""TextClassifier in a Keras workflow."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import TextClassifier
from tfbert.data import Table
from tfbert.errors import CheckpointError, ConfigError, DataError, DiskError, VocabularyError
from tfbert.training.step import TaskStep

LABELS = ["order_status", "refund"]
TEXTS = ["where is my parcel", "where is my order", "refund please", "i want my money back"] * 4
NAMES = ["order_status", "order_status", "refund", "refund"] * 4


def probabilities(model, texts=TEXTS):
    return np.array([list(row["probabilities"].values()) for row in model.predict(texts)])


def test_learns_evaluates_and_predicts_on_strings(model):
    before = model.evaluate(TEXTS, NAMES, return_dict=True)["loss"]
    history = model.fit(TEXTS, NAMES, epochs=8, batch_size=4, validation_data=(TEXTS, NAMES), verbose=0).history
    after = model.evaluate(TEXTS, NAMES, return_dict=True)
    assert after["loss"] < before
    assert after["accuracy"] == 1.0
    assert history["val_accuracy"][-1] == 1.0
    assert len(history["val_matthews"]) == 8
    answer = model.predict(["where is my parcel"])[0]
    assert answer["label"] == "order_status"
    assert answer["score"] == max(answer["probabilities"].values())


@pytest.mark.parametrize("form", ["table", "numpy", "dataset", "features"])
def test_forms_of_data(model, form):
    numbers = np.array([LABELS.index(name) for name in NAMES])
    if form == "table":
        model.fit(Table.from_columns({"text": TEXTS, "label": NAMES}), epochs=8, batch_size=4, verbose=0)
    elif form == "numpy":
        model.fit(np.array(TEXTS), numbers, epochs=8, batch_size=4, verbose=0)
    elif form == "dataset":
        model.fit(tf.data.Dataset.from_tensor_slices((TEXTS, numbers)).batch(4), epochs=8, verbose=0)
    else:
        data = tf.data.Dataset.from_tensor_slices((TEXTS, numbers)).batch(4)
        model.fit(data.map(lambda x, y: (model.task.features({"text": x}), y)), epochs=8, verbose=0)
    assert model.evaluate(TEXTS, NAMES, return_dict=True)["accuracy"] == 1.0


def test_a_dataset_evaluates_with_keras_metrics(model):
    data = tf.data.Dataset.from_tensor_slices((TEXTS, [LABELS.index(name) for name in NAMES])).batch(5)
    of_data = model.evaluate(data, return_dict=True, verbose=0)
    assert of_data["loss"] == pytest.approx(model.evaluate(TEXTS, NAMES, return_dict=True)["loss"], rel=1e-5)


def test_parts_of_the_user_take_the_place_of_the_defaults(model):
    epochs = []
    model.compile(
        keras.optimizers.Adam(1e-2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="mine")],
    )
    history = model.fit(
        TEXTS,
        NAMES,
        epochs=9,
        batch_size=4,
        validation_data=(TEXTS, NAMES),
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(dict(logs))),
            keras.callbacks.EarlyStopping("val_mine", patience=1, mode="max"),
        ],
        verbose=0,
    ).history
    assert set(epochs[0]) == {"loss", "mine", "val_loss", "val_mine"}
    assert len(history["loss"]) < 9
    assert set(model.evaluate(TEXTS, NAMES, return_dict=True)) == {"loss", "mine"}


def test_class_weight_by_keras(model):
    model.fit(TEXTS, NAMES, class_weight={0: 1.0, 1: 0.0}, epochs=6, batch_size=4, verbose=0)
    assert {row["label"] for row in model.predict(TEXTS)} == {"order_status"}


def test_prediction_keeps_the_order_and_does_not_depend_on_the_batch(model):
    texts = ["a", "where is my order, it should have been here on monday", "", "refund", "x" * 3000, "b c d"]
    alone = np.concatenate([probabilities(model, [text]) for text in texts])
    for batch_size in (2, 32):
        together = [list(row["probabilities"].values()) for row in model.predict(texts, batch_size=batch_size)]
        np.testing.assert_allclose(together, alone, atol=1e-6)
    assert model.predict([]) == []


def test_a_batch_has_a_row(model):
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size must be positive, not {size}"):
            model.predict(TEXTS, batch_size=size)
        with pytest.raises(ValueError, match=f"batch_size must be positive, not {size}"):
            model.evaluate(TEXTS, NAMES, batch_size=size)
        for name in ("batch_size", "validation_batch_size"):
            with pytest.raises(ValueError, match=f"batch_size must be positive, not {size}"):
                model.fit(TEXTS, NAMES, validation_split=0.5, **{name: size})


def test_a_megabyte_of_text(model):
    assert model.predict(["order " * 180_000])[0]["label"] in LABELS


def test_labels_come_from_a_hugging_face_classifier(model, tmp_path):
    model.save(tmp_path / "model")
    path = tmp_path / "model/config.json"
    config = json.loads(path.read_text())
    del config["tfbert"]
    path.write_text(json.dumps(config))
    again = TextClassifier.from_checkpoint(tmp_path / "model")
    assert again.task.labels == tuple(LABELS)
    np.testing.assert_array_equal(probabilities(again), probabilities(model))
    with pytest.raises(CheckpointError, match="was not saved by tfbert"):
        tfbert.load(tmp_path / "model")
    path.write_text(json.dumps({**config, "id2label": {"0": 0, "1": 1}}))
    assert TextClassifier.from_checkpoint(tmp_path / "model").task.labels == ("0", "1")


def test_keras_model_checkpoint(model, tmp_path):
    callback = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_accuracy", save_best_only=True)
    model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES), callbacks=[callback], verbose=0)
    assert keras.models.load_model(tmp_path / "best.keras").predict(["refund"])


def test_pairs_and_regression(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = TextClassifier.from_checkpoint(tiny_checkpoint, problem="regression", pairs=True)
    model.compile(tfbert.AdamW(2e-3))
    left, right, scores = ["where", "refund", "order", "money"], ["where", "parcel", "order", "late"], [5.0, 0, 5, 0]
    data = Table.from_columns({"text": left * 4, "text_pair": right * 4, "label": scores * 4})
    model.fit(data, epochs=20, batch_size=4, verbose=0)
    values = model.evaluate(data, return_dict=True)
    assert values["spearman"] > 0.5
    assert isinstance(model.predict((left, right))[0]["score"], float)
    assert model.predict({"text": left, "text_pair": right}) == model.predict((left, right))


def test_several_labels(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b", "c"], problem="multi_label")
    model.compile(tfbert.AdamW(2e-3))
    data = Table.from_columns({"text": TEXTS, "label": ["a,b", "a", "c", ""] * 4})
    model.fit(data, epochs=20, batch_size=4, verbose=0)
    values = model.evaluate(data, return_dict=True)
    assert values["loss"] < 0.6  # from 0.69
    assert set(values) == {"loss", "macro_f1", "micro_f1", "exact_match"}
    row = model.predict(["refund please"])[0]
    assert set(row) == {"labels", "scores", "probabilities"}


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def test_half_precision_learns(tiny_checkpoint, dtype):
    keras.utils.set_random_seed(0)
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=LABELS, dtype=dtype)
    model.compile(tfbert.AdamW(5e-3))
    model.fit(TEXTS, NAMES, epochs=20, batch_size=4, verbose=0)
    assert model.evaluate(TEXTS, NAMES, return_dict=True)["accuracy"] == 1.0
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


def test_a_second_fit_spans_the_schedule_anew(model):
    rates = []
    spy = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    for _ in range(2):
        model.fit(TEXTS, NAMES, batch_size=4, epochs=2, callbacks=[spy], verbose=0)
    np.testing.assert_allclose(rates[:8], rates[8:], rtol=1e-6)
    assert max(rates) == pytest.approx(5e-3)


def test_predict_on_a_dataset_gives_logits(model):
    logits = model.predict(tf.data.Dataset.from_tensor_slices(TEXTS).batch(3), verbose=0)
    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(softmax, probabilities(model), atol=1e-6)


def test_predict_on_features_gives_logits(model):
    features = model.task.features({"text": TEXTS})
    logits = model.predict({name: value.numpy() for name, value in features.items()}, verbose=0)
    assert logits.shape == (len(TEXTS), len(LABELS))


@pytest.mark.parametrize("x", [("a", "b", "c"), [["a", "b"]], [1, 2], np.zeros((2, 3)), {"text": np.zeros(2)}, None])
def test_predict_refuses_what_fit_refuses(model, x):
    for method in (model.predict, model.fit):
        with pytest.raises(TypeError, match="give a Table, a DataFrame, lists of strings or a tf.data.Dataset, not"):
            method(x)


def test_a_saved_model_without_its_head_is_refused(model, tmp_path):
    import safetensors.numpy

    model.save(tmp_path / "model")
    with pytest.raises(DiskError, match="overwrite=False"):
        model.save(tmp_path / "model", overwrite=False)
    path = tmp_path / "model/model.safetensors"
    tensors = {name: value for name, value in safetensors.numpy.load_file(path).items() if "classifier" not in name}
    safetensors.numpy.save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks classifier/kernel, classifier/bias"):
        tfbert.load(tmp_path / "model")


def test_errors(model, tiny_checkpoint, tmp_path):
    with pytest.raises(DataError, match="unknown label 'refunds'"):
        model.fit(["a", "b"], ["refunds", "order_status"])
    with pytest.raises(TypeError, match="list of texts, not one text"):
        model.predict("where is it")
    with pytest.raises(TypeError, match="give a Table"):
        model.fit(3, 4)
    with pytest.raises(DataError, match="unequal lengths"):
        model.fit(["a", "b"], ["refund"])
    with pytest.raises(ConfigError, match="max_length 129 is more than the 128 tokens"):
        TextClassifier.from_checkpoint(tiny_checkpoint, labels=LABELS, max_length=129)
    with pytest.raises(ConfigError, match="no setting 'label'; did you mean 'labels'"):
        TextClassifier.from_checkpoint(tiny_checkpoint, label=["a"])
    with pytest.raises(ConfigError, match="labels of task classification must be texts, not None"):
        TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", None])
    with pytest.raises(ConfigError, match="class_weights of task classification must be numbers, not '1'"):
        TextClassifier.from_checkpoint(tiny_checkpoint, labels=LABELS, class_weights=[1, "1"])
    for change in (lambda tokens: tokens[:-1], lambda tokens: [*tokens, "more"]):
        folder = tmp_path / "changed"
        model.save(folder)
        lines = (folder / "vocab.txt").read_text().splitlines()
        (folder / "vocab.txt").write_text("\n".join(change(lines)) + "\n")
        with pytest.raises(VocabularyError, match=r"the vocabulary has \d+ tokens, the token embedding \d+ rows"):
            tfbert.load(folder)


def test_long_texts_in_windows(tiny_checkpoint, tmp_path):
    """The telling words stand at the end, far behind one window; single windows' logits average to the answer."""
    filler = "my order is the parcel and the order " * 30
    texts = [f"{filler} {end}" for end in ("refund please", "where is it")] * 8 + ["", "refund"]
    labels = ["refund", "order_status"] * 8 + ["order_status", "refund"]
    keras.utils.set_random_seed(0)
    settings = {"labels": LABELS, "max_length": 16, "windows": True, "stride": 4}
    model = TextClassifier.from_checkpoint(tiny_checkpoint, **settings)
    model.compile(tfbert.AdamW(5e-3))
    model.fit(texts, labels, epochs=2, batch_size=4, verbose=0)
    assert set(model.evaluate(texts, labels, return_dict=True)) >= {"loss", "accuracy"}
    answers = model.predict(texts)

    ids = model.task.tokenizer.tokenize(texts[:1]).to_list()[0]
    begins = range(0, len(ids) - 4, 14 - 4)
    windows = [[model.task.tokenizer.vocabulary["[CLS]"], *ids[i : i + 14], 3] for i in begins]
    assert len(windows) > 20
    logits = [model({name: np.array([row]) for name, row in (
        ("token_ids", ids), ("segment_ids", [0] * len(ids)), ("padding_mask", [1] * len(ids)))})[0] for ids in windows]  # fmt: skip
    wanted = tf.nn.softmax(np.mean(logits, axis=0)).numpy()
    np.testing.assert_allclose(list(answers[0]["probabilities"].values()), wanted, atol=1e-5)

    model.save(tmp_path / "model")
    assert tfbert.load(tmp_path / "model").predict(texts) == answers
    model.export(tmp_path / "served/1")
    served = tf.saved_model.load(str(tmp_path / "served/1")).signatures["serving_default"](text=tf.constant(texts))
    np.testing.assert_allclose(served["probabilities"], [list(a["probabilities"].values()) for a in answers], atol=1e-5)


def test_a_stride_as_long_as_the_window(tiny_checkpoint):
    with pytest.raises(ConfigError, match="stride 16 leaves a window of max_length 16 no new tokens"):
        TextClassifier.from_checkpoint(tiny_checkpoint, labels=LABELS, max_length=16, windows=True, stride=16)


def test_a_book_is_read_in_parts_of_its_windows(tiny_checkpoint, monkeypatch):
    """A text of 50,000 words: no more windows at once than a few, and the same logits."""
    settings = {"labels": LABELS, "max_length": 64, "windows": True, "stride": 8}
    model = TextClassifier.from_checkpoint(tiny_checkpoint, **settings)
    features = model.task.features({"text": tf.constant(["my order is the parcel " * 10_000, ""])})
    windows = len(features["rows"])
    assert windows > 900
    at_once = []
    call = model.network.call

    def counted(inputs, **kwargs):
        at_once.append(len(inputs["token_ids"]))
        return call(inputs, **kwargs)

    monkeypatch.setattr(model.network, "call", counted)
    in_parts = model(features)
    assert max(at_once) == 64 and sum(at_once) == windows == len(in_parts)
    whole = model.network({name: features[name] for name in model.network.input})
    np.testing.assert_allclose(in_parts, whole, atol=1e-5)


@pytest.mark.slow
def test_a_book_is_trained_in_parts_of_its_windows(tiny_checkpoint, monkeypatch):
    """A batch with a text of 50,000 words: a part has at most twice as many windows as texts, the step is the same."""
    settings = {"labels": LABELS, "max_length": 64, "windows": True, "stride": 8}
    texts = ["refund", "my order is the parcel " * 10_000, "", "where is it", "a parcel"]
    weights, micro_batches = [], TaskStep.micro_batches
    for whole in (True, False):
        keras.utils.set_random_seed(0)
        model = TextClassifier.from_checkpoint(tiny_checkpoint, **settings)
        for layer in model._flatten_layers():  # dropout differs from part to part
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0
        found, at_once = [], []

        def noted(step, x, found=found, whole=whole):
            found.append(micro_batches(step, x))
            return 1 if whole else found[-1]

        def counted(features, training=False, at_once=at_once, call=model.call):
            at_once.append(len(features["token_ids"]))
            return call(features, training=training)

        monkeypatch.setattr(TaskStep, "micro_batches", noted)
        monkeypatch.setattr(model, "call", counted)
        model.compile(tfbert.AdamW(1e-3), run_eagerly=True)
        model.fit(texts, [*LABELS[:1] * 4, LABELS[1]], batch_size=5, epochs=1, verbose=0)
        assert (len(at_once) == 1) is whole
        assert sum(at_once) > 900 and (whole or max(at_once) == 10)
        assert int(found[-1]) == -(-sum(at_once) // 10)
        weights.append([np.asarray(value) for value in model.get_weights()])
    for one, many in zip(*weights, strict=True):
        np.testing.assert_allclose(one, many, atol=2e-5)


def test_graph_steps_of_one_part_and_of_many_are_the_same(tiny_checkpoint, monkeypatch):
    """In a traced step too, with an optimizer that takes sparse gradients and with one that does not."""
    settings = {"labels": LABELS, "max_length": 16, "windows": True, "stride": 4}
    texts = ["refund", "my order is the parcel " * 20, "", "where is it"]
    for optimizer in (lambda: tfbert.AdamW(1e-3), lambda: keras.optimizers.SGD(0.1)):
        weights = []
        for whole in (True, False):
            keras.utils.set_random_seed(0)
            model = TextClassifier.from_checkpoint(tiny_checkpoint, **settings)
            for layer in model._flatten_layers():
                if isinstance(layer, keras.layers.Dropout):
                    layer.rate = 0
            model.compile(optimizer())
            if whole:
                monkeypatch.setattr(model.step, "micro_batches", lambda x: 1)
            # Batches of one window a text and of many take turns.
            model.fit(texts, [*LABELS[:1] * 3, LABELS[1]], batch_size=2, epochs=3, verbose=0)
            weights.append([np.asarray(value) for value in model.get_weights()])
        for one, many in zip(*weights, strict=True):
            np.testing.assert_allclose(one, many, atol=2e-5)
