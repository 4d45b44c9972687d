"""A SavedModel is run by TensorFlow's C library as TensorFlow's Python package runs it, and that package is not loaded."""

import os
import subprocess
import sys
import threading

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from served import REPOSITORY, save

from tfbert import cpu
from tfbert.errors import ServingError
from tfbert.serving.models.servable import Servable
from tfbert.serving.protocol.status_codes import Code, StatusError

KINDS = (np.float32, np.float64, np.float16, ml_dtypes.bfloat16, np.int8, np.int16, np.int32, np.int64, np.uint8)
KINDS += (np.uint16, np.uint32, np.uint64, np.bool_)


class Echo(tf.Module):
    """Gives back what it gets, of every type and shape; `numbers` fails where one is negative."""

    @tf.function(input_signature=[tf.TensorSpec(None, tf.string, "text")])
    def strings(self, text):
        return {"text": text, "pieces": tf.strings.split(text, " ").to_tensor() if text.shape.rank == 1 else text}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "numbers")])
    def numbers(self, numbers):
        with tf.control_dependencies([tf.debugging.assert_non_negative(numbers, "must not be negative")]):
            return {"numbers": tf.identity(numbers)}

    @tf.function(input_signature=[])
    def nothing(self):
        return {"one": tf.constant(1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    module, folder = Echo(), tmp_path_factory.mktemp("echo") / "1"
    signatures = {"serving_default": module.strings, "numbers": module.numbers, "nothing": module.nothing}
    for kind in KINDS:
        spec = tf.TensorSpec(None, tf.as_dtype(kind), "value")
        signatures[np.dtype(kind).name] = tf.function(lambda value: {"value": value}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="module")
def servable(folder):
    return Servable(folder)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: np.dtype(kind).name)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)], ids=str)
def test_numbers_come_back_as_they_are(servable, kind, shape):
    value = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)
    found = servable.run(np.dtype(kind).name, {"value": value})["value"]
    np.testing.assert_array_equal(found, value, strict=True)
    turned = servable.run(np.dtype(kind).name, {"value": value.T})["value"]  # its memory is in another order
    np.testing.assert_array_equal(turned, value.T, strict=True)


TEXTS = [b"", b"a", b"\0\xff\xfe", b"x" * 22, b"x" * 23, "é".encode() * 5000]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (6,), (2, 3)], ids=str)
def test_strings_come_back_as_they_are(servable, shape):
    value = np.array(TEXTS[: np.prod(shape, dtype=int)], object).reshape(shape)
    np.testing.assert_array_equal(servable.run("serving_default", {"text": value})["text"], value, strict=True)


def test_strings_are_freed(servable):
    texts = {"text": np.array([b"x" * 100_000] * 20, object)}

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for _ in range(20):
        servable.run("serving_default", texts)
    before = resident()
    for _ in range(200):  # 400 MB of strings
        servable.run("serving_default", texts)
    assert resident() - before < 50e6


def test_a_signature_without_inputs(servable):
    assert servable.run("nothing", {})["one"] == 1


def test_an_error_in_the_graph_has_its_code_and_the_next_call_works(servable):
    with pytest.raises(StatusError, match="must not be negative") as caught:
        servable.run("numbers", {"numbers": np.array([-1], np.float32)})
    assert caught.value.error_code == Code.INVALID_ARGUMENT
    assert servable.run("numbers", {"numbers": np.array([1], np.float32)})["numbers"] == [1]


def test_many_threads_get_their_own_answers(servable):
    wrong = []

    def ask(number):
        for count in range(50):
            text = np.array([b"%d" % number * 30, b"%d" % count], object)
            if servable.run("serving_default", {"text": text})["text"].tolist() != text.tolist():
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_version_without_its_variables_is_refused(tmp_path):
    save(tmp_path / "1")
    (tmp_path / "1/variables/variables.index").unlink()
    with pytest.raises(ServingError, match=r"1: has no variables/variables.index; export the model again"):
        Servable(tmp_path / "1")


@pytest.mark.parametrize(
    ("kind", "has", "warns"), [(tf.bfloat16, False, 1), (tf.bfloat16, True, 0), (tf.float32, False, 0)]
)
def test_bfloat16_on_a_processor_without_it_is_warned_of(tmp_path, monkeypatch, caplog, kind, has, warns):
    module = tf.Module()
    module.kernel = tf.Variable(tf.ones([3, 2], kind))
    spec = tf.TensorSpec([None, 3], tf.float32, "vectors")

    def product(vectors):
        return {"product": tf.cast(tf.cast(vectors, kind) @ module.kernel, tf.float32)}

    signatures = {"serving_default": tf.function(product, input_signature=[spec])}
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=signatures)
    monkeypatch.setattr(cpu, "has_bfloat16", lambda: has)
    Servable(tmp_path / "1")
    found = [each.message for each in caplog.records if "is in bfloat16, which this processor" in each.message]
    assert len(found) == warns


PROGRAM = """
import pathlib, sys
import numpy as np
from tfbert.serving.models import unused_memory
from tfbert.serving.models.servable import Servable
def words(): return Servable(sys.argv[1]).run("serving_default", {"text": np.array([b"a b c"], object)})["logits"].tolist()
def megabytes(): return int(pathlib.Path("/proc/self/status").read_text().split("RssFile:")[1].split()[0]) / 1024
print(words(), "tensorflow" in sys.modules)
before = megabytes()
unused_memory.give_back()
print(before - megabytes() > 200 or (before, megabytes()), words())
import tensorflow_text
print(tensorflow_text.WhitespaceTokenizer().tokenize(["a b c"]).to_list(), words())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_of_the_library_are_given_back_and_the_python_package_may_be_imported_later(model_dir):
    command = [sys.executable, "-c", PROGRAM, str(model_dir / "3")]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    words = "[[5.0, 3.0]]"
    expected = f"{words} False\nTrue {words}\n[[b'a', b'b', b'c']] {words}\n"
    assert result.stdout == expected, result.stderr[-3000:]
