"""Files that tfbert writes and reads again: of a run, and of a folder of pretraining examples."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import pathlib

import mutations
import small
from fuzzing import Reader
from tfrecords import record

from tfbert.data.pretraining.examples.out_folder import OutFolder
from tfbert.data.pretraining.examples.plan import Item, Piece
from tfbert.data.pretraining.shards import open_shards, tokenizer_settings, vocabulary_sha256
from tfbert.errors import CheckpointError, ConfigError, DataError
from tfbert.runs import data_check, folder
from tfbert.runs.checkpoint_files import damage, name_newest, names_in, write_checksums
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.runs.logs.history_file import keep_history, read_history
from tfbert.text import Tokenizer, Vocabulary

_CONFIG = FinetuneConfig(epochs=3)
_FOUND = {name: {"source": f"{name}.tsv", "rows": 2, "sha256": "ab"} for name in ("train", "dev")}
_TOKENIZER = Tokenizer(Vocabulary(small.TOKENS))
_STEP = "ckpt-12"


def _sound(*values):
    """Contents of a file of lines, or of one JSON value each."""
    return lambda folder: [value.encode() if isinstance(value, str) else json.dumps(value).encode() for value in values]


def _history(path: pathlib.Path) -> None:
    whole = len(read_history(path)) >= 3
    keep_history(path, 2)
    if not whole:
        raise DataError("a line ends it")


def _data(path: pathlib.Path) -> None:
    try:
        data_check.check_data(path.parent, _FOUND, allow_changed=False)
    except ConfigError:
        data_check.check_data(path.parent, _FOUND, allow_changed=True)


def _finished(path: pathlib.Path) -> None:
    folder.last_step(path.parent)
    folder.finished(path.parent, _CONFIG)
    folder.check_run_folder(path.parent, dataclasses.replace(_CONFIG, epochs=5))


def _of_finished(path: pathlib.Path) -> list[bytes]:
    (path / "config.json").write_text(json.dumps(_CONFIG.to_dict()))
    (path / "checkpoints").mkdir()
    (path / "checkpoints/checkpoint").touch()
    known = {"epochs": 3, "step": 12, "notes": {"best_round": 1, "best": 0.5, "lowest_loss": 0.1}}
    return [json.dumps(known).encode()]


def _config(path: pathlib.Path) -> None:
    folder.check_run_folder(path.parent, _CONFIG)
    FinetuneConfig.from_dict(json.loads(path.read_bytes()))


def _checkpoint(path: pathlib.Path) -> None:
    for name in names_in(path.parent):
        damage(path.parent / name)


def _read_checksums(path: pathlib.Path) -> None:
    if fault := damage(path.with_suffix("")):
        raise CheckpointError(fault)


def _checkpoints(path: pathlib.Path) -> list[bytes]:
    for end in (".index", ".data-00000-of-00001"):
        (path / f"{_STEP}{end}").write_bytes(b"numbers")
    write_checksums(path / _STEP)
    name_newest(path, [_STEP])
    return [(path / "checkpoint").read_bytes()]


def _checksums(path: pathlib.Path) -> list[bytes]:
    _checkpoints(path)
    return [(path / f"{_STEP}.sha256").read_bytes()]


def _manifest(path: pathlib.Path) -> list[bytes]:
    shard = gzip.compress(record(b"rows"), mtime=0)
    (path / "00000-000.tfrecord.gz").write_bytes(shard)
    of_shard = {"file": "00000-000.tfrecord.gz", "rows": 1, "tokens": 6, "bytes": len(shard)}
    values = {
        "format": 1, "objective": "nsp", "max_length": 8, "masking": {"kind": "dynamic"}, "packed": False,
        "vocabulary_sha256": vocabulary_sha256(_TOKENIZER.vocabulary), "vocabulary_size": len(small.TOKENS),
        "tokenizer": tokenizer_settings(_TOKENIZER), "input": {"files": 1}, "counts": {"rows": 1},
        "shards": [{**of_shard, "sha256": hashlib.sha256(shard).hexdigest()}],
    }  # fmt: skip
    static = {**values, "masking": {"kind": "static", "mask_rate": 0.15, "max_predictions": 2}, "packed": True}
    return [json.dumps(values).encode(), json.dumps(static).encode()]


def _read_manifest(path: pathlib.Path) -> None:
    shards = open_shards(path.parent, sha256=True)
    (shards.rows, shards.tokens, len(range(shards.max_length)), shards.objective, shards.is_packed)
    assert not shards.has_static_masks or shards.manifest["masking"]["max_predictions"]
    shards.check_tokenizer(_TOKENIZER)
    data_check.of_shards("examples", shards)


_ITEM = Item(0, (Piece("a.txt", 10),))


def _record(path: pathlib.Path) -> list[bytes]:
    (path / "00000-000.tfrecord.gz").write_bytes(b"rows")
    shard = {"file": "00000-000.tfrecord.gz", "bytes": 4, "sha256": "ab"}
    part = {**shard, "rows": 1, "tokens": 6, "documents": 1, "sentences": 2, "text_bytes": 10}
    (path / "unfinished").mkdir()
    return [json.dumps({"item": _ITEM.described(), "parts": [part]}).encode()]


def _read_record(path: pathlib.Path) -> None:
    out = OutFolder(path.parent.parent)
    out.text_bytes("00000")
    for part in out.finished_item(_ITEM) or ():
        assert part["rows"] + part["tokens"] + part["text_bytes"] >= 0


def _settings(path: pathlib.Path) -> list[bytes]:
    (path / "unfinished").mkdir()
    return [json.dumps({"max_length": 8, "masking": {"kind": "dynamic"}, "tokenizer": {"lower_case": True}}).encode()]


def _read_settings(path: pathlib.Path) -> None:
    asked = {"max_length": 8, "masking": {"kind": "dynamic"}, "tokenizer": {"lower_case": True}}
    OutFolder(path.parent.parent).open(asked, {"files": 1})


READERS = {
    "history": Reader(
        "metrics.jsonl",
        _sound('{"step": 1, "loss": 0.5}\n{"step": 2, "dev": {"accuracy": 1.0}}\n{"step": 3}\n'),
        _history,
        mutations.of_lines,
    ),
    "data": Reader(
        "data.json", _sound({**_FOUND, "changes": [{"after_step": 2, "before": {"train": _FOUND["train"]}}]}), _data, mutations.of_json
    ),
    "finished": Reader("finished.json", _of_finished, _finished, mutations.of_json),
    "config": Reader("config.json", _sound(_CONFIG.to_dict()), _config, mutations.of_json),
    "checkpoint": Reader("checkpoint", _checkpoints, _checkpoint, mutations.of_lines),
    "checksums": Reader(f"{_STEP}.sha256", _checksums, _read_checksums, mutations.of_json),
    "manifest": Reader("manifest.json", _manifest, _read_manifest, mutations.of_json),
    "record": Reader("unfinished/00000.json", _record, _read_record, mutations.of_json),
    "settings": Reader("unfinished/settings.json", _settings, _read_settings, mutations.of_json),
}  # fmt: skip
