"""The command line as a user types it, with the mistakes a user makes."""

import gzip
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from tfbert.launch.main import VERBS

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def tfbert(*arguments, stdin=None, cwd=None):
    command = [sys.executable, "-m", "tfbert.launch.main", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=cwd or REPOSITORY, env=environment, timeout=400
    )


@pytest.fixture(scope="module")
def finetune(tiny_checkpoint):
    def run(out, *arguments, train="samples/shop/train.tsv", dev="samples/shop/dev.tsv"):
        return tfbert(
            *("finetune", "--task=classification", f"--checkpoint={tiny_checkpoint}", f"--train={train}"),
            *(f"--dev={dev}", f"--out={out}", "--config.epochs=1", "--config.max_length=32", *arguments),
        )

    return run


@pytest.fixture(scope="module")
def run_folder(finetune, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mine"
    refused = finetune(out, "--config.metric=f1")  # which six labels do not have; the folder is free for the next run
    assert refused.returncode == 2 and "there is no dev metric 'f1'; there are loss" in refused.stderr
    result = finetune(out)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "trained from random: classifier/kernel, classifier/bias" in result.stdout
    assert "1206 training and 113 dev examples, 38 steps an epoch" in result.stdout
    assert f"model, metrics and report.html are in {out}" in result.stdout
    assert not (out / "checkpoints").exists()
    again = finetune(out)
    assert f"the run in {out} is finished; nothing is trained again" in again.stdout
    assert again.stdout.splitlines()[-2:] == result.stdout.splitlines()[-2:]  # the same metrics
    return out


def test_evaluate(run_folder, tmp_path):
    report = tmp_path / "test.html"
    result = tfbert("evaluate", f"--model={run_folder}", "--data=samples/shop/test.tsv", f"--report={report}")
    assert set(json.loads(result.stdout)) == {"loss", "accuracy", "macro_f1", "matthews"}
    assert "<html" in report.read_text()


def test_predict_a_file_and_standard_input(run_folder, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("where is it\n\nI want my money back\n")
    out = tmp_path / "answers.jsonl"
    result = tfbert("predict", f"--model={run_folder}", f"--data={texts}", f"--out={out}")
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["text"] for row in rows] == ["where is it", "", "I want my money back"]
    result = tfbert("predict", f"--model={run_folder}", "--bad_rows=error", stdin=texts.read_text())
    assert [json.loads(line)["label"] for line in result.stdout.splitlines()] == [row["label"] for row in rows]


@pytest.mark.slow
def test_predict_several_files_with_their_ids(run_folder, tmp_path):
    rows = [{"n": i, "text": "where is it"} for i in range(3)] + [{"n": 3, "text": None}]
    for name, part in (("b.jsonl", rows[2:]), ("a.jsonl", rows[:2])):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    (tmp_path / "c.jsonl").write_text('{"n": 4, "text": "late"}\n{"n": 5, "te\n')
    command = ["predict", f"--model={run_folder}", f"--data={tmp_path}/?.jsonl", "--keep=n"]
    result = tfbert(*command)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].endswith("b.jsonl, line 2: column 'text' holds null, not a text")
    result = tfbert(*command, "--bad_rows=report", f"--out={tmp_path}/out.jsonl.gz")
    assert result.returncode == 0, result.stderr
    answers = [json.loads(line) for line in gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).splitlines()]
    assert [row.get("n") for row in answers] == [0, 1, 2, 3, 4, None]
    assert ["error" in row for row in answers] == [False, False, False, True, False, True]
    assert "c.jsonl, line 2" in answers[-1]["error"]


def test_bad_rows_are_left_out_and_counted(finetune, tmp_path):
    rows = [{"review": "where is it", "label": "a"}, {"review": "money back", "label": "b"}] * 8
    bad = [{"review": None, "label": "a"}, {"review": "late"}]
    for name, part in (("train.jsonl", [*rows, *bad]), ("dev.jsonl", [*rows[:4], *bad])):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    files = {"train": f"{tmp_path}/train.jsonl", "dev": f"{tmp_path}/dev.jsonl"}
    out = tmp_path / "mine"
    result = finetune(out, "--text_column=review", "--bad_rows=skip", **files)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "2 of 18 rows are left out" in result.stderr and "2 of 6 rows are left out" in result.stderr
    assert result.stdout.splitlines()[-2].endswith("skipped_rows 2")
    assert json.loads((out / "dev_metrics.json").read_text())["skipped_rows"] == 2
    assert json.loads((out / "config.json").read_text())["bad_rows"] == "skip"
    assert "2 rows left out" in (out / "report.html").read_text()
    lines = [json.loads(line) for line in (out / "bad_rows.jsonl").read_text().splitlines()]
    assert [(line["data"], line["source"], line["kind"]) for line in lines] == [
        *[("train", files["train"], kind) for kind in ("no 'label'", "no text")],
        *[("dev", files["dev"], kind) for kind in ("no text", "no 'label'")],
    ]
    command = ["evaluate", f"--model={out}", f"--data={files['dev']}", f"--report={tmp_path}/dev.html"]
    result = tfbert(*command, "--bad_rows=skip")
    assert json.loads(result.stdout)["skipped_rows"] == 2 and "2 of 6 rows are left out" in result.stderr
    assert "2 rows left out" in (tmp_path / "dev.html").read_text()


