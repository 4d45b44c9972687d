"""KerasHub's presets of other families than BERT, against KerasHub's own networks."""

import json

import byte_bpe_kinds
import keras
import numpy as np
import pytest
import small_sentencepiece

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats.hugging_face import write_folder
from tfbert.encoders import families
from tfbert.errors import CheckpointError, ConfigError, VocabularyError
from tfbert.text.algorithms import sentencepiece_model

keras_hub = pytest.importorskip("keras_hub", reason="needs pip install keras-hub")

VOCABULARY, LENGTH = 40, 24
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 24, "max_sequence_length": LENGTH}
# Our family and its sizes for which KerasHub computes the same; the start of KerasHub's class names and its sizes.
PRESETS = {
    "roberta": ("roberta", {}, "Roberta", {"vocabulary_size": VOCABULARY}),
    "xlm-roberta": ("xlm-roberta", {}, "XLMRoberta", {"vocabulary_size": VOCABULARY}),
    "albert": (
        "albert",
        {"embedding_size": 8, "predictions_layer_norm_eps": 1e-5},
        "Albert",
        {"vocabulary_size": VOCABULARY, "embedding_dim": 8},
    ),
    "electra": (
        "electra",
        {"embedding_size": 8, "hidden_act": "gelu_new"},
        "Electra",
        {"vocab_size": VOCABULARY, "embedding_dim": 8},
    ),
    "electra, not projected": (
        "electra",
        {"embedding_size": 16, "hidden_act": "gelu_new"},
        "Electra",
        {"vocab_size": VOCABULARY, "embedding_dim": 16},
    ),
    # distances of more than 4 tokens share buckets
    "deberta": (
        "deberta-v2",
        {"position_buckets": 8, "predictions_layer_norm_eps": 1e-5},
        "DebertaV3",
        {"vocabulary_size": VOCABULARY, "bucket_size": 8},
    ),
}
WITH_HEADS = ["roberta", "xlm-roberta", "albert", "deberta"]
MASKED = np.array([[3], [0], [0], [4]])


@pytest.fixture
def features():
    lengths = np.array([[LENGTH], [7], [1], [5]])
    generator = np.random.default_rng(0)
    return {
        "token_ids": generator.integers(5, VOCABULARY, (4, LENGTH)).astype("int32"),
        "segment_ids": (np.arange(LENGTH) >= lengths // 2).astype("int32"),
        "padding_mask": (np.arange(LENGTH) < lengths).astype("int32"),
    }


def random(model):
    for variable in model.weights:
        variable.assign_add(0.1 * keras.random.normal(variable.shape))
    return model


def theirs(name, task="", **arguments):
    """KerasHub's network, with weights that are not all the same."""
    keras.utils.set_random_seed(1)
    _, _, prefix, sizes = PRESETS[name]
    backbone = getattr(keras_hub.models, f"{prefix}Backbone")(**SIZES, **sizes)
    return random(getattr(keras_hub.models, prefix + task)(backbone, **arguments) if task else backbone)


def ours(name, folder, **changes):
    """The folder of a network of ours, as Hugging Face's, and the network."""
    keras.utils.set_random_seed(2)
    model_type, sizes, _, _ = PRESETS[name]
    config = families.family(model_type).config(
        vocab_size=VOCABULARY,
        num_hidden_layers=2,
        num_attention_heads=2,
        hidden_size=16,
        intermediate_size=24,
        **{"max_position_embeddings": LENGTH + 2 * ("roberta" in model_type), **sizes, **changes},
    )
    encoder = families.encoder_of(config)
    encoder.build()
    folder.mkdir()
    write_folder(folder, random(encoder))
    return encoder


def known_to(network, features):
    return {name: features[name] for name in ("token_ids", "segment_ids", "padding_mask") if name in network.input}


def of(encoder, features):
    return encoder({name: features[name] for name in encoder.input_names})


def same(encoder, backbone, features, pooled=True):
    found, wanted = of(encoder, features), backbone(known_to(backbone, features))
    is_token = features["padding_mask"].astype(bool)
    sequence = wanted["sequence_output"] if isinstance(wanted, dict) else wanted
    np.testing.assert_allclose(
        np.asarray(found["sequence_output"])[is_token], np.asarray(sequence)[is_token], atol=1e-5
    )
    if pooled and isinstance(wanted, dict):
        np.testing.assert_allclose(found["pooled_output"], wanted["pooled_output"], atol=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_a_backbone_of_theirs(name, features, tmp_path):
    backbone = theirs(name)
    backbone.save_to_preset(str(tmp_path / "preset"))
    encoder = tfbert.Encoder.from_checkpoint(tmp_path / "preset")
    assert encoder.config.model_type == PRESETS[name][0] and encoder.max_tokens == LENGTH
    assert "Backbone" in open_checkpoint(tmp_path / "preset").description
    same(encoder, backbone, features, pooled=name == "albert")
    # as Hugging Face's folder, and back
    convert(open_checkpoint(tmp_path / "preset"), "hf", tmp_path / "hf")
    again = tfbert.Encoder.from_checkpoint(tmp_path / "hf")
    np.testing.assert_array_equal(of(again, features)["sequence_output"], of(encoder, features)["sequence_output"])
    convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "back")
    same(encoder, keras_hub.models.Backbone.from_preset(str(tmp_path / "back")), features, pooled=name == "albert")


@pytest.mark.parametrize("name", PRESETS)
def test_an_encoder_of_ours(name, features, tmp_path):
    encoder = ours(name, tmp_path / "hf")
    notes = convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "preset")
    assert [note for note in notes if "tokenizer" not in note] == {
        "albert": [],
        **dict.fromkeys(
            ("electra", "electra, not projected"),
            [
                "KerasHub has no pooler with gelu: it and the heads that read it are left out",
            ],
        ),
    }.get(name, ["KerasHub has no place for pooler: left out"])
    backbone = keras_hub.models.Backbone.from_preset(str(tmp_path / "preset"))
    same(encoder, backbone, features, pooled=name == "albert")
    again = tfbert.Encoder.from_checkpoint(tmp_path / "preset")
    assert again.config == encoder.config
    np.testing.assert_allclose(
        of(again, features)["sequence_output"], of(encoder, features)["sequence_output"], atol=1e-6
    )


