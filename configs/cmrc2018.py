"""CMRC 2018: questions on Chinese Wikipedia; 10,142 to train on, 3,219 of dev.

A Chinese character is a token: 95 % of the answers have at most 50 tokens, but only 86 % at most 30, SQuAD's limit.
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
