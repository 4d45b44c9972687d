"""The folder in which examples are made: what is finished in it, and the settings of its examples.

While examples are made it has a folder `unfinished` with the settings, a record of each finished part and item, and the
files that are being written. At the end the manifest takes its place.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfbert.data.pretraining.examples.plan import Item
from tfbert.data.pretraining.manifest import FORMAT, MANIFEST, is_record
from tfbert.data.pretraining.shards import SUFFIX
from tfbert.errors import ConfigError, DataError, DiskError
from tfbert.files import disk_errors, file_sha256, json_object, locked_folder

_UNFINISHED, _SETTINGS, _ASIDE = "unfinished", "settings.json", "aside."
_GZIP = tf.io.TFRecordOptions("GZIP", compression_level=1)  # 2.3 times as fast as 6, for 8 % more bytes
_OF_A_SHARD = ("file", "rows", "tokens", "bytes", "sha256")


class OutFolder:
    """Finished parts and items of work, and the manifest.

    A part makes one shard, or none if it has no text; its record is a dict of counts, and the shard's file,
    bytes and sha256.

    >>> out = OutFolder("new_examples")
    >>> out.open({"max_length": 128}, {"files": 1})  # None: there are no finished examples in it
    >>> out.open({"max_length": 512}, {"files": 1})
    Traceback (most recent call last):
    tfbert.errors.ConfigError: new_examples holds examples that were made with max_length=128, not 512; ...
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fsdecode(path)
        self._unfinished = os.path.join(self.path, _UNFINISHED)
        self._manifest = os.path.join(self.path, MANIFEST)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the folder for the block if it is local.

        Raises:
            DiskError: another program has locked it.
        """
        if "://" in self.path:
            yield
            return
        refusal = f"another program is making examples in {self.path}; wait for it, or name another folder"
        with locked_folder(self.path, refusal):
            yield

    def open(self, settings: Mapping[str, Any], described_input: Mapping[str, Any]) -> dict[str, Any] | None:
        """Begins, or resumes. Returns the manifest if everything is finished, else None.

        Args:
            settings: plain values; the folder's examples must have been made with the same ones.
            described_input: plain values of the corpus; finished examples must have been made from the same corpus.

        Raises:
            ConfigError: the folder has examples of other settings, or of another corpus.
            DiskError: the folder holds other files, or cannot be written.
        """
        made = _read(self._manifest)
        if made is not None:
            _check_equal(self.path, {**settings, "input": described_input}, made)
            self._remove_unfinished()
            return made
        begun = _read(os.path.join(self._unfinished, _SETTINGS))
        if begun is not None:
            _check_equal(self.path, settings, begun)
            self.remove_half_written()
            return None
        if tf.io.gfile.isdir(self.path) and tf.io.gfile.listdir(self.path):
            raise DiskError(f"{self.path} holds other files and no {MANIFEST}; name a new folder")
        with _disk_errors(self.path):
            tf.io.gfile.makedirs(self._unfinished)
        self._write(os.path.join(self._unfinished, _SETTINGS), settings)
        return None

    def finished_item(self, item: Item) -> list[dict] | None:
        """The records of an item's parts if all are finished and their shards are there, else None."""
        return self._record(f"{item.number:05}.json", item)

    def finished_part(self, item: Item, number: int) -> dict | None:
        """The record of a part if it is finished and its shard is there, else None."""
        records = self._record(f"{item.number:05}-{number:03}.json", item)
        return records[0] if records else None

    def finish_item(self, item: Item, records: Sequence[dict]) -> None:
        """Writes the records of all parts of an item."""
        self._write_record(f"{item.number:05}.json", item, records)

    def finish_part(self, item: Item, number: int, records: Iterable[bytes], counts: dict[str, int]) -> dict:
        """Writes a part's shard of serialized rows and its record, and returns the record.

        Args:
            records: serialized rows; without any there is no shard.
            counts: a dict that iterating over the rows fills.
        """
        shard: dict[str, Any] = {}
        name = f"{item.number:05}-{number:03}{SUFFIX}"
        with _disk_errors(self.path), self._aside(name) as aside:
            with tf.io.TFRecordWriter(aside, _GZIP) as writer:
                for record in records:
                    writer.write(record)
            if counts["rows"]:
                shard = {
                    "file": name,
                    "bytes": tf.io.gfile.stat(aside).length,
                    "sha256": file_sha256(aside, tf.io.gfile.GFile),
                }
                tf.io.gfile.rename(aside, os.path.join(self.path, name), overwrite=True)
        finished = {**shard, **counts}
        self._write_record(f"{item.number:05}-{number:03}.json", item, [finished])
        return finished

    def finish(
        self, settings: Mapping[str, Any], described_input: Mapping[str, Any], records: Sequence[dict]
    ) -> dict[str, Any]:
        """Writes the manifest, removes what is no longer needed, and returns the manifest.

        Raises:
            DataError: there are no rows.
        """
        shards = sorted((record for record in records if record["rows"]), key=lambda record: record["file"])
        if not shards:
            raise DataError("there is no text in the corpus")
        names = dict.fromkeys(name for record in records for name in record if name not in _OF_A_SHARD)
        counts = {name: sum(record[name] for record in records) for name in ("rows", "tokens", *names)}
        counts["real_share"] = round(counts["tokens"] / (counts["rows"] * settings["max_length"]), 4)
        manifest = {
            "format": FORMAT,
            **settings,
            "input": described_input,
            "counts": counts,
            "shards": [{name: record[name] for name in _OF_A_SHARD} for record in shards],
        }
        known = {record["file"] for record in shards}
        with _disk_errors(self.path):
            for name in tf.io.gfile.listdir(self.path):
                if name.endswith(SUFFIX) and name not in known:  # of an earlier run on a corpus that has changed
                    tf.io.gfile.remove(os.path.join(self.path, name))
        self._write(self._manifest, manifest)
        self._remove_unfinished()
        return manifest

    def remove_half_written(self) -> None:
        """Removes the files that a killed process was writing; no process may be writing now."""
        names = tf.io.gfile.listdir(self._unfinished) if tf.io.gfile.isdir(self._unfinished) else ()
        for name in names:
            if name.startswith(_ASIDE):
                tf.io.gfile.remove(os.path.join(self._unfinished, name))

    def remove_if_without_shards(self) -> None:
        """Removes the folder of a run that has finished no shard, as after a mistake in the corpus."""
        if tf.io.gfile.isdir(self._unfinished) and tf.io.gfile.listdir(self.path) == [_UNFINISHED]:
            tf.io.gfile.rmtree(self.path)

    def finished_names(self) -> set[str]:
        """The names of the records of finished parts ("item-part") and of finished items ("item")."""
        names = tf.io.gfile.listdir(self._unfinished) if tf.io.gfile.isdir(self._unfinished) else ()
        return {os.path.splitext(name)[0] for name in names if name[:1].isdigit() and name.endswith(".json")}

    def text_bytes(self, name: str) -> int:
        """The bytes of text in the parts of a record."""
        record = self._read_record(f"{name}.json")
        return sum(part["text_bytes"] for part in record["parts"]) if record else 0

    def _remove_unfinished(self) -> None:
        with _disk_errors(self.path):
            if tf.io.gfile.isdir(self._unfinished):
                tf.io.gfile.rmtree(self._unfinished)

    def _read_record(self, name: str) -> dict[str, Any] | None:
        path = os.path.join(self._unfinished, name)
        record = _read(path)
        if record is not None and not is_record(record):
            raise DataError(f"{path} is damaged; remove it, and its part is made anew")
        return record

    def _record(self, name: str, item: Item) -> list[dict] | None:
        record = self._read_record(name)
        if record is None or record["item"] != item.described():
            return None
        for part in record["parts"]:
            if part["rows"]:
                path = os.path.join(self.path, part["file"])
                if not tf.io.gfile.exists(path) or tf.io.gfile.stat(path).length != part["bytes"]:
                    return None
        return record["parts"]

    def _write_record(self, name: str, item: Item, parts: Sequence[dict]) -> None:
        self._write(os.path.join(self._unfinished, name), {"item": item.described(), "parts": parts})

    def _write(self, path: str, value: Mapping[str, Any]) -> None:
        with _disk_errors(self.path), self._aside(os.path.basename(path)) as aside:
            with tf.io.gfile.GFile(aside, "w") as file:
                file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
            tf.io.gfile.rename(aside, path, overwrite=True)

    @contextlib.contextmanager
    def _aside(self, name: str) -> Iterator[str]:
        """A path to write to; after the block the file is removed, unless it was renamed."""
        aside = os.path.join(self._unfinished, f"{_ASIDE}{uuid.uuid4().hex}.{name}")
        try:
            yield aside
        finally:
            with contextlib.suppress(tf.errors.NotFoundError):
                tf.io.gfile.remove(aside)


def _read(path):
    """The JSON object of a file, None where there is none."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            text = file.read()
    except (tf.errors.NotFoundError, tf.errors.FailedPreconditionError):
        return None
    except tf.errors.OpError as error:
        raise DiskError(f"{path}: cannot be read: {error.message}") from None
    return json_object(text, path, DataError, "remove the folder and make the examples anew")


def _check_equal(path: str, asked: Mapping[str, Any], made: Mapping[str, Any], prefix: str = "") -> None:
    for name, value in asked.items():
        before = made.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            _check_equal(path, value, before, f"{prefix}{name}.")
        elif value != before:
            raise ConfigError(
                f"{path} holds examples that were made with {prefix}{name}={before!s:.200}, not {value}; name another "
                "folder, or remove this one"
            )


def _disk_errors(path):
    return disk_errors(path, "what is finished there is kept", errors=(tf.errors.OpError,))
