"""A request of many rows runs in pieces, between which others pass, and gets what it would get as a whole."""

import threading
import time
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbert.errors import ServingError
from tfbert.export.saved_model.file_names import BATCHING
from tfbert.serving.models.batching import Batcher
from tfbert.serving.models.batching_parameters import BatchingParameters, read_parameters
from tfbert.serving.protocol.status_codes import Code, StatusError


class Words:
    """Stands in for a servable: the words of texts, padded to the row with the most of them. `hold` waits.

    "bad" fails; the signature "odd" pads with other values in each row; of "total" the output has no rows.
    """

    def __init__(self):
        self.batches, self.open, self.begun = [], threading.Event(), threading.Semaphore(0)
        self.open.set()

    def has_batch(self, key):
        return key != "sum"

    def run(self, key, inputs):
        self.begun.release()
        assert self.open.wait(30)
        texts = [text.ravel()[0] if isinstance(text, np.ndarray) else text for text in inputs["text"]]
        self.batches.append(texts)
        if b"bad" in texts:
            raise StatusError(Code.INVALID_ARGUMENT, "a bad text")
        rows = [text.split() for text in texts]
        longest = max(map(len, rows), default=0)
        found = {
            "word": np.array([row + [b""] * (longest - len(row)) for row in rows], object).reshape(len(rows), longest),
            "size": np.array([[*map(len, row), *[-1] * (longest - len(row))] for row in rows], np.int32),
            "score": np.zeros((len(rows), longest, 2), np.float32),
            "words": np.array([len(row) for row in rows]),
        }
        for row, words in zip(found["score"], rows, strict=True):
            row[: len(words)] = np.array([len(word) for word in words])[:, None] / 3
        found["size"] = found["size"].reshape(len(rows), longest)
        if key == "odd":
            found["score"] += np.arange(found["score"].size).reshape(found["score"].shape) / 7
        return {"total": found["words"].sum()} if key in ("total", "sum") else found


def texts(*values):
    return {"text": np.array([value.encode() for value in values], object)}


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name, strict=True)


@pytest.fixture
def make():
    """Makes a servable and a batcher of one thread."""
    made = []

    def build(servable=None, *, join=True, **parameters):
        servable = servable or Words()
        made.append((servable, Batcher(servable, BatchingParameters(**parameters), join=join)))
        return made[-1]

    yield build
    for servable, batcher in made:
        servable.open.set()
        batcher.close()


@pytest.fixture
def busy(make):
    """The same, with a thread that is busy with a first request until `open` is set."""

    def build(**parameters):
        servable, batcher = make(**parameters)
        servable.open.clear()
        batcher.submit("words", texts("first"))
        assert servable.begun.acquire(timeout=10)
        return servable, batcher

    return build


@pytest.mark.parametrize("join", [True, False])
def test_others_pass_between_the_pieces(busy, join):
    servable, batcher = busy(max_batch_size=2, join=join)
    large = batcher.submit("words", texts(*"abcdefg"))
    others = [batcher.submit("words", texts(text)) for text in ("x x", "y y y")]
    alone = batcher.submit("sum", texts("z"))
    assert batcher.waiting_rows == 5  # of the large one a piece
    servable.open.set()
    assert large.result(10)["word"].tolist() == [[letter.encode()] for letter in "abcdefg"]
    for number, other in enumerate(others):
        assert other.result(10)["words"].tolist() == [number + 2]
    assert int(alone.result(10)["total"]) == 1
    assert max(map(len, servable.batches)) == 2
    order = [b"".join(batch)[:1] for batch in servable.batches[1:]]
    assert order == ([b"a", b"x", b"z", b"c", b"e", b"g"] if join else [b"a", b"x", b"y", b"z", b"c", b"e", b"g"])


