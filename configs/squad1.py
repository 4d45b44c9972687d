"""SQuAD 1.1: questions on Wikipedia, each with an answer; 87,599 to train on, 10,570 of dev.

The recipe of Devlin et al. 2018 in the length of google-research/bert's run_squad.py.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="question_answering",
        train="train-v1.1.json",
        dev="dev-v1.1.json",
        max_length=384,
        settings={"stride": 128, "unanswerable": False},
        epochs=2,
        batch_size=32,
        learning_rate=5e-5,
    )
