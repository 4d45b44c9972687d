"""BERT-Base as Devlin et al. 2018 trained it, the first nine tenths: rows of 128 tokens, 900,000 steps of 256 rows.

  tfbert make-examples --input=… --vocab=vocab.txt --out=examples_128 --max_length=128 --objective=nsp
  tfbert pretrain --config=configs/pretrain/bert_base_phase1.py --data='examples_128/*' --out=runs/base_128

Then configs/pretrain/bert_base_phase2.py. Not run whole: 29.5 billion tokens are about 2e19 operations, four days of
one GPU at 60 teraflops a second, or 16 GB of memory with 4 parts of a batch (`--config.accumulation=4`).
"""

from tfbert.training.pretrain_config import pretrain_config


def get_config():
    return pretrain_config(
        size="base",
        steps=900_000,
        batch_size=256,
        learning_rate=1e-4,
        warmup=10_000 / 900_000,
        max_predictions=20,
        dtype="mixed_bfloat16",
        evaluate_every=10_000,
        save_every=2_000,
        log_every=100,
    )
