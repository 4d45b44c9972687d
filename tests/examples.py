"""Small folders of pretraining examples, for tests of what reads them. n tokens of a row."""

import json

import numpy as np
import tensorflow as tf

from tfbert.data.pretraining import manifest as manifest_file
from tfbert.data.pretraining import shards as shard_files


def write_examples(
    folder, tokenizer, texts, *, shards=3, rows=24, max_length=32, objective="nsp", packed=False, seed=0
):
    """`shards` files of rows whose sentences are `texts`, in random order; packed rows hold as many as fit."""
    random = np.random.default_rng(seed)
    vocabulary = tokenizer.vocabulary
    start, end = tokenizer.template.before[0], tokenizer.template.after[0]
    sentences = tokenizer.tokenize(texts).to_list()
    sentences = [row for row in sentences if 0 < len(row) <= (max_length - 3) // 2]

    def sequence():
        one, other = (sentences[i] for i in random.integers(len(sentences), size=2))
        if objective == "none":
            return [start, *one, end], [0] * (len(one) + 2)
        return [start, *one, end, *other, end], [0] * (len(one) + 2) + [1] * (len(other) + 1)

    def row():
        token_ids, segment_ids, lengths = [], [], []
        while True:
            ids, segments = sequence()
            if lengths and len(token_ids) + len(ids) > max_length:
                break
            token_ids, segment_ids, lengths = token_ids + ids, segment_ids + segments, [*lengths, len(ids)]
            if not packed:
                break
        labels = [] if objective == "none" else random.integers(2, size=len(lengths)).tolist()
        return {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "word_starts": [1] * len(token_ids),
            "sequence_lengths": lengths,
            "next_sentence": labels,
        }

    folder.mkdir(parents=True, exist_ok=True)
    described = []
    for number in range(shards):
        name, tokens = f"{number:05d}{shard_files.SUFFIX}", 0
        with tf.io.TFRecordWriter(str(folder / name), "GZIP") as writer:
            for _ in range(rows):
                values = row()
                tokens += len(values["token_ids"])
                feature = {
                    key: tf.train.Feature(int64_list=tf.train.Int64List(value=value)) for key, value in values.items()
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
        described.append(
            {
                "file": name,
                "rows": rows,
                "tokens": tokens,
                "bytes": (folder / name).stat().st_size,
                "sha256": shard_files.file_sha256(folder / name),
            }
        )
    manifest = {
        "format": manifest_file.FORMAT,
        "vocabulary_sha256": shard_files.vocabulary_sha256(vocabulary),
        "vocabulary_size": len(vocabulary),
        "tokenizer": shard_files.tokenizer_settings(tokenizer),
        "max_length": max_length,
        "objective": objective,
        "masking": {"kind": "dynamic"},
        "packed": packed,
        "shards": described,
    }
    (folder / manifest_file.MANIFEST).write_text(json.dumps(manifest))
    tokenizer.save(folder)
    return folder
