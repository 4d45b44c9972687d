"""MRPC (GLUE): are two sentences paraphrases of each other; 3,668 training and 408 dev pairs.

The published files instead of TFDS (their columns are Quality, #1 String, #2 String):
  --train=train.tsv --dev=dev.tsv --text_column='#1 String' --text_pair_column='#2 String' --label_column=Quality
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        train="tfds:glue/mrpc:train",
        dev="tfds:glue/mrpc:validation",
        text_column="sentence1",
        text_pair_column="sentence2",
        settings={"labels": ("not_equivalent", "equivalent")},
        metric="f1",
        epochs=4,
        batch_size=16,
        learning_rate=5e-5,
    )
