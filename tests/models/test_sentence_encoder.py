"""SentenceEncoder in a Keras workflow."""

import json
import warnings

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tfbert
from tfbert import SentenceEncoder
from tfbert.data import Table
from tfbert.errors import CheckpointError, ConfigError, DataError
from tfbert.tasks.evaluation import Answers, Evaluation
from tfbert.training.step import seed_states

QUESTIONS = ["where is my parcel", "where is my order", "refund please", "i want my money back"]
SCORED = {
    "text": QUESTIONS * 4,
    "text_pair": [text for i in range(4) for text in QUESTIONS[i:] + QUESTIONS[:i]],
    "score": [5.0 if (a < 2) == (b < 2) else 0.0 for i in range(4) for a, b in ((a, (a + i) % 4) for a in range(4))],
}
PAIRS = {"text": QUESTIONS, "text_pair": ["it is on monday", "the order", "cancel it", "money"]}
TRIPLETS = {"text": QUESTIONS, "positive": QUESTIONS[::-1], "negative": [QUESTIONS[i] for i in (1, 0, 3, 2)]}


def encoder(checkpoint, **settings):
    keras.utils.set_random_seed(0)
    model = SentenceEncoder.from_checkpoint(checkpoint, **settings)
    model.compile(tfbert.AdamW(5e-3))
    return model


@pytest.fixture
def model(tiny_checkpoint):
    return encoder(tiny_checkpoint, score_range=(0, 5))


def without_dropout(checkpoint, tmp_path, **settings):
    """The same weights in a model whose dropout is 0."""
    folder = tmp_path / "still"
    SentenceEncoder.from_checkpoint(checkpoint, **settings).save(folder)
    config = json.loads((folder / "config.json").read_text())
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (folder / "config.json").write_text(json.dumps(config))
    return SentenceEncoder.from_checkpoint(folder)


# learning


def test_learns_scores(model):
    before = model.evaluate(SCORED, return_dict=True)
    model.fit(SCORED, epochs=40, batch_size=8, verbose=0)
    after = model.evaluate(SCORED, return_dict=True)
    assert list(after) == ["loss", "spearman", "pearson"]
    assert after["loss"] < 0.02 < before["loss"]
    assert after["pearson"] > 0.97 > before["pearson"]
    rows = model.predict((["where is my parcel"] * 2, ["where is my order", "refund please"]))
    assert rows[0]["similarity"] > 0.8 > 0.3 > rows[1]["similarity"]


def test_learns_pairs(tiny_checkpoint):
    model = encoder(tiny_checkpoint, objective="in_batch_negatives")
    with warnings.catch_warnings():
        # Keras' warning that the pooler, which no embedding needs, has none.
        warnings.filterwarnings("error", message="Gradients do not exist")
        model.fit(PAIRS, epochs=25, batch_size=4, verbose=0)
    values = model.evaluate(PAIRS, return_dict=True)
    assert list(values) == ["loss", "recall_at_1", "recall_at_10", "mean_reciprocal_rank"]
    assert values["recall_at_1"] == values["mean_reciprocal_rank"] == 1.0


def test_learns_triplets(tiny_checkpoint):
    model = encoder(tiny_checkpoint, objective="triplet")
    model.compile(tfbert.AdamW(5e-3), accumulation=2)
    model.fit(Table.from_columns(TRIPLETS), epochs=25, batch_size=4, verbose=0)
    assert model.evaluate(TRIPLETS, return_dict=True)["triplet_accuracy"] == 1.0


def test_forms_of_data(model):
    texts, pairs, scores = SCORED["text"], SCORED["text_pair"], SCORED["score"]
    data = tf.data.Dataset.from_tensor_slices(({"text": texts, "text_pair": pairs}, scores)).batch(8)
    wanted = model.evaluate(SCORED, return_dict=True)["loss"]
    assert model.evaluate(data, return_dict=True, verbose=0)["loss"] == pytest.approx(wanted, rel=1e-5)
    forms = [((texts, pairs), scores), ({"text": texts, "text_pair": pairs}, np.array(scores))]
    for x, y in [*forms, (Table.from_columns(SCORED), None)]:
        assert model.evaluate(x, y, return_dict=True)["loss"] == pytest.approx(wanted, rel=1e-6)
    model.fit(data, epochs=1, verbose=0)
    model.fit(*forms[0], validation_data=forms[0], epochs=1, verbose=0)


