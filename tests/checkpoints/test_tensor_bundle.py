"""Indexes of TensorFlow's checkpoints that lie: its own reader, which ends the process, never sees them."""

import numpy as np
import pytest
from bundles import block, entry, header, table
from capped import answers
from tensorflow.core.framework import types_pb2

from tfbert.checkpoints.tensor_files.bundle_index import masked_crc32c
from tfbert.checkpoints.tensor_files.tensor_bundle import TensorBundle
from tfbert.errors import CheckpointError


def write(folder, blocks, data=b"\0" * 8, times=1):
    folder.mkdir()
    (folder / "model.ckpt.index").write_bytes(table(blocks, times))
    (folder / "model.ckpt.data-00000-of-00001").write_bytes(data)
    return folder / "model.ckpt"


def one(made, shards=1):
    return [block([(b"", header(shards)), (b"a", made)])]


TEXT = b"\x80\x80\x80\x80\x80\x20" + b"1234" + b"abc"  # a string of a terabyte, of three bytes
HOSTILE = {
    "300 dimensions": (one(entry([1] * 299 + [2], 8)), "its shape is damaged"),
    "an overflow": (one(entry([0, 1 << 40, 1 << 40], 8)), "its shape is damaged"),
    "2^31 strings": (one(entry([1 << 31], 8, types_pb2.DT_STRING)), "which do not agree"),
    "2^31 objects": (one(entry([1 << 31], 8, types_pb2.DT_VARIANT)), "which do not agree"),
    "no file": (one(entry([2], 8), shards=0), "in none of the 0 files"),
    "a file beyond": (one(entry([2], 8, shard=1)), "in none of the 1 files"),
    "a file before": (one(entry([2], 8, shard=-1)), "in none of the 1 files"),
    "a key twice": (
        [block([(b"", header()), (b"a", entry([1 << 40] * 300, 8)), (b"a", entry([2], 8))])],
        "keys that are not in order",
    ),
    "a hidden entry": ([block([(b"", header()), (b"a", entry([2], 8))], (0, 2))], "a search that begins inside"),
    "long keys": (
        [block([(b"", header()), (b"k" * 200_000, b""), *((b"b", b"") for _ in range(50_000))], shared=199_999)],
        "model.ckpt.index is damaged",
    ),
}


def test_a_sound_table_is_read(tmp_path):
    data = np.arange(2, dtype="<f4").tobytes()
    path = write(tmp_path / "sound", one(entry([2], 8, crc=masked_crc32c(data))), data)
    np.testing.assert_array_equal(TensorBundle(path).read("a"), [0, 1])
    with pytest.raises(CheckpointError, match="has no tensor b"):
        TensorBundle(path).read_any("b")


def read_both(path):
    bundle = TensorBundle(path)
    for name in bundle.shapes:
        bundle.read_any(name)


def test_an_index_that_lies_is_refused_before_tensorflow_sees_it(tmp_path):
    """In a process of its own: TensorFlow's reader aborts, or allocates what the index says."""
    cases = {name: (write(tmp_path / name, blocks), message) for name, (blocks, message) in HOSTILE.items()}
    string = one(entry([], len(TEXT), types_pb2.DT_STRING))
    cases["a string"] = write(tmp_path / "a string", string, TEXT), "its length is damaged"
    many = [block([(b"", header()), *((b"%06d" % i, entry([2], 8)) for i in range(2000))])]
    cases["a block listed often"] = write(tmp_path / "often", many, times=50), "listed many times"
    found = answers("test_tensor_bundle:read_both", [path for path, _ in cases.values()])
    for (name, (path, message)), answer in zip(cases.items(), found, strict=True):
        assert answer.startswith("CheckpointError") and str(path) in answer and message in answer, (name, answer)
