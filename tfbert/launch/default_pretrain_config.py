"""The config of `tfbert pretrain` where none is named: every setting's default."""

from tfbert.training.pretrain_config import pretrain_config


def get_config():
    return pretrain_config()
