"""Mutated files of every format: each is told in one clear error, whatever lies in it."""

import json
import pathlib
import resource
import shutil
import struct
import zipfile

import h5py
import numpy as np
import pytest
import safetensors.numpy
from torch_files import write_legacy, write_zip

from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.convert import convert
from tfbert.checkpoints.weights import stored_value
from tfbert.errors import TfbertError

FORMATS = ("safetensors", "zip", "legacy", "tf_h5", "tf1", "model_garden", "keras_hub")
CHANGES = ("truncated", "padded", "mislabelled", "header", "nan", "swapped", "configuration", "shape")
_MOST_MEMORY = 300 << 20  # bytes; the files have one megabyte


@pytest.fixture(scope="module")
def sound(network, tmp_path_factory, tiny_checkpoint):
    """{format: folder} of one network, and the name of the file with its weights."""
    from tfbert.checkpoints.formats import hugging_face_tf

    source = network(("classifier",))
    base, found = tmp_path_factory.mktemp("sound"), {}
    for form in ("hf", "tf1", "model_garden", "keras_hub"):
        convert(source, form, base / form)
    files = {"tf1": "bert_model.ckpt.index", "model_garden": "bert_model.ckpt.index", "keras_hub": "model.weights.h5"}
    found = {form: (base / form, name) for form, name in files.items()}
    found["safetensors"] = base / "hf", "model.safetensors"
    tensors = safetensors.numpy.load_file(base / "hf/model.safetensors")
    for form, name in (("zip", "pytorch_model.bin"), ("legacy", "pytorch_model.bin"), ("tf_h5", "tf_model.h5")):
        folder = shutil.copytree(base / "hf", base / form)
        (folder / "model.safetensors").unlink()
        found[form] = folder, name
    write_zip(found["zip"][0] / "pytorch_model.bin", tensors)
    write_legacy(found["legacy"][0] / "pytorch_model.bin", tensors)
    from tfbert.checkpoints.weights import rows_to_write
    from tfbert.encoders.bert.family import FAMILY

    table = FAMILY.forms[hugging_face_tf.NAME].table

    with h5py.File(found["tf_h5"][0] / "tf_model.h5", "w") as file:
        for row, shape in rows_to_write(source, table):
            outer = "classifier/tf_bert/" if row.tensor.startswith("classifier") else "bert/tf_bert/bert/"
            file[f"{outer}{row.tensor}:0"] = stored_value(source, row, shape)
    for folder, _ in found.values():
        read_all(folder)
    return found


def read_all(folder):
    source = open_checkpoint(folder)
    for variable in source.shapes:
        source.value(variable)


def mutate(folder, name, form, change, generator):
    """Damages a folder so that it cannot be read; returns what was done."""
    path = folder / name
    data_file = folder / "bert_model.ckpt.data-00000-of-00001"
    if change in ("truncated", "padded") and data_file.exists() and generator.integers(2):
        path = data_file
    data = path.read_bytes()
    if change == "truncated":
        kept = int(generator.integers(len(data)))
        path.write_bytes(data[:kept])
        return f"{path.name} cut to {kept} of {len(data)} bytes"
    if change == "padded":
        more = generator.bytes(int(generator.integers(1, 200)))
        path.write_bytes(data + more)
        return f"{len(more)} bytes behind {path.name}"
    if change == "mislabelled":
        contents = [
            b"{}",
            b"PK\x03\x04" + data[4:],
            b"\x89HDF\r\n\x1a\n" + data[8:],
            generator.bytes(500),
            data[::-1],
            b"",
        ]
        content = contents[int(generator.integers(len(contents)))]
        content = generator.bytes(300) if content == data else content
        path.write_bytes(content)
        return f"{path.name} begins with {content[:10]!r}"
    if change == "configuration":
        return _lie(folder, generator)
    if change == "shape":
        return _other_shape(path, form, data, generator)
    if change == "header":
        return _other_header(path, form, data, generator)
    return _other_numbers(folder, path, form, change, generator)


