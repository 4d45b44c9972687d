"""The config of `tfbert finetune` where none is named: every setting's default."""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config()
