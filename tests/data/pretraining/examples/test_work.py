"""Items -> shards in an out folder: what is in the rows, and what is left by whatever goes wrong."""

import dataclasses
import itertools
import json
import pathlib

import pytest
import tensorflow as tf

from tfbert.data.pretraining import shards
from tfbert.data.pretraining.examples.out_folder import OutFolder
from tfbert.data.pretraining.examples.plan import described, find_files, plan
from tfbert.data.pretraining.examples.settings import ExampleSettings
from tfbert.data.pretraining.examples.work import ShardMaker
from tfbert.errors import ConfigError, DataError, DiskError

SETTINGS = ExampleSettings(max_length=48, words="wordpiece", shard_bytes=8_000, seed=1)
FIRST = 6  # id of the corpus' token t0
CONTINUES = 5  # id of ##y


class Job:
    """Makes the examples of a corpus in one process, as the pipeline does in several."""

    def __init__(self, corpus, tokenizer, out, settings=SETTINGS):
        self.files, self.out, self.settings = find_files([f"{corpus}/*.txt*"]), out, settings
        self.items = plan(self.files, settings.shard_bytes)
        self.folder = OutFolder(out)
        self.stated = {
            "vocabulary_sha256": shards.vocabulary_sha256(tokenizer.vocabulary),
            "vocabulary_size": len(tokenizer.vocabulary),
            "tokenizer": shards.tokenizer_settings(tokenizer),
            **settings.summary(),
        }
        self.maker = ShardMaker(settings, tokenizer, out)

    def open(self):
        return self.folder.open(self.stated, described(self.files))

    def run(self, items=slice(None)):
        if manifest := self.open():
            return manifest
        records = [record for item in self.items[items] for record in self.maker(item)]
        return self.folder.finish(self.stated, described(self.files), records) if items == slice(None) else records


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in pathlib.Path(folder).rglob("*") if p.is_file()}


def rows_of(folder, **kwargs):
    opened = shards.open_shards(folder, sha256=True)
    return [{k: v.numpy().tolist() for k, v in row.items()} for row in shards.dataset(opened.files, **kwargs)]


