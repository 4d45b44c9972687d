"""A small Chinese BERT with whole words masked (Cui et al. 2019): BERT-Small, rows of 128 characters.

  tfbert make-examples --input='corpus/*.txt.gz' --vocab=vocab.txt --out=examples --max_length=128 --words=jieba
  tfbert pretrain --config=configs/pretrain/chinese_wwm_small.py --data='examples/*' --out=runs/chinese

The vocabulary is that of bert-base-chinese, or one that `tfbert train-vocab` makes. Not run whole; expected:
time: 160 million characters, 29 hours on 2 CPU cores at BERT-Small's 1,500 a second (benchmarks/RESULTS.md).
memory: 4 GB.
curve: as configs/pretrain/small_day.py.
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        size="small",
        mask="whole_word",
        steps=20_000,
        batch_size=64,
        learning_rate=5e-4,
        warmup=0.05,
        evaluate_every=1000,
        encoder={"max_position_embeddings": 128},
    )
