"""Peak memory of `tfbert predict` for a file, and for one ten times as long; its speed is in bench.py.

python benchmarks/bulk_memory.py --checkpoint=$CHECKPOINT --texts=train.tsv

`texts` is a file whose first column is a text, such as SST-2's. Each command is a process of its own.
"""

import argparse
import csv
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

LONGER = 10  # times the rows of the first file has the second


def read_texts(path, most):
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1 : most + 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--rows", type=int, default=4096)
    args = parser.parse_args()
    texts = read_texts(args.texts, args.rows)
    with tempfile.TemporaryDirectory() as folder:
        for times in (1, LONGER):
            file = pathlib.Path(folder, f"{times}.jsonl")
            with open(file, "w", encoding="utf-8") as out:
                out.writelines(json.dumps({"text": text}) + "\n" for _ in range(times) for text in texts)
            command = [sys.executable, "-m", "tfbert.launch.main", "predict", f"--model={args.checkpoint}"]
            command += ["--task=sentence-embedding", f"--data={file}", f"--out={file}.gz"]
            process = subprocess.Popen(command)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(process.returncode)
            print(f"{times * len(texts):>9} rows: peak {usage.ru_maxrss >> 10} MiB", flush=True)


if __name__ == "__main__":
    main()
