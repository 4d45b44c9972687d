"""STS-B (GLUE): how alike two sentences are, 0 to 5; 5,749 training and 1,500 dev pairs. Mean of the correlations.

The published files call the number score.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config(folder=""):
    """The experiment on TFDS' copy, or on the published files below `folder`."""
    config = finetune_config(
        train="tfds:glue/stsb:train",
        dev="tfds:glue/stsb:validation",
        text_column="sentence1",
        text_pair_column="sentence2",
        settings={"problem": "regression"},
        metric="pearson",
        score=("pearson", "spearman"),
        epochs=3,
        batch_size=32,
        learning_rate=3e-5,
    )
    if folder:
        config.train, config.dev = f"{folder}/STS-B/train.tsv", f"{folder}/STS-B/dev.tsv"
        config.label_column = "score"
    return config
