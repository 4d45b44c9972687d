"""RTE (GLUE): does a text entail a sentence; 2,490 training and 277 dev pairs. Accuracy.

The columns are the same in the published files.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/rte:train",
        dev="tfds:glue/rte:validation",
        text_column="sentence1",
        text_pair_column="sentence2",
        metric="accuracy",
        epochs=5,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/RTE/train.tsv", f"{folder}/RTE/dev.tsv"
    return config