@pytest.mark.slow
def test_predict_several_files_of_which_some_are_empty(run_folder, tmp_path):
    (tmp_path / "a.tsv").write_text("text\tlabel\n")
    (tmp_path / "c.tsv").write_bytes(b"")
    command = ["predict", f"--model={run_folder}", f"--data={tmp_path}/?.tsv"]
    result = tfbert(*command)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].endswith("c.tsv: the file is empty")
    (tmp_path / "b.tsv").write_text("text\nwhere is it\n")
    result = tfbert(*command)
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 1), result.stderr
    assert "a.tsv: no rows after the header line; it has no answers" in result.stderr
    assert "c.tsv: the file is empty; it has no answers" in result.stderr


@pytest.mark.slow
def test_predict_goes_on_after_a_kill(run_folder, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"where is my parcel number {i} {'please ' * (i % 50)}\n" for i in range(20_000)))
    command = ["predict", f"--model={run_folder}", f"--data={texts}"]
    assert tfbert(*command, f"--out={tmp_path}/whole.jsonl").returncode == 0
    out = tmp_path / "answers.jsonl"
    log = pathlib.Path(f"{out}.part.log")
    arguments = [sys.executable, "-m", "tfbert.launch.main", *command, f"--out={out}"]
    process = subprocess.Popen(arguments, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    while not log.exists() or log.read_bytes().count(b"\n") < 3:
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = pathlib.Path(f"{out}.part").stat().st_size
    result = tfbert(*command, f"--out={out}")
    assert result.returncode == 0, result.stderr
    assert 0 < done < out.stat().st_size
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.slow
def test_export_is_the_same_program_twice(run_folder, tmp_path):
    assert tfbert("export", f"--model={run_folder}", f"--out={tmp_path}/served/1").returncode == 0
    command = [sys.executable, REPOSITORY / "export/saved_model.py", f"--model={run_folder}"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run([*command, f"--out={tmp_path}/served/2"], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "served").iterdir()) == ["1", "2"]
    assert (tmp_path / "served/2/saved_model.pb").exists()


@pytest.mark.slow
def test_export_of_a_format_measured(run_folder, tmp_path):
    """export/onnx.py is the same program; the file of --data has the columns of the training file."""
    command = [sys.executable, REPOSITORY / "export/onnx.py", f"--model={run_folder}", f"--out={tmp_path}/mine"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command.append("--data=samples/shop/dev.tsv")
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=REPOSITORY)
    assert result.returncode == 0, result.stderr
    assert f"{tmp_path}/mine/onnx/model_int8.onnx: int8" in result.stdout
    assert "| accuracy | macro_f1 |" in (tmp_path / "mine/README.md").read_text()
    assert (tmp_path / "mine/labels").read_text().split()[:2] == ["account", "damaged_or_wrong"]
    result = subprocess.run(
        [*command[:-1], "--precisions=int8"], capture_output=True, text=True, env=environment, cwd=REPOSITORY
    )
    assert result.returncode == 0, result.stderr
    assert [path.name for path in (tmp_path / "mine/onnx").iterdir()] == ["model_int8.onnx"]


@pytest.mark.slow
def test_a_folder_of_latin_1_texts(finetune, tmp_path):
    """The run keeps the encoding of its files; what is predicted says its own."""
    for label, texts in {"bon": ["caf\u00e9", "tr\u00e8s bon"], "mal": ["d\u00e9test\u00e9", "g\u00e2t\u00e9"]}.items():
        (tmp_path / "texts" / label).mkdir(parents=True)
        for i, text in enumerate(texts):
            (tmp_path / "texts" / label / f"{i}.txt").write_text(text, encoding="latin-1")
    data = tmp_path / "texts"
    refused = finetune(tmp_path / "run", train=data, dev=data)
    assert (
        refused.returncode == 2 and "bon/0.txt: not utf-8; it seems to be latin-1: give --encoding=" in refused.stderr
    )
    result = finetune(tmp_path / "run", "--encoding=latin-1", train=data, dev=data)
    assert result.returncode == 0, result.stderr
    result = tfbert("evaluate", f"--model={tmp_path}/run", f"--data={data}")
    assert '"accuracy"' in result.stdout, result.stderr
    command = ["predict", f"--model={tmp_path}/run", f"--data={data}", "--keep=file"]
    result = tfbert(*command, "--encoding=latin-1")
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [
        "bon/0.txt",
        "bon/1.txt",
        "mal/0.txt",
        "mal/1.txt",
    ]
    assert "caf\u00e9" in json.loads(result.stdout.splitlines()[0])["text"]


@pytest.mark.slow
def test_settings_of_the_task_on_the_command_line(finetune, tmp_path):
    """Of the settings that a config file leaves out: those a task has, with values as a person writes them."""
    inner = ("windows=true", "stride=8", "labels=['other', 'payment', 'order_status', 'refund', 'praise', 'spam']")
    table = tmp_path / "few.tsv"
    table.write_text("words\tlabel\nwhere is it\torder_status\nmoney\tpayment\n")
    arguments = [*(f"--config.settings.{setting}" for setting in inner), "--config.columns.text=words"]
    result = finetune(tmp_path / "run", *arguments, train=table, dev=table)
    assert result.returncode == 0, result.stderr
    settings = json.loads((tmp_path / "run/config.json").read_text())["settings"]
    assert settings["windows"] is True and settings["stride"] == 8 and settings["labels"][1] == "payment"
    for setting, message in (("windws=1", "did you mean 'windows'"), ("stride=wide", "stride of task classification")):
        result = finetune(tmp_path / "other", f"--config.settings.{setting}", train=table, dev=table)
        assert result.returncode == 2 and message in result.stderr.splitlines()[-1]
        assert not (tmp_path / "other").exists()


BAD_DATA = [  # which file, its content, what is said of it
    ("unknown labels", "dev", b"text\tlabel\na\tpaymnet\nb\trefnd\n", "line 2: unknown label 'paymnet'"),
    ("missing column", "dev", b"message\tlabel\na\tpayment\n", "no column 'text'"),
    ("too few fields", "dev", b"text\tlabel\na\tpayment\nb\n", "line 3"),
    ("empty file", "dev", b"", "dev.tsv"),
    ("header only", "dev", b"text\tlabel\n", "dev.tsv"),
    ("one class", "train", b"text\tlabel\na\tx\nb\tx\n", "train.tsv"),
    ("not UTF-8", "train", b"text\tlabel\ngood\tx\nbad \xff\ty\n", "line 3"),
]


@pytest.fixture(scope="module")
def bad_runs(tiny_checkpoint, tmp_path_factory):
    """name -> exit code, standard error and run folder of `finetune` on each file of BAD_DATA."""
    folders, calls = {}, []
    for name, part, content, _ in BAD_DATA:
        folders[name] = folder = tmp_path_factory.mktemp("bad")
        files = {"train": "samples/shop/train.tsv", "dev": "samples/shop/dev.tsv", part: folder / f"{part}.tsv"}
        files[part].write_bytes(content)
        calls.append(
            ["--task=classification", f"--checkpoint={tiny_checkpoint}", f"--out={folder / 'run'}"]
            + [f"--{name}={path}" for name, path in files.items()]
        )
    command = [sys.executable, pathlib.Path(__file__).with_name("many.py"), "finetune"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        command, input=json.dumps(calls), capture_output=True, text=True, cwd=REPOSITORY, env=environment, timeout=400
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    return {name: (*values, folders[name] / "run") for name, values in zip(folders, found, strict=True)}


@pytest.mark.parametrize(("name", "part", "content", "message"), BAD_DATA, ids=[case[0] for case in BAD_DATA])
def test_bad_data(bad_runs, name, part, content, message):
    code, error, run = bad_runs[name]
    assert code == 2
    assert f"{part}.tsv" in error.splitlines()[-1]
    assert message in error.splitlines()[-1]
    assert not run.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fintune"], 2, "there is no verb 'fintune'"),
        (["train_vocab"], 2, "did you mean 'train-vocab'?"),
        (["finetune", "--train=a.tsv"], 2, "give --checkpoint, --dev, --out"),
        (["finetune", "--config.epoch=2"], 2, "setting 'epoch'; did you mean 'epochs'?"),
        (["finetune", "--config.setings.windows=true"], 2, "setting 'setings'; did you mean 'settings'?"),
        (["finetune", "--config.epochs.windows=true"], 2, "no setting epochs.windows"),
        (["finetune", "--epochs=2"], 1, "Unknown command line flag 'epochs'; did you mean --config.epochs?"),
        (["pretrain", "--learning_rat=1"], 1, "did you mean --config.learning_rate?"),
        (["finetune", "--chekpoint=DIR"], 1, "Did you mean: checkpoint ?"),
        (["finetune", "--config.bad_rows=skp"], 2, "bad_rows 'skp' is not one of error, skip; did you mean 'skip'?"),
        (["evaluate", "--model=absent", "--data=x.tsv", "--config.settings.windows=1"], 1, "Unknown command line flag"),
        (["evaluate", "--model=absent", "--data=x.tsv"], 2, "x.tsv"),
        (["predict", "--model=absent", "--data=samples/shop/test.tsv"], 2, "absent holds no model"),
        (["predict", "--model=absent", "--data=samples/shop/tset.tsv"], 2, "did you mean samples/shop/test.tsv"),
        (["predict", "--model=absent", "--data=samples/shop/*.jsonl"], 2, "samples/shop/*.jsonl"),
        (["predict", "--model=absent", "--engine=onnx"], 2, "needs --export=DIR"),
        (
            ["predict", "--model=absent", "--engine=onnx", "--export=.", "--dtype=bfloat16"],
            2,
            "--engine has --precision",
        ),
        (["predict", "--model=absent", "--export=."], 2, "--export is of --engine=litert or --engine=onnx"),
        (["predict", "--model=absent", "--engine=onnx", "--export=.", "--precision=float16"], 2, "has int8, float32"),
        (["predict", "--model=absent", "--engine=litert", "--export=none"], 2, "none: has no "),
        (["export", "--model=absent", "--out=served/mine"], 2, "must end with a version number"),
        (["export", "--model=absent", "--out=served/mine/1", "--formats=onnx"], 2, "--out=served/mine, and"),
        (["export", "--model=absent", "--out=served/mine/1", "--data=x.tsv"], 2, "--data is for the model card"),
        (["export", "--model=absent", "--out=served/mine", "--formats=tflite"], 2, "absent"),
        (["serve", "--model=absent"], 2, "absent"),
    ],
)
def test_mistakes(arguments, code, message):
    result = tfbert(*arguments)
    assert result.returncode == code, result.stderr
    assert message in result.stderr + result.stdout
    if code == 2:
        assert "Traceback" not in result.stderr


