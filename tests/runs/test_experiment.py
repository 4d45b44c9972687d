import pytest

from tfbert.errors import ConfigError
from tfbert.runs.configs.finetune import FinetuneConfig, finetune_config


def test_round_trip():
    config = FinetuneConfig.from_dict({"train": "a.tsv", "learning_rate": 1, "column_names": ["x", "y"]})
    assert (config.learning_rate, config.column_names) == (1.0, ("x", "y"))
    assert FinetuneConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 2}, "the config has no setting 'epoch'; did you mean 'epochs'"),
        ({"zzz": 2}, "the settings are task"),
        ({"epochs": 0}, "epochs must be positive"),
        ({"epochs": 2.5}, "epochs of the config must be an integer"),
        ({"epochs": True}, "epochs of the config must be an integer"),
        ({"learning_rate": "2e-5"}, "learning_rate of the config must be a number"),
        ({"warmup": 100.0}, "at most 1"),
        ({"dtype": "fp16"}, "dtype 'fp16'"),
        ({"column_names": "text"}, "column_names of the config must be a list of texts, not 'text'"),
    ],
)
def test_says_what_is_wrong(values, message):
    with pytest.raises(ConfigError, match=message):
        FinetuneConfig.from_dict(values)


def test_a_config_file_knows_no_other_keys():
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        finetune_config(epoch=2)
    config = finetune_config(epochs=2)
    with pytest.raises(AttributeError, match="epochs"):
        config.epoch = 3
    config.settings.problem = "multi_label"
    assert FinetuneConfig.from_dict(config.to_dict()).settings == {"problem": "multi_label"}


def test_names_all_that_is_required():
    with pytest.raises(ConfigError, match="--checkpoint, --out"):
        FinetuneConfig(train="a", dev="b").require("checkpoint", "train", "dev", "out")