@pytest.mark.slow
def test_half_precision_learns(tiny_checkpoint):
    model = encoder(tiny_checkpoint, objective="in_batch_negatives", dtype="mixed_float16")
    model.compile(tfbert.AdamW(5e-3), accumulation=2)  # the loss is scaled before its gradient is cached
    model.fit(PAIRS, epochs=30, batch_size=4, verbose=0)
    assert model.evaluate(PAIRS, return_dict=True)["recall_at_1"] == 1.0
    assert model.encode(QUESTIONS).dtype == np.float32


def test_a_model_is_evaluated_on_other_data_than_it_learned_from(model, tiny_checkpoint):
    assert "triplet_accuracy" in model.evaluate(TRIPLETS, return_dict=True)
    assert "recall_at_1" in model.evaluate(PAIRS, return_dict=True)
    others = encoder(tiny_checkpoint, objective="triplet")
    assert "spearman" in others.evaluate(SCORED, return_dict=True)


# gradients of parts


def gradients(model, data, parts, graph=False):
    example = model.task.examples(Table.from_columns(data), training=True)
    features = {name: tf.constant(value) for name, value in model.task.features(example).items()}
    target = model.task.target(example, features)
    model.compile(tfbert.AdamW(), accumulation=parts)

    def step():
        if parts == 1:
            return model.step.gradients(features, target, None, model.step.loss_denominator(features, target))
        return model.step.accumulated_gradients(features, target, None, model.step.loss_denominator(features, target))

    if graph:
        step = tf.function(step)
    loss, outputs, of_weights = step()
    return loss.numpy(), outputs.numpy(), [None if g is None else tf.convert_to_tensor(g).numpy() for g in of_weights]


@pytest.mark.parametrize(
    ("objective", "data", "parts"),
    [
        ("in_batch_negatives", PAIRS, 3),
        ("in_batch_negatives", PAIRS, 7),
        ("in_batch_negatives", TRIPLETS, 2),
        ("triplet", TRIPLETS, 3),
        ("cosine", SCORED, 3),
    ],
)
def test_parts_give_the_gradient_of_the_whole_batch(tiny_checkpoint, tmp_path, objective, data, parts):
    """Of 7 parts of 4 examples some are empty."""
    model = without_dropout(tiny_checkpoint, tmp_path, objective=objective, score_range=(0, 5))
    whole, in_parts = gradients(model, data, 1), gradients(model, data, parts)
    assert whole[0] > 0.01
    np.testing.assert_allclose(in_parts[0], whole[0], rtol=1e-5)
    np.testing.assert_allclose(in_parts[1], whole[1], atol=1e-6)
    paths = [variable.path for variable in model.trainable_variables]
    for path, ours, wanted in zip(paths, in_parts[2], whole[2], strict=True):
        assert (ours is None) == (wanted is None) == ("pooler" in path), path
        if wanted is not None:
            np.testing.assert_allclose(ours, wanted, atol=1e-5 * max(1, np.abs(wanted).max()), err_msg=path)


def test_a_part_alone_is_no_whole_batch(tiny_checkpoint, tmp_path):
    """What plain accumulation would give: the negatives of the other parts are missing."""
    model = without_dropout(tiny_checkpoint, tmp_path, objective="in_batch_negatives")
    halves = [gradients(model, {name: values[i : i + 2] for name, values in PAIRS.items()}, 1)[0] for i in (0, 2)]
    assert np.mean(halves) < 0.9 * gradients(model, PAIRS, 1)[0]


def test_both_passes_see_the_same_dropout(tiny_checkpoint):
    model = encoder(tiny_checkpoint, objective="in_batch_negatives")
    example = model.task.examples(Table.from_columns(PAIRS))
    features = model.task.features(example)
    seen = []
    call, states = model.network.call, seed_states(model)
    assert len(states) == 1 + 3  # of the embeddings; of attention, its output and the feed-forward of the block

    def spy(*args, **kwargs):
        seeds = [state.numpy().tolist() for state in states]
        outputs = call(*args, **kwargs)
        seen.append((seeds, outputs.numpy()))
        return outputs

    model.network.call = spy
    model.compile(tfbert.AdamW(), accumulation=2, run_eagerly=True)
    model.train_step((features, model.task.target(example, features)))
    first, second, first_again, second_again = seen
    assert first[0] == first_again[0] != second[0] == second_again[0]
    np.testing.assert_array_equal(first[1], first_again[1])
    np.testing.assert_array_equal(second[1], second_again[1])
    seen.clear()
    model.train_step((features, model.task.target(example, features)))
    assert seen[0][0] != first[0]  # the next step draws other masks
    assert not np.allclose(seen[0][1], first[1])


