"""Requests that wait together are computed together, and each gets its own answer."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.errors import ServingError
from tfbert.export.saved_model.file_names import BATCHING
from tfbert.serving.models.batching import Batcher
from tfbert.serving.models.batching_parameters import BatchingParameters, read_parameters
from tfbert.serving.protocol.status_codes import Code, StatusError


class Lengths:
    """Stands in for a servable: the length of each text; "bad" fails, `hold` waits. Keeps its batches."""

    def __init__(self):
        self.batches, self.open, self.begun = [], threading.Event(), threading.Event()
        self.open.set()

    def has_batch(self, key):
        return key != "whole"

    def run(self, key, inputs):
        texts = inputs["text"]
        self.begun.set()
        assert self.open.wait(30)
        self.batches.append(list(texts.ravel()))
        if b"bad" in texts:
            raise StatusError(Code.INVALID_ARGUMENT, "a bad text")
        lengths = np.array([len(text) for text in texts.ravel()]).reshape(texts.shape)
        return {"length": lengths.sum() if key == "whole" else lengths}


def texts(*values):
    return {"text": np.array([value.encode() for value in values], object)}


@pytest.fixture
def held():
    """Makes a batcher of one thread that is busy with a first request, until `open` is set."""
    made = []

    def make(**parameters):
        servable = Lengths()
        join = parameters.pop("join", True)
        observe = parameters.pop("observe", None)
        batcher = Batcher(servable, BatchingParameters(**parameters), join=join, observe=observe)
        made.append((servable, batcher))
        servable.open.clear()
        batcher.submit("serving_default", texts("first"))
        assert servable.begun.wait(10)
        return servable, batcher

    yield make
    for servable, batcher in made:
        servable.open.set()
        batcher.close()


def test_what_waits_is_joined_up_to_max_batch_size(held):
    observed = []
    servable, batcher = held(max_batch_size=4, observe=lambda *facts: observed.append(facts[:2]))
    futures = [batcher.submit("serving_default", texts(*"x" * rows)) for rows in (1, 2, 1, 3, 1)]
    assert batcher.waiting_rows == 8
    servable.open.set()
    assert [future.result(10)["length"].tolist() for future in futures] == [[1], [1, 1], [1], [1, 1, 1], [1]]
    assert [len(batch) for batch in servable.batches] == [1, 4, 4]
    assert observed == [(1, 1), (3, 4), (2, 4)] and batcher.waiting_rows == 0


def test_one_bad_request_does_not_fail_its_neighbours(held):
    servable, batcher = held()
    futures = [batcher.submit("serving_default", texts(text)) for text in ("a", "bb", "bad", "cccc", "bad", "d")]
    servable.open.set()
    for future, length in zip(futures, (1, 2, None, 4, None, 1), strict=True):
        if length is None:
            with pytest.raises(StatusError, match="a bad text"):
                future.result(10)
        else:
            assert future.result(10)["length"].tolist() == [length]


def test_only_what_fits_together_is_joined(held):
    servable, batcher = held()
    long = "x" * 500
    requests = [
        ("serving_default", texts("a")),
        ("pair", texts("b")),  # another signature
        ("serving_default", texts(long)),  # of any length
        ("serving_default", {"text": np.array([[b"c", b"d"]], object)}),  # rows of another shape
        ("whole", texts("e", "f")),  # no batch dimension
        ("serving_default", texts("g")),
        ("serving_default", texts(long)),
    ]
    futures = [batcher.submit(*each) for each in requests]
    servable.open.set()
    lengths = [future.result(10)["length"].tolist() for future in futures]
    assert lengths == [[1], [1], [500], [[1, 1]], 2, [1], [500]]
    assert sorted(map(len, servable.batches[1:])) == [1, 2, 2, 4]
    assert servable.batches[1] == [b"a", long.encode(), b"g", long.encode()]  # the oldest first


def test_a_batch_of_long_texts_has_fewer_rows(held):
    servable, batcher = held(max_batch_size=4)
    sizes = (3000, 6000, 3000, 9000, 3000, 40_000, 3000)
    futures = [batcher.submit("serving_default", texts("x" * size)) for size in sizes]
    assert batcher.waiting_rows == len(sizes)
    servable.open.set()
    assert [int(future.result(10)["length"][0]) for future in futures] == list(sizes)
    batches = [[len(text) for text in batch] for batch in servable.batches[1:]]
    assert batches == [[3000, 6000, 3000], [9000, 3000, 3000], [40_000]]


def test_outputs_that_are_not_rows_are_computed_one_by_one(held):
    servable, batcher = held()
    servable.has_batch = lambda key: True  # as a signature with unknown ranks says
    futures = [batcher.submit("whole", texts(text)) for text in ("a", "bb", "ccc")]
    servable.open.set()
    assert [int(future.result(10)["length"]) for future in futures] == [1, 2, 3]


def test_without_joining_each_is_computed_alone(held):
    servable, batcher = held(join=False)
    futures = [batcher.submit("serving_default", texts(text)) for text in "abc"]
    servable.open.set()
    assert [future.result(10)["length"].tolist() for future in futures] == [[1]] * 3
    assert len(servable.batches) == 4


def test_a_cancelled_request_is_not_computed_and_a_full_queue_refuses(held):
    servable, batcher = held(max_batch_size=2, max_enqueued_batches=1)
    cancelled, other = [batcher.submit("serving_default", texts(text)) for text in "ab"]
    with pytest.raises(StatusError, match="queue .* is full; 2 rows wait"):
        batcher.submit("serving_default", texts("c"))
    assert cancelled.cancel()
    servable.open.set()
    assert other.result(10)["length"].tolist() == [1]
    assert servable.batches == [[b"first"], [b"b"]]
    # More than a queue of two rows holds, but nothing waits.
    assert batcher.submit("serving_default", texts(*"abcdef")).result(10)["length"].tolist() == [1] * 6


def test_threads_follow_each_other_and_closing_ends_the_last(held):
    servable, batcher = held(num_batch_threads=2)
    seen, run = set(), servable.run
    servable.run = lambda *arguments: seen.add(threading.current_thread()) or run(*arguments)
    servable.open.set()
    for number in range(100):
        assert batcher.submit("serving_default", texts("x" * number)).result(10)["length"].tolist() == [number]
    assert len(seen) > 3 and sum(thread.is_alive() for thread in seen) <= 4
    batcher.close()
    assert not any(thread.is_alive() for thread in (*seen, *batcher._threads))


def test_closing_computes_what_waits(held):
    servable, batcher = held()
    waiting = batcher.submit("serving_default", texts("a"))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    while not batcher._closing:
        time.sleep(0.01)
    with pytest.raises(StatusError, match="being unloaded"):
        batcher.submit("serving_default", texts("b"))
    servable.open.set()
    closing.join(10)
    assert not closing.is_alive() and waiting.result(0)["length"].tolist() == [1]


def test_a_free_thread_waits_for_a_full_batch_until_the_timeout():
    servable = Lengths()
    batcher = Batcher(servable, BatchingParameters(max_batch_size=3, batch_timeout_micros=200_000))
    futures = [batcher.submit("serving_default", texts(text)) for text in "ab"]
    time.sleep(0.02)
    assert not servable.begun.is_set()
    futures.append(batcher.submit("serving_default", texts("c")))  # full
    for future in futures:
        future.result(10)
    begun = time.monotonic()
    batcher.submit("serving_default", texts("d")).result(10)
    assert time.monotonic() - begun >= 0.2 and list(map(len, servable.batches)) == [3, 1]
    batcher.close()


ROWS = st.lists(st.text("ab ", max_size=200), max_size=5)


@settings(max_examples=50, deadline=None)
@given(requests=st.lists(ROWS, min_size=1, max_size=20), limit=st.integers(1, 8), threads=st.integers(1, 3))
def test_whatever_is_sent_each_gets_its_own(requests, limit, threads):
    batcher = Batcher(
        Lengths(), BatchingParameters(max_batch_size=limit, num_batch_threads=threads, max_enqueued_batches=1000)
    )
    futures = [batcher.submit("serving_default", texts(*rows)) for rows in requests]
    for rows, future in zip(requests, futures, strict=True):
        assert future.result(10)["length"].tolist() == [len(text) for text in rows]
    batcher.close()


def test_the_parameters_of_a_version_folder(tmp_path):
    otherwise = BatchingParameters(max_batch_size=7, num_batch_threads=2)
    assert read_parameters(tmp_path, otherwise) is otherwise
    (tmp_path / BATCHING).write_text(
        "max_batch_size { value: 32 }\nbatch_timeout_micros { value: 500 }\nallowed_batch_sizes: 8\n"
        "allowed_batch_sizes: 32\npad_variable_length_inputs: true\nenable_large_batch_splitting { value: true }\n"
    )
    assert read_parameters(tmp_path, otherwise) == BatchingParameters(32, 500, 64, 2, True)
    for text, message in (
        ("max_batch_size { value: 0 }", "max_batch_size=0: at least 1"),
        ("max_batch_size: 3", "not TF Serving's batching parameters: 1:"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: 4", r"allowed_batch_sizes \[4\] must increase and end with"),
        ("\n" * (2 << 20), "more than 1,048,576 bytes"),
    ):
        (tmp_path / BATCHING).write_text(text)
        with pytest.raises(ServingError, match=message):
            read_parameters(tmp_path, otherwise)


def test_a_request_that_waits_beyond_its_deadline_is_not_computed(held):
    servable, batcher = held(max_batch_size=2)
    soon = time.monotonic() + 0.05
    late = [batcher.submit("serving_default", texts(text), deadline=soon) for text in "ab"]
    alone = batcher.submit("whole", texts("c"), deadline=soon)
    others = [
        batcher.submit("serving_default", texts(*"de"), deadline=soon + 60),
        batcher.submit("serving_default", texts("f")),
    ]
    time.sleep(0.1)
    servable.open.set()
    for future in (*late, alone):
        with pytest.raises(StatusError, match="before the batch began"):
            future.result(10)
    assert [future.result(10)["length"].tolist() for future in others] == [[1, 1], [1]]
    assert sorted(servable.batches[1:]) == [[b"d", b"e"], [b"f"]] and batcher.waiting_rows == 0
