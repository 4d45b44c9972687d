"""The same numbers as PyTorch `transformers`, on real weights and real sentences."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import BertEncoder, TextClassifier, Tokenizer
from tfbert.checkpoints import load_encoder, open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.encoders import families
from tfbert.encoders.bert.hugging_face import ENCODER, HEADS, POOLER
from tfbert.encoders.weight_table import TRANSPOSED, expand, from_layout, relative_variables

pytestmark = pytest.mark.reference


def features_of(folder, texts, **kwargs):
    return {name: value.numpy() for name, value in Tokenizer.from_folder(folder)(texts, **kwargs).items()}


def test_encoder(minilm, sentences, torch_reference):
    features = features_of(minilm, sentences)
    source = open_checkpoint(minilm)
    encoder = BertEncoder(source.config)
    encoder.build()
    load_encoder(encoder, source)
    ours = tf.function(encoder)(features)
    theirs = torch_reference("outputs", minilm, **features)
    kept = features["padding_mask"].astype(bool)
    difference = np.abs(np.asarray(ours["sequence_output"]) - theirs["sequence_output"])[kept].max()
    pooled = np.abs(np.asarray(ours["pooled_output"]) - theirs["pooled_output"]).max()
    print(f"largest difference: sequence {difference:.2g}, pooled {pooled:.2g}")
    assert difference <= 1e-5
    assert pooled <= 1e-5


def test_gradients_and_saved_folder(minilm, sentences, tmp_path, torch_reference):
    """`transformers` opens the saved folder: the same tokens, logits and gradients."""
    keras.utils.set_random_seed(0)
    model = TextClassifier.from_checkpoint(minilm, labels=["negative", "positive"])
    model.save(tmp_path / "saved")
    texts = sentences[::6]
    tokens = torch_reference("tokenize", tmp_path / "saved", texts=np.array([text.encode() for text in texts], object))
    features = features_of(tmp_path / "saved", texts, max_length=64)
    np.testing.assert_array_equal(tokens["token_ids"], features["token_ids"])
    labels = np.arange(len(texts)) % 2
    theirs = torch_reference("gradients", tmp_path / "saved", **features, label=labels)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = model(features)
            loss = model.task.loss()(labels, logits)
        return logits, loss, tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    logits, loss, gradients = step()
    np.testing.assert_allclose(logits, theirs["logits"], atol=1e-5)
    np.testing.assert_allclose(loss, theirs["loss"], atol=1e-5)
    by_id = dict(zip([id(variable) for variable in model.trainable_variables], gradients, strict=True))
    variables = relative_variables(model.encoder)
    rows = [
        (variables[row.variable], f"bert.{row.tensor}", row.layout == TRANSPOSED)
        for row in expand((*ENCODER, *POOLER), 6)
    ]
    head = relative_variables(model.network.get_layer("classifier"))
    rows += [
        (head[row.variable.removeprefix("classifier/")], row.tensor, row.layout == TRANSPOSED)
        for row in HEADS["classifier"]
    ]
    assert len(rows) == len(model.trainable_variables)
    worst = 0.0
    for variable, name, transposed in rows:
        ours = tf.convert_to_tensor(by_id[id(variable)]).numpy()
        wanted = theirs[f"grad/{name}"].T if transposed else theirs[f"grad/{name}"]
        if name.endswith("key.bias"):  # 0 but for rounding: softmax does not see a shift of all keys
            assert np.abs(ours).max() < 1e-6
            continue
        worst = max(worst, np.linalg.norm(ours - wanted) / np.linalg.norm(wanted))
    print(f"largest relative difference of a gradient: {worst:.2g}")
    assert worst <= 1e-4


@pytest.mark.parametrize(
    "name",
    ["camphr_ner_bert_pt", "camphr_bert_test_pt", "camphr_fixture_bert_pt_old", "camphr_bert_base_japanese_test_pt"],
)
def test_published_tiny_checkpoints(name, data_dir, tmp_path, torch_reference):
    """Their pytorch_model.bin, read here and by PyTorch, and the folders that are written from them."""
    folder = data_dir(f"checkpoints/{name}")
    for form in ("as it is", "hf", "tf1"):
        if form == "as it is":
            written = folder
        else:
            written = tmp_path / form
            convert(open_checkpoint(folder), form, written)
        if form == "tf1":  # Google's gelu is another one; PyTorch has it too
            convert(open_checkpoint(written), "hf", tmp_path / "back")
            written = tmp_path / "back"
        source = open_checkpoint(written)
        encoder = BertEncoder(source.config)
        encoder.build()
        report = load_encoder(encoder, source)
        length = min(12, source.config.max_position_embeddings)
        features = {
            "token_ids": np.random.default_rng(0).integers(0, source.config.vocab_size, (4, length)),
            "segment_ids": np.arange(4 * length).reshape(4, length) % source.config.type_vocab_size,
            "padding_mask": (np.arange(length) < np.array([[length], [5], [1], [3]])).astype("int64"),
        }
        theirs = torch_reference("outputs", written, **features)
        ours = encoder(features)
        kept = features["padding_mask"].astype(bool)
        ours_kept = np.asarray(ours["sequence_output"])[kept]
        np.testing.assert_allclose(ours_kept, theirs["sequence_output"][kept], atol=1e-5)
        if not report.missing:
            np.testing.assert_allclose(ours["pooled_output"], theirs["pooled_output"], atol=1e-5)


CLASSES = [
    *("BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForSequenceClassification"),
    *("BertForTokenClassification", "BertForQuestionAnswering", "BertForMultipleChoice"),
    *("DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"),
    *("DistilBertForTokenClassification", "DistilBertForQuestionAnswering"),
]
HEADS_OF_ALL = ("SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice")
ROBERTA = {"pad_token_id": 0, "type_vocab_size": 1}
DEBERTA = {
    "relative_attention": True,
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
}
# The start of a family's class names: (its class of all pretraining heads, settings of a small network).
PREFIXES = {
    "Electra": ("MaskedLM", {"embedding_size": 16}),
    "Roberta": ("MaskedLM", ROBERTA),
    "XLMRoberta": ("MaskedLM", ROBERTA),
    "Camembert": ("MaskedLM", ROBERTA),
    "Albert": ("PreTraining", {"embedding_size": 16}),
    "MPNet": ("MaskedLM", {}),
    "DebertaV2": ("MaskedLM", DEBERTA),
    "ModernBert": ("MaskedLM", {"pad_token_id": 0, "local_attention": 4}),
    "NomicBert": ("MaskedLM", {}),
}
# What transformers does not have of a family.
ABSENT = ("NomicBertForQuestionAnswering", "NomicBertForMultipleChoice")
OTHER_CLASSES = [
    (f"{prefix}{head}", settings)
    for prefix, (pretraining, settings) in PREFIXES.items()
    for head in ("Model", *(f"For{name}" for name in dict.fromkeys(("MaskedLM", pretraining, *HEADS_OF_ALL))))
    if f"{prefix}{head}" not in ABSENT
] + [("DebertaV2ForMaskedLM", {**DEBERTA, "legacy": False})]
CHANGES = [{}, {"hidden_act": "quick_gelu", "type_vocab_size": 3}, {"hidden_act": "mish", "tie_word_embeddings": False}]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(kind, {}) for kind in CLASSES] + OTHER_CLASSES + [("BertForPreTraining", changes) for changes in CHANGES[1:]],
    ids=str,
)
def test_every_class_in_every_file(kind, changes, features, tmp_path, torch_reference, tiny_checkpoint):
    """What PyTorch saves as a zip, as an older file, as shards and in bfloat16 is read with its logits, and goes back."""
    shutil.copy(tiny_checkpoint / "vocab.txt", tmp_path)
    vocab_size = len((tiny_checkpoint / "vocab.txt").read_text().splitlines())
    settings = json.dumps({"vocab_size": vocab_size, **changes})
    theirs = torch_reference("make", tmp_path, kind=np.array(kind), settings=np.array(settings), **features)
    for form in ("zip", "legacy", "shards", "safetensors", "bfloat16"):
        shutil.copy(tmp_path / "vocab.txt", tmp_path / form)
        written = tmp_path / form
        tolerance = 0.05 if form == "bfloat16" else 1e-5
        same_logits(written, kind, features, theirs, tolerance)
    convert(open_checkpoint(tmp_path / "zip"), "hf", tmp_path / "written")
    again = torch_reference("logits", tmp_path / "written", kind=np.array(kind), **features)
    assert set(again) == set(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(again[name], value, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "settings"), [("MPNetModel", {}), ("DebertaV2Model", {**DEBERTA, "position_buckets": 256})], ids=str
)
def test_distances_in_long_texts(kind, settings, tmp_path, torch_reference):
    """Up to the farthest, where distances far apart have one bucket."""
    settings = {"vocab_size": 40, "max_position_embeddings": 514, **settings}
    is_token = np.arange(512) < np.array([[512], [300], [130], [1]])
    features = {"token_ids": np.random.default_rng(0).integers(5, 40, is_token.shape) * is_token}
    features |= {"segment_ids": np.zeros_like(is_token, int), "padding_mask": is_token.astype(int)}
    theirs = torch_reference("make", tmp_path, kind=np.array(kind), settings=json.dumps(settings), **features)
    encoder = tfbert.Encoder.from_checkpoint(tmp_path / "safetensors")
    ours = encoder({name: features[name] for name in encoder.input_names})["sequence_output"]
    difference = np.abs(np.asarray(ours) - theirs["last_hidden_state"])[is_token].max()
    print(f"largest difference: {difference:.2g}")
    assert difference <= 1e-5


@pytest.mark.parametrize("prefix", PREFIXES)
def test_gradients_of_every_family(prefix, features, tmp_path, torch_reference, tiny_checkpoint):
    """Of one step of a classifier, without dropout."""
    kind, settings = f"{prefix}ForSequenceClassification", PREFIXES[prefix][1]
    vocab_size = len((tiny_checkpoint / "vocab.txt").read_text().splitlines())
    settings = np.array(json.dumps({"vocab_size": vocab_size, **settings}))
    torch_reference("make", tmp_path, kind=np.array(kind), settings=settings, **features)
    folder, labels = tmp_path / "safetensors", np.arange(4) % 3
    shutil.copy(tiny_checkpoint / "vocab.txt", folder)
    theirs = torch_reference("gradients", folder, **features, label=labels)
    model = TextClassifier.from_checkpoint(folder)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = model.task.loss()(labels, model(features))
        return loss, tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    loss, gradients = step()
    np.testing.assert_allclose(loss, theirs["loss"], atol=1e-5)
    by_id = dict(zip([id(variable) for variable in model.trainable_variables], gradients, strict=True))
    head = relative_variables(model.network.get_layer("classifier"))
    variables = {**relative_variables(model.encoder), **{f"classifier/{name}": head[name] for name in head}}
    config = model.encoder.config
    table, layers = families.family_of(config).table(config), config.num_hidden_layers
    base, compared, worst = table.base_variables(layers), set(), 0.0
    for row in expand(table.with_head("SequenceClassification"), layers):
        if row.variable not in variables:
            continue
        name = (table.prefix if row.variable in base and not row.outside else "") + row.tensor
        ours = tf.convert_to_tensor(by_id[id(variables[row.variable])]).numpy()
        wanted = from_layout(theirs[f"grad/{name}"], row)
        compared.add(row.variable)
        # 0 but for rounding: softmax does not see a shift of all keys, if scores are products of a query and a key.
        if row.variable.endswith("key/bias") and prefix != "DebertaV2":
            assert np.abs(ours).max() < 1e-6
            continue
        difference = np.linalg.norm(ours - wanted) / np.linalg.norm(wanted)
        assert difference <= 1e-4, row.variable
        worst = max(worst, difference)
    print(f"largest relative difference of a gradient: {worst:.2g}")
    assert compared == set(variables)


def same_logits(folder, kind, features, theirs, tolerance):
    kept = features["padding_mask"].astype(bool)
    if kind.endswith("Model"):
        source = open_checkpoint(folder)
        encoder = families.encoder_of(source.config)
        encoder.build()
        load_encoder(encoder, source)
        found = encoder({name: features[name] for name in encoder.input_names})
        ours = {"last_hidden_state": found["sequence_output"], "pooler_output": found["pooled_output"]}
    elif kind.endswith(("MaskedLM", "PreTraining")):
        every = np.tile(np.arange(12, dtype="int32"), (4, 1))
        network = tfbert.Pretrainer.from_checkpoint(folder).network
        found = network({name: features[name] for name in network.encoder.input_names} | {"masked_positions": every})
        ours = {"logits": found["token_logits"], "prediction_logits": found["token_logits"]}
        ours["seq_relationship_logits"] = ours["sop_logits"] = found.get("pair_logits")
    elif kind.endswith("QuestionAnswering"):
        logits = np.asarray(tfbert.QuestionAnswerer.from_checkpoint(folder)(features))
        ours = {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
    elif kind.endswith("TokenClassification"):
        ours = {
            "logits": tfbert.TokenClassifier.from_checkpoint(folder, labels=["a"], tags=["O", "B-a", "I-a"])(features)
        }
    elif kind.endswith("MultipleChoice"):
        ours = {"logits": np.asarray(tfbert.MultipleChoice.from_checkpoint(folder)(features)).reshape(1, -1)}
    else:
        ours = {"logits": tfbert.TextClassifier.from_checkpoint(folder)(features)}
    assert set(theirs) <= set(ours)
    for name, value in theirs.items():
        left, right = np.asarray(ours[name]), value
        if left.shape[:2] == kept.shape:
            left, right = left[kept], right[kept]
        np.testing.assert_allclose(left, right, atol=tolerance, err_msg=f"{folder.name} {name}")
        print(f"{kind} {folder.name} {name}: largest difference {np.abs(left - right).max():.2g}")


def test_tf1_equals_transformers_on_the_same_weights(data_dir, tmp_path, torch_reference):
    """keras-bert's tiny TF1 checkpoint, saved as a Hugging Face folder and opened there."""
    folder = shutil.copytree(data_dir("checkpoints/keras_bert_tf1_tiny"), tmp_path / "tf1")
    model = TextClassifier.from_checkpoint(folder, labels=["a", "b"])
    model.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/config.json").read_text())["num_hidden_layers"] == 2
    features = features_of(folder, ["all work and no play", "jack"], max_length=16)
    theirs = torch_reference("outputs", tmp_path / "saved", **features)
    np.testing.assert_allclose(model.encoder(features)["pooled_output"], theirs["pooled_output"], atol=1e-5)


