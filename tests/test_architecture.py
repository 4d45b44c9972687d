"""docs/architecture.md: its rooms are those of the package, and its recipes do what they say as they stand there."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import tfbert

REPOSITORY = pathlib.Path(tfbert.__file__).parent.parent
PAGE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
ROWS = [("a fine lamp", 3), ("the shade is broken", 1), ("it came late but works", 2), ("perfect", 3)] * 4


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]


def blocks(title, language):
    return re.findall(rf"^```{language}\n(.*?)^```", section(title), re.M | re.S)


@pytest.fixture
def recipe(tiny_checkpoint, tmp_path):
    """Writes the files of a recipe into an empty folder, and returns what runs its other blocks there."""
    shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    (tmp_path / "train.tsv").write_text("review\tstars\n" + "".join(f"{text}\t{stars}\n" for text, stars in ROWS))
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/tfbert"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tfbert.launch.main "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "CHECKPOINT": "checkpoint",
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
    }

    def run(*command):
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    def start(title):
        programs = []
        for block in blocks(title, "python"):
            name = re.match(r"# (\S+\.py)\n", block)
            if name:
                (tmp_path / name[1]).parent.mkdir(exist_ok=True)
                (tmp_path / name[1]).write_text(block)
            else:
                programs.append(block)
        run.programs, run.commands = programs, blocks(title, "bash")
        run.shell = lambda commands: run("bash", "-euo", "pipefail", "-c", commands)
        run.python = lambda text: run(sys.executable, "-c", text)
        return run

    return start


def test_every_room_is_named():
    named = re.findall(r"^\| `(.*?)` \|", section("Rooms"), re.M)
    package = pathlib.Path(tfbert.__file__).parent
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    files = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    assert sorted(named) == sorted(folders | files)


def test_paths_exist():
    """What the page names of this repository is there; a recipe's own names stand in capitals or in its blocks."""
    text = re.sub(r"^```.*?^```", "", PAGE, flags=re.M | re.S)
    named = {name for name in re.findall(r"`((?:tfbert|tests)/[\w/.]+)`", text) if "NAME" not in name}
    assert len(named) > 5
    assert [name for name in sorted(named) if not (REPOSITORY / name).exists()] == []


def test_glossary_has_each_word_once():
    words = [word for row in re.findall(r"^\| (.*?) \|", section("Glossary"), re.M)[2:] for word in row.split(", ")]
    assert len(words) > 20 and len(words) == len(set(words))


@pytest.mark.slow
def test_add_a_task(recipe, tmp_path):
    run = recipe("Add a task")
    (commands,) = run.commands
    out = run.shell(commands)
    assert '"accuracy": ' in out and '"within_one": ' in out
    (answer,) = re.findall(r'^\{"text": "a fine lamp".*\}$', out, re.M)
    answer = json.loads(answer)
    assert answer["stars"] in (1, 2, 3) and 1 / 3 <= answer["score"] <= 1
    assert "all answer as the model does" in out
    assert {path.name for path in (tmp_path / "served/stars").iterdir()} >= {"1", "lite", "onnx"}
    (tmp_path / "bad.tsv").write_text("review\tstars\nfine\t4\n")
    told = run.python(
        "import tfbert; from tfbert.errors import DataError; model = tfbert.load('runs/stars'); model.compile()\n"
        "try: model.evaluate(tfbert.data.read('bad.tsv'))\nexcept DataError as error: print(error)"
    )
    assert "4 is not one of 1 to 3 stars" in told and "bad.tsv" in told


@pytest.mark.slow
def test_add_a_family(recipe, tmp_path):
    run = recipe("Add a family")
    (program,) = run.programs
    assert "(1, 5, 32)" in run.python(program)
    (tmp_path / "topics.tsv").write_text("text\tlabel\n" + "fine lamp\tlamp\nmy order\torder\n" * 4)
    train = "--train=topics.tsv --dev=topics.tsv --config.epochs=1"
    register = "--register=plain.family"
    run.shell(f"tfbert finetune {register} --checkpoint=plain-small --out=runs/plain {train} --config.max_length=32")
    assert json.loads((tmp_path / "runs/plain/model/config.json").read_text())["architectures"] == [
        "PlainForSequenceClassification"
    ]
    assert '"label": "' in run.shell(f"echo fine | tfbert predict {register} --model=runs/plain")
    out = run.shell(f"tfbert export {register} --model=runs/plain --out=served --formats=saved_model,lite,onnx")
    assert "all answer as the model does" in out


@pytest.mark.slow
def test_add_a_format(recipe, tmp_path):
    run = recipe("Add a format")
    (commands,) = run.commands
    out = run.shell(commands)
    assert "found: NumPy archive converted: 1 layers" in out and "note: " not in out
    for name in ("model.safetensors", "vocab.txt"):
        assert (tmp_path / "back" / name).read_bytes() == (tmp_path / "checkpoint" / name).read_bytes()
    run.python("import archive, tfbert; tfbert.Encoder.from_checkpoint('converted')")
