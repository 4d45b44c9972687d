"""MNLI (GLUE): does a premise entail a hypothesis; 392,702 training and 9,815 matched dev pairs. Accuracy.

The published files name their columns otherwise.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/mnli:train",
        dev="tfds:glue/mnli:validation_matched",
        text_column="premise",
        text_pair_column="hypothesis",
        metric="accuracy",
        epochs=1,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/MNLI/train.tsv", f"{folder}/MNLI/dev_matched.tsv"
        config.text_column = "sentence1"
        config.text_pair_column = "sentence2"
        config.label_column = "gold_label"
    return config
