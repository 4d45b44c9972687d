"""A SavedModel is a program: what reaches out of its graph is named before it is loaded."""

import logging

import pytest
import tensorflow as tf
from served import save
from tensorflow.python.trackable.resource import TrackableResource

from tfbert.export.saved_model.allowed_ops import ALLOWED
from tfbert.serving.models.reaching_out import _NAMES
from tfbert.serving.models.servable import Servable


class WritesWhenLoaded(TrackableResource):
    """A resource, such as a lookup table, whose initialization is a part of the graph."""

    def __init__(self, path):
        super().__init__()
        self._path = str(path)
        assert self.resource_handle is not None  # made now

    def _create_resource(self):
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self):
        tf.io.write_file(self._path, tf.io.read_file(__file__))


class Answering(tf.Module):
    def __init__(self, make):
        super().__init__()
        self.resource = make()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def answer(self, text):
        return {"label": tf.identity(text)}


def written(folder, path):
    """A SavedModel that writes a file while TensorFlow loads it."""
    module = Answering(lambda: WritesWhenLoaded(path))
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.answer})
    path.unlink(missing_ok=True)
    return folder


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if getattr(record, "event", "") == "reaches_out"]


def test_a_model_that_writes_a_file_when_it_is_loaded_is_named(tmp_path, caplog):
    folder = written(tmp_path / "1", tmp_path / "stolen")
    order = []

    class Watch(logging.Handler):
        def emit(self, record):
            order.append((tmp_path / "stolen").exists())

    logger = logging.getLogger("tfbert.serving")
    logger.addHandler(watch := Watch())
    try:
        Servable(folder)
    finally:
        logger.removeHandler(watch)
    (message,) = warnings(caplog)
    assert f"{folder}: the graph reaches out of itself with ReadFile, WriteFile;" in message
    assert order == [False] and (tmp_path / "stolen").exists()  # SECURITY.md says so; the warning comes first


def test_models_of_this_package_and_plain_ones_are_not_named(tmp_path, caplog):
    save(tmp_path / "1")
    Servable(tmp_path / "1")
    assert warnings(caplog) == [] and not [name for name in ALLOWED if _NAMES.search(name)]


@pytest.mark.parametrize(
    "name",
    "PyFunc EagerPyFunc PyFuncStateless ReadFile WriteFile MatchingFiles InitializeTableFromTextFileV2 TFRecordReaderV2 "
    "ReaderReadV2 TextLineDataset TFRecordDatasetV2 FixedLengthRecordDatasetV2 SqlDataset CacheDatasetV2 SaveDatasetV2 "
    "LoadDataset SnapshotDatasetV2 DataServiceDatasetV4 CreateSummaryFileWriter CreateSummaryDbWriter WriteRawProtoSummary "
    "Save SaveSlices Restore RestoreSlice LoadAndRemapMatrix GenerateVocabRemapping ImmutableConst DecodeProtoV2 "
    "EncodeProto DebugIdentityV2 Print PrintV2 RemoteCall FileSystemSetConfiguration LMDBReader Abort".split(),
)
def test_names_that_reach_out(name):
    assert _NAMES.search(name) and (hasattr(tf.raw_ops, name) or name in ("Abort", "Save", "RemoteCall"))


@pytest.mark.parametrize(
    "name", ["Snapshot", "SaveV2", "RestoreV2", "ShardedFilename", "MapDataset", "TensorSummaryV2", "HashTableV2"]
)
def test_names_that_do_not(name):
    assert not _NAMES.search(name)