@pytest.mark.parametrize("name", WITH_HEADS)
def test_a_classifier(name, features, tmp_path):
    model = theirs(name, "TextClassifier", num_classes=3, dropout=0.25)
    model.save_to_preset(str(tmp_path / "preset"))
    source = open_checkpoint(tmp_path / "preset")
    assert source.heads() == ("classifier",) or source.heads() == ("pooler", "classifier")
    convert(source, "hf", tmp_path / "hf")
    convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "back")
    assert open_checkpoint(tmp_path / "back").config == source.config
    again = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "back"))
    known = known_to(model, features)
    np.testing.assert_allclose(again(known), model(known), atol=1e-6)
    # computed by us: the vector of the text and the classifier's layer
    encoder = tfbert.Encoder.from_checkpoint(tmp_path / "preset")
    logits = np.asarray(of(encoder, features)["pooled_output"]) @ source.value("classifier/kernel")
    np.testing.assert_allclose(logits + source.value("classifier/bias"), model(known), atol=1e-5)


@pytest.mark.parametrize("name", WITH_HEADS)
def test_a_masked_language_model(name, features, tmp_path):
    model = theirs(name, "MaskedLM")
    model.save_to_preset(str(tmp_path / "preset"))
    source = open_checkpoint(tmp_path / "preset")
    assert source.heads() == ("predictions",)
    convert(source, "hf", tmp_path / "hf")
    notes = convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "back")
    assert not any("logits differ" in note for note in notes)
    again = keras_hub.models.MaskedLM.from_preset(str(tmp_path / "back"))
    known = known_to(model, features) | {"mask_positions": MASKED}
    wanted = model(known)
    np.testing.assert_allclose(again(known), wanted, atol=1e-6)
    encoder = tfbert.Encoder.from_checkpoint(tmp_path / "hf")
    head = encoder.masked_language_model_head("predictions")
    sequence = of(encoder, features)["sequence_output"]
    head(sequence, MASKED)
    paths = ("transform/kernel", "transform/bias", "layer_norm/gamma", "layer_norm/beta", "output_bias")
    ordered = {variable.path.partition("predictions/")[2]: variable for variable in head.weights}
    for path in paths:
        ordered[path].assign(source.value(f"predictions/{path}"))
    np.testing.assert_allclose(head(sequence, MASKED), wanted, atol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"pooling_mode": "cls", "normalize": False}], ids=str)
def test_an_embedder(arguments, features, tmp_path):
    model = theirs("xlm-roberta", "TextEmbedder", **arguments)
    model.save_to_preset(str(tmp_path / "preset"))
    source = open_checkpoint(tmp_path / "preset")
    wanted = {"pooling": arguments.get("pooling_mode", "mean"), "normalize": arguments.get("normalize", True)}
    assert source.values["embedding"] == wanted
    convert(source, "keras_hub", tmp_path / "back")
    again = keras_hub.models.TextEmbedder.from_preset(str(tmp_path / "back"))
    known = known_to(model, features)
    np.testing.assert_allclose(again(known), model(known), atol=1e-6)


