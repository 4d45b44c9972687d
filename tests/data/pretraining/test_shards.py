"""Opening a folder of pretraining examples: its checks and its rows."""

import json

import pytest
import tensorflow as tf

from tfbert.data.pretraining import shards
from tfbert.errors import ConfigError, DataError, VocabularyError
from tfbert.text import Tokenizer, Vocabulary

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "##s"]
ROWS = [
    {"token_ids": [2, 5, 3, 6, 7, 3], "segment_ids": [0, 0, 0, 1, 1, 1], "word_starts": [1, 1, 1, 1, 0, 1]},
    {"token_ids": [2, 6, 3], "segment_ids": [0, 0, 0], "word_starts": [1, 1, 1]},
]


def example(columns):
    feature = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=column)) for name, column in columns.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@pytest.fixture
def folder(tmp_path):
    """Two shards of a row each and their manifest."""
    made = []
    for number, row in enumerate(ROWS):
        path = tmp_path / f"0000{number}-000{shards.SUFFIX}"
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            writer.write(example({**row, "sequence_lengths": [len(row["token_ids"])], "next_sentence": [number]}))
        size = path.stat().st_size
        made.append({"file": path.name, "rows": 1, "tokens": len(row["token_ids"]), "bytes": size})
        made[-1]["sha256"] = shards.file_sha256(path)
    tokenizer = Tokenizer(Vocabulary(TOKENS))
    manifest = {
        "format": 1,
        "vocabulary_sha256": shards.vocabulary_sha256(tokenizer.vocabulary),
        "vocabulary_size": len(TOKENS),
        "tokenizer": shards.tokenizer_settings(tokenizer),
        "max_length": 8,
        "objective": "nsp",
        "masking": {"kind": "dynamic"},
        "packed": False,
        "shards": made,
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_rows_are_tensors_one_by_one_and_in_batches(folder):
    opened = shards.open_shards(folder, sha256=True)
    assert (opened.rows, opened.tokens, opened.max_length, opened.objective) == (2, 9, 8, "nsp")
    assert not opened.has_static_masks
    rows = list(shards.dataset(opened.files))
    assert all(value.dtype == tf.int32 for row in rows for value in row.values())
    for row, expected, number in zip(rows, ROWS, (0, 1), strict=True):
        assert {name: row[name].numpy().tolist() for name in expected} == expected
        assert row["sequence_lengths"].numpy().tolist() == [len(expected["token_ids"])]
        assert row["next_sentence"].numpy().tolist() == [number]
    records = tf.data.TFRecordDataset(opened.files, "GZIP").batch(2)
    batch = next(iter(records.map(shards.parse)))
    assert batch["token_ids"].to_list() == [row["token_ids"] for row in ROWS]


@pytest.mark.parametrize(
    ("pattern", "count"), [("", 2), ("/*", 2), ("/manifest.json", 2), ("/*.tfrecord.gz", 2), ("/00001*", 1)]
)
def test_ways_to_name_a_folder(folder, pattern, count):
    assert len(shards.open_shards(f"{folder}{pattern}").shards) == count


def test_what_is_no_folder_of_examples(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(DataError, match=r"there is no .*/manifest\.json"):
        shards.open_shards(empty)
    with pytest.raises(DataError, match=r"there is no .*absent/manifest\.json"):
        shards.open_shards(empty / "absent/*")
    with pytest.raises(ConfigError, match="none of the shards"):
        shards.open_shards(f"{folder}/7*")
    (empty / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=r"manifest\.json is not JSON"):
        shards.open_shards(empty)
    (empty / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(DataError, match="is no manifest"):
        shards.open_shards(empty)


def test_missing_and_changed_shards_are_named(folder):
    second = folder / "00001-000.tfrecord.gz"
    data = second.read_bytes()
    second.write_bytes(data[:-1])
    with pytest.raises(DataError, match=rf"00001-000\.tfrecord\.gz has {len(data) - 1} bytes.*truncated"):
        shards.open_shards(folder)
    second.write_bytes(data[:-1] + b"?")
    shards.open_shards(folder)
    with pytest.raises(DataError, match=r"00001-000\.tfrecord\.gz does not have the sha256"):
        shards.open_shards(folder, sha256=True)
    second.unlink()
    for source in (folder, f"{folder}/*", f"{folder}/*.gz"):
        with pytest.raises(DataError, match=r"00001-000\.tfrecord\.gz is missing"):
            shards.open_shards(source)
    shards.open_shards(f"{folder}/00000*")


def test_another_tokenizer_is_refused(folder):
    opened = shards.open_shards(folder)
    opened.check_tokenizer(Tokenizer(Vocabulary(TOKENS)))
    with pytest.raises(VocabularyError, match=r"another vocabulary \(8 tokens, .* than my\.txt \(9 tokens"):
        opened.check_tokenizer(Tokenizer(Vocabulary([*TOKENS, "book"], "my.txt")))
    with pytest.raises(VocabularyError, match=r"lower_case=True, and the tokenizer has lower_case=False"):
        opened.check_tokenizer(Tokenizer(Vocabulary(TOKENS), lower_case=False))


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("shards",), {}, "shards of .* must be list"),
        (("shards", 0), "00000-000.tfrecord.gz", "shard 0 is str"),
        (("shards", 0, "rows"), "1", "rows of .*shard 0 must be an integer"),
        (("shards", 0, "tokens"), 10**30, "shard 0: tokens is 1000"),
        (("shards", 0, "file"), "../00000-000.tfrecord.gz", "is not the name of a shard"),
        (("shards", 0, "more"), 1, "no setting 'more'"),
        (("max_length",), 2**40, "max_length is 1099511627776"),
        (("packed",), None, "packed .* must be true or false"),
        (("tokenizer",), [], "tokenizer .* must be a dict"),
        (("masking",), {"kind": "static"}, "masking is none that tfbert writes"),
    ],
)
def test_a_damaged_manifest_is_refused_by_its_value(folder, place, value, fault):
    path = folder / "manifest.json"
    manifest = held = json.loads(path.read_text())
    for key in place[:-1]:
        held = held[key]
    held[place[-1]] = value
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=rf"{fault}.*; make the examples anew") as refusal:
        shards.open_shards(folder)
    assert "manifest.json" in str(refusal.value)
