"""Files -> items of work: all of the text once, in items of like size."""

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbert.data.pretraining.examples.plan import described, find_files, plan
from tfbert.errors import ConfigError, DataError

SIZES = st.lists(st.tuples(st.sampled_from([".txt", ".txt.gz", ".jsonl"]), st.integers(0, 5_000)), min_size=1)


@given(SIZES, st.integers(1, 1_000))
def test_items_cover_the_files_once(sizes, shard_bytes):
    files = [(f"{number}{suffix}", size) for number, (suffix, size) in enumerate(sizes)]
    items = plan(files, shard_bytes)
    assert [item.number for item in items] == list(range(len(items)))
    pieces = collections.defaultdict(list)
    shares = collections.defaultdict(list)
    for item in items:
        if item.of > 1:
            assert len(item.pieces) == 1
            shares[item.pieces[0].path].append((item.share, item.of))
        elif len(item.pieces) > 1:
            assert item.text_bytes <= 1.5 * shard_bytes
        for piece in item.pieces:
            pieces[piece.path].append(piece)
    assert list(map(len, shares.values())) == [of for ((_, of), *_) in shares.values()]
    for path, size in files:
        if path in shares:
            assert sorted(shares[path]) == [(share, len(shares[path])) for share in range(len(shares[path]))]
        elif pieces[path][0].end is None:
            assert len(pieces[path]) == 1
        else:
            ranges = [(piece.start, piece.end) for piece in pieces[path]]
            assert ranges[0][0] == 0
            assert ranges[-1][1] == size
            assert all(before[1] == after[0] for before, after in zip(ranges, ranges[1:], strict=False))
            assert all(end - start <= 1.5 * shard_bytes + 1 for start, end in ranges)


def test_a_large_compressed_file_is_shared():
    assert [(item.share, item.of) for item in plan([("a.gz", 1_000)], 100)] == [(share, 8) for share in range(8)]
    # Among others it need not be: there is work for all.
    assert all(item.of == 1 for item in plan([(f"{i}.gz", 1_000) for i in range(20)], 100))


def test_files_of_patterns(tmp_path):
    for name in ("b.txt", "a.txt", "c.jsonl", "deep/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    names = [path[len(str(tmp_path)) + 1 :] for path, _ in find_files([f"{tmp_path}/c*", f"{tmp_path}/**/*.txt"])]
    assert names == ["c.jsonl", "a.txt", "b.txt", "deep/d.txt"]
    assert find_files([f"{tmp_path}/a.txt", f"{tmp_path}/*.txt"])[0] == (f"{tmp_path}/a.txt", 4)
    assert len(find_files([f"{tmp_path}/a.txt", f"{tmp_path}/*.txt"])) == 2
    with pytest.raises(DataError, match="absent.*there is no such file"):
        find_files([f"{tmp_path}/absent*"])
    with pytest.raises(DataError, match="this is a folder"):
        find_files([f"{tmp_path}/deep"])
    with pytest.raises(ConfigError):
        find_files([])


def test_a_corpus_is_the_same_wherever_it_lies():
    assert described([("a/b.txt", 3)]) == described([("c/b.txt", 3)])
    assert described([("b.txt", 3)])["sha256"] != described([("b.txt", 4)])["sha256"]