def test_a_tokenizer_of_electra(features, tmp_path):
    """Theirs is read by us, and ours by them."""
    words = [*"[PAD] [UNK] [CLS] [SEP] [MASK] my parcel is late ##s".split()]
    folder = tmp_path / "preset"
    theirs("electra").save_to_preset(str(folder))
    tokenizer = keras_hub.tokenizers.ElectraTokenizer(vocabulary=words, lowercase=True)
    tokenizer.save_to_preset(str(folder))
    text = "My parcels is late"
    assert tfbert.Tokenizer.from_checkpoint(folder).tokenize([text])[0].numpy().tolist() == list(tokenizer(text))
    convert(open_checkpoint(folder), "keras_hub", tmp_path / "back")
    again = keras_hub.tokenizers.Tokenizer.from_preset(str(tmp_path / "back"))
    assert type(again).__name__ == "ElectraTokenizer" and list(again(text)) == list(tokenizer(text))


def their_tokenizer(name):
    """KerasHub's tokenizer of a preset, of a small vocabulary."""
    kind = getattr(keras_hub.tokenizers, PRESETS[name][2] + "Tokenizer")
    if name == "roberta":
        vocabulary, merges = byte_bpe_kinds.trained()
        return kind(vocabulary=vocabulary, merges=[" ".join(pair) for pair in merges])
    names = {
        "xlm-roberta": ("<unk>", "<s>", "</s>"),
        "albert": ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"),
        "deberta": ("[PAD]", "[CLS]", "[SEP]", "[UNK]"),
    }[name]
    model = small_sentencepiece.model(names, "[UNK]" if name == "deberta" else "<unk>")
    return kind(proto=sentencepiece_model.write(model))


@pytest.mark.parametrize("name", WITH_HEADS)
def test_tokenizers_of_bytes_and_of_sentencepiece(name, tmp_path):
    """Theirs is read by us, and ours by them."""
    theirs(name).save_to_preset(str(tmp_path / "preset"))
    tokenizer = their_tokenizer(name)
    tokenizer.save_to_preset(str(tmp_path / "preset"))
    texts = ["the films", "a film, the film", "films\u2603 a"]
    ours = tfbert.Tokenizer.from_checkpoint(tmp_path / "preset")
    for text in texts:
        assert ours.tokenize([text])[0].numpy().tolist() == list(tokenizer(text))
    special = (ours.template.before[0], ours.template.after[0], ours.padding_id, ours.mask_id)
    names = ("cls_token_id", "sep_token_id") if name in ("albert", "deberta") else ("start_token_id", "end_token_id")
    assert special == tuple(getattr(tokenizer, key) for key in (*names, "pad_token_id", "mask_token_id"))
    convert(open_checkpoint(tmp_path / "preset"), "hf", tmp_path / "hf")
    assert tfbert.Tokenizer.from_checkpoint(tmp_path / "hf").tokenize(texts).to_list() == ours.tokenize(texts).to_list()
    convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "back")
    again = keras_hub.tokenizers.Tokenizer.from_preset(str(tmp_path / "back"))
    assert type(again) is type(tokenizer)
    for text in texts:
        assert list(again(text)) == list(tokenizer(text))


def test_files_of_a_tokenizer_that_are_not_there_are_named(tmp_path):
    for name, file in (("roberta", "merges.txt"), ("albert", "vocabulary.spm")):
        folder = tmp_path / name
        theirs(name).save_to_preset(str(folder))
        with pytest.raises(VocabularyError, match=r"has no tokenizer\.json with the tokenizer's config"):
            tfbert.Tokenizer.from_checkpoint(folder)
        their_tokenizer(name).save_to_preset(str(folder))
        (folder / "assets/tokenizer" / file).unlink()
        with pytest.raises(VocabularyError, match=file):
            tfbert.Tokenizer.from_checkpoint(folder)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("roberta", {"hidden_act": "relu"}, "KerasHub has no network with the activation relu"),
        ("roberta", {"type_vocab_size": 2}, "KerasHub's Roberta has no type_vocab_size 2, but 1 only"),
        ("xlm-roberta", {"pad_token_id": 0}, "KerasHub's XLMRoberta has no pad_token_id 0, but 1 only"),
        ("deberta", {"max_relative_positions": 12}, "KerasHub's DebertaV3 has no max_relative_positions 12, but None"),
    ],
)
def test_a_network_that_keras_hub_does_not_have_is_refused(name, changes, message, tmp_path):
    ours(name, tmp_path / "hf", **changes)
    with pytest.raises(ConfigError, match=message):
        convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "preset")
    assert not (tmp_path / "preset").exists()


