r"""A small BERT on a shelf of books, on a laptop: BERT-Mini (4 x 256), rows of 32 tokens, whole words masked.

  tfbert train-vocab --input='corpus/*.txt.gz' --size=8192 --out=vocab.txt
  tfbert make-examples --input='corpus/*.txt.gz' --vocab=vocab.txt --documents=files --objective=none --max_length=32 \
    --shard_mb=1 --out=examples
  tfbert pretrain --config=configs/pretrain/small_books.py --data='examples/*' --out=runs/small

Short rows teach attention sooner to look at neighbouring tokens: after as many tokens in pairs of 128 the loss is still
6, which the frequency of words alone gives. Positions after 32 are not trained: for longer texts continue with longer
rows and `--init_from=runs/small/model`. Measured on 33 novels, 22 MB of text (benchmarks/RESULTS.md):
time: 37 minutes on one CPU core, with another job on the other core.
memory: 1.4 GB.
curve: MLM accuracy on held-out text 0.15 at step 500, 0.25 at 1,000, 0.28 at 2,000.
"""

from tfbert.runs.configs.pretrain import pretrain_config


def get_config():
    return pretrain_config(
        size="mini",
        mask="whole_word",
        steps=3_000,
        batch_size=64,
        learning_rate=1e-3,
        warmup=0.1,
        beta_2=0.98,
        evaluate_every=250,
        encoder={"max_position_embeddings": 128},
    )
