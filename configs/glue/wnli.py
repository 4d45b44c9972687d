"""WNLI (GLUE): what a pronoun refers to; 635 training and 71 dev pairs. Accuracy.

The dev sentences are those of the training pairs with the other label: 0.56 is the most common label's share.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/wnli:train",
        dev="tfds:glue/wnli:validation",
        text_column="sentence1",
        text_pair_column="sentence2",
        metric="accuracy",
        epochs=3,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/WNLI/train.tsv", f"{folder}/WNLI/dev.tsv"
    return config
