"""A one-day small model: BERT-Small (4 x 512), packed rows of 128 tokens, no pairs, whole words masked.

  tfbert train-vocab --input='corpus/*.txt.gz' --size=30522 --out=vocab.txt
  tfbert make-examples --input='corpus/*.txt.gz' --vocab=vocab.txt --objective=none --pack --out=examples
  tfbert pretrain --config=configs/pretrain/small_day.py --data='examples/*' --out=runs/small_day

Not run whole; expected from steps of benchmarks/bench.py (benchmarks/RESULTS.md):
time: 116 million tokens (89 % of the rows filled), 22 hours of 2 CPU cores at 1,480 tokens a second.
memory: 4 GB, measured over its first steps.
curve: not measured; with rows of 32 tokens the loss falls below 6, that of the frequency of words alone, at step 600.
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        size="small",
        mask="whole_word",
        steps=16_000,
        batch_size=64,
        learning_rate=5e-4,
        warmup=0.05,
        beta_2=0.98,
        evaluate_every=1_000,
        encoder={"max_position_embeddings": 128},
    )
