"""A small BERT on books in a day or less: BERT-Small (4 x 512), rows of 128 tokens, whole words masked.

tfbert train-vocab --input='corpus/*.txt.gz' --size=30522 --out=vocab.txt
tfbert make-examples --input='corpus/*.txt.gz' --vocab=vocab.txt --out=examples --max_length=128
tfbert pretrain --config=configs/pretrain/small_books.py --data='examples/*' --out=runs/small
"""

from tfbert.training.pretrain_config import pretrain_config


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
