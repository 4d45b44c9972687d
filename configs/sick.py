"""SICK (SemEval-2014 task 1): how related two sentences are, 1 to 5; 4,500 / 500 / 4,927 pairs.

The published files are tab-separated, with a header line and the suffix .txt:
  tfbert finetune --config=configs/sick.py --checkpoint=DIR --out=runs/sick
MiniLM-L6 (all-MiniLM-L6-v2) as published, not trained on: Spearman 0.7715 on test;
trained, three seeds, 0.8336 +- 0.0002.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="sentence_embedding",
        train="SICK_train.txt",
        dev="SICK_trial.txt",
        format="tsv",
        columns={"text": "sentence_A", "text_pair": "sentence_B", "score": "relatedness_score"},
        settings={"objective": "cosine", "score_range": (1.0, 5.0)},
        metric="spearman",
        epochs=4,
        batch_size=32,
        learning_rate=2e-5,
    )
