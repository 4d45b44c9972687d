"""pytorch_model.bin in its formats, sharded files, and pickles that want to run something."""

import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
from torch_files import write_legacy, write_zip

from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.tensor_files.torch import TorchFile
from tfbert.errors import CheckpointError


@pytest.fixture
def tensors(tiny_checkpoint):
    return safetensors.numpy.load_file(tiny_checkpoint / "model.safetensors")


@pytest.fixture
def folder(tiny_checkpoint, tmp_path):
    copy = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    (copy / "model.safetensors").unlink()
    return copy


def same(folder, tiny_checkpoint, cast=lambda value: value):
    source, wanted = open_checkpoint(folder), open_checkpoint(tiny_checkpoint)
    assert set(source.shapes) == set(wanted.shapes)
    for variable in wanted.shapes:
        np.testing.assert_array_equal(source.value(variable), cast(wanted.value(variable)), err_msg=variable)
    return source


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "bf"])
def test_both_formats_and_all_precisions(write, kind, folder, tensors, tiny_checkpoint):
    write(folder / "pytorch_model.bin", tensors, kind)

    def cast(value):
        if kind == "bf":
            return (np.ascontiguousarray(value).view("u4") >> 16 << 16).view("f4")
        return value.astype(kind).astype("f4")

    same(folder, tiny_checkpoint, cast)


def test_big_endian_that_says_so(folder, tensors, tiny_checkpoint):
    write_zip(folder / "pytorch_model.bin", tensors, order=">")
    same(folder, tiny_checkpoint)


def test_prefixes_of_training_loops(folder, tensors, tiny_checkpoint):
    write_zip(folder / "pytorch_model.bin", {f"module.{name}": value for name, value in tensors.items()})
    same(folder, tiny_checkpoint)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_shards(kind, folder, tensors, tiny_checkpoint):
    name = {"safetensors": "model-{}.safetensors", "bin": "pytorch_model-{}.bin"}[kind]
    parts = [dict(list(tensors.items())[i::2]) for i in range(2)]
    for i, part in enumerate(parts):
        path = folder / name.format(i)
        safetensors.numpy.save_file(part, path) if kind == "safetensors" else write_zip(path, part)
    index = folder / {"safetensors": "model.safetensors.index.json", "bin": "pytorch_model.bin.index.json"}[kind]
    places = {tensor: name.format(i) for i, part in enumerate(parts) for tensor in part}
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    same(folder, tiny_checkpoint)
    (folder / name.format(1)).rename(folder / "elsewhere")
    with pytest.raises(CheckpointError, match="which is not there"):
        open_checkpoint(folder)
    for odd in ("a" * 5000, "\0", "\ud800"):  # names that no file has
        index.write_text(json.dumps({"weight_map": {**places, "a": odd}}))
        with pytest.raises(CheckpointError, match=r"which is not there"):
            open_checkpoint(folder)
    index.write_text(json.dumps({"weight_map": {**places, "a": "../../a"}}))
    with pytest.raises(CheckpointError, match="not a file beside it"):
        open_checkpoint(folder)


def test_views_and_foreign_values(tmp_path):
    """A transposed view, and what is no tensor beside it."""
    value = np.arange(6, dtype="f4").reshape(2, 3)
    write_zip(tmp_path / "model.bin", {"a": value})
    file = TorchFile(tmp_path / "model.bin")
    np.testing.assert_array_equal(file.read("a"), value)
    assert file.shapes == {"a": (2, 3)}
    write_zip(tmp_path / "integers.bin", {"a": np.arange(6)}, "i8")
    with pytest.raises(CheckpointError, match="of integers, not floating-point numbers"):
        TorchFile(tmp_path / "integers.bin").read("a")


