"""CMRC 2018: questions on Chinese Wikipedia; 10,142 to train on, 3,219 of dev.

A Chinese character is a token: 95 of 100 answers have 50 tokens at most, where 30, SQuAD's limit, holds 86.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="question_answering",
        train="train.json.gz",
        dev="dev.json.gz",
        max_length=384,
        settings={"stride": 128, "answer_length": 50, "language": "zh", "unanswerable": False},
        epochs=2,
        batch_size=32,
        learning_rate=3e-5,
    )