@pytest.mark.parametrize("next_sentence", [True, False])
def test_pretraining_heads(next_sentence, minilm, sentences, tmp_path, torch_reference):
    """BertForPreTraining and BertForMaskedLM of a saved folder: the same logits at every token."""
    keras.utils.set_random_seed(0)
    model = tfbert.Pretrainer.from_checkpoint(minilm, next_sentence=next_sentence)
    for variable in model.network.trainable_variables[-8:]:  # the heads, which start as zeros and ones in part
        variable.assign_add(keras.random.normal(variable.shape, stddev=0.02))
    model.save(tmp_path / "saved")
    features = features_of(minilm, sentences[::10], max_length=64)
    positions = np.tile(np.arange(features["token_ids"].shape[1], dtype=np.int32), (len(features["token_ids"]), 1))
    ours = model.network({**features, "masked_positions": positions})
    theirs = torch_reference("pretraining", tmp_path / "saved", **features)
    assert set(ours) == set(theirs)
    kept = features["padding_mask"].astype(bool)
    np.testing.assert_allclose(ours["token_logits"].numpy()[kept], theirs["token_logits"][kept], atol=2e-5)
    if next_sentence:
        np.testing.assert_allclose(ours["pair_logits"], theirs["pair_logits"], atol=1e-5)
    again = tfbert.Pretrainer.from_checkpoint(tmp_path / "saved")
    np.testing.assert_array_equal(
        again.network({**features, "masked_positions": positions})["token_logits"], ours["token_logits"]
    )
