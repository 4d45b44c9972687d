"""RoBERTa as Liu et al. 2019 trained it (table 3): byte-level BPE, full sentences, no segments, new masks each epoch.

  tfbert train-vocab --algorithm=bpe --size=50265 --input=… --out=bpe
  tfbert make-examples --input=… --vocab=bpe --out=examples --max_length=512 --objective=none
  tfbert pretrain --config=configs/pretrain/roberta_base.py --data='examples/*' --out=runs/roberta

Not run whole; expected:
time: 131 billion tokens of 0.59 gigaflops, 7.7e19 in all: a week of one GPU at 125 teraflops a second.
memory: 24 GB for a micro-batch of 64 rows (Korthikanti et al. 2022, section 4.1).
curve: held-out perplexity of 3.68 at the end (table 3).
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        size="base",
        encoder={
            "model_type": "roberta",
            "max_position_embeddings": 514,  # the first token's is that after the padding's id
        },
        steps=125_000,
        batch_size=2048,
        accumulation=32,
        learning_rate=7e-4,
        warmup=0.06,
        beta_2=0.98,
        clip_norm=0.0,
        dtype="mixed_bfloat16",
        evaluate_every=5_000,
        save_every=500,
        log_every=20,
    )
