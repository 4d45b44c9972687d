"""What all peers that encode texts share: batches in order of arrival, ids of one shape, several callers at once."""

import concurrent.futures

import numpy as np


def begin(of_texts, of_ids, callers=1):
    """Tasks of an encoder: {"texts", "batch"} by `of_texts(list) -> [B, H]`, or {"rows", "tokens"} by `of_ids(ids)`.

    Several `callers` take batches in turn, each in a thread of its own.
    """
    pool = concurrent.futures.ThreadPoolExecutor(callers)

    def begin(task):
        if "texts" not in task:
            ids = ids_of(task["rows"], task["tokens"])
            return lambda: of_ids(ids)
        texts, size = task["texts"], task["batch"]
        batches = [texts[at : at + size] for at in range(0, len(texts), size)]
        if callers == 1:
            return lambda: [vectors[0] for vectors in map(of_texts, batches)]
        return lambda: [vectors[0] for vectors in pool.map(of_texts, batches)]

    return begin


def ids_of(rows, tokens):
    """int32 [rows, tokens], any words but the special ones."""
    return np.random.default_rng(0).integers(1000, 20_000, (rows, tokens)).astype(np.int32)


def features(ids, mask=None):
    """The inputs of a network that tfbert has exported."""
    mask = np.ones_like(ids) if mask is None else np.asarray(mask, np.int32)
    return {"token_ids": np.asarray(ids, np.int32), "segment_ids": np.zeros_like(mask), "padding_mask": mask}


def tokenizer(folder, max_length=256):
    """texts -> (ids, mask), lists of one length, by Hugging Face's `tokenizers`."""
    import pathlib

    import tokenizers

    words = tokenizers.BertWordPieceTokenizer(str(pathlib.Path(folder, "vocab.txt")), lowercase=True)
    words.enable_truncation(max_length)
    words.enable_padding()

    def encode(texts):
        encoded = words.encode_batch(texts)
        return [row.ids for row in encoded], [row.attention_mask for row in encoded]

    return encode
