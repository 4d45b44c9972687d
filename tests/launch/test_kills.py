"""kill -9 at random moments, and the same command again: the same bytes, and nothing left behind.

Half of the kills come at a random time, half a moment after a random change of what the command writes. What differs
between two uninterrupted runs is left out: measured times, the UUID that TensorFlow gives a SavedModel, TensorBoard's
files, whose names and records are times; and Python's own files in $TMPDIR, see `_OF_OTHERS`.
"""

import dataclasses
import json
import os
import random
import re
import shutil
import time

import pytest
from examples import write_examples
from forked_commands import REPOSITORY, ForkedCommands

import tfbert

pytest.importorskip("apache_beam")
pytestmark = pytest.mark.slow

# TensorFlow's autograph removes its sources when Python ends, which a kill (and a forked process) never does; ONNX
# Runtime keeps the number of a session.
_OF_OTHERS = re.compile(r"__autograph_generated_file\w+\.py|\.ses")
_SHOP = REPOSITORY / "samples/shop"


@dataclasses.dataclass(frozen=True)
class Case:
    verb: str
    arguments: tuple
    kills: int
    out: str  # what the command writes
    in_one_piece: bool = True  # whether it is there as a whole or not at all
    with_workers: bool = False  # of which the launcher alone may be killed


def cases(folder):
    shop, checkpoint, model = f"--data={_SHOP}/dev.tsv", folder / "tiny", f"--model={folder}/model"
    of_steps = ("--out=run", "--config.save_every=3", "--config.log_every=2", "--config.evaluate_every=8")
    finetune = ("--task=classification", f"--checkpoint={checkpoint}", f"--dev={_SHOP}/dev.tsv", *of_steps)
    finetune += (f"--train={folder}/train.tsv", "--config.epochs=2", "--config.max_length=32")
    pretrain = (f"--data={folder}/examples", f"--init_from={checkpoint}", *of_steps, "--config.steps=30")
    examples = (f"--input={folder}/corpus/*.txt", f"--vocab={checkpoint}/vocab.txt", "--out=out", "--workers=1")
    predict = (model, f"--data={folder}/texts.txt", "--out=answers.jsonl.gz")
    return [
        Case("finetune", (*finetune, "--config.learning_rate=3e-3"), 10, "run", in_one_piece=False),
        Case("pretrain", (*pretrain, "--config.batch_size=8"), 8, "run", in_one_piece=False),
        Case("predict", predict, 9, "answers.jsonl.gz"),
        Case("export", (model, shop, "--out=served", "--formats=saved_model,lite,onnx"), 8, "served"),
        Case("export", (model, "--out=served/1"), 4, "served/1"),
        Case("convert", (f"--from={checkpoint}", "--to=tf1", "--out=out"), 5, "out"),
        Case("train-vocab", (f"--input={folder}/corpus/*.txt", "--size=900", "--out=vocab.txt"), 4, "vocab.txt"),
        Case("evaluate", (model, shop, "--report=report.html"), 3, "report.html"),
        Case(
            *("make-examples", (*examples, "--shard_mb=0.02", "--max_length=32"), 6, "out"),
            in_one_piece=False,
            with_workers=True,
        ),
    ]


@pytest.fixture(scope="module")
def material(tiny_checkpoint, tmp_path_factory):
    """The folder of `cases`."""
    folder = tmp_path_factory.mktemp("material")
    shutil.copytree(tiny_checkpoint, folder / "tiny")
    lines = (_SHOP / "train.tsv").read_text(encoding="utf-8").splitlines()
    (folder / "train.tsv").write_text("".join(f"{line}\n" for line in lines[:420]), encoding="utf-8")
    texts = [line.split("\t")[0] for line in lines[1:]]
    (folder / "texts.txt").write_text("".join(f"{text}\n" for text in texts * 15), encoding="utf-8")
    (folder / "corpus").mkdir()
    for number in range(4):
        text = "".join(f"{text}.\n" + "\n" * (i % 7 == 0) for i, text in enumerate(texts * 2))
        (folder / f"corpus/{number}.txt").write_text(text, encoding="utf-8")
    write_examples(folder / "examples", tfbert.Tokenizer.from_folder(tiny_checkpoint), texts[:200])
    table = tfbert.data.read(folder / "train.tsv")
    labels = sorted(set(table.column("label")))
    tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=labels).save(folder / "model")
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """name -> (process that forks commands, its $TMPDIR); the two have other orders of sets and dicts of hashes."""
    temporary = {name: tmp_path_factory.mktemp(f"{name}_tmp") for name in ("whole", "killed")}
    whole, killed = (
        ForkedCommands(hash_seed, TMPDIR=str(folder)) for hash_seed, folder in enumerate(temporary.values())
    )
    with whole, killed:
        yield {"whole": (whole, temporary["whole"]), "killed": (killed, temporary["killed"])}


