"""CPU seconds of SentencePiece Unigram tokenizers: tfbert's in tf.data beside `tokenizers`, one thread each.

Both tokenize the same lines in batches of 256: tfbert ids, and ids with places; `tokenizers` its fastest call,
encode_batch_fast, and encode_batch, which has offsets. Rounds take turns; the figures are medians. `tokenizers` keeps
10,000 words: "new" is one that has seen no text, as at the beginning of a run; the others have seen these very lines.

python benchmarks/unigram_throughput.py --model=xlmr/sentencepiece.bpe.model --tokenizer_class=XLMRobertaTokenizer \
    --texts='novels/*.txt.gz' --megabytes=2 --rounds=5
"""

import argparse
import glob
import gzip
import json
import os
import statistics
import time

BATCH = 256


def read(pattern, megabytes):
    """Lines of the files, as many as make up so much UTF-8."""
    lines, left = [], megabytes * 1e6
    for path in sorted(glob.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8-sig") as file:
            for line in map(str.strip, file):
                if line and left > 0:
                    lines.append(line)
                    left -= len(line.encode("utf-8"))
    return lines


def seconds(function):
    begin = time.process_time()
    function()
    return time.process_time() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a .model file")
    parser.add_argument("--tokenizer_class", required=True, help="transformers' class that numbers its pieces")
    parser.add_argument("--texts", required=True, help="text files, .gz")
    parser.add_argument("--megabytes", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    import tensorflow as tf
    import tokenizers

    from tfbert.text import SpecialTokens, Vocabulary
    from tfbert.text.algorithms.unigram import Unigram
    from tfbert.text.algorithms.unigram_files import read_model_file
    from tfbert.text.algorithms.unigram_json import written_tokenizer_json
    from tfbert.text.algorithms.unigram_settings import UnigramRules

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with open(args.model, "rb") as file:
        found = read_model_file(file.read(), args.model, args.tokenizer_class, {})
    ours = Unigram(
        Vocabulary(found.tokens), UnigramRules(found.model, found.rules), SpecialTokens(**found.special_tokens)
    )
    made = {"version": "1.0", "added_tokens": [], **written_tokenizer_json(found.model, found.rules)}
    theirs = tokenizers.Tokenizer.from_str(json.dumps(made))
    theirs.add_special_tokens(list(found.special_tokens.values()))
    whole = theirs.to_str()

    lines = read(args.texts, args.megabytes)
    batches = [lines[i : i + BATCH] for i in range(0, len(lines), BATCH)]
    data = tf.data.Dataset.from_tensor_slices(lines).batch(BATCH).cache()
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1

    def in_data(places):
        pieces = data.map(lambda text: tuple(of for of in ours(text, places) if of is not None)).with_options(options)
        return lambda: [None for _ in pieces]

    def new():
        fresh = tokenizers.Tokenizer.from_str(whole)
        begin = time.process_time()
        for batch in batches:
            fresh.encode_batch_fast(batch, add_special_tokens=False)
        return time.process_time() - begin

    ways = {
        "tfbert ids": in_data(False),
        "tfbert places": in_data(True),
        "encode_batch_fast": lambda: [theirs.encode_batch_fast(batch, add_special_tokens=False) for batch in batches],
        "encode_batch": lambda: [theirs.encode_batch(batch, add_special_tokens=False) for batch in batches],
    }
    for way in ways.values():  # traced, and texts in the cache
        way()
    taken = {name: [] for name in (*ways, "encode_batch_fast, new")}
    for _ in range(args.rounds):
        taken["encode_batch_fast, new"].append(new())
        for name, way in ways.items():
            taken[name].append(seconds(way))
    size = sum(len(line.encode("utf-8")) for line in lines) / 1e6
    for name, times in taken.items():
        print(f"{name:22} {size / statistics.median(times):6.2f} MB a CPU second")
    pairs = (
        ("tfbert ids", "encode_batch_fast"),
        ("tfbert ids", "encode_batch_fast, new"),
        ("tfbert places", "encode_batch"),
    )
    for name, peer in pairs:
        ratios = [b / a for a, b in zip(taken[name], taken[peer], strict=True)]
        print(f"{name} {statistics.median(ratios):.1f} x {peer} ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
