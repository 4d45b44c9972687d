"""How requests are joined: TF Serving's BatchingParameters, from its text file or by hand."""

import dataclasses

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2

from tfbert.errors import ServingError
from tfbert.export.saved_model.file_names import BATCHING

# tensorflow_serving/servables/tensorflow/session_bundle_config.proto, which tensorflow-serving-api leaves out:
# name, number, type. Fields that are not here are TF Serving's alone.
_FIELDS = (
    ("max_batch_size", 1, "Int64Value"),
    ("batch_timeout_micros", 2, "Int64Value"),
    ("max_enqueued_batches", 3, "Int64Value"),
    ("num_batch_threads", 4, "Int64Value"),
    ("thread_pool_name", 5, "StringValue"),
    ("allowed_batch_sizes", 6, "int64"),
    ("pad_variable_length_inputs", 7, "bool"),
)
_LIMITS = {"max_batch_size": 1, "batch_timeout_micros": 0, "max_enqueued_batches": 1, "num_batch_threads": 1}


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """`max_batch_size`: rows computed at once; `batch_timeout_micros`: how long a request waits for others
    before it is computed (0: only while all threads are busy); `max_enqueued_batches`: how many full batches
    may wait; `num_batch_threads`: batches computed at once.

    >>> BatchingParameters(max_batch_size=32, num_batch_threads=2)
    """

    max_batch_size: int = 64
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 64
    num_batch_threads: int = 1

    def __post_init__(self):
        for name, least in _LIMITS.items():
            if getattr(self, name) < least:
                raise ServingError(f"{name}={getattr(self, name)}: at least {least} is needed")


def read_parameters(folder, otherwise):
    """The parameters in a version's folder; what its file leaves out, or all without one, is `otherwise`.

    `allowed_batch_sizes` is checked as TF Serving does, and not padded to: it serves graphs with fixed shapes.
    """
    file = folder / BATCHING
    message = _message_class()()
    try:
        text_format.Parse(file.read_text(encoding="utf-8"), message, allow_unknown_field=True)
    except FileNotFoundError:
        return otherwise
    except OSError as error:
        raise ServingError(f"{file}: cannot be read ({error.strerror}); give it to the server's user") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ServingError(f"{file}: not TF Serving's batching parameters: {error}") from error
    given = {name: getattr(message, name).value for name in _LIMITS if message.HasField(name)}
    try:
        parameters = dataclasses.replace(otherwise, **given)
    except ServingError as error:
        raise ServingError(f"{file}: {error}") from None
    sizes = list(message.allowed_batch_sizes)
    if sizes and (sizes != sorted(set(sizes)) or sizes[-1] != parameters.max_batch_size):
        raise ServingError(
            f"{file}: allowed_batch_sizes {sizes} must increase and end with max_batch_size, "
            f"{parameters.max_batch_size}"
        )
    return parameters


def _message_class():
    file = descriptor_pb2.FileDescriptorProto(
        name="batching_parameters.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    message = file.message_type.add(name="BatchingParameters")
    for name, number, kind in _FIELDS:
        field = message.field.add(name=name, number=number, label=1)
        if kind.endswith("Value"):
            field.type, field.type_name = 11, f".google.protobuf.{kind}"
        elif kind == "bool":
            field.type = 8
        else:
            field.type, field.label = 3, 3  # repeated int64
    pool = descriptor_pool.DescriptorPool()  # of its own: TF Serving's generated code may be loaded too
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.serving.BatchingParameters"))
