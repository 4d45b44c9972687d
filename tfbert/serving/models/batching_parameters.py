"""How requests are joined into batches: TF Serving's BatchingParameters."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2

from tfbert.errors import ServingError
from tfbert.export.saved_model.file_names import BATCHING

# tensorflow_serving/servables/tensorflow/session_bundle_config.proto, which the package tensorflow-serving-api lacks:
# name, number, type. The fields left out here concern TF Serving alone.
_FIELDS = (
    ("max_batch_size", 1, "Int64Value"),
    ("batch_timeout_micros", 2, "Int64Value"),
    ("max_enqueued_batches", 3, "Int64Value"),
    ("num_batch_threads", 4, "Int64Value"),
    ("thread_pool_name", 5, "StringValue"),
    ("allowed_batch_sizes", 6, "int64"),
    ("pad_variable_length_inputs", 7, "bool"),
    ("enable_large_batch_splitting", 8, "BoolValue"),
    ("max_execution_batch_size", 9, "Int64Value"),
)
_MINIMA = {
    "max_batch_size": 1,
    "batch_timeout_micros": 0,
    "max_enqueued_batches": 1,
    "num_batch_threads": 1,
    "max_execution_batch_size": 1,
}
_MOST_BYTES = 1 << 20  # protobuf's parser of texts takes 60 times as many


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """TF Serving's parameters of the same names.

    Args:
        max_batch_size: rows in a batch.
        batch_timeout_micros: how long a request waits for others before it runs; with 0 it waits only while all
            threads are busy.
        max_enqueued_batches: full batches that may wait; more requests are refused.
        num_batch_threads: batches that run at once.
        enable_large_batch_splitting: if given, a request of more than `max_batch_size` rows is refused, as TF Serving
            refuses it; if True, one of more than `max_execution_batch_size` is cut into several batches. Unless
            given, requests of any size are cut into batches of `max_batch_size`.
        max_execution_batch_size: rows in a batch, if large requests are cut; `max_batch_size` unless given.

    >>> BatchingParameters(max_batch_size=32).max_enqueued_batches
    64
    """

    max_batch_size: int = 64
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 64
    num_batch_threads: int = 1
    enable_large_batch_splitting: bool | None = None
    max_execution_batch_size: int | None = None

    def __post_init__(self) -> None:
        for name, minimum in _MINIMA.items():
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise ServingError(f"{name}={value}: at least {minimum} is needed")
        if self.batch_rows > self.max_batch_size:
            raise ServingError(
                f"max_execution_batch_size={self.max_execution_batch_size}: at most max_batch_size, "
                f"{self.max_batch_size}, as a request has no more rows"
            )

    @property
    def batch_rows(self) -> int:
        """Rows in a batch."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size is not None:
            return self.max_execution_batch_size
        return self.max_batch_size

    @property
    def request_rows(self) -> int | None:
        """Rows in a request, None for any number."""
        return None if self.enable_large_batch_splitting is None else self.max_batch_size


def default_workers(*, tensorflow: bool = True) -> int:
    """How many batches run at once: one per CPU that this process may use.

    A batch in one thread takes less of a CPU than in several, which wait for each other at each operation. Other
    engines than TensorFlow leave one CPU to the server itself.

    >>> default_workers() >= default_workers(tensorflow=False) >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):  # a container may have fewer than the machine
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return processors if tensorflow else max(processors - 1, 1)


def threads_of_a_batch(workers: int) -> int:
    """How many threads a batch may take, where so many batches run at once.

    >>> threads_of_a_batch(default_workers())
    1
    """
    return max(default_workers() // workers, 1)


def read_parameters(folder: pathlib.Path, defaults: BatchingParameters) -> BatchingParameters:
    """The parameters in a version's folder; what its file does not set comes from `defaults`.

    `allowed_batch_sizes` is checked as TF Serving checks it, but batches are not padded to these sizes: TF Serving
    needs that for graphs with fixed shapes.

    >>> read_parameters(pathlib.Path("a folder without the file"), BatchingParameters()).max_batch_size
    64
    """
    file = folder / BATCHING
    message = _message_class()()
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ServingError(f"{file}: has more than {_MOST_BYTES:,} bytes, which no batching parameters need")
        text_format.Parse(file.read_text(encoding="utf-8"), message, allow_unknown_field=True)
    except FileNotFoundError:
        return defaults
    except OSError as error:
        raise ServingError(
            f"{file}: cannot be read ({error.strerror}); make it readable for the server's user"
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ServingError(f"{file}: not TF Serving's batching parameters: {error}") from error
    names = (*_MINIMA, "enable_large_batch_splitting")
    given = {name: getattr(message, name).value for name in names if message.HasField(name)}
    try:
        parameters = dataclasses.replace(defaults, **given)
    except ServingError as error:
        raise ServingError(f"{file}: {error}") from None
    sizes = list(message.allowed_batch_sizes)
    if sizes and (sizes != sorted(set(sizes)) or sizes[-1] != parameters.batch_rows):
        last = "max_batch_size" if parameters.batch_rows == parameters.max_batch_size else "max_execution_batch_size"
        raise ServingError(
            f"{file}: allowed_batch_sizes {sizes} must increase and end with {last}, {parameters.batch_rows}"
        )
    return parameters


def _message_class() -> Any:
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
    # A pool of its own, because TF Serving's generated code may be loaded too.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.serving.BatchingParameters"))
