"""The folder that examples are made in: what is finished, what is not, and with which settings.

While examples are made it has a folder `unfinished`, with the settings, a record of each finished part and item, and
the files that are being written; in the end the manifest takes its place.
"""

import contextlib
import json
import os
import uuid

import tensorflow as tf

from tfbert.data.pretraining.shards import FORMAT, MANIFEST, SUFFIX
from tfbert.errors import ConfigError, DataError, DiskError
from tfbert.files import disk_errors, file_sha256, json_object, locked_folder

_UNFINISHED, _SETTINGS, _ASIDE = "unfinished", "settings.json", "aside."
_GZIP = tf.io.TFRecordOptions("GZIP", compression_level=1)  # 2.3 times as fast as 6, for 8 % more bytes
_OF_A_SHARD = ("file", "rows", "tokens", "bytes", "sha256")


class OutFolder:
    """Finished parts and items of work, and the manifest.

    A part is what makes one shard, or none where it has no text; its record is a dict of counts, and of the shard's
    file, bytes and sha256.

    >>> out = OutFolder("new_examples")
    >>> out.open({"max_length": 128}, {"files": 1})  # None: there are no finished examples in it
    >>> out.open({"max_length": 512}, {"files": 1})
    Traceback (most recent call last):
    tfbert.errors.ConfigError: new_examples holds examples that were made with max_length=128, not 512; ...
    """

    def __init__(self, path):
        self.path = os.fsdecode(path)
        self._unfinished = os.path.join(self.path, _UNFINISHED)
        self._manifest = os.path.join(self.path, MANIFEST)

    @contextlib.contextmanager
    def locked(self):
        """Keeps other programs out of the folder for the block, where it is local. Raises DiskError where one is in."""
        if "://" in self.path:
            yield
            return
        refusal = f"another program is making examples in {self.path}; wait for it, or name another folder"
        with locked_folder(self.path, refusal):
            yield

    def open(self, settings, described_input):
        """Begins or goes on. Returns the manifest, a dict, where all is finished, else None.

        Args:
            settings: plain values, all of which must be those that the folder's examples were made with.
            described_input: plain values likewise, of the corpus; only finished examples must be made from it.
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

    def finished_item(self, item):
        """The records of an item's parts where all are finished and their shards are there, else None."""
        return self._record(f"{item.number:05}.json", item)

    def finished_part(self, item, number):
        """The record of a part, where it is finished and its shard is there, else None."""
        records = self._record(f"{item.number:05}-{number:03}.json", item)
        return records and records[0]

    def finish_item(self, item, records):
        self._write_record(f"{item.number:05}.json", item, records)

    def finish_part(self, item, number, records, counts):
        """Writes a part's shard of serialized rows and its record, which is returned.

        Args:
            records: iterator of serialized rows, none of which makes no shard.
            counts: a dict that iterating fills.
        """
        shard = {}
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
        record = {**shard, **counts}
        self._write_record(f"{item.number:05}-{number:03}.json", item, [record])
        return record

    def finish(self, settings, described_input, records):
        """Writes the manifest and removes what is needed no more. Returns the manifest.

        Raises DataError where there is not one row.
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
                if name.endswith(SUFFIX) and name not in known:  # of an earlier run, from a corpus that has changed
                    tf.io.gfile.remove(os.path.join(self.path, name))
        self._write(self._manifest, manifest)
        self._remove_unfinished()
        return manifest

    def remove_half_written(self):
        """Removes what a process was killed over; none may be writing."""
        names = tf.io.gfile.listdir(self._unfinished) if tf.io.gfile.isdir(self._unfinished) else ()
        for name in names:
            if name.startswith(_ASIDE):
                tf.io.gfile.remove(os.path.join(self._unfinished, name))

    def remove_if_without_shards(self):
        """Removes the folder of a run that has finished none, as after a mistake in the corpus."""
        if tf.io.gfile.isdir(self._unfinished) and tf.io.gfile.listdir(self.path) == [_UNFINISHED]:
            tf.io.gfile.rmtree(self.path)

    def finished_names(self):
        """Names of the records of finished parts, "item-part", and of finished items, "item"."""
        names = tf.io.gfile.listdir(self._unfinished) if tf.io.gfile.isdir(self._unfinished) else ()
        return {os.path.splitext(name)[0] for name in names if name[:1].isdigit() and name.endswith(".json")}

    def text_bytes(self, name):
        """How much text the parts of a record had."""
        record = _read(os.path.join(self._unfinished, f"{name}.json"))
        return sum(part["text_bytes"] for part in record["parts"]) if record else 0

    def _remove_unfinished(self):
        with _disk_errors(self.path):
            if tf.io.gfile.isdir(self._unfinished):
                tf.io.gfile.rmtree(self._unfinished)

    def _record(self, name, item):
        record = _read(os.path.join(self._unfinished, name))
        if record is None or record["item"] != item.described():
            return None
        for part in record["parts"]:
            if part["rows"]:
                path = os.path.join(self.path, part["file"])
                if not tf.io.gfile.exists(path) or tf.io.gfile.stat(path).length != part["bytes"]:
                    return None
        return record["parts"]

    def _write_record(self, name, item, parts):
        self._write(os.path.join(self._unfinished, name), {"item": item.described(), "parts": parts})

    def _write(self, path, value):
        with _disk_errors(self.path), self._aside(os.path.basename(path)) as aside:
            with tf.io.gfile.GFile(aside, "w") as file:
                file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
            tf.io.gfile.rename(aside, path, overwrite=True)

    @contextlib.contextmanager
    def _aside(self, name):
        """A path to write to that is gone after the block, where it has not been renamed."""
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


def _check_equal(path, asked, made, prefix=""):
    for name, value in asked.items():
        before = made.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            _check_equal(path, value, before, f"{prefix}{name}.")
        elif value != before:
            raise ConfigError(
                f"{path} holds examples that were made with {prefix}{name}={before}, not {value}; name another folder, "
                "or remove this one"
            )


def _disk_errors(path):
    return disk_errors(path, "what is finished there is kept", errors=(tf.errors.OpError,))
