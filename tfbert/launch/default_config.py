"""The config of `tfbert finetune` when --config names none: every setting's default."""

import ml_collections

from tfbert.runs.configs.finetune import finetune_config


def get_config() -> ml_collections.ConfigDict:
    return finetune_config()