def in_python_without(modules, *arguments):
    """`tfbert` in a process where these cannot be imported."""
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r})); sys.argv[0] = 'tfbert'\n"
        "from tfbert.launch.main import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=400,
    )


@pytest.mark.parametrize("verb", VERBS)
def test_help_and_a_mistyped_flag_do_not_wait_for_tensorflow(verb):
    heavy = ("tensorflow", "keras", "sklearn", "apache_beam", "grpc")
    shown = in_python_without(heavy, verb, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert len(shown.stdout.splitlines()) > 5
    mistyped = in_python_without(heavy, verb, "--flag_that_is_none=1")
    assert mistyped.returncode == 1
    assert "flag_that_is_none" in mistyped.stderr and "Traceback" not in mistyped.stderr


def test_serve_names_the_extra_that_it_needs():
    result = in_python_without(("grpc",), "serve", "--model=served/mine")
    assert result.returncode == 2
    assert result.stderr == "tfbert serve: serve needs grpc, which is not installed: pip install 'tfbert[serving]'\n"


def test_help():
    assert "finetune" in tfbert("--help").stdout
    shown = tfbert("finetune", "--help").stdout
    assert "--checkpoint" in shown
    assert "runs/mine" in shown


def test_every_config_is_valid():
    import importlib.util

    from tfbert.models import model_class
    from tfbert.runs.configs.finetune import FinetuneConfig
    from tfbert.tasks.task import check_settings

    paths = sorted((REPOSITORY / "configs").glob("*.py"))
    assert {"sst2", "mrpc", "goemotions", "stsb", "chnsenticorp"} <= {path.stem for path in paths}
    for path in paths:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.__doc__
        for experiment in getattr(module, "EXPERIMENTS", (None,)):
            config = module.get_config() if experiment is None else module.get_config(experiment)
            config = FinetuneConfig.from_dict(config.to_dict())
            check_settings(model_class(config.task).task_class, config.settings)


def test_every_pretraining_config_is_valid():
    """It loads, its size is known, and its docstring says what to expect."""
    import runpy

    from tfbert.encoders import families
    from tfbert.models import model_class
    from tfbert.runs.configs.pretrain import PretrainConfig
    from tfbert.tasks.task import check_settings

    paths = sorted((REPOSITORY / "configs/pretrain").glob("*.py"))
    assert {"bert_base_phase1", "bert_base_phase2", "roberta_base", "small_day"} <= {path.stem for path in paths}
    for path in paths:
        module = runpy.run_path(str(path))
        assert all(f"\n{word}: " in module["__doc__"] for word in ("time", "memory", "curve")), path
        config = PretrainConfig.from_dict(module["get_config"]().to_dict())
        assert families.config_of_size(config.size, vocab_size=100, **config.encoder)
        check_settings(model_class(config.task).task_class, config.settings)


def test_train_vocab(tmp_path):
    (tmp_path / "a.txt").write_text("The film plays in Paris.\nA film of Paris.\n" * 9)
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("The films of a café\n" * 9)
    out = tmp_path / "vocab.txt"
    result = tfbert("train-vocab", f"--input={tmp_path}/*.txt*", "--size=100", f"--out={out}")
    assert result.returncode == 0, result.stderr
    tokens = out.read_text().splitlines()
    assert tokens[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert {"the", "film", "films", "paris", "cafe"} <= set(tokens)
    assert (
        f"{len(tokens)} tokens from 2 files are in {out} (100 asked; no other pair occurs often enough)"
        in result.stdout
    )

    folder = tmp_path / "cased"
    result = tfbert("train-vocab", f"--input={tmp_path}/a.txt", "--size=60", "--nolower_case", f"--out={folder}")
    assert result.returncode == 0, result.stderr
    assert json.loads((folder / "tokenizer_config.json").read_text())["do_lower_case"] is False
    assert "Paris" in (folder / "vocab.txt").read_text()


def test_train_vocab_of_bytes(tmp_path):
    (tmp_path / "a.txt").write_text("The film plays in Paris.\nA film of Paris.\n" * 9)
    folder = tmp_path / "tokenizer"
    result = tfbert("train-vocab", f"--input={tmp_path}/a.txt", "--algorithm=bpe", "--size=270", f"--out={folder}")
    assert result.returncode == 0, result.stderr
    assert f"270 tokens from 1 files are in {folder}" in result.stdout
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    assert vocabulary["<mask>"] == 4 and len(vocabulary) == 270
    assert len((folder / "merges.txt").read_text(encoding="utf-8").splitlines()) == 1 + 270 - 5 - 256


def test_train_vocab_of_unigrams(tmp_path):
    (tmp_path / "a.txt").write_text("The film plays in Paris.\nA film of Paris.\n" * 9)
    folder = tmp_path / "tokenizer"
    result = tfbert("train-vocab", f"--input={tmp_path}/a.txt", "--algorithm=unigram", "--size=40", f"--out={folder}")
    assert result.returncode == 0, result.stderr
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    assert f"{len(vocabulary)} tokens from 1 files are in {folder}" in result.stdout
    assert [token for token, _ in vocabulary[:4]] == ["<s>", "<pad>", "</s>", "<unk>"]


@pytest.mark.slow
def test_train_vocab_of_json_lines(tmp_path):
    rows = [json.dumps({"id": i, "body": '一部关于巴黎的"电影"'}) + "\n" for i in range(9)]
    with gzip.open(tmp_path / "zh.jsonl.gz", "wt") as file:
        file.writelines(rows)
    command = ["train-vocab", f"--input={tmp_path}/*.gz", "--size=100", f"--out={tmp_path}/vocab.txt"]
    result = tfbert(*command, "--text_field=body")
    assert result.returncode == 0, result.stderr
    tokens = set((tmp_path / "vocab.txt").read_text(encoding="utf-8").split())
    assert set('一部关于巴黎的电影"') < tokens and not tokens & set("bodyu9")
    result = tfbert(*command)
    assert result.returncode == 2
    assert "zh.jsonl.gz, line 1: no key 'text'; --text_field names the text" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input=absent/*.txt", "--size=100"], "there is no file absent/*.txt"),
        (["--input=README.md", "--size=9"], "size 9 is too small"),
        (["--input=/dev/null", "--size=100"], "there is no text"),
        (["--input=samples", "--size=100"], "samples: this is a folder"),
        (["--input=", "--size=100"], "--input names no file"),
        (["--input=README.md", "--algorithm=bpe"], "vocab.txt: --algorithm=bpe writes several files; give a folder"),
        (
            ["--input=README.md", "--algorithm=bpe", "--nolower_case"],
            "--lower_case does nothing with --algorithm=bpe, which keeps texts",
        ),
    ],
)
def test_train_vocab_of_something_wrong(tmp_path, arguments, message):
    result = tfbert("train-vocab", *arguments, f"--out={tmp_path}/vocab.txt")
    assert result.returncode == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