def test_free_threads_share_a_large_request(make):
    servable, batcher = make(max_batch_size=64, num_batch_threads=3)
    servable.open.clear()
    large = batcher.submit("words", texts(*"abcdefghijklmnopqrstuvwxyz"))
    running(servable, 3)  # at once
    servable.open.set()
    assert large.result(10)["word"].tolist() == [[letter.encode()] for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert sorted(map(len, servable.batches)) == [8, 9, 9]
    servable.batches.clear()
    batcher.submit("words", texts(*"abcdefgh")).result(10)  # a small one is not cut
    assert list(map(len, servable.batches)) == [8]


def test_an_error_in_one_of_several_pieces_that_run_ends_the_request(make):
    servable, batcher = make(max_batch_size=2, num_batch_threads=2)
    servable.open.clear()
    large = batcher.submit("words", texts("a", "b", "bad", "c", "d", "e"))
    running(servable, 2)
    servable.open.set()
    with pytest.raises(StatusError, match="a bad text"):
        large.result(10)
    assert batcher.submit("words", texts("x")).result(10)["words"].tolist() == [1]
    assert sorted(servable.batches) == [[b"a", b"b"], [b"bad", b"c"], [b"x"]] and batcher.waiting_rows == 0


def test_a_cancelled_request_leaves_the_queue_with_all_its_pieces(make):
    servable, batcher = make(max_batch_size=2, num_batch_threads=2)
    servable.open.clear()
    firsts = [batcher.submit("sum", texts(text)) for text in "xy"]
    running(servable, 2)
    large, other = batcher.submit("words", texts(*"abcdefgh")), batcher.submit("words", texts("z"))
    assert batcher.waiting_rows == 5
    assert large.cancel() and batcher.waiting_rows == 1
    servable.open.set()
    assert other.result(10)["words"].tolist() == [1] and [int(each.result(10)["total"]) for each in firsts] == [1, 1]
    assert sorted(servable.batches) == [[b"x"], [b"y"], [b"z"]]


def test_large_requests_take_turns(busy):
    servable, batcher = busy(max_batch_size=2)
    asked = [batcher.submit("words", texts(*letter * 6)) for letter in "abc"]
    servable.open.set()
    for future, letter in zip(asked, b"abc", strict=True):
        assert future.result(10)["word"].ravel().tolist() == [bytes([letter])] * 6
    assert b"".join(batch[0] for batch in servable.batches[1:]) == b"abcabcabc"


TEXT = st.lists(st.sampled_from(["a", "bcd", "efghi"]), max_size=5).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(TEXT, min_size=1, max_size=12),
    limit=st.integers(1, 5),
    threads=st.integers(1, 3),
    join=st.booleans(),
    odd=st.booleans(),
)
def test_cut_or_not_the_outputs_are_equal(rows, limit, threads, join, odd):
    servable, key = Words(), "odd" if odd else "words"
    batcher = Batcher(servable, BatchingParameters(max_batch_size=limit, num_batch_threads=threads), join=join)
    if not odd:
        for _ in range(2):  # then the padding is known
            same(batcher.submit(key, texts(*rows)).result(10), servable.run(key, texts(*rows)))
    else:  # only rows of the same widths may be put together
        found = batcher.submit(key, texts(*rows)).result(10)
        assert found["word"].tolist() == servable.run(key, texts(*rows))["word"].tolist()
    batcher.close()


@pytest.mark.parametrize(
    ("key", "rows"),
    [("odd", ["a", "b c", "d", "e f g"]), ("total", ["a", "b c", "d", "e f g"]), ("sum", ["a", "b c", "d", "e f g"])],
)
def test_what_cannot_be_put_together_is_computed_as_a_whole(make, key, rows):
    servable, batcher = make(max_batch_size=2)
    for pieces in (True, False):
        servable.batches.clear()
        found = batcher.submit(key, texts(*rows)).result(10)
        assert len(servable.batches[-1]) == 4 and (len(servable.batches) > 1) == (pieces and key != "sum")
        same(found, servable.run(key, texts(*rows)))


def test_padding_is_looked_up_once(make):
    servable, batcher = make(max_batch_size=2)
    for batches in (3, 2):
        servable.batches.clear()
        found = batcher.submit("words", texts("a", "b", "c c c", "d")).result(10)
        assert len(servable.batches) == batches
        same(found, servable.run("words", texts("a", "b", "c c c", "d")))