def test_dropout_in_the_graph_is_that_of_the_outputs(tiny_checkpoint):
    """A traced step with dropout: the cached gradient is the gradient of the loss at the masks that were drawn."""
    model = encoder(tiny_checkpoint, objective="in_batch_negatives")
    states = seed_states(model)
    before = [state.numpy() for state in states]
    _, outputs, cached = gradients(model, PAIRS, 2, graph=True)
    after = [state.numpy() for state in states]
    draws = {int(a[1] - b[1]) for a, b in zip(after, before, strict=True)}
    assert draws == {2, 8}  # one for each part, of attention one for each group of its rows

    example = model.task.examples(Table.from_columns(PAIRS))
    features = model.task.features(example)
    target = model.task.target(example, features)
    for state, value in zip(states, before, strict=True):
        state.assign(value)
    with tf.GradientTape() as tape:
        parts = [model({k: v[i : i + 4] for k, v in features.items()}, training=True) for i in (0, 4)]
        joined = tf.concat(parts, 0)
        loss = model.task.loss()(target, joined)
    np.testing.assert_allclose(joined, outputs, atol=1e-5)
    for ours, wanted in zip(cached, tape.gradient(loss, model.trainable_weights), strict=True):
        if ours is not None:
            wanted = tf.convert_to_tensor(wanted).numpy()
            np.testing.assert_allclose(ours, wanted, atol=1e-4 * max(1, np.abs(wanted).max()))


# answers


def test_encode_and_predict(model):
    texts = ["refund", "where is my order, it should have been here on monday", "", "x" * 3000]
    vectors = model.encode(texts, batch_size=2)
    assert vectors.shape == (4, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose([row["embedding"] for row in model.predict(texts)], vectors, atol=1e-6)
    np.testing.assert_allclose(model.encode("refund"), vectors[0], atol=1e-6)
    assert model.encode([]).shape == (0, 32)
    assert model.predict([]) == []
    pairs = model.predict({"text": texts, "text_pair": texts[::-1]})
    np.testing.assert_allclose([row["similarity"] for row in pairs], (vectors * vectors[::-1]).sum(1), atol=1e-5)
    assert set(json.loads(json.dumps(pairs))[0]) == {"embedding", "embedding_pair", "similarity"}
    triplets = model.predict((texts, texts, texts[::-1]))
    np.testing.assert_allclose([row["similarity"] for row in triplets], 1, atol=1e-5)
    assert triplets[0]["similarity_negative"] == pytest.approx(pairs[0]["similarity"], abs=1e-5)


@pytest.mark.parametrize("settings", [{"pooling": "cls"}, {"pooling": "max", "normalize": False}, {"dimensions": 8}])
def test_kinds_of_embeddings(tiny_checkpoint, settings):
    kind, plain = encoder(tiny_checkpoint, **settings), encoder(tiny_checkpoint, normalize=False)
    features = kind.task.features({"text": QUESTIONS})
    hidden = kind.encoder(features)["sequence_output"].numpy()
    wanted = {"cls": hidden[:, 0], "max": np.where(features["padding_mask"][..., None], hidden, -np.inf).max(1)}.get(
        kind.task.pooling, plain(features).numpy()[:, :8]
    )
    if kind.task.normalize:
        wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(kind(features), wanted, atol=1e-5)


def test_what_the_report_draws(model):
    of_scores = model._batches(SCORED, None, 4, shuffle=False)
    _, answers = model.evaluate_answers(of_scores)
    drawn = model.task.evaluation(of_scores.examples, answers, token_lengths=of_scores.lengths, data="dev")
    assert (drawn.truth.min(), drawn.truth.max()) == (0.0, 1.0)
    np.testing.assert_allclose(drawn.scores, answers["similarity"])
    assert isinstance(drawn, Evaluation)
    of_pairs = model._batches(PAIRS, None, 4, shuffle=False)
    _, answers = model.evaluate_answers(of_pairs)
    drawn = model.task.evaluation(of_pairs.examples, answers, token_lengths=of_pairs.lengths, data="dev")
    assert isinstance(drawn, Answers)
    assert set(drawn.predicted) <= set(drawn.truth)


# what is saved


def test_saves_a_folder_for_transformers_and_sentence_transformers(model, tmp_path):
    model.save(tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config["architectures"] == ["BertModel"]
    again = tfbert.load(tmp_path / "model")
    assert again.load_report.missing == ()
    assert again.task.settings() == model.task.settings()
    np.testing.assert_array_equal(again.encode(QUESTIONS), model.encode(QUESTIONS))
    modules = json.loads((tmp_path / "model/modules.json").read_text())
    assert [module["type"].rpartition(".")[2] for module in modules] == ["Transformer", "Pooling", "Normalize"]
    assert all((tmp_path / "model" / module["path"]).is_dir() for module in modules)
    pooling = json.loads((tmp_path / "model/1_Pooling/config.json").read_text())
    assert (pooling["word_embedding_dimension"], pooling["pooling_mode_mean_tokens"]) == (32, True)
    assert json.loads((tmp_path / "model/sentence_bert_config.json").read_text())["max_seq_length"] == 128


def test_settings_come_from_a_sentence_transformers_folder(tiny_checkpoint, tmp_path):
    folder = tmp_path / "model"
    encoder(tiny_checkpoint, pooling="max", normalize=False, max_length=17).save(folder)
    config = json.loads((folder / "config.json").read_text())
    del config["tfbert"]
    (folder / "config.json").write_text(json.dumps(config))
    task = SentenceEncoder.from_checkpoint(folder).task
    assert (task.pooling, task.normalize, task.max_length) == ("max", False, 17)
    task = SentenceEncoder.from_checkpoint(folder, pooling="cls", max_length=9).task
    assert (task.pooling, task.max_length) == ("cls", 9)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 512}')
    assert SentenceEncoder.from_checkpoint(folder).task.max_length == 128  # the encoder has no more positions

    modules = json.loads((folder / "modules.json").read_text())
    recurrent = {"idx": 2, "name": "2", "path": "2_LSTM", "type": "sentence_transformers.models.LSTM"}
    (folder / "modules.json").write_text(json.dumps([*modules, recurrent]))
    with pytest.raises(CheckpointError, match="names the module LSTM, which tfbert does not have; give pooling="):
        SentenceEncoder.from_checkpoint(folder)
    assert SentenceEncoder.from_checkpoint(folder, pooling="mean").task.pooling == "mean"
    (folder / "modules.json").write_text("{")
    with pytest.raises(CheckpointError, match="modules.json is no list of modules"):
        SentenceEncoder.from_checkpoint(folder)
    (folder / "modules.json").unlink()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}')
    with pytest.raises(CheckpointError, match="asks for mean and cls, and tfbert has one of"):
        SentenceEncoder.from_checkpoint(folder)