def _lie(folder, generator):
    """A configuration of other sizes than the tensors, some of them enormous."""
    path = folder / ("bert_config.json" if (folder / "bert_config.json").exists() else "config.json")
    values = json.loads(path.read_text())
    sizes = values.get("config", values)
    key = str(
        generator.choice([k for k, v in sizes.items() if isinstance(v, int) and v > 1 and not isinstance(v, bool)])
    )
    if "heads" in key:
        wrong = [0, -1, 7, "two", None, 1.5]
    else:
        wrong = [0, -1, sizes[key] + 1, 10**6, 10**12, 10**30, "many", None, [1], 1.5, True]
    sizes[key] = wrong[int(generator.integers(len(wrong)))]
    path.write_text(json.dumps(values))
    return f"{key} is {sizes[key]!r}"


def _other_shape(path, form, data, generator):
    """A tensor of another shape, the file itself being sound."""
    if form == "safetensors":
        tensors = safetensors.numpy.load_file(path)
        name = _grow(tensors, generator)
        safetensors.numpy.save_file(tensors, path)
    elif form in ("zip", "legacy"):
        tensors = safetensors.numpy.load_file(path.parents[1] / "hf.safetensors")
        name = _grow(tensors, generator)
        (write_zip if form == "zip" else write_legacy)(path, tensors)
    elif path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            names = []
            file.visititems(lambda name, held: names.append(name) if hasattr(held, "shape") else None)
            name = names[int(generator.integers(len(names)))]
            shape = file[name].shape
            del file[name]
            kind = int(generator.integers(3))
            if kind == 0:
                file[name] = np.zeros((*shape[:-1], shape[-1] + 1), "f4")
            elif kind == 1:  # never written, of any size
                file.create_dataset(name, shape=(10**9, 10**3), dtype="f4")
            else:
                file[name] = h5py.ExternalLink("/etc/hostname", "/x")
    else:
        return _other_header(path, form, data, generator)
    return f"{name} has another shape"


def _grow(tensors, generator):
    name = str(generator.choice([name for name in tensors if "classifier" not in name and "pooler" not in name]))
    value = tensors[name]
    tensors[name] = np.zeros((*value.shape[:-1], value.shape[-1] + int(generator.integers(1, 5))), "f4")
    return name


def _other_header(path, form, data, generator):
    """What a file says of its contents, wrong."""
    if form == "safetensors":
        length = struct.unpack("<Q", data[:8])[0]
        kind = int(generator.integers(4))
        if kind == 0:
            wrong = [0, 1, length + 8, 2**31, 2**63, 2**64 - 1][int(generator.integers(6))]
            path.write_bytes(struct.pack("<Q", wrong) + data[8:])
            return f"a header of {wrong} bytes"
        header = json.loads(data[8 : 8 + length])
        name = str(generator.choice([name for name in header if name != "__metadata__"]))
        if kind == 1:
            header[name]["shape"] = [2**40, 2**40]
        elif kind == 2:
            header[name]["dtype"] = str(generator.choice(["F64", "F16", "Q9", "I64", "BOOL"]))
        else:
            header[name]["data_offsets"] = [0, 2**50]
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
        return f"{name} says {header[name]}"
    if form in ("tf1", "model_garden"):
        place = int(
            generator.integers(len(data) - 48, len(data)) if generator.integers(2) else generator.integers(len(data))
        )
        changed = bytearray(data)
        changed[place] ^= int(generator.integers(1, 256))
        path.write_bytes(bytes(changed))
        return f"byte {place} of the index"
    if form in ("tf_h5", "keras_hub"):
        changed = bytearray(data)
        place = int(generator.integers(12))
        changed[place if place < 8 else 40 + place - 8] ^= int(generator.integers(1, 256))
        path.write_bytes(bytes(changed))
        return f"byte {place} of the superblock"
    place = data.index(b"_rebuild_tensor_v2") + int(generator.integers(15))  # in the pickle
    changed = bytearray(data)
    changed[place] ^= int(generator.integers(1, 128))
    path.write_bytes(bytes(changed))
    return f"byte {place} in a pickle"


