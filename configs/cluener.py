"""CLUENER 2020: ten kinds of entities in Chinese news; 10,748 / 1,343 texts.

For a checkpoint with a Chinese vocabulary, such as the hub's google-bert/bert-base-chinese. Files: train.json and
dev.json, an object a line with `text` and `label`. Two entities of the training data lie inside a longer one and are
left out, with a warning.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="token_classification",
        train="train.json",
        dev="dev.json",
        epochs=3,
        batch_size=32,
        learning_rate=3e-5,
    )