def content(path):
    """Name -> bytes, of a file or of all files in a folder, without what differs between two runs."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    found = {str(file.relative_to(path.parent)): file for file in files}
    return {name: _without_times(file) for name, file in found.items() if "/tensorboard/" not in name}


def _without_times(file):
    data = file.read_bytes()
    if file.name == "metrics.jsonl":
        return [json.loads(line) | {"tokens_per_second": 0} for line in data.splitlines()]
    if file.name == "report.html":
        figures = re.split(rb"(?s)(<svg.*?</svg>)", data)
        return [part for part in figures if b"tokens per second" not in part]
    if file.name == "README.md":  # the model card
        return re.sub(rb"\| \d+\.\d\d (?=\|)", b"", data)
    return None if file.name == "fingerprint.pb" else data


def listing(*folders):
    """The paths and sizes of all that is in some folders."""
    found = set()
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                try:
                    found.add((parent, name, os.stat(os.path.join(parent, name)).st_size))
                except FileNotFoundError:  # since
                    continue
            found.add(parent)
    return found


def follow(command, folders, *, seconds=600.0, changes=0, moment=0.0):
    """Waits for the end, or for so many seconds or changes of what is in the folders; returns how many there were."""
    began, before, seen = time.monotonic(), listing(*folders), 0
    while command.wait(0.001) is None and time.monotonic() - began < seconds:
        now = listing(*folders)
        seen, before = seen + (now != before), now
        if seen and seen == changes:
            time.sleep(moment)
            break
    return seen


def whole_or_absent(folder, case, whole, was_there):
    """After a kill nothing is half there; what stood there before may stand aside, between two renames."""
    path = folder / case.out
    if case.in_one_piece and path.exists():
        assert content(path) == whole
    elif case.in_one_piece and was_there:
        (aside,) = path.parent.glob(f".{path.name}.*/old")
        assert {name.partition("/")[2]: data for name, data in content(aside).items()} == {
            name.partition("/")[2]: data for name, data in whole.items()
        }
    model = path / "model"
    if model.exists():
        assert {"config.json", "model.safetensors", "vocab.txt"} <= {file.name for file in model.iterdir()}


@pytest.mark.parametrize("number", range(9))
def test_kills(number, material, places, tmp_path):
    case, seed = cases(material)[number], random.Random(number)
    folders = {name: tmp_path / name for name in places}
    for folder in folders.values():
        (folder / case.out).parent.mkdir(parents=True)

    def start(name):
        commands, temporary = places[name]
        command = commands.start([case.verb, *case.arguments], folders[name], tmp_path / f"{name}.log")
        return command, (folders[name], temporary)

    command, written = start("whole")
    began = time.monotonic()
    changes = follow(command, written)
    seconds = time.monotonic() - began
    assert command.code == 0, (tmp_path / "whole.log").read_text()[-3000:]
    whole, killed = content(folders["whole"] / case.out), folders["killed"]

    kills, was_there, finished = 0, False, 0
    while kills < case.kills or not finished:
        command, written = start("killed")
        if kills == case.kills:
            follow(command, written)
        elif kills % 2:
            follow(command, written, seconds=seed.uniform(0, seconds))
        else:
            follow(command, written, changes=seed.randint(1, changes), moment=seed.choice([0, 0.002, 0.02]))
        code = command.kill(alone=case.with_workers and seed.random() < 0.5)
        if code == 0:
            finished += 1
            assert content(killed / case.out) == whole
            was_there = True
            if not case.in_one_piece and kills < case.kills:
                shutil.rmtree(killed / case.out)
        else:
            assert code == -9, (tmp_path / "killed.log").read_text()[-3000:]
            kills += 1
            finished = 0
            whole_or_absent(killed, case, whole, was_there)
    names = {str(path.relative_to(folder)) for folder in folders.values() for path in folder.rglob("*")}
    for folder in folders.values():
        found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        assert {name for name in names - found if "events.out" not in name} == set()
    for _, temporary in places.values():
        assert [path.name for path in temporary.iterdir() if not _OF_OTHERS.fullmatch(path.name)] == []
