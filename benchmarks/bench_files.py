"""Models, exports and texts that bench.py's peers share, made once for a state of the code."""

import csv
import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TFBERT = [sys.executable, "-m", "tfbert.launch.main"]
NOVELS = 8
ONE_TEXT = "the film was long and good but not my own and it was slow"  # 14 words, with the special tokens 16 tokens


def code_hash(folder="tfbert"):
    """Of the code in a folder: on the package's depend exports and figures, on the peers' the figures."""
    found = hashlib.sha256()
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


class Files:
    """What is in the work folder, and the public data.

    Attributes:
        one_text: of 16 tokens.
        sentences: of SST-2's dev and test sets.
        short: the same, cut to one to four words.
        pairs, scores: of STS-B's test set, one text after the other.
    """

    one_text = ONE_TEXT

    def __init__(self, work, data, checkpoint):
        self.folder, self.data, self.checkpoint = pathlib.Path(work) / code_hash(), pathlib.Path(data), checkpoint
        self.train = self._data("classification/sst2_glue/train.tsv.gz")
        self.sentences = [
            row[0]
            for name in ("dev", "test-labeled")
            for row in _rows(self._data(f"classification/sst2_glue/{name}.tsv"), "\t")[1:]
        ]
        self.short = [" ".join(text.split()[: 1 + i % 4]) for i, text in enumerate(self.sentences)]
        rated = _rows(self._data("similarity/stsb_multi_mt/stsb-en-test.csv"), ",")
        self.pairs = [text for row in rated for text in row[:2]]
        self.scores = [float(row[2]) for row in rated]

    def _data(self, name):
        if not (path := self.data / name).exists():
            raise SystemExit(f"there is no {path}: name the folder of the public data sets with --data or $TFBERT_DATA")
        return str(path)

    def export(self, model, dtype="float32"):
        """The folder of an export of "minilm" or "base"."""
        return self.folder / model / f"export_{dtype}"

    def hub(self, model):
        """The folder that other libraries load."""
        return str(self.checkpoint if model == "minilm" else self.folder / "base/model")

    @property
    def examples(self):
        return str(self.folder / "examples")

    @property
    def paragraphs(self):
        return str(self.folder / "texts.txt")

    def make(self, wanted, say):
        """Makes those of "minilm", "base" and "pretraining" that are not there, and removes those of other code."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for other in self.folder.parent.glob("[0-9a-f]" * 12):
            if other != self.folder:
                shutil.rmtree(other)
        for name, steps in self._steps(wanted):
            done = self.folder / f"{name}.done"
            if done.exists():
                continue
            say(f"making {name}")
            for step in steps:
                if callable(step):
                    step()
                    continue
                command, environment = list(map(str, step)), {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
                subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL)
            done.touch()

    def _steps(self, wanted):
        """(name, commands and functions) of each part."""
        if {"minilm", "base"} & set(wanted):
            yield "models", [self._clean, [sys.executable, _HERE / "make_models.py", self.checkpoint, self.folder]]
        for model in {"minilm", "base"} & set(wanted):
            precisions = {"saved_model,onnx": "float32,int8", "lite": "float32,int8"}
            if model == "base":  # some minutes less
                precisions = {"saved_model,onnx": "float32", "lite": "int8"}
            export = [*TFBERT, "export", f"--model={self.folder / model / 'model'}"]
            steps = [
                [
                    *export,
                    f"--out={self.export(model, out)}",
                    f"--formats={formats}",
                    f"--precisions={precisions[formats]}",
                ]
                for out, formats in (("float32", "saved_model,onnx"), ("lite", "lite"))
            ]
            bfloat16 = [f"--out={self.export(model, 'bfloat16')}", "--formats=saved_model", "--dtype=bfloat16"]
            quantize = [sys.executable, _HERE / "quantize_onnx.py", self.onnx(model), self.quantized(model)]
            yield f"exports of {model}", [*steps, [*export, *bfloat16], quantize]
        if "pretraining" in wanted:
            vocabulary = pathlib.Path(self.checkpoint, "vocab.txt")
            examples = [f"--vocab={vocabulary}", "--objective=none", "--pack", f"--out={self.examples}"]
            yield (
                "pretraining examples",
                [
                    self._write_paragraphs,
                    [*TFBERT, "make-examples", f"--input={self.folder / 'paragraphs.txt'}", *examples],
                ],
            )

    def onnx(self, model):
        """The ONNX file in float32, which tfbert's exporter has written."""
        return str(self.export(model) / "onnx/model.onnx")

    def quantized(self, model):
        """The ONNX file with int8 as ONNX Runtime's own tool makes it."""
        return str(self.export(model) / "onnx/quantized.onnx")

    def _clean(self):
        for model in ("minilm", "base"):
            shutil.rmtree(self.folder / model, ignore_errors=True)

    def _write_paragraphs(self):
        shutil.rmtree(self.examples, ignore_errors=True)
        found = []
        for path in sorted((self.data / "pretrain/en_100_novels").glob("*.gz"))[:NOVELS]:
            text = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
            found += [line.strip() for line in text.splitlines() if line.strip()]  # a paragraph is a line
        pathlib.Path(self.paragraphs).write_text("\n".join(found) + "\n", encoding="utf-8")
        (self.folder / "paragraphs.txt").write_text("\n\n".join(found) + "\n", encoding="utf-8")


_HERE = pathlib.Path(__file__).parent


def _rows(path, separator):
    with open(path, encoding="utf-8", newline="") as file:
        quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
        return list(csv.reader(file, delimiter=separator, quoting=quoting))
