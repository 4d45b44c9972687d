"""KerasHub's presets, against KerasHub itself."""

import json

import h5py
import keras
import numpy as np
import pytest
import small

import tfbert
from tfbert import BertEncoder
from tfbert.checkpoints import load_encoder, open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats import keras_hub as keras_hub_preset
from tfbert.checkpoints.tensor_files.hdf5 import HDF5File
from tfbert.errors import CheckpointError

keras_hub = pytest.importorskip("keras_hub", reason="needs pip install keras-nlp")


@pytest.fixture(scope="module")
def preset(tmp_path_factory, tiny_config, tiny_checkpoint):
    """saves(class, arguments): what KerasHub's own `save_to_preset` writes, and the model."""
    keras.utils.set_random_seed(1)
    tokenizer = keras_hub.tokenizers.BertTokenizer(vocabulary=str(tiny_checkpoint / "vocab.txt"), lowercase=True)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=tiny_config.vocab_size,
        num_layers=2,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        max_sequence_length=128,
    )
    for variable in backbone.weights:  # biases and scales that are not all the same
        variable.assign_add(0.05 * keras.random.normal(variable.shape))

    def save(name, **arguments):
        folder = tmp_path_factory.mktemp(name)
        kind = getattr(keras_hub.models, name)
        preprocessor = getattr(keras_hub.models, f"{name}Preprocessor")(tokenizer, sequence_length=16)
        model = kind(backbone, preprocessor=preprocessor, **arguments)
        for variable in model.weights:
            variable.assign_add(0.05 * keras.random.normal(variable.shape))
        model.save_to_preset(str(folder))
        return folder, model

    return save


def encoder_of(folder):
    source = open_checkpoint(folder)
    encoder = BertEncoder(source.config)
    encoder.build()
    assert load_encoder(encoder, source).missing == ()
    return encoder


def same_outputs(encoder, backbone, features):
    ours, theirs = encoder(features), backbone(features)
    kept = features["padding_mask"].astype(bool)
    for name, where in (("sequence_output", kept), ("pooled_output", slice(None))):
        np.testing.assert_allclose(np.asarray(ours[name])[where], np.asarray(theirs[name])[where], atol=1e-5)


def test_a_classifier(preset, features):
    folder, theirs = preset("BertTextClassifier", num_classes=3)
    same_outputs(encoder_of(folder), theirs.backbone, features)
    model = tfbert.TextClassifier.from_checkpoint(folder)
    assert model.load_report.missing == ()
    assert "KerasHub preset" in model.load_report.found
    np.testing.assert_allclose(model(features), theirs(features), atol=1e-5)
    texts = ["my parcel is late", "where is the lamp"]
    probabilities = [list(row["probabilities"].values()) for row in model.predict(texts, verbose=0)]
    np.testing.assert_allclose(probabilities, keras.ops.softmax(theirs.predict(texts, verbose=0)), atol=1e-5)


def test_a_masked_language_model(preset, features):
    """Its head has another activation and epsilon than its backbone."""
    folder, theirs = preset("BertMaskedLM")
    model = tfbert.Pretrainer.from_checkpoint(folder)
    assert model.load_report.missing == ()
    positions = np.array([[3], [0], [0], [4]])
    ours = model.network({**features, "masked_positions": positions})["token_logits"]
    np.testing.assert_allclose(ours, theirs({**features, "mask_positions": positions}), atol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"pooling_mode": "cls", "normalize": False}], ids=str)
def test_an_embedder(arguments, preset, features):
    folder, theirs = preset("BertTextEmbedder", **arguments)
    model = tfbert.SentenceEncoder.from_checkpoint(folder)
    np.testing.assert_allclose(model.network(features), theirs(features), atol=1e-5)


def test_weights_in_shards(preset, features, tmp_path):
    _, theirs = preset("BertTextClassifier", num_classes=3)
    theirs.save_to_preset(str(tmp_path), max_shard_size=3.5e-4)  # gigabytes; the token table has 0.34 MB
    shards = sorted(tmp_path.glob("model_*.weights.h5"))
    assert len(shards) > 1
    assert not (tmp_path / "model.weights.h5").exists()
    same_outputs(encoder_of(tmp_path), theirs.backbone, features)
    np.testing.assert_allclose(tfbert.TextClassifier.from_checkpoint(tmp_path)(features), theirs(features), atol=1e-5)
    shards[-1].unlink()
    with pytest.raises(CheckpointError, match=rf"{shards[-1].name}"):
        open_checkpoint(tmp_path)


def test_big_endian_numbers(network, features, tmp_path):
    """HDF5 says the byte order of each data set."""
    convert(network(), "keras_hub", tmp_path)
    before = encoder_of(tmp_path)(features)
    with h5py.File(tmp_path / "model.weights.h5", "r") as file:
        values = {name: file[name][()] for name in HDF5File(file.filename).shapes}
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        for name, value in values.items():
            file.create_dataset(name, data=value, dtype=">f4")
    after = encoder_of(tmp_path)(features)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_presets_written_here_open_there(network, features, tmp_path):
    convert(network(("classifier",)), "keras_hub", tmp_path / "classifier")
    model = tfbert.TextClassifier.from_checkpoint(tmp_path / "classifier")
    theirs = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "classifier"))
    same_outputs(model.encoder, theirs.backbone, features)
    np.testing.assert_allclose(model(features), theirs(features), atol=1e-5)
    texts = ["my parcel is late", "where is the lamp"]
    probabilities = [list(row["probabilities"].values()) for row in model.predict(texts, verbose=0)]
    np.testing.assert_allclose(probabilities, keras.ops.softmax(theirs.predict(texts, verbose=0)), atol=1e-5)
    convert(network(("predictions",)), "keras_hub", tmp_path / "masked")
    theirs = keras_hub.models.MaskedLM.from_preset(str(tmp_path / "masked"))
    ours = tfbert.Pretrainer.from_checkpoint(tmp_path / "masked")
    positions = np.array([[3], [0], [0], [4]])
    logits = ours.network({**features, "masked_positions": positions})["token_logits"]
    np.testing.assert_allclose(logits, theirs({**features, "mask_positions": positions}), atol=1e-5)


