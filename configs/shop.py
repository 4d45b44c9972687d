"""The sample in samples/shop: six intents of messages to a shop; 1,206 / 113 / 133. `make quickstart` runs it.

MiniLM-L6 on 2 CPU cores: two minutes, accuracy 0.93 on test.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        train="samples/shop/train.tsv",
        dev="samples/shop/dev.tsv",
        max_length=96,
        epochs=6,
        batch_size=16,
        learning_rate=1e-4,
    )
