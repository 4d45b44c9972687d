"""STS-B as sentence embeddings: the cosine of two sentences is their likeness, 0 to 5; 5,749 / 1,500 / 1,379 pairs.

The published csv files have no header line; GLUE's copy is tfds:glue/stsb (then without column_names):
  tfbert finetune --config=configs/stsb_embedding.py --checkpoint=DIR --out=runs/stsb_embedding
MiniLM-L6 (all-MiniLM-L6-v2) as published, not trained on: Spearman 0.8672 on dev, 0.8203 on test; trained with
this config 0.895 and 0.856.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="sentence_embedding",
        train="stsb-en-train.csv",
        dev="stsb-en-dev.csv",
        column_names=("sentence1", "sentence2", "score"),
        settings={"objective": "cosine", "score_range": (0.0, 5.0)},
        metric="spearman",
        epochs=4,
        batch_size=32,
        learning_rate=2e-5,
    )