class Malicious:
    """Pickles as a call that leaves a trace."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("place", ["alone", "in a value"])
def test_a_pickle_that_runs_code_is_refused(write, protocol, place, tmp_path, tensors):
    trace = tmp_path / "trace"
    call = Malicious(os.system, f"touch {trace}")
    data = pickle.dumps(call if place == "alone" else {"a": [call]}, protocol=protocol)
    write(tmp_path / "model.bin", tensors, data=data)
    with pytest.raises(CheckpointError, match="nothing of it was run"):
        TorchFile(tmp_path / "model.bin")
    assert not trace.exists()


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Malicious(eval, "1"), protocol=2),
        b"cbuiltins\nexec\n(S'1'\ntR.",
        b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        b"ctorch.storage\n_load_from_bytes\n.",
        b"(S'os'\nios\nsystem\n.",  # INST
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x82\x01.",  # EXT1
        b"}\x8c\x01a\x8c\x01bs}b.",  # BUILD on a dictionary
        b"ccollections\nOrderedDict\n(tR}\x8c\x0b__class__a\x8c\x01bsb.",
        b"r\xff\xff\xff\x7f.",  # a memo of two thousand million entries
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a string of eight exabytes
        b"ctorch._utils\n_rebuild_tensor_v2\n(tR.",
        b"N.",
        b"",
    ],
    ids=range(14),
)
def test_other_pickles_are_refused(data, tmp_path, tensors):
    write_zip(tmp_path / "model.bin", tensors, data=data)
    with pytest.raises(CheckpointError, match=r"model\.bin"):
        TorchFile(tmp_path / "model.bin")


def nested(times):
    """Operations that make a tuple of the same tuple twice, `times` deep: its hash takes 2^times steps."""
    parts = [b")q\x00"]
    for i in range(times):
        parts.append(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]))
    return b"".join(parts)


TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
ENDLESS = {
    "a key": b"\x80\x02}" + nested(60) + b"K\x01s.",
    "a key of DICT": b"\x80\x02(" + nested(60) + b"K\x01d.",
    "a key of SETITEMS": b"\x80\x02}(" + nested(60) + b"K\x01u.",
    "a key of OrderedDict": b"\x80\x02ccollections\nOrderedDict\n(](" + nested(60) + b"K\x01\x86etR.",
    "a storage": b"\x80\x02" + nested(60) + b"Q.",
    "a storage's kind": b"\x80\x02(X\x07\x00\x00\x00storage" + nested(60) + b"NNNtQ.",
    "a length": b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000N" + nested(60) + b"tQ.",
    "a shape": b"\x80\x02" + TENSOR + b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000NK\x01tQ"
    b"K\x00" + nested(60) + b"h\x3ctR.",
    "attributes of a function": TENSOR + b"N}X\x0c\x00\x00\x00__defaults__K\x01\x85s\x86b.",
    "containers": b"\x80\x02(" + b"}" * 200_001 + b"l.",
    "operations": b"\x80\x02(" + b"N" * 1_000_001 + b"l.",
}
OPEN = """
import resource, sys
from tfbert.checkpoints.tensor_files.torch import TorchFile
from tfbert.errors import CheckpointError
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]),) * 2)
for path in sys.argv[2:]:
    try:
        TorchFile(path)
    except CheckpointError as error:
        print(len(str(error)) < 1000, error, flush=True)
"""


def test_a_pickle_of_containers_without_end_is_refused_at_once(tmp_path, tensors):
    """In a process of its own, which is stopped: what these cost on their way is not to be interrupted."""
    paths = []
    for write in (write_zip, write_legacy):
        for name, data in ENDLESS.items():
            paths.append(tmp_path / f"{write.__name__}.{name}.bin")
            write(paths[-1], tensors, data=data)
    run = subprocess.run([sys.executable, "-c", OPEN, "40", *paths], capture_output=True, text=True, timeout=300)
    answers = run.stdout.splitlines()
    assert len(answers) == len(paths), (paths[len(answers)], run.stderr)
    for path, answer in zip(paths, answers, strict=True):
        assert answer.startswith("True ") and str(path) in answer


def test_dictionaries_that_hold_themselves_or_another_many_times(tmp_path, tensors):
    value = {"a": 1}
    for _ in range(60):
        value = {"a": value, "b": value}
    value["itself"] = value["state_dict"] = value
    write_legacy(tmp_path / "model.bin", tensors, data=pickle.dumps(value, protocol=2))
    with pytest.raises(CheckpointError, match="its list of storages is damaged"):
        TorchFile(tmp_path / "model.bin")
    write_zip(tmp_path / "model.bin", tensors, data=pickle.dumps(value, protocol=2))
    assert TorchFile(tmp_path / "model.bin").shapes == {}


def test_files_that_are_none(tmp_path):
    empty_archive = b"PK\x05\x06" + b"\0" * 18
    for content in (b"", b"PK\x03\x04", b"PK\x03\x04" + empty_archive, b"\x80\x02K\x01.", b"x" * 1000):
        (tmp_path / "model.bin").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"model\.bin"):
            TorchFile(tmp_path / "model.bin")