@pytest.mark.slow
def test_real_weights_open_there(minilm, tmp_path):
    """MiniLM as an embedder: what KerasHub computes from the preset is what tfbert reads in it."""
    note, lost = convert(open_checkpoint(minilm), "keras_hub", tmp_path / "minilm")
    assert "GELU" in note
    assert lost == "KerasHub has no place for the sentence embedding's max_length 256"
    theirs = keras_hub.models.TextEmbedder.from_preset(str(tmp_path / "minilm"))
    ours = tfbert.SentenceEncoder.from_checkpoint(tmp_path / "minilm")
    texts = ["my parcel is late", "Ein Café in Zürich", "where is the lamp that I bought?"]
    np.testing.assert_allclose(ours.encode(texts), theirs.predict(texts, verbose=0), atol=1e-5)
    # and it is MiniLM, but for the activation
    exact = tfbert.SentenceEncoder.from_checkpoint(minilm).encode(texts)
    np.testing.assert_allclose(ours.encode(texts), exact, atol=2e-3)


@pytest.mark.parametrize("strip_accents", [True, False])
def test_rules_of_the_tokenizer_go_along(strip_accents, network, tmp_path):
    """KerasHub has them all, though it does not write split_on_cjk itself."""
    source = network(())
    rules = {"strip_accents": strip_accents, "tokenize_chinese_chars": False}
    tokenizer = tfbert.Tokenizer(
        tfbert.text.Vocabulary([*"[PAD] [UNK] [CLS] [SEP] [MASK] café cafe 東京".split()]), **rules
    )
    keras_hub_preset.write_weights(tmp_path, source, tokenizer)
    again = open_checkpoint(tmp_path).tokenizer()
    assert (again.strip_accents, again.tokenize_chinese_chars) == (strip_accents, False)
    theirs = keras_hub.tokenizers.BertTokenizer.from_preset(str(tmp_path))
    assert (
        list(theirs("Café 東京")) == again.tokenize(["Café 東京"])[0].numpy().tolist() == [6 if strip_accents else 5, 7]
    )


@pytest.mark.parametrize("settings", [{}, {"strip_accents": True}, {"suffix_indicator": "@@", "oov_token": "[MASK]"}])
@pytest.mark.parametrize("lowercase", [True, False])
def test_rules_that_keras_hub_writes(lowercase, settings, network, tmp_path):
    """Accents stay in lower case unless it is told to strip them, whatever BERT's own rules are."""
    words = [*"[PAD] [UNK] [CLS] [SEP] [MASK] café cafe Café Cafe ##s @@s 東 京".split()]
    rows = network(())
    tokenizer = tfbert.Tokenizer(tfbert.text.Vocabulary(words))
    keras_hub_preset.write_weights(tmp_path, rows, tokenizer)
    theirs = keras_hub.tokenizers.BertTokenizer(vocabulary=words, lowercase=lowercase, **settings)
    theirs.save_to_preset(str(tmp_path))
    assert "split_on_cjk" not in (tmp_path / "tokenizer.json").read_text()
    ours = open_checkpoint(tmp_path).tokenizer()
    for text in ("Café cafés CAFE", "Cafe cafe 東京 x", "cafés"):
        assert ours.tokenize([text])[0].numpy().tolist() == list(theirs(text)), text


def test_a_head_of_fewer_tensors_than_the_network_has_layers(tmp_path):
    convert(
        open_checkpoint(small.write_folder(tmp_path / "from", {**small.CONFIG, "num_hidden_layers": 3})),
        "keras_hub",
        tmp_path / "out",
    )
    assert open_checkpoint(tmp_path / "out").heads() == ("classifier",)


def test_damage_is_named(network, tmp_path):
    convert(network(("classifier",)), "keras_hub", tmp_path / "out")
    task = json.loads((tmp_path / "out/task.json").read_text())
    (tmp_path / "out/task.json").write_text(json.dumps({**task, "class_name": "BertThing"}))
    with pytest.raises(CheckpointError, match=r"task.json is BertThing; tfbert reads BertMaskedLM"):
        open_checkpoint(tmp_path / "out")
    config = json.loads((tmp_path / "out/config.json").read_text())
    (tmp_path / "out/config.json").write_text(json.dumps({**config, "class_name": ["BertBackbone"]}))
    with pytest.raises(CheckpointError, match=r"is a preset of KerasHub's \['BertBackbone'\]"):
        open_checkpoint(tmp_path / "out")
    (tmp_path / "out/config.json").write_text(json.dumps(config))
    (tmp_path / "out/model.weights.h5").unlink()
    with pytest.raises(CheckpointError, match=r"has neither model.weights.h5 nor"):
        open_checkpoint(tmp_path / "out")
