r"""A small ELECTRA on a shelf of books, on a laptop: 4 layers of 256, rows of 32 tokens, a generator half as wide.

Vocabulary and examples are those of configs/pretrain/small_books.py.

  tfbert pretrain --config=configs/pretrain/electra_mini.py --data='examples/*' --out=runs/electra_mini

Not run whole; expected from its first steps (benchmarks/RESULTS.md has those of small_books.py):
time: 1.5 times that of small_books.py, an hour on one CPU core.
memory: 1.5 GB.
curve: the loss falls below 20 within 500 steps, as few of the generator's tokens fit; then the generator's falls.
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
