"""The config of `tfbert pretrain` when --config names none: every setting's default."""

import ml_collections

from tfbert.runs.configs.pretrain import pretrain_config


def get_config() -> ml_collections.ConfigDict:
    return pretrain_config()