def test_a_short_last_piece_joins_other_requests(busy):
    servable, batcher = busy(max_batch_size=4)
    large = batcher.submit("words", texts(*"abcdef"))
    servable.open.set()
    large.result(10)
    servable.open.clear()
    large = batcher.submit("words", texts(*"abcdef"))
    while len(servable.batches) < 3 or not servable.begun.acquire(timeout=0.05):
        time.sleep(0.01)
    other = batcher.submit("words", texts("x"))
    servable.open.set()
    assert len(large.result(10)["words"]) == 6 and len(other.result(10)["words"]) == 1


def test_pieces_of_long_texts_and_lists_have_fewer_rows(make):
    servable, batcher = make(max_batch_size=4)
    batcher.submit("words", texts(*["x" * 9000] * 5)).result(10)
    assert list(map(len, servable.batches)) == [1] * 5
    servable.batches.clear()
    batcher.submit("words", texts(*["x" * 3900] * 5)).result(10)
    assert list(map(len, servable.batches)) == [4, 1]
    for strings, batches in ((120, [2, 2]), (60, [4])):  # of 65 bytes, though each has one
        servable.batches.clear()
        batcher.submit("words", {"text": np.full((4, strings), b"x", object)}).result(10)
        assert list(map(len, servable.batches)) == batches


def running(servable, batches):
    """Waits until so many batches have begun, of which the last waits."""
    for _ in range(batches):
        assert servable.begun.acquire(timeout=10)


def one_more(servable):
    """Lets the batch that waits end, and no other one."""
    done = len(servable.batches)
    servable.open.set()
    while len(servable.batches) == done:
        time.sleep(0.001)


@pytest.mark.parametrize("left", ["cancelled", "late"])
def test_a_request_that_nobody_waits_for_is_not_computed_further(make, left):
    servable, batcher = make(max_batch_size=2)
    servable.open.clear()
    deadline = time.monotonic() + 0.3 if left == "late" else None
    large = batcher.submit("words", texts(*"abcdefghij"), deadline=deadline)
    running(servable, 1)
    queued = batcher.submit("words", texts(*"klmnop"), deadline=deadline)
    other = batcher.submit("words", texts("x"))
    if left == "cancelled":
        assert large.cancel() and queued.cancel()
    else:
        time.sleep(0.4)
    servable.open.set()
    assert other.result(10)["words"].tolist() == [1]
    assert servable.batches == [[b"a", b"b"], [b"x"]] and batcher.waiting_rows == 0
    if left == "late":
        with pytest.raises(StatusError, match="before all rows were computed"):
            large.result(10)
        with pytest.raises(StatusError, match="before the batch began"):
            queued.result(10)
    assert batcher.submit("words", texts("y")).result(10)["words"].tolist() == [1]


def test_nobody_waits_for_the_other_half_of_a_failed_batch(busy):
    servable, batcher = busy(max_batch_size=8)
    left = [batcher.submit("words", texts(text)) for text in "abc"]
    bad, good = batcher.submit("words", texts("bad")), batcher.submit("words", texts("x"))
    run = servable.run

    def leave(key, inputs):
        if len(inputs["text"]) == 5:
            for future in left:
                future.cancel()
        return run(key, inputs)

    servable.run = leave
    servable.open.set()
    assert good.result(10)["words"].tolist() == [1]
    with pytest.raises(StatusError, match="a bad text"):
        bad.result(10)
    assert [batch for batch in servable.batches[2:] if set(batch) & {b"a", b"b", b"c"}] == []


def test_an_error_in_a_piece_ends_the_request(busy):
    servable, batcher = busy(max_batch_size=2)
    large = batcher.submit("words", texts("a", "b", "bad", "c", "d", "e"))
    other = batcher.submit("words", texts("x"))
    servable.open.set()
    with pytest.raises(StatusError, match="a bad text"):
        large.result(10)
    assert other.result(10)["words"].tolist() == [1]
    assert servable.batches == [[b"first"], [b"a", b"b"], [b"x"], [b"bad", b"c"]]


def test_outputs_are_counted_piece_by_piece(make):
    servable, batcher = make(max_batch_size=2)
    sizes = []

    def hold(size):
        sizes.append(size)
        if len(sizes) == 2:
            raise StatusError(Code.RESOURCE_EXHAUSTED, "too much")

    with pytest.raises(StatusError, match="too much"):
        batcher.submit("words", texts(*"abcdef"), hold=hold).result(10)
    assert len(servable.batches) == 2 and min(sizes) > 2 * (4 + 8 + 8)


