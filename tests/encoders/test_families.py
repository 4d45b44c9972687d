"""The table of families: what a config.json is of, and what is refused."""

import numpy as np
import pytest

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.encoders import families
from tfbert.encoders.families import Family
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import CheckpointError, ConfigError

SIZES = {"vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}


def test_a_configuration_is_of_its_family():
    assert isinstance(families.config_from(SIZES), tfbert.BertConfig)  # as Google's, which names no model_type
    config = families.config_from({**SIZES, "model_type": "distilbert", "dim": 4, "n_heads": 1})
    assert (type(config), config.hidden_size, config.num_attention_heads) == (tfbert.DistilBertConfig, 4, 1)
    for model_type in families.model_types():
        config = families.config_of_size("tiny", model_type=model_type, classifier_dropout=0.2)
        assert families.config_from({"model_type": model_type, **config.to_dict()}) == config
        assert families.config_from(config.to_hugging_face()) == config


def test_keras_files_of_earlier_versions_name_no_family():
    """There a DistilBERT was a BERT without segments."""
    old = {**SIZES, "type_vocab_size": 0, "pooler_act": "relu", "layer_norm_eps": 1e-5}
    config = families.config_from(old)
    assert isinstance(config, tfbert.DistilBertConfig) and config.layer_norm_eps == 1e-5


@pytest.mark.parametrize(
    ("model_type", "error", "message"),
    [
        ("convbert", CheckpointError, "is ConvBERT, which tfbert does not read: it has convolutions"),
        ("distilbret", ConfigError, "model_type is 'distilbret'.*did you mean 'distilbert'"),
        (7, ConfigError, "model_type must be a text, not 7"),
    ],
)
def test_other_families_are_refused_by_name(model_type, error, message):
    with pytest.raises(error, match=message):
        families.config_from({**SIZES, "model_type": model_type})


def test_a_configuration_refuses_another_family():
    with pytest.raises(ConfigError, match="model_type is 'distilbert'; BertConfig reads 'bert'"):
        tfbert.BertConfig.from_dict({**SIZES, "model_type": "distilbert"})


@pytest.mark.parametrize("model_type", families.model_types())
def test_the_weight_table_is_the_network(model_type):
    """Every variable has one row that is written, and the shape there is the variable's."""
    config = families.config_of_size("tiny", model_type=model_type, vocab_size=10)
    encoder = families.encoder_of(config, name="encoder")
    encoder.build()
    table = families.family(model_type).table(config)
    wanted = {name: tuple(variable.shape) for name, variable in relative_variables(encoder).items()}
    assert table.base_variables(config.num_hidden_layers) == wanted.keys()
    shapes = table.shapes(config)
    assert {name: shapes[name] for name in wanted} == wanted
    if "predictions" not in table.heads:  # of a family that stores its heads under tfbert's names
        return
    head = encoder.masked_language_model_head("predictions")
    head.build((None, None, config.hidden_size))
    for name, variable in relative_variables(head).items():
        assert shapes[f"predictions/{name}"] == tuple(variable.shape)


def test_a_registered_family_may_take_the_place_of_an_unknown_one(monkeypatch):
    monkeypatch.setattr(families, "_FAMILIES", dict(families._FAMILIES))
    bert = families.family("bert")
    tfbert.register(Family("convbert", "Mine", "Mine", bert.config, bert.encoder, bert.table))
    assert families.family("convbert").architecture("MaskedLM") == "MineForMaskedLM"
    assert "convbert" in families.model_types()


# encoders alone


def test_an_encoder_comes_from_every_checkpoint_and_goes_back(network, features, tmp_path):
    from tfbert.checkpoints.convert import convert
    from tfbert.checkpoints.formats import written_formats

    outputs = {}
    for name in written_formats():
        convert(network(heads=()), name, tmp_path / name)
        encoder = tfbert.Encoder.from_checkpoint(tmp_path / name)
        assert type(encoder) is tfbert.BertEncoder and encoder.has_trained_pooler
        outputs[name] = {key: np.asarray(value) for key, value in encoder(features).items()}
    first = outputs.pop("hf")
    for found in outputs.values():
        for key, value in first.items():
            np.testing.assert_allclose(found[key], value, atol=1e-5)
    encoder.save(tmp_path / "saved")
    again = tfbert.BertEncoder.from_checkpoint(str(tmp_path / "saved"))
    for ours, theirs in zip(encoder.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert open_checkpoint(tmp_path / "saved").values["architectures"] == ["BertModel"]
    with pytest.raises(CheckpointError, match="is of BERT, not of DistilBertEncoder; tfbert.Encoder.from_checkpoint"):
        tfbert.DistilBertEncoder.from_checkpoint(tmp_path / "saved")


def test_an_encoder_without_a_pooler_is_saved_without_one(minilm, tmp_path):
    from tfbert.checkpoints.formats.hugging_face import write_folder

    encoder = tfbert.Encoder.from_checkpoint(minilm)
    write_folder(tmp_path, encoder, pooler=False)
    without = tfbert.Encoder.from_checkpoint(tmp_path)
    assert not without.has_trained_pooler
    without.save(tmp_path / "again")
    assert not [name for name in open_checkpoint(tmp_path / "again").shapes if name.startswith("pooler/")]


def test_half_precision_and_extra_outputs(tiny_checkpoint, tiny_config, features):
    encoder = tfbert.Encoder.from_checkpoint(tiny_checkpoint, dtype="mixed_bfloat16")
    found = encoder(features, return_hidden_states=True, return_attention_probs=True)
    assert found["sequence_output"].dtype == "float32"
    assert len(found["hidden_states"]) == tiny_config.num_hidden_layers + 1
    assert found["attention_probs"][0].shape == (4, tiny_config.num_attention_heads, 12, 12)
