"""BERT-Base as Devlin et al. 2018 trained it, the first nine tenths: rows of 128 tokens, 900,000 steps of 256 rows.

  tfbert make-examples --input=… --vocab=vocab.txt --out=examples_128 --max_length=128 --objective=nsp
  tfbert pretrain --config=configs/pretrain/bert_base_phase1.py --data='examples_128/*' --out=runs/base_128

Then configs/pretrain/bert_base_phase2.py. Not run whole; expected, from its arithmetic:
time: 29.5 billion tokens of 0.55 gigaflops, 1.6e19 in all: 36 hours of one GPU at 125 teraflops a second.
memory: 16 GB for a step (Korthikanti et al. 2022, section 4.1); with `--config.accumulation=4`, 6 GB.
curve: held-out perplexity of 3.99 after both phases (Liu et al. 2019, table 3, all at 512 tokens, without pairs).
"""

from tfbert.runs.configs.pretrain import pretrain_config


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
