"""QQP (GLUE): do two questions ask the same; 363,846 training and 40,430 dev pairs. Mean of F1 and accuracy.

The published files call the label is_duplicate.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/qqp:train",
        dev="tfds:glue/qqp:validation",
        text_column="question1",
        text_pair_column="question2",
        metric="f1",
        score=("f1", "accuracy"),
        epochs=1,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/QQP/train.tsv", f"{folder}/QQP/dev.tsv"
        config.label_column = "is_duplicate"
    return config
