"""Milliseconds that a warm function takes for one sentence of 20 words, in turn with one that does nothing.

python benchmarks/tokenizer_latency.py --vocab=bert-base-uncased/vocab.txt
"""

import argparse
import os
import statistics
import time

SENTENCE = (
    "The quick brown fox jumps over the lazy dogs while unaffable film critics watch quietly from old chairs, ah."
)
ROUNDS, CALLS = 100, 50


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocab", required=True)
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    import tensorflow_text

    from tfbert.text import Tokenizer

    tokenizer = Tokenizer.from_file(args.vocab, lower_case=True)
    stock = tensorflow_text.FastBertTokenizer(list(tokenizer.vocabulary), lower_case_nfd_strip_accents=True)
    functions = {
        "nothing": lambda text: tf.identity(text),
        "tfbert, ids": lambda text: tokenizer.tokenize(text).flat_values,
        "tfbert, a batch": lambda text: tokenizer(text),
        "tfbert, a batch with offsets": lambda text: tokenizer(text, offsets=True),
        "FastBertTokenizer, ids": lambda text: stock.tokenize(text).flat_values,
    }
    spec = [tf.TensorSpec([None], tf.string)]
    functions = {
        name: tf.function(function, input_signature=spec, autograph=False).get_concrete_function()
        for name, function in functions.items()
    }
    text = tf.constant([SENTENCE])
    times = {name: [] for name in functions}
    for i in range(ROUNDS + 10):
        for name, function in functions.items():
            began = time.perf_counter()
            for _ in range(CALLS):
                function(text)
            if i >= 10:  # warm
                times[name].append((time.perf_counter() - began) / CALLS)
    for name, values in times.items():
        print(f"{name:30} median {1e3 * statistics.median(values):.3f} ms, least {1e3 * min(values):.3f} ms")


if __name__ == "__main__":
    main()
