"""Files of tensors: what stands beside weights that somebody downloads."""

from __future__ import annotations

import json
import pathlib

import containers
import h5py
import mutations
import numpy as np
import safetensors.numpy
import torch_files
from fuzzing import Reader

from tfbert.checkpoints.tensor_files.hdf5 import HDF5File
from tfbert.checkpoints.tensor_files.safetensors import SafetensorsFile
from tfbert.checkpoints.tensor_files.shards import Shards
from tfbert.checkpoints.tensor_files.tensor_bundle import TensorBundle, write_tensor_bundle
from tfbert.checkpoints.tensor_files.torch import TorchFile


def tensors() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    shapes = {"bert.embeddings.weight": (5, 4), "bert.layer.0.bias": (4,), "classifier.weight": (3, 4)}
    return {name: generator.normal(size=shape).astype("f4") for name, shape in shapes.items()}


def read_all(file) -> None:
    for name in file.shapes:
        file.read(name)


def _safetensors(folder: pathlib.Path) -> list[bytes]:
    halves = {name: value.astype("f2") for name, value in tensors().items()}
    return [
        safetensors.numpy.save(tensors()),
        safetensors.numpy.save({**halves, "position_ids": np.arange(3)}, {"format": "pt"}),
    ]


def _torch(write, file: str):
    def seeds(folder: pathlib.Path) -> list[bytes]:
        found = []
        for kind in ("f4", "bf"):
            write(folder / file, tensors(), kind)
            found.append((folder / file).read_bytes())
        return found

    return seeds


def _legacy(chance, seeds):
    """Of the five pickles of an older file, the state dict is damaged, or anything."""
    if chance.random() < 0.4:
        return mutations.of_bytes(chance, seeds)
    data = chance.choice(seeds)
    begin = data.index(b"\x80\x02", data.index(b"type_sizes"))
    end = data.index(b"\x80\x02]", begin)
    return data[:begin] + containers.pickles(chance, [data[begin:end]]) + data[end:]


def _bundle(folder: pathlib.Path) -> list[bytes]:
    held = tensors()
    write_tensor_bundle(
        folder / "model.ckpt", {name: value.shape for name, value in held.items()}, held.__getitem__, {"graph": b"text"}
    )
    return [(folder / "model.ckpt.index").read_bytes()]


def _read_bundle(path: pathlib.Path) -> None:
    bundle = TensorBundle(path.with_suffix(""))
    for name in bundle.shapes:
        bundle.read_any(name)


def _hdf5(folder: pathlib.Path) -> list[bytes]:
    found = []
    for libver in ("earliest", "latest"):
        with h5py.File(folder / "seed.h5", "w", libver=libver) as file:
            for name, value in tensors().items():
                file[f"layers/{name.replace('.', '/')}/vars/0"] = value
            file.attrs["layer_names"] = [b"bert", b"classifier"]
        found.append((folder / "seed.h5").read_bytes())
    return found


def _shards(folder: pathlib.Path) -> list[bytes]:
    places = {}
    for i, (name, value) in enumerate(tensors().items()):
        safetensors.numpy.save_file({name: value}, folder / f"model-{i}.safetensors")
        places[name] = f"model-{i}.safetensors"
    return [json.dumps({"metadata": {"total_size": 188}, "weight_map": places}).encode()]


READERS = {
    "safetensors": Reader(
        "model.safetensors", _safetensors, lambda path: read_all(_floats(SafetensorsFile(path))), containers.safetensors
    ),
    "shards": Reader(
        "model.safetensors.index.json", _shards, lambda path: read_all(Shards(path, SafetensorsFile)), mutations.of_json
    ),
    "torch": Reader(
        "pytorch_model.bin",
        _torch(torch_files.write_zip, "pytorch_model.bin"),
        lambda path: read_all(TorchFile(path)),
        containers.archive({"data.pkl": containers.pickles, "byteorder": mutations.of_bytes}),
    ),
    "torch_legacy": Reader(
        "pytorch_model.bin", _torch(torch_files.write_legacy, "pytorch_model.bin"), lambda path: read_all(TorchFile(path)), _legacy
    ),
    "tensor_bundle": Reader("model.ckpt.index", _bundle, _read_bundle, containers.bundle_index),
    "tensor_bundle_data": Reader(
        "model.ckpt.data-00000-of-00001",
        lambda folder: [_bundle(folder), (folder / "model.ckpt.data-00000-of-00001").read_bytes()][1:],
        lambda path: _read_bundle(path.parent / "model.ckpt.index"),
        mutations.of_bytes,
    ),
    "hdf5": Reader("model.weights.h5", _hdf5, lambda path: read_all(HDF5File(path)), mutations.of_bytes),
}  # fmt: skip


class _floats:
    """A tensor file without its tensors of integers, which are refused as they are read."""

    def __init__(self, file):
        self.read = file.read
        self.shapes = [name for name in file.shapes if name != "position_ids"]
