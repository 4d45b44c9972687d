"""Milliseconds that a warm function takes for one sentence of 20 words, in turn with one that does nothing.

python benchmarks/tokenizer_latency.py --vocab=bert-base-uncased/vocab.txt

With a folder of a tokenizer.json, such as one of byte-level BPE, it is that tokenizer beside `tokenizers`:

python benchmarks/tokenizer_latency.py --folder=gpt-neox-20b

Each figure is of the clock and of the CPU; on a machine that others use, the latter says more.
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
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--vocab")
    which.add_argument("--folder")
    parser.add_argument("--threads", type=int, help="of TensorFlow; as many as it likes unless given")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from tfbert.text import Tokenizer

    if args.threads:
        tf.config.threading.set_intra_op_parallelism_threads(args.threads)
        tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    if args.folder:
        tokenizer = Tokenizer.from_folder(args.folder)
    else:
        tokenizer = Tokenizer.from_file(args.vocab, lower_case=True)
    functions = {
        "nothing": lambda text: tf.identity(text),
        "tfbert, ids": lambda text: tokenizer.tokenize(text).flat_values,
        "tfbert, a batch": lambda text: tokenizer(text),
        "tfbert, a batch with offsets": lambda text: tokenizer(text, offsets=True),
    }
    if args.vocab:
        import tensorflow_text

        stock = tensorflow_text.FastBertTokenizer(list(tokenizer.vocabulary), lower_case_nfd_strip_accents=True)
        functions["FastBertTokenizer, ids"] = lambda text: stock.tokenize(text).flat_values
    spec = [tf.TensorSpec([None], tf.string)]
    functions = {
        name: tf.function(function, input_signature=spec, autograph=False).get_concrete_function()
        for name, function in functions.items()
    }
    if args.folder:
        import tokenizers

        theirs = tokenizers.Tokenizer.from_file(f"{args.folder}/tokenizer.json")
        functions["tokenizers, ids"] = lambda text: theirs.encode_batch_fast([SENTENCE], add_special_tokens=False)
    text = tf.constant([SENTENCE])
    times = {name: [] for name in functions}
    for i in range(ROUNDS + 10):
        for name, function in functions.items():
            began = time.perf_counter(), time.process_time()
            for _ in range(CALLS):
                function(text)
            ended = time.perf_counter(), time.process_time()
            if i >= 10:  # warm
                times[name].append([1e3 * (end - begin) / CALLS for begin, end in zip(began, ended, strict=True)])
    for name, rounds in times.items():
        figures = [
            f"{unit} median {statistics.median(values):.3f} ms, least {min(values):.3f} ms"
            for unit, values in zip(("clock", "CPU"), zip(*rounds, strict=True), strict=True)
        ]
        print(f"{name:30} {'; '.join(figures)}")


if __name__ == "__main__":
    main()
