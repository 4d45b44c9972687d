"""Bulk inference: rows a second beside sentence-transformers, and peak memory of files of two sizes.

python benchmarks/bulk.py --checkpoint=$CHECKPOINT --texts=train.tsv --reference_python=$TORCH

`texts` is a file whose first column is a text, such as SST-2's. Speed: `tfbert predict`'s own function from a file of
texts to a file of vectors, in turn with `SentenceTransformer.encode` of the same texts, which sorts all of them by
length, in a process of its own that waits meanwhile. Memory: a whole `tfbert predict` in a process of its own for a
file, and for one ten times as long.
"""

import argparse
import csv
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

LONGER = 10  # times the rows of the first file has the second
PEAK = "VmHWM"


def read_texts(path, most):
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1 : most + 1]


def reference(checkpoint, threads, batch_size):
    """PyTorch's side: a line of a JSON list of texts in, a line of seconds out."""
    import sentence_transformers
    import torch

    torch.set_num_threads(threads)
    model = sentence_transformers.SentenceTransformer(checkpoint, device="cpu")
    for line in sys.stdin:
        texts = json.loads(line)
        began = time.perf_counter()
        vectors = model.encode(texts, batch_size=batch_size or 32, show_progress_bar=False)
        with tempfile.TemporaryFile("w") as file:
            for text, vector in zip(texts, vectors, strict=True):
                file.write(json.dumps({"text": text, "embedding": vector.tolist()}) + "\n")
        print(time.perf_counter() - began, flush=True)


def speed(args, texts, folder):
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"  # as the program itself does
    from tfbert import data, models
    from tfbert.bulk.predict import predict_into

    model = models.load(args.checkpoint, task="sentence-embedding")
    file = folder / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")

    def ours(count):
        began = time.perf_counter()
        tables = data.stream(file) if count == len(texts) else [next(data.stream(file, most_rows=count))]
        predict_into(folder / "vectors.jsonl", model, tables, batch_size=args.batch_size)
        return time.perf_counter() - began

    command = [args.reference_python, __file__, "--only=reference", f"--checkpoint={args.checkpoint}"]
    size = [f"--batch_size={args.batch_size}"] if args.batch_size else []
    command += [f"--threads={args.threads}", *size]
    environment = {**os.environ, "OMP_NUM_THREADS": str(args.threads)}
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def theirs(count):
        other.stdin.write(json.dumps(texts[:count]) + "\n")
        other.stdin.flush()
        return float(other.stdout.readline())

    for contestant in (ours, theirs):
        contestant(64)  # traces, allocates
    ratios = []
    for _ in range(args.rounds):
        taken = [contestant(len(texts)) for contestant in (ours, theirs)]
        ratios.append(taken[1] / taken[0])
        print(
            f"tfbert {len(texts) / taken[0]:.0f} rows/s, sentence-transformers {len(texts) / taken[1]:.0f}", flush=True
        )
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    other.stdin.close()
    other.wait()


def predict(arguments):
    """Run in a process of its own: `tfbert predict`, and this process's peak memory in MiB, on standard error."""
    from tfbert.launch.main import run

    try:
        run("tfbert.launch.predict", ["tfbert predict", *arguments])
    finally:
        (peak,) = (row for row in pathlib.Path("/proc/self/status").read_text().splitlines() if row.startswith(PEAK))
        print(f"\n{int(peak.split()[1]) >> 10}", file=sys.stderr)


def memory(args, texts, folder):
    for times in (1, LONGER):
        file = folder / f"{times}.jsonl"
        with open(file, "w", encoding="utf-8") as out:
            out.writelines(json.dumps({"text": text}) + "\n" for _ in range(times) for text in texts)
        command = [sys.executable, __file__, "predict", f"--model={args.checkpoint}", "--task=sentence-embedding"]
        command += [f"--data={file}", f"--out={file}.gz"]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"{times * len(texts):>9} rows: peak {result.stderr.split()[-1]} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--texts")
    parser.add_argument("--reference_python", default=sys.executable)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--batch_size", type=int, help="of both; each its own default unless given")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["speed", "memory", "reference"])
    args = parser.parse_args()
    if args.only == "reference":
        reference(args.checkpoint, args.threads, args.batch_size)
        return
    texts = read_texts(args.texts, args.rows)
    with tempfile.TemporaryDirectory() as folder:
        for part in (speed, memory):
            if args.only in (None, part.__name__):
                part(args, texts, pathlib.Path(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["predict"]:
        predict(sys.argv[2:])
    else:
        main()
