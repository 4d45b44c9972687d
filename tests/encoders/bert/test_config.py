import json

import pytest

from tfbert import BertConfig
from tfbert.errors import CheckpointError, ConfigError

SIZES = {
    "vocab_size": 10,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}


def test_takes_what_it_knows_of_a_hugging_face_config(minilm):
    config = BertConfig.from_file(minilm / "config.json")
    assert (config.hidden_size, config.num_hidden_layers, config.head_size) == (384, 6, 32)
    assert BertConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_attention_heads": 3}, "not a multiple"),
        ({"hidden_size": 0}, "hidden_size must be positive"),
        ({"hidden_size": 8.0}, "hidden_size of the configuration must be an integer"),
        ({"hidden_act": "geglu"}, "hidden_act 'geglu'"),
        ({"model_type": "albert"}, "model_type is 'albert'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ],
)
def test_says_what_is_wrong(tmp_path, change, message):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**SIZES, **change}))
    with pytest.raises(ConfigError, match=message) as error:
        BertConfig.from_file(path)
    assert str(path) in str(error.value)


def test_names_missing_sizes():
    with pytest.raises(ConfigError, match="lacks vocab_size"):
        BertConfig.from_dict({key: value for key, value in SIZES.items() if key != "vocab_size"})


def test_names_a_file_that_is_no_json(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"hidden_size": ')
    with pytest.raises(CheckpointError, match=r"config\.json is not JSON"):
        BertConfig.from_file(path)


def test_sizes_by_name():
    """The 24 miniatures of google-research/bert, and the names in use for some of them."""
    miniatures = [
        BertConfig.of_size(f"L-{layers}_H-{width}") for layers in (2, 4, 6, 8, 10, 12) for width in (128, 256, 512, 768)
    ]
    assert len(miniatures) == 24
    assert all(config.head_size == 64 and config.intermediate_size == 4 * config.hidden_size for config in miniatures)
    assert BertConfig.of_size("small") == BertConfig.of_size("L-4_H-512")
    assert BertConfig.of_size("base") == BertConfig()
    assert BertConfig.of_size("large", vocab_size=100).num_attention_heads == 16
    with pytest.raises(ConfigError, match="no size 'huge'"):
        BertConfig.of_size("huge")
