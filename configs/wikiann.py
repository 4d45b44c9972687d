"""WikiANN (English): people, places and organisations in sentences of Wikipedia; 20,000 / 10,000 / 10,000.

Files: train.txt, dev.txt and test.txt (or .gz), a word and its tag a line; other languages have the same form. The
prefix `en:` of each word is removed.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="token_classification",
        train="train.txt",
        dev="dev.txt",
        format="conll",
        settings={"labels": ("LOC", "ORG", "PER")},
        epochs=3,
        batch_size=32,
        learning_rate=5e-5,
    )
