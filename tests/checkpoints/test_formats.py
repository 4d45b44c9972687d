"""A checkpoint goes into each format and comes back with the same bytes."""

import json
import shutil

import numpy as np
import pytest

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.formats import google_tf1, hugging_face, keras_hub, model_garden, written_formats
from tfbert.errors import CheckpointError, ConfigError
from tfbert.text.special_tokens import AddedToken

PUBLISHED = (
    *("camphr_ner_bert_pt", "camphr_bert_test_pt", "camphr_fixture_bert_pt_old", "camphr_bert_base_japanese_test_pt"),
    "keras_bert_tf1_tiny",
)


def same_bytes(source, other):
    """Compares what both have; returns what is missing in the second."""
    for variable in set(source.shapes) & set(other.shapes):
        assert source.value(variable).tobytes() == other.value(variable).tobytes(), variable
    return {variable.split("/")[0] for variable in source.shapes if variable not in other.shapes}


@pytest.mark.parametrize("form", written_formats())
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_checkpoints(name, form, data_dir, tmp_path):
    source = open_checkpoint(data_dir(f"checkpoints/{name}"))
    convert(source, form, tmp_path / "out")
    again = open_checkpoint(tmp_path / "out")
    lost = {"classifier"} if name == "camphr_ner_bert_pt" else {"seq_relationship"} if "tf1" in name else set()
    assert same_bytes(source, again) == (lost if form == "keras_hub" else set())
    assert again.config.head_size == source.config.head_size
    convert(again, "hf", tmp_path / "back")
    assert same_bytes(again, open_checkpoint(tmp_path / "back")) == set()


def test_real_weights(minilm, tmp_path):
    """MiniLM through all formats in a row, and its vocabulary and pooling with it."""
    source = open_checkpoint(minilm)
    before = source
    for form in ("tf1", "model_garden", "hf"):
        convert(before, form, tmp_path / form)
        before = open_checkpoint(tmp_path / form)
        assert same_bytes(source, before) == set()
    text = "My parcel café was late"
    assert list(before.tokenizer().vocabulary) == list(source.tokenizer().vocabulary)
    convert(source, "hf", tmp_path / "direct")
    ours = tfbert.SentenceEncoder.from_checkpoint(tmp_path / "direct")
    assert "sentence-transformers folder" in ours.load_report.found
    np.testing.assert_array_equal(ours.encode(text), tfbert.SentenceEncoder.from_checkpoint(minilm).encode(text))


