"""RoBERTa's recipe (Liu et al. 2019, table 9) with BERT's vocabulary: full sentences, no pairs, masks drawn anew.

  tfbert make-examples --input=… --vocab=vocab.txt --out=examples --max_length=512 --objective=none
  tfbert pretrain --config=configs/pretrain/roberta_base.py --data='examples/*' --out=runs/roberta

Not run whole: 125,000 steps of 2,048 rows (a quarter of the paper's 8,192 at 500,000) are 130 billion tokens.
"""

from tfbert.training.pretrain_config import pretrain_config


def get_config():
    return pretrain_config(
        size="base",
        steps=125_000,
        batch_size=2048,
        accumulation=32,
        learning_rate=4e-4,
        warmup=0.06,
        beta_2=0.98,
        clip_norm=0.0,
        dtype="mixed_bfloat16",
        evaluate_every=5_000,
        save_every=500,
        log_every=20,
    )
