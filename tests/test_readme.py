"""The README's commands and examples, run as they stand there, on a tiny checkpoint."""

import gzip
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(section, language):
    text = re.search(rf"^## {section}$(.*?)^## ", README, re.M | re.S)[1]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.fixture
def shell(tiny_checkpoint, tmp_path):
    """Runs commands in a folder that has the repository's samples and configs, with `tfbert` on the path."""
    for name in ("samples", "configs"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/tfbert"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tfbert.launch.main "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "CHECKPOINT": str(tiny_checkpoint),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
    }

    def start(command):
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(command):
        process = start(command)
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err[-3000:]
        return out

    run.start = start
    return run


def test_five_minutes(shell, tmp_path):
    tour, serve = blocks("Five minutes", "bash")
    (ask,), (ask_at_once,) = blocks("Five minutes", "python"), blocks("Serving", "python")
    out = shell(["bash", "-euo", "pipefail", "-c", tour])
    assert '"accuracy"' in out
    assert '"text": "my parcel was due on friday and still nothing"' in out
    for name in ("report.html", "metrics.jsonl", "tensorboard", "model"):
        assert (tmp_path / "runs/shop" / name).exists()

    with socket.socket() as probe:  # 8500 may be taken here
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = shell.start(["bash", "-c", "exec " + serve.replace("8500", port)])
    try:
        assert server.stdout.readline().startswith("serving shop version 1")
        assert "'label': '" in shell([sys.executable, "-c", ask.replace("8500", port)])
        assert shell([sys.executable, "-c", ask_at_once.replace("8500", port)]).count("'label': '") == 2
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert server.returncode == 0


@pytest.mark.slow
def test_bulk_inference(shell, tmp_path):
    shell(["bash", "-euo", "pipefail", "-c", blocks("Five minutes", "bash")[0]])
    (command,), (example,) = (blocks("Bulk inference", kind) for kind in ("bash", "python"))
    (tmp_path / "logs").mkdir()
    with gzip.open(tmp_path / "logs/a.jsonl.gz", "wt") as file:
        file.write('{"id": 7, "text": "where is my parcel"}\n')
    shell(["bash", "-euo", "pipefail", "-c", command])
    with gzip.open(tmp_path / "answers.jsonl.gz", "rt") as file:
        assert '"id": 7, "text": "where is my parcel", "label": ' in file.read()
    shell([sys.executable, "-c", example])
    (answers,) = tmp_path.glob("answers-*.jsonl")
    assert '"text": "where is my parcel", "label": ' in answers.read_text()


@pytest.mark.slow
def test_exports(shell, tmp_path):
    tour, _ = blocks("Five minutes", "bash")
    (command,), (example,) = (blocks("Exports", kind) for kind in ("bash", "python"))
    shell(["bash", "-euo", "pipefail", "-c", tour])
    out = shell(["bash", "-c", command])
    assert "all answer as the model does" in out
    assert "model_int8.onnx: int8" in out
    label, number = shell([sys.executable, "-c", example]).splitlines()
    labels = (tmp_path / "served/all/shop/labels").read_text().splitlines()
    assert f"'{labels[int(number.strip('[]'))]}'" in label


def test_an_encoder_by_itself(shell, tmp_path):
    examples = blocks("An encoder by itself", "python")
    assert len(examples) == 2
    more = (
        'encoder.save("runs/encoder"); states = encoder(tokenizer(["a"]), return_hidden_states=True)["hidden_states"]'
    )
    out = shell([sys.executable, "-c", "\n".join([*examples, more, "print(len(states))"])])
    assert out.splitlines()[0].endswith("32) (1, 32)") and out.splitlines()[-1] == "2"  # embeddings and one block
    assert (tmp_path / "heads.keras").exists() and (tmp_path / "served/heads/1/saved_model.pb").exists()
    assert (tmp_path / "runs/encoder/model.safetensors").exists()


def test_in_keras(shell, tmp_path):
    examples = blocks("In Keras", "python")
    assert len(examples) == 2
    out = shell([sys.executable, "-c", "\n".join(examples)])
    assert "'probabilities': {'negative'" in out
    assert (tmp_path / "served/mine/1/saved_model.pb").exists()
    assert (tmp_path / "runs/mine/model.safetensors").exists()


@pytest.mark.slow
def test_tasks(shell, tmp_path):
    examples = blocks("Tasks", "python")
    assert len(examples) == 6
    out = shell([sys.executable, "-c", "\n".join(examples)])
    for key in ("entities", "relation", "answers", "summary", "similarity", "choice"):
        assert f"'{key}': " in out
    assert (tmp_path / "runs/embeddings/modules.json").exists()


def test_text(shell, tmp_path):
    (example,) = blocks("Text", "python")
    (train_vocab,) = blocks("Text", "bash")
    out = shell([sys.executable, "-c", example])
    assert "[[-1  0  " in out
    shell(["bash", "-c", train_vocab])
    assert len((tmp_path / "vocab.txt").read_text().splitlines()) == 1000


@pytest.mark.slow
def test_any_checkpoint(shell, tmp_path):
    (commands,) = blocks("Any checkpoint in, any out", "bash")
    out = shell(["bash", "-euo", "pipefail", "-c", commands])
    assert [line.split(" ", 2)[1] for line in out.splitlines() if line.startswith("found: ")] == [
        *("Hugging", "TF1", "Model", "KerasHub"),
    ]
    assert (tmp_path / "converted/hf/model.safetensors").exists()


@pytest.mark.slow
def test_pretraining(shell, tmp_path, shop):
    """The commands as they stand, on the sample's messages as a corpus, a few steps long."""
    (commands,), (example,) = (blocks("Pretraining from raw text", kind) for kind in ("bash", "python"))
    (tmp_path / "corpus").mkdir()
    lines = (shop / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    for number in range(2):
        with gzip.open(tmp_path / f"corpus/{number}.txt.gz", "wt", encoding="utf-8") as file:
            file.write("\n\n".join(line.split("\t")[0] for line in lines[number::2]))
    few = "--out=runs/small --config.steps=3 --config.size=tiny --config.batch_size=8"
    commands = commands.replace("--shard_mb=1", "--shard_mb=0.03").replace("--out=runs/small", few)
    out = shell(["bash", "-euo", "pipefail", "-c", commands])
    assert "tokens from 2 files are in vocab.txt" in out
    assert "mlm_perplexity" in out
    assert '"masks": [[{"token": ' in out
    for name in ("report.html", "metrics.jsonl", "filled_masks.jsonl", "model/model.safetensors"):
        assert (tmp_path / "runs/small" / name).exists()
    assert "'token': " in shell([sys.executable, "-c", example])