def test_a_last_bucket_that_is_written_out_is_the_same(features, tmp_path):
    encoder = ours("deberta", tmp_path / "hf", max_relative_positions=LENGTH)
    convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "preset")
    same(encoder, keras_hub.models.Backbone.from_preset(str(tmp_path / "preset")), features)


def test_gelu_by_erf_is_said_and_is_near(features, tmp_path):
    """All published ELECTRAs compute it so."""
    encoder = ours("electra", tmp_path / "hf", hidden_act="gelu")
    notes = convert(open_checkpoint(tmp_path / "hf"), "keras_hub", tmp_path / "preset")
    assert any(note.startswith("KerasHub computes GELU by tanh, this checkpoint by erf") for note in notes)
    backbone = keras_hub.models.Backbone.from_preset(str(tmp_path / "preset"))
    found, wanted = of(encoder, features), backbone(known_to(backbone, features))
    is_token = features["padding_mask"].astype(bool)
    difference = np.asarray(found["sequence_output"] - wanted["sequence_output"])[is_token]
    assert 1e-6 < np.abs(difference).max() < 1e-2


def test_a_pooler_that_a_checkpoint_lacks_is_0_there(network, tmp_path):
    """Without its weights KerasHub opens no preset."""
    source = network(())
    for name in ("pooler/kernel", "pooler/bias"):
        del source.shapes[name]
    (note,) = convert(source, "keras_hub", tmp_path / "out")
    assert note == "KerasHub's backbone has a pooler, whose weights are 0: this checkpoint has none for it"
    backbone = keras_hub.models.Backbone.from_preset(str(tmp_path / "out"))
    assert not np.any(backbone.pooled_dense.kernel)


def changed(folder, file="config.json", **changes):
    path = folder / file
    values = json.loads(path.read_text())
    values["config"] = {key: value for key, value in (values["config"] | changes).items() if value is not None}
    path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("name", "changes", "error", "message"),
    [
        ("albert", {"num_groups": 2}, ConfigError, "config.json: num_groups is 2; tfbert supports 1 only"),
        ("albert", {"num_inner_repetitions": 2}, ConfigError, "num_inner_repetitions is 2"),
        ("roberta", {"num_segment": 2}, ConfigError, r"does not know what num_segment \(2\) does to the network"),
        ("electra", {"vocab_size": None}, ConfigError, "config.json: the config lacks vocab_size"),
        (
            "roberta",
            {"max_sequence_length": "9"},
            ConfigError,
            "max_position_embeddings of the configuration must be an integer",
        ),
        (
            "roberta",
            {"max_sequence_length": 9},
            CheckpointError,
            r"position_embedding/vars/0 has the shape \[24, 16\]; the configuration asks for \[9, 16\]",
        ),
        ("deberta", {"bucket_size": 4}, CheckpointError, r"relative_embedding/vars/0 has the shape \[16, 16\]"),
        ("deberta", {"num_layers": 3}, CheckpointError, "lacks 16 tensors of the encoder: layers/disentangled_"),
        ("electra", {"embedding_dim": 16}, CheckpointError, "reversible_embedding/vars/0 has the shape"),
        ("albert", {"num_heads": 4}, CheckpointError, "query_dense/vars/0 has the shape"),
    ],
)
def test_a_wrong_configuration_is_named(name, changes, error, message, tmp_path):
    theirs(name).save_to_preset(str(tmp_path))
    changed(tmp_path, **changes)
    with pytest.raises(error, match=message):
        open_checkpoint(tmp_path)


def test_a_wrong_task_is_named(tmp_path):
    theirs("roberta", "TextClassifier", num_classes=3, hidden_dim=8).save_to_preset(str(tmp_path / "wide"))
    with pytest.raises(CheckpointError, match=r"layers/dense/vars/0 has the shape \[16, 8\]"):
        open_checkpoint(tmp_path / "wide")
    theirs("roberta", "TextClassifier", num_classes=3).save_to_preset(str(tmp_path / "preset"))
    changed(tmp_path / "preset", "task.json", dropout=2)
    with pytest.raises(ConfigError, match=r"task.json: classifier_dropout must be from 0 to 1"):
        open_checkpoint(tmp_path / "preset")
    (tmp_path / "preset/assets/tokenizer").mkdir(parents=True)
    (tmp_path / "preset/assets/tokenizer/vocabulary.json").write_text('{"<pad>": 0}')
    with pytest.raises(ConfigError, match=r"vocabulary.json: <pad> has the id 0; tfbert reads such presets with 1"):
        open_checkpoint(tmp_path / "preset")
