"""QNLI (GLUE): does a sentence hold a question's answer; 104,743 training and 5,463 dev pairs. Accuracy.

The columns are the same in the published files.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/qnli:train",
        dev="tfds:glue/qnli:validation",
        text_column="question",
        text_pair_column="sentence",
        metric="accuracy",
        epochs=1,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/QNLI/train.tsv", f"{folder}/QNLI/dev.tsv"
    return config
