"""Characters per second of tokenizers: tfbert's beside `tokenizers`, tensorflow_text's own and KerasHub's, in one run.

Each tokenizes the same lines inside tf.data, in batches of 1,024 lines (`tokenizers`: its own call on the same batches,
its fastest: ids without offsets), in a process of its own with the given number of threads; rounds take turns. The
clock starts when the pipeline has yielded its first batch.

python benchmarks/tokenizer_throughput.py --english='novels/*.txt.gz' --english_vocab=bert-base-uncased/vocab.txt \
    --chinese='zh/*.txt.gz' --chinese_vocab=bert-base-chinese/vocab.txt --rounds=5

With a folder of a tokenizer.json, such as one of byte-level BPE, it is that tokenizer beside `tokenizers`, ids with ids
and offsets with both, in CPU seconds of one thread:

python benchmarks/tokenizer_throughput.py --english='novels/*.txt.gz' --folder=gpt-neox-20b --megabytes=5 --rounds=5
"""

import argparse
import glob
import gzip
import json
import os
import statistics
import subprocess
import sys
import time

BATCH = 1024
MEGABYTES = {"english": 20, "chinese": 5}
PEERS = ("tokenizers", "fast_bert", "keras_hub")
OURS = ("tfbert", "tfbert_offsets", "tfbert_dense")
OF_FOLDER = {"tfbert": ["tokenizers"], "tfbert_offsets": ["tokenizers", "tokenizers_offsets"]}


def read(pattern, megabytes):
    """Lines of the files, as many as make up so much UTF-8."""
    lines, left = [], megabytes * 1_000_000
    for path in sorted(glob.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8-sig") as file:
            for line in file:
                if line := line.strip():
                    lines.append(line)
                    left -= len(line.encode("utf-8"))
                if left < 0:
                    return lines
    sys.exit(f"{pattern} holds {left / 1e6:.1f} MB too little")


def pipeline(name, lines, vocab, lower_case):
    """An iterator that tokenizes a batch a step; `vocab` is a vocab.txt, or a folder."""
    if name.startswith("tokenizers"):
        import tokenizers

        if os.path.isdir(vocab):
            tokenizer = tokenizers.Tokenizer.from_file(f"{vocab}/tokenizer.json")
        else:
            tokenizer = tokenizers.BertWordPieceTokenizer(vocab, lowercase=lower_case)._tokenizer
        encode = tokenizer.encode_batch if name == "tokenizers_offsets" else tokenizer.encode_batch_fast
        batches = [lines[i : i + BATCH] for i in range(0, len(lines), BATCH)]
        return (encode(batch, add_special_tokens=False) for batch in batches)
    import tensorflow as tf

    threads = int(os.environ["THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    function = graph_tokenizer(name, vocab, lower_case)
    batches = tf.data.Dataset.from_tensor_slices(lines).batch(BATCH).cache()
    for _ in batches:  # into the cache
        pass
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return iter(batches.map(function, num_parallel_calls=threads).with_options(options))


def graph_tokenizer(name, vocab, lower_case):
    import tensorflow as tf

    if not os.path.isdir(vocab):
        with open(vocab, encoding="utf-8") as file:
            tokens = file.read().removesuffix("\n").split("\n")
    if name == "fast_bert":
        import tensorflow_text

        return tensorflow_text.FastBertTokenizer(
            tokens, lower_case_nfd_strip_accents=lower_case, token_out_type=tf.int32
        ).tokenize
    if name == "keras_hub":
        import keras_hub

        return keras_hub.models.BertTokenizer(vocabulary=tokens, lowercase=lower_case)
    from tfbert.text import Tokenizer

    is_folder = os.path.isdir(vocab)
    tokenizer = Tokenizer.from_folder(vocab) if is_folder else Tokenizer.from_file(vocab, lower_case=lower_case)
    return {
        "tfbert": tokenizer.tokenize,
        "tfbert_offsets": lambda text: tokenizer.tokenize(text, offsets=True),
        "tfbert_dense": tokenizer,
    }[name]


def measure(args):
    """Characters per second of `args.only`; of its CPU's seconds with a folder."""
    lines = read(getattr(args, args.language), args.megabytes or MEGABYTES[args.language])
    vocab = args.folder or getattr(args, f"{args.language}_vocab")
    step = pipeline(args.only, lines, vocab, args.language == "english")
    next(step)
    clock = time.process_time if args.folder else time.perf_counter
    began = clock()
    for _ in step:
        pass
    return sum(map(len, lines[BATCH:])) / (clock() - began)


def run(args, name, language, threads):
    """What `measure` gives, in a process of its own."""
    environment = {**os.environ, "THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
    command = [sys.executable, *sys.argv, f"--only={name}", f"--language={language}"]
    out = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


def compare_folder(args):
    """Prints our figures beside those of `tokenizers`, of rounds that take turns."""
    names = list(dict.fromkeys([*OF_FOLDER, *(name for theirs in OF_FOLDER.values() for name in theirs)]))
    rounds = [{name: run(args, name, "english", 1) for name in names} for _ in range(args.rounds)]
    for name in names:
        line = f"{name:18} {statistics.median(each[name] for each in rounds) / 1e6:6.2f} M characters a CPU second"
        for theirs in OF_FOLDER.get(name, ()):
            ratios = [each[name] / each[theirs] for each in rounds]
            line += f"  {statistics.median(ratios):5.2f} x {theirs} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for language in MEGABYTES:
        parser.add_argument(f"--{language}", help="text files, .gz")
        parser.add_argument(f"--{language}_vocab")
    parser.add_argument("--folder", help="of a tokenizer.json")
    parser.add_argument("--megabytes", type=int, help="of text")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=(*OURS, *PEERS, "tokenizers_offsets"))
    parser.add_argument("--language", choices=list(MEGABYTES))
    args = parser.parse_args()
    if args.only:
        print(json.dumps(measure(args)))
        return
    if args.folder:
        compare_folder(args)
        return
    for language in MEGABYTES:
        for threads in (1, 2):
            figures = {name: [] for name in OURS + PEERS}
            for _ in range(args.rounds):
                for name in figures:
                    figures[name].append(run(args, name, language, threads))
            print(f"{language}, {threads} thread{'s' * (threads > 1)}", flush=True)
            for name in OURS + PEERS:
                line = f"  {name:15} {statistics.median(figures[name]) / 1e6:6.2f} M characters/s"
                for peer in PEERS if name in OURS else ():
                    ratios = [ours / theirs for ours, theirs in zip(figures[name], figures[peer], strict=True)]
                    line += f"  {statistics.median(ratios):5.2f} x {peer} ({min(ratios):.2f} to {max(ratios):.2f})"
                print(line, flush=True)


if __name__ == "__main__":
    main()
