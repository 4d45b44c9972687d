"""CNN/DailyMail (See et al. 2017): news with their highlights, as CSV of the columns text and y.

People wrote the highlights; the model learns the three sentences that are closest to them, as in Liu 2019, Fine-tune
BERT for Extractive Summarization.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="summarization",
        train="cnndm_train.csv",
        dev="cnndm_dev.csv",
        columns={"document": "text", "summary": "y"},
        max_length=512,
        settings={"sentences": 3, "block_ngrams": 3},
        epochs=2,
        batch_size=32,
        learning_rate=5e-5,
    )