def test_minilm_brings_its_settings(minilm):
    model = SentenceEncoder.from_checkpoint(minilm)
    assert (model.task.pooling, model.task.normalize, model.task.max_length) == ("mean", True, 256)
    near, far = (
        row["similarity"]
        for row in model.predict((["a man plays a guitar"] * 2, ["someone makes music", "the sum is wrong"]))
    )
    assert near > 0.5 > 0.2 > far


@pytest.mark.slow
def test_untrained_minilm_knows_stsb(minilm, data_dir):
    """Of the 1,500 pairs of STS-B dev one in ten; the metrics of the graph's answers against plain numpy."""
    names = ("sentence1", "sentence2", "score")
    rows = tfbert.data.read(data_dir("similarity/stsb_multi_mt/stsb-en-dev.csv"), column_names=names)
    rows = rows.select(range(0, len(rows), 10))
    model = SentenceEncoder.from_checkpoint(minilm, score_range=(0, 5))
    model.compile()
    values = model.evaluate(rows, return_dict=True)
    one, other = (model.encode(rows.column(name)) for name in names[:2])
    scores = np.array(rows.column("score"), float)
    cosine = (one * other).sum(1)
    assert values["spearman"] == pytest.approx(scipy.stats.spearmanr(scores, cosine).statistic, abs=1e-4)
    assert values["loss"] == pytest.approx(np.mean((cosine - scores / 5) ** 2), rel=1e-4)
    assert values["spearman"] > 0.8


# errors


def test_errors(model, tiny_checkpoint):
    with pytest.raises(DataError, match="no column 'text_pair'"):
        model.fit(["a", "b"], [0.0, 1.0])
    with pytest.raises(DataError, match="is outside score_range"):
        model.fit((["a", "b"], ["c", "d"]), [0.0, 50.0])
    with pytest.raises(TypeError, match="list of texts, not one text"):
        model.predict("where is it")
    with pytest.raises(ConfigError, match="dimensions 33 are more than the 32 that there are"):
        SentenceEncoder.from_checkpoint(tiny_checkpoint, dimensions=33)
    with pytest.raises(ConfigError, match="no setting 'pool'; did you mean 'pooling'"):
        SentenceEncoder.from_checkpoint(tiny_checkpoint, pool="cls")
