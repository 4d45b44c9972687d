"""MRPC (GLUE): are two sentences paraphrases; 3,668 training and 408 dev pairs. Mean of F1 and accuracy.

The published files name their columns otherwise.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/mrpc:train",
        dev="tfds:glue/mrpc:validation",
        text_column="sentence1",
        text_pair_column="sentence2",
        metric="f1",
        score=("f1", "accuracy"),
        epochs=3,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/MRPC/train.tsv", f"{folder}/MRPC/dev.tsv"
        config.text_column = "#1 String"
        config.text_pair_column = "#2 String"
        config.label_column = "Quality"
    return config
