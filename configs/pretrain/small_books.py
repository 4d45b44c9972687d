"""A small BERT on a shelf of books, on a laptop: BERT-Mini (4 x 256), rows of 128 tokens, whole words masked.

tfbert train-vocab --input='corpus/*.txt.gz' --size=8192 --out=vocab.txt
tfbert make-examples --input='corpus/*.txt.gz' --vocab=vocab.txt --documents=files --shard_mb=1 --out=examples
tfbert pretrain --config=configs/pretrain/small_books.py --data='examples/*' --out=runs/small
"""

from tfbert.training.pretrain_config import pretrain_config


def get_config():
    return pretrain_config(
        size="mini",
        mask="whole_word",
        steps=2_500,
        batch_size=32,
        learning_rate=1e-3,
        warmup=0.1,
        evaluate_every=250,
        encoder={"max_position_embeddings": 128},
    )
