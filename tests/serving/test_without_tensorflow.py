"""What a server imports: TensorFlow only where an engine needs it."""

import subprocess
import sys

PROGRAM = """
import sys
import tfbert.launch.serve, tfbert.serving.host.server, tfbert.serving.client.client
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
assert not {"tensorflow", "keras", "tensorflow_text"} & sys.modules.keys()
import tensorflow as tf
proto = tf.make_tensor_proto(["a text"])
assert isinstance(proto, tensor_pb2.TensorProto)
request = predict_pb2.PredictRequest(inputs={"text": proto})
assert tf.make_ndarray(request.inputs["text"]).tolist() == [b"a text"]
import tensorflow_text, keras
import tensorflow.core.framework.tensor_pb2 as again
assert again is tensor_pb2
assert tf.saved_model.Asset
print("done")
"""


def test_the_server_is_imported_without_tensorflow_which_can_be_imported_later():
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert result.stdout == "done\n", result.stderr[-3000:]
