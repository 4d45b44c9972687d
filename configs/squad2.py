"""SQuAD 2.0: as SQuAD 1.1, with questions that have no answer; 130,319 to train on, 11,873 of dev.

The score below which there is no answer is chosen on dev, as in the official evaluation.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="question_answering",
        train="train-v2.0.json",
        dev="dev-v2.0.json",
        max_length=384,
        settings={"stride": 128, "unanswerable": True},
        epochs=2,
        batch_size=48,
        learning_rate=5e-5,
    )
