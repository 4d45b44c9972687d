"""STS-B: how alike two sentences are, a number from 0 to 5; 5,749 / 1,500 / 1,379 pairs.

The published csv files have no header line; GLUE's copy is tfds:glue/stsb (then without column_names):
  tfbert finetune --config=configs/stsb.py --checkpoint=DIR --out=runs/stsb
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        train="stsb-en-train.csv",
        dev="stsb-en-dev.csv",
        column_names=("sentence1", "sentence2", "label"),
        settings={"problem": "regression"},
        metric="spearman",
        epochs=4,
        batch_size=16,
        learning_rate=5e-5,
    )
