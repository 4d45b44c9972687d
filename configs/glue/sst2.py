"""SST-2 (GLUE): sentiment of film reviews; 67,349 training and 872 dev sentences. Accuracy.

configs/sst2.py is the same task by itself, with its measured figures.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/sst2:train",
        dev="tfds:glue/sst2:validation",
        text_column="sentence",
        metric="accuracy",
        epochs=1,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/SST-2/train.tsv", f"{folder}/SST-2/dev.tsv"
    return config
