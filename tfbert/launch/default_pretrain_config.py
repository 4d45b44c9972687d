"""The config of `tfbert pretrain` where none is named: every setting's default."""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config()
