"""BBC news summaries (Greene and Cunningham 2006; Kaggle's extractive summaries): 2,225 articles, no published split.

A summary is two fifths of its article's sentences, word for word. The split here is by a checksum of the id,
bbc_news_summary.jsonl.gz -> 1,816 articles to train on and 409 of dev:

    import gzip, zlib
    files = open("bbc_train.jsonl", "wb"), open("bbc_dev.jsonl", "wb")
    for line in gzip.open("bbc_news_summary.jsonl.gz"):
        files[zlib.crc32(line.split(b'"')[3]) % 100 < 18].write(line)
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="summarization",
        train="bbc_train.jsonl",
        dev="bbc_dev.jsonl",
        columns={"document": "article"},
        max_length=512,
        settings={"ratio": 0.4, "block_ngrams": 0},
        epochs=2,
        batch_size=8,
        learning_rate=5e-5,
    )
