"""A SavedModel loaded for serving: which version, which signatures, and how a PredictRequest is run."""

import logging
import os
import pathlib

import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the ops of the tokenizers in the graph
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from tfbert.errors import ServingError
from tfbert.serving import tensor_proto

_DEFAULT_SIGNATURE = "serving_default"
_WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
_MAX_WARMUP_RECORDS = 1000  # TF Serving refuses more


def find_version(model_dir):
    """The folder to serve: `(model name, version, version folder)`.

    `model_dir` is a TF Serving base folder, of which the highest-numbered sub-folder is taken, or such a
    version folder itself. Raises `ServingError` where there is none.

    >>> find_version("served/mine")
    ('mine', 3, PosixPath('served/mine/3'))
    """
    model_dir = pathlib.Path(model_dir)
    if not model_dir.is_dir():
        raise ServingError(f"{model_dir}: no such folder; give the folder that holds the model's versions")
    here = pathlib.Path(os.path.abspath(model_dir))  # so that "." has a name; links keep theirs
    if (here / "saved_model.pb").exists():
        if not _is_version(here.name):
            raise ServingError(
                f"{model_dir}: a SavedModel outside a version folder; move it to {model_dir / '1'}, "
                f"where TF Serving looks for it too"
            )
        return here.parent.name, int(here.name), model_dir
    versions = [path for path in model_dir.iterdir() if _is_version(path.name) and path.is_dir()]
    if not versions:
        raise ServingError(
            f"{model_dir}: no version folder (a number, such as {model_dir / '1'}); export a model to one"
        )
    newest = max(versions, key=lambda path: int(path.name))
    return here.name, int(newest.name), newest


def _is_version(name):
    return name.isascii() and name.isdigit() and int(name) < 2**63  # TF Serving reads an int64


class Servable:
    """One version of a model, loaded; may be called from several threads.

    Request errors are raised as `tf.errors` with the code that TF Serving answers
    (servables/tensorflow/predict_util.cc); a folder that cannot be loaded is a `ServingError`.

    >>> servable = Servable("served/mine/1", name="mine", version=1)
    >>> servable.predict(request).outputs["label"].string_val
    [b'positive']
    """

    def __init__(self, folder, *, name, version):
        self.folder, self.name, self.version = pathlib.Path(folder), name, version
        self.signature_defs = self._read_signature_defs()
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except Exception as error:  # a broken SavedModel raises nearly anything
            reason = (getattr(error, "message", None) or str(error) or type(error).__name__).strip()
            raise ServingError(
                f"{folder}: the SavedModel cannot be loaded ({reason.splitlines()[0]}); export it again"
            ) from error
        self._functions = dict(self._loaded.signatures)
        if not self._functions:
            raise ServingError(f"{folder}: the SavedModel has no signature; export it again with one")
        self._inputs = {
            key: {
                name: tensor_proto.InputSpec.from_tensor_info(name, info)
                for name, info in sorted(self.signature_defs[key].inputs.items())
            }
            for key in self._functions
        }

    def _read_signature_defs(self):
        saved_model = saved_model_pb2.SavedModel()
        try:
            saved_model.ParseFromString((self.folder / "saved_model.pb").read_bytes())
        except FileNotFoundError:
            raise ServingError(f"{self.folder}: has no saved_model.pb; export the model again") from None
        except (OSError, DecodeError) as error:
            raise ServingError(
                f"{self.folder}: saved_model.pb cannot be read ({error}); export the model again"
            ) from error
        for graph in saved_model.meta_graphs:
            if "serve" in graph.meta_info_def.tags:
                return dict(graph.signature_def)
        raise ServingError(f"{self.folder}: saved_model.pb has no graph tagged 'serve'; export the model again")

    def predict(self, request):
        """Runs a `PredictRequest`: a `PredictResponse` with the outputs that its `output_filter` names."""
        key = request.model_spec.signature_name or _DEFAULT_SIGNATURE
        if key not in self._functions:
            served = ", ".join(sorted(self._functions))
            raise tf.errors.FailedPreconditionError(
                None, None, f'Serving signature key "{key}" not found. The model has: {served}.'
            )
        try:
            inputs = self._parse_inputs(key, request.inputs)
            names = self._output_names(key, request.output_filter)
        except ValueError as error:
            raise tf.errors.InvalidArgumentError(None, None, str(error)) from None
        outputs = self._functions[key](**inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = self.version
        response.model_spec.signature_name = key
        for name in names:
            response.outputs[name].CopyFrom(tensor_proto.encode(outputs[name].numpy()))
        return response

    def _parse_inputs(self, key, given):
        specs = self._inputs[key]
        expected = f'signature "{key}" expects {{{", ".join(map(str, specs.values()))}}}'
        defaults = self.signature_defs[key].defaults
        missing = sorted(name for name in specs if name not in given and name not in defaults)
        extra = sorted(name for name in given if name not in specs)
        if missing or extra:
            raise ValueError(
                f"input size does not match signature: {expected}. Sent extra: {{{', '.join(extra)}}}. "
                f"Missing but required: {{{', '.join(missing)}}}."
            )
        try:
            inputs = {
                name: tensor_proto.parse(given[name] if name in given else defaults[name], spec)
                for name, spec in specs.items()
            }
        except ValueError as error:
            raise ValueError(f"{error}; {expected}") from None
        batch_sizes = {name: inputs[name].shape[0] for name, spec in specs.items() if spec.has_batch}
        if len(set(batch_sizes.values())) > 1:
            raise ValueError(f"the inputs have different batch sizes, {batch_sizes}; {expected}")
        return inputs

    def _output_names(self, key, output_filter):
        outputs = sorted(self.signature_defs[key].outputs)
        for position, name in enumerate(output_filter):
            if name not in outputs:
                raise ValueError(
                    f"output tensor alias not found in signature: {name} "
                    f"Outputs expected to be in the set {{{', '.join(outputs)}}}."
                )
            if name in output_filter[:position]:
                raise ValueError(f"duplicate output tensor alias: {name}")
        return output_filter or outputs

    def warm_up(self):
        """Runs the requests recorded in the model's warm-up file; returns how many (0 without the file).

        The file is a TFRecord of `PredictionLog`, as TF Serving reads it; a request that fails is a
        `ServingError`, as there it keeps the model from being served.
        """
        file = self.folder / _WARMUP_FILE
        if not file.exists():
            return 0
        count = 0
        try:
            for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
                log = prediction_log_pb2.PredictionLog.FromString(record)
                if log.WhichOneof("log_type") != "predict_log":
                    logging.warning("%s: skipped a %s", file, log.WhichOneof("log_type"))
                    continue
                count += 1
                if count > _MAX_WARMUP_RECORDS:
                    raise ServingError(f"{file}: more than {_MAX_WARMUP_RECORDS} requests; record fewer")
                self.predict(log.predict_log.request)
        except DecodeError as error:
            raise ServingError(f"{file}: a record is not a PredictionLog; export the model again") from error
        except tf.errors.DataLossError as error:
            raise ServingError(f"{file}: not in TFRecord format or truncated; export the model again") from error
        except tf.errors.OpError as error:
            raise ServingError(f"{file}: warm-up request {count} failed: {error.message}") from error
        return count