def _other_numbers(folder, path, form, change, generator):
    """NaN, infinity or the wrong byte order in one tensor, in a file that is sound."""
    tensors = safetensors.numpy.load_file(folder.parent / "hf.safetensors")
    name = str(generator.choice([name for name, value in tensors.items() if value.size > 1000]))
    if change == "nan":
        where = tuple(int(generator.integers(size)) for size in tensors[name].shape)
        tensors[name][where] = [np.nan, np.inf, -np.inf][int(generator.integers(3))]
    else:
        tensors[name] = tensors[name].byteswap()
    if form == "zip":
        write_zip(path, tensors)
    elif form == "legacy":
        write_legacy(path, tensors)
    elif form == "safetensors":
        safetensors.numpy.save_file(tensors, path)
    else:
        aside = folder.parent / "aside"
        shutil.copytree(folder.parent / "hf", aside, dirs_exist_ok=True)
        safetensors.numpy.save_file(tensors, aside / "model.safetensors")
        _write_unsound(aside, folder, form)
    return f"{name} has {change}"


def _write_unsound(aside, folder, form):
    """A folder of another format with the numbers of a Hugging Face folder, as they are."""
    source = open_checkpoint(aside)
    if form == "tf_h5":
        with h5py.File(folder / "tf_model.h5", "r+") as file:
            names = []
            file.visititems(lambda name, held: names.append(name) if hasattr(held, "shape") else None)
            name = next(name for name in names if name.endswith("intermediate/dense/kernel:0"))
            file[name][0, 0] = np.nan
        return
    plain = source.value
    source.value = lambda variable: _unchecked(source, variable, plain)
    convert(source, form, folder)


def _unchecked(source, variable, plain):
    row, file = source._found[variable]
    value = file.read(row.tensor)
    return value.T if row.layout == "transposed" else value


def survey(sound, tmp_path, count, seed):
    """Mutates `count` files, and returns those that were read all the same."""
    generator = np.random.default_rng(seed)
    accepted, kinds = [], set()
    shutil.copy(sound["safetensors"][0] / "model.safetensors", tmp_path / "hf.safetensors")
    shutil.copytree(sound["safetensors"][0], tmp_path / "hf")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        form = FORMATS[number % len(FORMATS)]
        change = CHANGES[number // len(FORMATS) % len(CHANGES)]
        original, name = sound[form]
        folder = tmp_path / "case"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original, folder)
        done = mutate(folder, name, form, change, generator)
        try:
            read_all(folder)
            accepted.append(f"{number} {form} {change}: {done}")
        except TfbertError as error:
            assert str(folder) in str(error) or "config" in str(error), f"{form} {change}: {done}: {error}"
            kinds.add((form, change))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < _MOST_MEMORY, f"{grown >> 20} MB more memory"
    return accepted, kinds


def test_mutated_files(sound, tmp_path):
    accepted, kinds = survey(sound, tmp_path, 2 * len(FORMATS) * len(CHANGES), seed=0)
    assert accepted == []
    assert len(kinds) == len(FORMATS) * len(CHANGES)


@pytest.mark.slow
def test_a_thousand_mutated_files(sound, tmp_path):
    accepted, _ = survey(sound, tmp_path, 1000, seed=1)
    assert accepted == []


def test_random_bytes_do_no_harm(sound, tmp_path):
    """Bytes changed anywhere: an error, or numbers that are others in no way that a file could tell."""
    generator = np.random.default_rng(2)
    for number in range(20 * len(FORMATS)):
        form = FORMATS[number % len(FORMATS)]
        original, name = sound[form]
        folder = tmp_path / "case"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original, folder)
        data = bytearray((folder / name).read_bytes())
        for place in generator.integers(len(data) if number % 2 else min(4096, len(data)), size=3):
            data[int(place)] = int(generator.integers(256))
        (folder / name).write_bytes(bytes(data))
        try:
            read_all(folder)
        except TfbertError:
            pass


def test_a_zip_bomb_is_refused(sound, tmp_path):
    folder = shutil.copytree(sound["zip"][0], tmp_path / "case")
    path = folder / "pytorch_model.bin"
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content if not name.endswith("data/0") else bytes(1 << 24))
    with pytest.raises(TfbertError, match="is compressed or longer than the file"):
        open_checkpoint(folder)
    assert pathlib.Path(path).stat().st_size < 1 << 24
