"""CoLA (GLUE): is a sentence acceptable English; 8,551 training and 1,043 dev sentences. Matthews correlation.

The published files have no header line.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/cola:train",
        dev="tfds:glue/cola:validation",
        text_column="sentence",
        metric="matthews",
        epochs=3,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/CoLA/train.tsv", f"{folder}/CoLA/dev.tsv"
        config.column_names = ("source", "label", "star", "sentence")
    return config