@pytest.fixture(scope="module")
def whole(corpus, tokenizer, tmp_path_factory):
    """The folder of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "examples"
    Job(corpus, tokenizer, out).run()
    return out


def sentences_of(corpus):
    """{a sentence's first token: (document, place in it)}, and the number of tokens."""
    places, token, document = {}, 0, 0
    for path in sorted(corpus.glob("*.txt")):
        for text in path.read_text().split("\n\n"):
            for place, line in enumerate(text.strip().splitlines()):
                places[token] = document, place
                token += len(line.split())
            document += 1
    return places, token


def test_rows_are_the_corpus(corpus, whole):
    places, count = sentences_of(corpus)
    document_at, current = [], None
    for token in range(count):
        current = places.get(token, current)
        document_at.append(current[0])
    rows = rows_of(whole)
    random_next = 0
    for row in rows:
        ids, segments, words = row["token_ids"], row["segment_ids"], row["word_starts"]
        assert ids[0] == 2
        assert ids[-1] == 3
        assert ids.count(3) == 2
        assert ids.count(2) == 1
        assert len(ids) == len(segments) == len(words) == row["sequence_lengths"][0] <= 48
        border = ids.index(3) + 1
        assert segments == [0] * border + [1] * (len(ids) - border)
        assert words == [int(token != CONTINUES) for token in ids]
        assert ids[1] >= FIRST  # no segment begins within a word
        assert ids[border] >= FIRST
        a, b = ([token - FIRST for token in part if token >= FIRST] for part in (ids[:border], ids[border:]))
        assert a == list(range(a[0], a[0] + len(a)))
        assert b == list(range(b[0], b[0] + len(b)))
        if row["next_sentence"] == [0]:
            assert document_at[a[0]] == document_at[b[0]]
            assert a[-1] < b[0]
            assert a[-1] + 1 == b[0] or len(ids) >= 44  # truncated, and no word cut
        else:
            random_next += 1
            assert document_at[a[0]] != document_at[b[0]]
    assert 0.5 < random_next / len(rows) < 0.75  # short documents: many a sentence is alone
    manifest = json.loads((whole / "manifest.json").read_text())
    assert manifest["counts"]["documents"] == 80
    assert manifest["counts"]["sentences"] == len(places)
    assert manifest["counts"]["changed_sequences"] == random_next
    assert manifest["counts"]["rows"] == manifest["counts"]["sequences"] == len(rows)
    assert manifest["counts"]["tokens"] == sum(len(row["token_ids"]) for row in rows)
    assert manifest["counts"]["real_share"] == round(manifest["counts"]["tokens"] / (48 * len(rows)), 4)
    assert manifest["counts"]["unknown_tokens"] == 0
    assert {path.name for path in whole.iterdir()} == {"manifest.json", *(s["file"] for s in manifest["shards"])}


def test_full_sentences_are_the_whole_text(corpus, tokenizer, tmp_path):
    settings = dataclasses.replace(SETTINGS, objective="none")
    job = Job(corpus, tokenizer, tmp_path / "out", settings)
    job.run()
    rows = rows_of(tmp_path / "out")
    assert all(row["next_sentence"] == [] and set(row["segment_ids"]) == {0} for row in rows)
    assert sorted(t for row in rows for t in row["token_ids"] if t >= FIRST) == [
        token + FIRST for token in range(sentences_of(corpus)[1])
    ]
    # Several files, read in ranges or compressed, with other shards: the same text.
    packed = Job(corpus, tokenizer, tmp_path / "packed", dataclasses.replace(settings, packed=True, shard_bytes=3_000))
    packed.run()
    texts = [sorted(t for row in rows_of(tmp_path / name) for t in row["token_ids"]) for name in ("out", "packed")]
    assert len([t for t in texts[0] if t >= FIRST]) == len([t for t in texts[1] if t >= FIRST])


def test_packing_fills_rows(corpus, whole, tokenizer, tmp_path):
    manifest = Job(corpus, tokenizer, tmp_path / "out", dataclasses.replace(SETTINGS, packed=True)).run()
    rows = rows_of(tmp_path / "out")
    assert max(len(row["sequence_lengths"]) for row in rows) > 1
    assert all(len(row["sequence_lengths"]) == len(row["next_sentence"]) for row in rows)
    unpacked = json.loads((whole / "manifest.json").read_text())["counts"]
    assert manifest["counts"]["sequences"] == unpacked["sequences"]
    assert manifest["counts"]["tokens"] == unpacked["tokens"]
    assert manifest["counts"]["real_share"] > 0.95 > unpacked["real_share"]


def test_static_masks_hide_what_dynamic_rows_have(corpus, whole, tokenizer, tmp_path):
    settings = dataclasses.replace(SETTINGS, masking="static", duplicates=1, mask_rate=0.3, max_predictions=9)
    manifest = Job(corpus, tokenizer, tmp_path / "out", settings).run()
    masked, unmasked = rows_of(tmp_path / "out", static_masks=True), rows_of(whole)
    assert manifest["masking"] == {"kind": "static", "units": "whole_word", "rate": 0.3, "max_predictions": 9}
    hidden = predicted = 0
    for row, plain in zip(masked, unmasked, strict=True):
        positions = row.pop("masked_positions")
        assert 1 <= len(positions) <= 9
        assert positions == sorted(set(positions))
        predicted += len(positions)
        hidden += sum(row["token_ids"][position] == 4 for position in positions)
        for position, token in zip(positions, row.pop("masked_ids"), strict=True):
            row["token_ids"][position] = token
            assert token not in (2, 3)
            # Whole words: what goes on with the word is hidden too.
            if row["word_starts"][position + 1] == 0:
                assert position + 1 in positions
        assert row == plain
    assert 0.75 < hidden / predicted < 0.85


def test_duplicates_are_other_pairs(corpus, whole, tokenizer, tmp_path):
    manifest = Job(corpus, tokenizer, tmp_path / "out", dataclasses.replace(SETTINGS, duplicates=3)).run()
    once = json.loads((whole / "manifest.json").read_text())["counts"]
    assert 2.5 < manifest["counts"]["rows"] / once["rows"] < 3.5
    assert manifest["counts"]["documents"] == once["documents"]
    rows = rows_of(tmp_path / "out")
    assert len({str(row) for row in rows}) > 0.8 * len(rows)
    assert ExampleSettings(masking="static").duplicates == 10


def test_the_same_seed_gives_the_same_bytes_and_another_others(corpus, whole, tokenizer, tmp_path):
    job = Job(corpus, tokenizer, tmp_path / "a")
    job.items.reverse()  # another worker, another order
    job.run()
    assert content(tmp_path / "a") == content(whole)
    Job(corpus, tokenizer, tmp_path / "b", dataclasses.replace(SETTINGS, seed=2)).run()
    other = content(tmp_path / "b")
    assert other.keys() == content(whole).keys()
    assert all(data != content(whole)[name] for name, data in other.items())


def test_an_interrupted_run_goes_on(corpus, whole, tokenizer, tmp_path, monkeypatch):
    out = tmp_path / "out"
    job = Job(corpus, tokenizer, out)
    assert len(job.items) >= 4
    job.run(slice(0, 2))
    with pytest.raises(DataError, match=r"there is no .*manifest\.json"):
        shards.open_shards(out)
    # Killed while it wrote: a file aside is left, and half of an item.
    (out / "unfinished/aside.0.00003-000.tfrecord.gz").write_bytes(b"half")
    made = []
    part = ShardMaker._part
    monkeypatch.setattr(ShardMaker, "_part", lambda self, item, *a: made.append(item.number) or part(self, item, *a))
    Job(corpus, tokenizer, out).run()
    assert made == [item.number for item in job.items[2:]]
    assert content(out) == content(whole)
    assert Job(corpus, tokenizer, out).run() == json.loads((out / "manifest.json").read_text())
    assert len(made) == len(job.items) - 2


def test_finished_parts_that_no_longer_hold_are_made_again(corpus, whole, tokenizer, tmp_path):
    out, mine = tmp_path / "out", tmp_path / "corpus"
    mine.mkdir()
    for path in corpus.iterdir():
        (mine / path.name).write_bytes(path.read_bytes())
    job = Job(mine, tokenizer, out)
    job.run(slice(0, 3))
    first = next(out.glob("00000*.gz"))
    first.write_bytes(first.read_bytes()[:-1])  # the machine went down
    (mine / "b.txt").write_text((corpus / "b.txt").read_text() + "\n\n")  # the last items change, the first do not
    Job(mine, tokenizer, out).run()
    assert first.read_bytes() == (whole / first.name).read_bytes()
    assert json.loads((out / "manifest.json").read_text())["counts"]["documents"] == 80


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_length": 64}, r"max_length=48, not 64"),
        ({"seed": 3}, r"seed=1, not 3"),
        ({"objective": "none"}, r"objective=nsp, not none"),
        ({"masking": "static"}, r"duplicates=1, not 10"),
        ({"masking": "static", "duplicates": 1}, r"masking.kind=dynamic, not static"),
    ],
)
def test_other_settings_are_refused(corpus, whole, tokenizer, tmp_path, change, message):
    before, other = content(whole), dataclasses.replace(SETTINGS, **{"duplicates": 0, **change})
    with pytest.raises(ConfigError, match=message):
        Job(corpus, tokenizer, whole, other).open()
    assert content(whole) == before
    Job(corpus, tokenizer, tmp_path / "out").run(slice(0, 1))
    with pytest.raises(ConfigError, match=message):
        Job(corpus, tokenizer, tmp_path / "out", other).open()


