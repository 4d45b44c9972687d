"""The requests recorded in a model folder are run when it is loaded."""

import shutil

import grpc
import pytest
import tensorflow as tf
from served import examples, predict, request
from tensorflow_serving.apis import prediction_log_pb2
from tfrecords import terabyte_record

from tfbert.errors import ServingError
from tfbert.serving.host.server import Server
from tfbert.serving.models import warm_up as warm_up_module
from tfbert.serving.models.batching import Batcher
from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.models.servable import Servable


def write_warmup(folder, *logs):
    file = folder / "assets.extra" / "tf_serving_warmup_requests"
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log if isinstance(log, bytes) else log.SerializeToString())
    return file


@pytest.fixture
def folder(model_dir, tmp_path):
    shutil.copytree(model_dir / "3", tmp_path / "mine/1")
    return tmp_path / "mine/1"


PREDICT = prediction_log_pb2.PredictionLog(predict_log={"request": request({"text": ["a", "b"]}, name="any")})


def play(folder):
    servable = Servable(folder)
    batcher = Batcher(servable, BatchingParameters())
    try:
        return warm_up_module.warm_up(servable, batcher.submit)
    finally:
        batcher.close()


def test_every_kind_of_request_is_run(folder):
    assert play(folder) == 0
    spec = {"name": "any", "signature_name": "classify"}
    classify = prediction_log_pb2.PredictionLog(
        classify_log={"request": {"model_spec": spec, "input": examples("a b")}}
    )
    write_warmup(folder, PREDICT, prediction_log_pb2.PredictionLog(session_run_log={}), classify)
    assert play(folder) == 2
    with Server(folder.parent, port=0) as server, grpc.insecure_channel(server.address) as channel:
        assert predict(channel, request()).outputs


def test_a_record_of_a_terabyte_does_not_crash_the_server(folder):
    write_warmup(folder).write_bytes(terabyte_record())
    with pytest.raises(ServingError, match="tf_serving_warmup_requests: .*record 1; export the model again"):
        play(folder)


def test_a_request_or_file_that_is_wrong_keeps_the_model_from_being_served(folder, monkeypatch):
    bad = prediction_log_pb2.PredictionLog(predict_log={"request": request({"txt": ["a"]})})
    write_warmup(folder, PREDICT, bad)
    with pytest.raises(ServingError, match="warm-up request 2 failed: input size does not match"):
        Server(folder.parent, port=0).start()
    write_warmup(folder, b"\xff\xff")
    with pytest.raises(ServingError, match="not a PredictionLog"):
        play(folder)
    write_warmup(folder, PREDICT).write_bytes(b"no TFRecord at all, but some text")
    with pytest.raises(ServingError, match="not in TFRecord format"):
        play(folder)
    whole = write_warmup(folder, PREDICT, PREDICT).read_bytes()
    (folder / "assets.extra" / "tf_serving_warmup_requests").write_bytes(whole[:-1])
    with pytest.raises(ServingError, match="truncated: record 2"):
        play(folder)
    monkeypatch.setattr(warm_up_module, "MAX_WARM_UP_REQUESTS", 1)
    write_warmup(folder, PREDICT, PREDICT)
    with pytest.raises(ServingError, match="more than 1 requests"):
        play(folder)