def test_labels_and_tasks_go_along(network, tmp_path):
    names = {"0": "no", "1": "yes", "2": "maybe"}
    convert(network(("classifier",), {"id2label": names}), "hf", tmp_path / "hf")
    config = json.loads((tmp_path / "hf/config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == names
    model = tfbert.TextClassifier.from_checkpoint(tmp_path / "hf")
    assert model.task.labels == ("no", "yes", "maybe")
    assert model.load_report.missing == ()
    assert model.load_report.found.startswith("Hugging Face folder")


def test_what_a_format_computes_otherwise_is_said(network, tmp_path):
    notes = convert(network((), hidden_act="gelu", layer_norm_eps=1e-7), "tf1", tmp_path / "a")
    assert [note.split(",")[0] for note in notes] == [
        "Google's BERT computes GELU by tanh",
        "Google's BERT computes LayerNorm with epsilon 1e-12",
    ]
    assert convert(network((), hidden_act="silu"), "hf", tmp_path / "b") == []
    with pytest.raises(ConfigError, match="KerasHub has no network with the activation silu"):
        convert(network((), hidden_act="silu"), "keras_hub", tmp_path / "c")
    assert not (tmp_path / "c").exists()
    (note,) = convert(network(("predictions",), tie_word_embeddings=False), "tf1", tmp_path / "d")
    assert note == "Google's BERT has no place for predictions: left out"


@pytest.mark.parametrize("form", written_formats())
def test_rules_and_names_that_a_format_does_not_keep_are_said(form, tiny_checkpoint, tmp_path):
    model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["good", "bad"])
    model.save(tmp_path / "source")
    rules = {"lower_case": False, "tokenize_chinese_chars": False, "added_tokens": [AddedToken("[unused1]")]}
    tfbert.Tokenizer(model.task.tokenizer.vocabulary, **rules).save(tmp_path / "source")
    notes = convert(open_checkpoint(tmp_path / "source"), form, tmp_path / "out")
    notes = [note for note in notes if "GELU" not in note]
    name = {"tf1": "Google's BERT", "keras_hub": "KerasHub", "model_garden": "Model Garden"}.get(form)
    rules_lost = [
        f"{name} has no place for the tokenizer's lower_case, False: read back, True",
        f"{name} has no place for the tokenizer's strip_accents, False: read back, True",
        f"{name} has no place for the tokenizer's tokenize_chinese_chars, False: read back, True",
    ]
    lost = [
        f"{name} has no place for the tokenizer's added_tokens, [unused1]: read back, none",
        f"{name} has no place for the names of the labels, good, bad: read back, LABEL_0, LABEL_1",
    ]
    assert notes == {"hf": [], "keras_hub": lost}.get(form, [*rules_lost, *lost])


def test_a_tokenizer_that_is_not_read_back_is_said(tiny_checkpoint, tmp_path):
    shutil.copytree(tiny_checkpoint, tmp_path / "source")
    words = (tmp_path / "source/vocab.txt").read_text().replace("[CLS]", "<s>", 1)
    (tmp_path / "source/vocab.txt").write_text(words)
    config = json.loads((tmp_path / "source/tokenizer_config.json").read_text())
    config = {**config, "cls_token": "<s>", "added_tokens_decoder": {}}
    (tmp_path / "source/tokenizer_config.json").write_text(json.dumps(config))
    notes = convert(open_checkpoint(tmp_path / "source"), "tf1", tmp_path / "out")
    assert notes[-1].startswith(
        "Google's BERT has no place for all of the tokenizer, which tfbert does not read there: "
    )
    assert "out/vocab.txt lacks [CLS]; name what it has for [UNK], [CLS], [SEP], [PAD]: " in notes[-1]


def test_a_decoder_of_its_own(network, tmp_path, features):
    source = network(("predictions",), tie_word_embeddings=False)
    convert(source, "hf", tmp_path / "hf")
    assert same_bytes(source, open_checkpoint(tmp_path / "hf")) == set()
    model = tfbert.Pretrainer.from_checkpoint(tmp_path / "hf")
    assert model.load_report.missing == ()
    decoder = model.network.predictions.decoder.embeddings
    np.testing.assert_array_equal(decoder, source.value("predictions/decoder/embeddings"))
    tied = tfbert.Pretrainer.from_checkpoint(tmp_path / "hf").network
    model.save(tmp_path / "saved")
    assert same_bytes(source, open_checkpoint(tmp_path / "saved")) == set()
    inputs = {**features, "masked_positions": np.array([[0], [1], [0], [3]])}
    np.testing.assert_array_equal(model.network(inputs)["token_logits"], tied(inputs)["token_logits"])


@pytest.mark.parametrize(
    "changes",
    [{"hidden_size": 30, "num_attention_heads": 3}, {"type_vocab_size": 5}, {"num_attention_heads": 1}],
    ids=str,
)
@pytest.mark.parametrize("form", written_formats())
def test_other_sizes(form, changes, network, tmp_path):
    source = network((), **changes)
    convert(source, form, tmp_path / "out")
    assert same_bytes(source, open_checkpoint(tmp_path / "out")) == set()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.json": '{"model_type": "mobilebert"}'}, "is MobileBERT, which tfbert does not read: it has bottle"),
        ({"config.json": '{"model_type": "neobert"}'}, "is NeoBERT.*RMSNorm"),
        ({"config.json": '{"architectures": ["AlbertForMaskedLM"]}'}, "looks like a model of albert"),
        ({"config.json": '{"architectures": ["XLMRobertaModel"]}'}, "looks like a model of xlm-roberta"),
        ({"config.json": '{"architectures": ["ConvBertModel"]}'}, "is ConvBERT"),
        ({"albert_config.json": "{}", "model.ckpt.index": ""}, "looks like a model of albert"),
        ({"config.json": "{}", "merges.txt": "", "pytorch_model.bin": ""}, "looks like a model of roberta"),
        (
            {"config.json": '{"registered_name": "keras_hub>X", "class_name": "GemmaBackbone", "config": {}}'},
            "GemmaBackbone",
        ),
        ({"model.onnx": ""}, "is no checkpoint that tfbert reads.*it holds model.onnx"),
    ],
)
def test_what_it_cannot_read_is_named(files, message, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(tmp_path)


def test_chinese_whole_word_masking_is_bert(network, tmp_path):
    """RoBERTa-wwm-ext says model_type bert, and is."""
    convert(network(("predictions",), {"architectures": ["BertForMaskedLM"], "directionality": "bidi"}), "hf", tmp_path)
    assert tfbert.Pretrainer.from_checkpoint(tmp_path).load_report.missing == ()


@pytest.mark.parametrize("form", written_formats())
def test_no_writer_loses_a_variable(form, network, tmp_path):
    weights = network(("classifier",))
    weights.shapes["adapter/kernel"] = (2, 2)
    write = {
        "hf": lambda: hugging_face.write_weights(tmp_path, weights),
        "tf1": lambda: google_tf1.write_weights(tmp_path, weights),
        "keras_hub": lambda: keras_hub.write_weights(tmp_path, weights, task="TextClassifier"),
        "model_garden": lambda: model_garden.write_weights(tmp_path, weights),
    }[form]
    with pytest.raises(CheckpointError, match="has no place for adapter/kernel"):
        write()
