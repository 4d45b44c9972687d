"""`tfbert make-examples` as a user runs it, in processes that are interrupted and killed."""

import contextlib
import gzip
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

from tfbert.data.pretraining import shards

pytest.importorskip("apache_beam")

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "##s", "play", "in", "paris", "a", ".", "of"]


def command(*arguments):
    return [sys.executable, "-m", "tfbert.launch.main", "make-examples", *map(str, arguments)]


def start(*arguments, **kwargs):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **kwargs
    )


def run(*arguments, code=0, **kwargs):
    process = start(*arguments, **kwargs)
    process.stdout_text, process.stderr_text = process.communicate(timeout=300)
    assert process.returncode == code, process.stderr_text[-3000:]
    return process


def content(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def vocabulary(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    return tmp_path / "vocab.txt"


def test_text_to_examples(vocabulary, tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/a.txt").write_text("The films play in Paris. A film!\n\nThe plays of the film.\n" * 300)
    with gzip.open(tmp_path / "corpus/b.txt.gz", "wt") as file:
        file.write("The film plays in a film. Films of films.\n\n" * 300)
    made = run(
        *("--input=corpus/*.txt,corpus/*.txt.gz", f"--vocab={vocabulary}", "--out=out", "--workers=1"),
        *("--shard_mb=0.01", "--max_length=32", "--pack"),
        cwd=tmp_path,
    )
    assert "rows of" in made.stdout_text
    assert "0.00% of the text is unknown" not in made.stdout_text  # the exclamation mark
    assert "Traceback" not in made.stderr_text
    assert "text: 100%" in made.stderr_text
    opened = shards.open_shards(f"{tmp_path}/out/*", sha256=True)
    assert opened.is_packed
    assert opened.max_length == 32
    assert len(opened.shards) > 2
    assert opened.manifest["input"]["files"] == 2
    assert opened.manifest["counts"]["documents"] == 601
    beside = ["manifest.json", "tokenizer_config.json", "vocab.txt"]
    assert sorted(content(tmp_path / "out")) == sorted([*beside, *map(os.path.basename, opened.files)])


# What follows takes a minute or two: real text, in items of a second or so.


@pytest.fixture(scope="module")
def novels(data_dir, tmp_path_factory):
    """Arguments for ten novels in some twenty shards, and what an uninterrupted run makes of them."""
    folder = data_dir("pretrain/en_100_novels")
    arguments = [
        *(f"--input={folder}/[A-E]*.gz", f"--vocab={data_dir('vocab/bert-base-uncased/vocab.txt')}"),
        *("--documents=files", "--shard_mb=0.5", "--workers=2"),
    ]
    out = tmp_path_factory.mktemp("novels") / "out"
    run(*arguments, f"--out={out}")
    return arguments, content(out)


def wait_for_shards(process, out, count):
    while len(list(out.glob("*.gz"))) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def workers_of(process):
    """The worker processes of a launcher."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True).stdout
    return list(map(int, found.split()))


def wait_until_gone(pids):
    for _ in range(100):
        alive = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
                alive.append(pid)
        if not alive:
            return
        time.sleep(0.1)
    raise AssertionError(f"{alive} still run")


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(novels, tmp_path):
    arguments, whole = novels
    run(*arguments, f"--out={tmp_path}/out", "--workers=1")
    assert content(tmp_path / "out") == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signal_number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)], ids=["interrupt", "kill"]
)
def test_an_ended_run_goes_on(novels, tmp_path, signal_number, code):
    arguments, whole = novels
    out = tmp_path / "out"
    process = start(*arguments, f"--out={out}")
    wait_for_shards(process, out, 4)
    workers = workers_of(process)
    assert len(workers) == 2
    process.send_signal(signal_number)
    errors = process.communicate(timeout=20)[1]
    assert process.returncode == code
    assert "Traceback" not in errors
    wait_until_gone(workers)
    kept = {name: data for name, data in content(out).items() if name.endswith(".gz") and not name.startswith("aside")}
    assert kept.items() <= whole.items()
    assert len(kept) < len(whole) - 3
    run(*arguments, f"--out={out}")
    assert content(out) == whole


@pytest.mark.slow
def test_a_killed_worker_ends_the_run(novels, tmp_path):
    arguments, whole = novels
    out = tmp_path / "out"
    process = start(*arguments, f"--out={out}")
    wait_for_shards(process, out, 4)
    workers = workers_of(process)
    os.kill(workers[0], signal.SIGKILL)
    errors = process.communicate(timeout=20)[1]
    assert process.returncode == 2
    assert "a worker process was killed" in errors.splitlines()[-1]
    wait_until_gone(workers)
    run(*arguments, f"--out={out}")
    assert content(out) == whole


@pytest.mark.slow
def test_a_fault_ends_the_run_at_once(novels, tmp_path):
    arguments, _ = novels
    (tmp_path / "z.txt").write_bytes(b"text\n" * 200_000 + b"\xe9\n")
    folder = arguments[0].removeprefix("--input=")
    inputs = f"--input={folder},{tmp_path}/z.txt"
    failed = run(*arguments, inputs, "--words=wordpiece", f"--out={tmp_path}/out", code=2)
    assert failed.stderr_text.splitlines()[-1].endswith(
        "z.txt, line 200001, byte 1 of the line: 0xe9 is not UTF-8; save the file as UTF-8"
    )
    assert "Traceback" not in failed.stderr_text
    assert not list((tmp_path / "out").rglob("aside*"))


@pytest.mark.slow
def test_a_disk_that_is_full(novels, tmp_path):
    arguments, whole = novels
    out = tmp_path / "out"
    process = start(*arguments, f"--out={out}")
    wait_for_shards(process, out, 3)
    process.send_signal(signal.SIGINT)
    process.communicate()
    before = {name: data for name, data in content(out).items() if name in whole}

    def limit():  # a shard is larger; a write fails with an error instead of killing
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    failed = run(*arguments, f"--out={out}", preexec_fn=limit, code=2)
    assert f"could not write {out}" in failed.stderr_text.splitlines()[-1]
    assert not list(out.rglob("aside*"))
    assert before.items() <= content(out).items()
    run(*arguments, f"--out={out}")
    assert content(out) == whole


@pytest.mark.slow
def test_memory_does_not_grow_with_the_text(data_dir, vocabulary, tmp_path):
    """The largest of the worker processes, on 20 and on 200 MB of text and on a line of 100 MB."""
    text = gzip.decompress(data_dir("pretrain/en_100_novels/Doyle_Hound_1902.txt.gz").read_bytes())
    script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    script += "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    peaks = {}
    for name, data, times in (
        ("small", text, 62),
        ("large", text, 620),
        ("line", b"the film plays in paris ", 4_200_000),
    ):
        path = tmp_path / f"{name}.txt"
        with open(path, "wb") as file:
            for _ in range(times):
                file.write(data)
        arguments = command(f"--input={path}", f"--vocab={vocabulary}", f"--out={tmp_path}/{name}", "--workers=2")
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr[-2000:]
        peaks[name] = int(done.stdout.split("peak ")[1])
        path.unlink()
    assert peaks["large"] < 1.1 * peaks["small"], peaks
    assert peaks["line"] < 1.1 * peaks["small"], peaks
    manifest = json.loads((tmp_path / "line/manifest.json").read_text())
    assert manifest["counts"]["text_tokens"] > 6 * 4_190_000


@pytest.mark.slow
def test_another_runner_makes_the_same_bytes(vocabulary, tmp_path):
    """Beam's job service on this machine, which PortableRunner talks to as those of Flink and Spark do to theirs."""
    (tmp_path / "a.txt").write_text("The films play in Paris. A film!\n\nThe plays of the film.\n" * 300)
    arguments = [f"--input={tmp_path}/a.txt", f"--vocab={vocabulary}", "--shard_mb=0.01"]
    run(*arguments, f"--out={tmp_path}/here", "--workers=1")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    service = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", f"--port={port}"]
    process = subprocess.Popen(service, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        options = f"--beam_options=--job_endpoint=localhost:{port} --environment_type=LOOPBACK"
        run(*arguments, f"--out={tmp_path}/there", "--runner=PortableRunner", options)
    finally:
        process.kill()
    assert content(tmp_path / "there") == content(tmp_path / "here")