def test_another_corpus_is_refused(whole, tokenizer, tmp_path):
    (tmp_path / "a.txt").write_text("t1 t2\n")
    with pytest.raises(ConfigError, match=r"input\.files=2, not 1"):
        Job(tmp_path, tokenizer, whole).run()


def test_a_folder_of_somebody_else_is_refused(corpus, tokenizer, tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(DiskError, match="holds other files"):
        Job(corpus, tokenizer, tmp_path).run()
    assert content(tmp_path) == {"thesis.tex": b"years"}


def test_a_corpus_without_text(tokenizer, tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/a.txt").write_text(" \n\n...\n")
    job = Job(tmp_path / "corpus", tokenizer, tmp_path / "out")
    with pytest.raises(DataError, match="there is no text in the corpus"):
        job.run()
    job.folder.remove_if_without_shards()
    assert not (tmp_path / "out").exists()


def test_a_full_disk(corpus, whole, tokenizer, tmp_path, monkeypatch):
    out = tmp_path / "out"
    job = Job(corpus, tokenizer, out)
    job.run(slice(0, 1))
    job.folder.remove_if_without_shards()
    before = content(out)
    assert len(before) == 4
    write, count = tf.io.TFRecordWriter.write, itertools.count()

    def fails(self, record):
        if next(count) > 3:
            raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")
        write(self, record)

    monkeypatch.setattr(tf.io.TFRecordWriter, "write", fails)
    with pytest.raises(DiskError, match=r"could not write .*out: No space left on device; what is finished"):
        job.run()
    assert content(out) == before
    monkeypatch.undo()
    Job(corpus, tokenizer, out).run()
    assert content(out) == content(whole)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objective": "clm"}, "objective 'clm' is not one of nsp, sop, none"),
        ({"max_length": 4}, "nsp needs at least 5 tokens"),
        ({"short_probability": 2}, "short_probability is 2"),
        ({"duplicates": -1}, "duplicates"),
    ],
)
def test_impossible_settings(values, message):
    with pytest.raises(ConfigError, match=message):
        ExampleSettings(**values)
