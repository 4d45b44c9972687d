"""ChnSentiCorp: sentiment of Chinese reviews of hotels, laptops and books; 9,600 / 1,200 / 1,200.

For a checkpoint with a Chinese vocabulary, such as the hub's google-bert/bert-base-chinese:
  tfbert finetune --config=configs/chnsenticorp.py --checkpoint=DIR --out=runs/chn
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        train="train.tsv",
        dev="dev.tsv",
        text_column="text_a",
        settings={"labels": ("negative", "positive")},
        max_length=256,
        epochs=3,
        batch_size=32,
        learning_rate=3e-5,
    )
