r"""A small ELECTRA on a shelf of books, on a laptop: 4 layers of 256, rows of 32 tokens, a generator half as wide.

Vocabulary and examples are those of configs/pretrain/small_books.py.

  tfbert pretrain --config=configs/pretrain/electra_mini.py --data='examples/*' --out=runs/electra_mini

Not run whole; expected:
time: 1.24 times the arithmetic of small_books.py, 46 minutes on one CPU core.
memory: that of small_books.py, 1.4 GB, and the generator's.
curve: measured over a run of 200 steps of 32 rows: held-out loss 27.2, the generator's accuracy 0.085; so early the
  discriminator's loss, 0.41, is still that of the share of replaced tokens alone.
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        task="replaced_tokens",
        settings={"generator_size": 0.5},
        size="mini",
        encoder={"model_type": "electra", "embedding_size": 128, "max_position_embeddings": 128},
        steps=3_000,
        batch_size=64,
        learning_rate=1e-3,
        warmup=0.1,
        beta_2=0.98,
        evaluate_every=250,
    )
