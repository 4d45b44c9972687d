"""A saved graph with byte-level BPE, in processes without this package: by TF Serving's loader, and by the server."""

import json
import subprocess
import sys

import byte_bpe_kinds
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfbert.export.saved_model import allowed_ops
from tfbert.serving.models.graph_operations import operations_of
from tfbert.text.algorithms.byte_bpe_model import made_tokens, word_model
from tfbert.text.algorithms.sentencepiece_op import FastSentencePieceOp

# What TF Serving has: TensorFlow and tensorflow-text's compiled operations, of which these.
LOADER = """
import json, pathlib, sys
for name in ("keras", "tf_keras", "tfbert", "tensorflow_text"):
    sys.modules[name] = None
text = pathlib.Path([path for path in sys.path if (pathlib.Path(path) / "tensorflow_text").exists()][0])
import tensorflow as tf
for name in ("sentencepiece_tokenizer", "fast_sentencepiece_tokenizer", "fast_bert_normalizer", "fast_wordpiece_tokenizer", "byte_splitter", "normalize_ops"):
    tf.load_op_library(str(text / f"tensorflow_text/python/ops/_{name}.so"))
session = tf.compat.v1.Session(graph=tf.Graph())
with session.graph.as_default():
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
texts, found = json.loads(sys.stdin.read()), {}
for name in ("ids", "places"):
    signature = meta.signature_def[name]
    for each in ([texts], [[text] for text in texts]):
        for batch in each:
            given = {signature.inputs["text"].name: [text.encode() for text in batch]}
            rows = session.run({key: info.name for key, info in signature.outputs.items()}, given)
            for key, values in rows.items():
                found.setdefault(name + key, []).append(values.tolist())
print(json.dumps(found))
"""
SERVER = """
import json, sys
import numpy as np
from tfbert.serving.models.servable import Servable
servable, texts = Servable(sys.argv[1]), json.loads(sys.stdin.read())
assert "tensorflow_text" not in sys.modules
given = {"text": np.array([text.encode() for text in texts], object)}
print(json.dumps({key: values.tolist() for key, values in servable.run("places", given).items()}))
"""
TEXTS = ["the film's", "a  <mask> é!", "e\u0301 |||IP||| \u212b", "", "日本語  x\n"]


@pytest.mark.parametrize("kind", [pytest.param("prefixed", marks=pytest.mark.slow), "nfc"])
def test_saved(kind, tmp_path):
    tokenizer, _ = byte_bpe_kinds.pair(kind, tmp_path)
    spec = tf.TensorSpec([None], tf.string, "text")
    signatures = {
        "ids": tf.function(tokenizer, input_signature=[spec], autograph=False),
        "places": tf.function(lambda text: tokenizer(text, offsets=True), input_signature=[spec], autograph=False),
    }
    folder = tmp_path / "saved"
    traced = {name: function.get_concrete_function() for name, function in signatures.items()}
    tf.saved_model.save(tf.Module(), str(folder), signatures=traced)  # nothing is tracked
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    allowed_ops.check(operations_of(saved.meta_graphs[0]), folder)
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert [node.op for node in nodes].count("SentencepieceOp") == 1  # the models are there once
    runs = {length: tokenizer.vocabulary[" " * length] for length in range(2, 25)} if kind == "nfc" else {}
    vocabulary = tokenizer.vocabulary
    words = FastSentencePieceOp(word_model(vocabulary, made_tokens(vocabulary), runs).data)
    constants = [node.attr["value"].tensor.tensor_content for node in nodes if node.op == "Const"]
    assert constants.count(words.model.numpy().tobytes()) == 1
    ran = [
        subprocess.run(
            [sys.executable, "-c", program, folder],
            input=json.dumps(TEXTS),
            capture_output=True,
            text=True,
            check=False,
        )
        for program in (LOADER, SERVER)
    ]
    assert not any(each.returncode for each in ran), [each.stderr[-2000:] for each in ran]
    expected = tokenizer(TEXTS, offsets=True)
    served = json.loads(ran[1].stdout.splitlines()[-1])
    loaded = json.loads(ran[0].stdout.splitlines()[-1])
    for name, values in expected.items():
        assert served[name] == values.numpy().tolist()
        assert loaded[f"places{name}"][0] == values.numpy().tolist()
    for i, text in enumerate(TEXTS):
        alone = tokenizer([text])["token_ids"].numpy().tolist()
        assert loaded["idstoken_ids"][1 + i] == loaded["placestoken_ids"][1 + i] == alone
