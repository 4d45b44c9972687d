"""Writes pytorch_model.bin as PyTorch does, zip archive and older file, without PyTorch."""

import collections
import io
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

KINDS = {"f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "i8": "LongStorage", "bf": "BFloat16Storage"}


class Storage:
    def __init__(self, kind, key, data, count):
        self.kind, self.key, self.data, self.count = kind, key, data, count


class Rebuilt:
    """Pickles as a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, arguments):
        self.arguments = arguments

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            kind = getattr(sys.modules["torch"], value.kind)
            legacy = (None,) if self.legacy else ()
            return ("storage", kind, value.key, "cpu", value.count, *legacy)
        return None


def _named(module, name):
    made = type(name, (), {}) if name[0] != "_" else types.FunctionType((lambda: None).__code__, {}, name)
    made.__module__, made.__qualname__ = module, name
    return made


def pickled(value, legacy):
    """The bytes of a pickle that names PyTorch's functions."""
    modules = {"torch": types.ModuleType("torch"), "torch._utils": types.ModuleType("torch._utils")}
    for name in KINDS.values():
        setattr(modules["torch"], name, _named("torch", name))
    modules["torch._utils"]._rebuild_tensor_v2 = _named("torch._utils", "_rebuild_tensor_v2")
    kept = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        stream = io.BytesIO()
        pickler = Pickler(stream, protocol=2)
        pickler.legacy = legacy
        pickler.dump(value)
        return stream.getvalue()
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def state(tensors, kind="f4", order="<"):
    """An OrderedDict of tensors to be pickled, and their storages."""
    found, storages = collections.OrderedDict(), []
    for number, (name, value) in enumerate(tensors.items()):
        if kind == "bf":
            data = (np.ascontiguousarray(value, "<f4").view("<u4") >> 16).astype(order + "u2").tobytes()
        else:
            data = np.ascontiguousarray(value).astype(order + kind).tobytes()
        storage = Storage(KINDS[kind], str(number), data, value.size)
        storages.append(storage)
        strides = tuple(step // value.itemsize for step in np.ascontiguousarray(value).strides)
        found[name] = Rebuilt((storage, 0, value.shape, strides, False, collections.OrderedDict()))
    return found, storages


def write_zip(path, tensors, kind="f4", order="<", data=None):
    found, storages = state(tensors, kind, order)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(found, legacy=False) if data is None else data)
        archive.writestr("archive/byteorder", "little" if order == "<" else "big")
        for storage in storages:
            archive.writestr(f"archive/data/{storage.key}", storage.data)
        archive.writestr("archive/version", "3\n")


def write_legacy(path, tensors, kind="f4", data=None):
    found, storages = state(tensors, kind)
    with open(path, "wb") as file:
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
        for value in (0x1950A86A20F9469CFC6C, 1001, system):
            file.write(pickle.dumps(value, protocol=2))
        file.write(pickled(found, legacy=True) if data is None else data)
        file.write(pickle.dumps([storage.key for storage in storages], protocol=2))
        for storage in storages:
            file.write(struct.pack("<q", storage.count) + storage.data)