def test_a_full_queue_counts_the_piece_that_waits(busy):
    servable, batcher = busy(max_batch_size=2, max_enqueued_batches=2)
    large = batcher.submit("words", texts(*"abcdefghij"))
    waiting = [batcher.submit("words", texts(text)) for text in "xy"]  # though ten rows are to come
    for refused in (texts("z"), texts(*"klmnop")):
        with pytest.raises(StatusError, match="queue .* is full; 4 rows wait"):
            batcher.submit("words", refused)
    assert waiting[0].cancel()  # its place is free again
    waiting[0] = batcher.submit("words", texts("z"))
    servable.open.set()
    assert len(large.result(10)["words"]) == 10
    assert [future.result(10)["words"].tolist() for future in waiting] == [[1], [1]]


def test_a_cancelled_request_leaves_the_queue_at_once(busy):
    servable, batcher = busy(max_batch_size=2)
    inputs = [texts(*"abcdef") for _ in range(3)]
    arrays = [weakref.ref(each["text"]) for each in inputs]
    futures = [batcher.submit("words", each) for each in inputs]
    del inputs
    assert futures[1].cancel() and futures[2].cancel() and batcher.waiting_rows == 2
    assert [array() is None for array in arrays] == [False, True, True]
    servable.open.set()
    assert len(futures[0].result(10)["words"]) == 6 and batcher.waiting_rows == 0


def test_one_very_long_text_takes_no_more_of_the_queue_than_a_batch(busy):
    servable, batcher = busy(max_batch_size=2, max_enqueued_batches=2)
    asked = [batcher.submit("words", texts(text)) for text in ("a", "x" * 100_000)]
    assert batcher.waiting_rows == 2
    servable.open.set()
    assert [future.result(10)["words"].tolist() for future in asked] == [[1], [1]]


def test_closing_computes_all_pieces(busy):
    servable, batcher = busy(max_batch_size=2, num_batch_threads=1)
    large = batcher.submit("words", texts(*"abcdefg"))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    servable.open.set()
    closing.join(10)
    assert not closing.is_alive() and len(large.result(0)["words"]) == 7


def test_full_pieces_do_not_wait_for_the_timeout(make):
    servable, batcher = make(max_batch_size=2, batch_timeout_micros=300_000)
    begun = time.monotonic()
    large = batcher.submit("words", texts(*"abcdefgh"))
    assert len(large.result(10)["words"]) == 8 and time.monotonic() - begun < 0.25
    begun = time.monotonic()
    assert len(batcher.submit("words", texts(*"abcde")).result(10)["words"]) == 5  # the last row waits for others
    assert 0.25 < time.monotonic() - begun < 5


def test_tf_servings_parameters_of_large_requests(make, tmp_path):
    def written(text):
        (tmp_path / BATCHING).write_text(f"max_batch_size {{ value: 4 }} {text}")
        return read_parameters(tmp_path, BatchingParameters())

    cut = written("enable_large_batch_splitting { value: true } max_execution_batch_size { value: 2 }")
    assert (cut.batch_rows, cut.request_rows) == (2, 4)
    servable, batcher = make(**vars(cut))
    assert len(batcher.submit("words", texts(*"abcd")).result(10)["words"]) == 4
    assert list(map(len, servable.batches)) == [2, 2]
    whole = written("enable_large_batch_splitting { value: false } max_execution_batch_size { value: 9 }")
    assert (whole.batch_rows, whole.request_rows) == (4, 4)
    for parameters in (cut, whole):
        with pytest.raises(StatusError, match="Task size 5 is larger than maximum input batch size 4"):
            make(**vars(parameters))[1].submit("words", texts(*"abcde"))
    assert written("").request_rows is None
    with pytest.raises(ServingError, match="max_execution_batch_size=5: at most max_batch_size, 4"):
        written("enable_large_batch_splitting { value: true } max_execution_batch_size { value: 5 }")
    with pytest.raises(ServingError, match="must increase and end with max_execution_batch_size, 2"):
        written(
            "enable_large_batch_splitting { value: true } max_execution_batch_size { value: 2 } allowed_batch_sizes: 4"
        )
