"""Sentence splitting in the graph."""

import pytest
import tensorflow as tf

import tfbert
from tfbert.text.sentences import SentenceSplitter

SPLITTER = SentenceSplitter()


def sentences(*texts):
    """The sentences of each text, by its bytes and by its characters, which must agree."""
    text = tf.constant(texts)
    found = SPLITTER(text)
    first, after = (found.ragged(values).to_list() for values in SPLITTER.characters(text, found))
    by_bytes = found.ragged(SPLITTER.texts(text, found)).to_list()
    for i, row in enumerate(by_bytes):
        by_characters = [texts[i][begin:end] for begin, end in zip(first[i], after[i], strict=True)]
        assert by_characters == [part.decode() for part in row]
    assert found.lengths.numpy().tolist() == [len(row) for row in by_bytes]
    return [[part.decode() for part in row] for row in by_bytes]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("How are you? Fine! Yes.", ["How are you?", "Fine!", "Yes."]),
        ("A line\nand another\r\n\r\n  and a third", ["A line", "and another", "and a third"]),
        ("Mr. Smith and Dr. J. R. Jones met. They spoke.", ["Mr. Smith and Dr. J. R. Jones met.", "They spoke."]),
        ("The U.S. economy grew, e.g. in May. It fell 3.5%.", ["The U.S. economy grew, e.g. in May.", "It fell 3.5%."]),
        ("Acme Inc. rose. It beat Smith Ltd. It won.", ["Acme Inc. rose.", "It beat Smith Ltd.", "It won."]),
        ("See Fig. 3 on Sept. 11. He said no. It ended.", ["See Fig. 3 on Sept. 11.", "He said no.", "It ended."]),
        ('"Go." He went. "Really?" he said. (Yes.) Oh', ['"Go."', "He went.", '"Really?" he said.', "(Yes.)", "Oh"]),
        ("Well... maybe. Well… No.", ["Well... maybe.", "Well…", "No."]),
        ("it is his. The café. It isn't. The end", ["it is his.", "The café.", "It isn't.", "The end"]),
        ("mr. li came. he went.", ["mr. li came.", "he went."]),
        ("天气很好。我们去公园！“好吗？”是。没有", ["天气很好。", "我们去公园！", "“好吗？”", "是。", "没有"]),
        ("يوم؟ نعم। हाँ। ठीक", ["يوم؟", "نعم।", "हाँ।", "ठीक"]),
        ("no end mark, one sentence", ["no end mark, one sentence"]),
        ("a.\u3000b.\u2028 c", ["a.\u3000b.", "c"]),  # "a." may be an initial
        ("... -- ! \u3000\n'", []),
        ("", []),
    ],
)
def test_sentences(text, wanted):
    assert sentences(text) == [wanted]


def test_texts_of_a_batch_are_apart():
    assert sentences("", "One", "", "Two. Three") == [[], ["One"], [], ["Two.", "Three"]]
    found = SPLITTER(tf.constant([], tf.string))
    assert (found.row_splits.numpy().tolist(), found.starts.shape) == ([0], (0,))


def test_what_is_not_utf8():
    text = tf.constant([b"\xff\xfe refund. It \xc3", b"\x00"])
    found = SPLITTER(text)
    assert SPLITTER.texts(text, found).numpy().tolist() == [b"\xff\xfe refund.", b"It \xc3"]
    first, after = SPLITTER.characters(text, found)
    decoded = text.numpy()[0].decode("utf-8", "replace")
    assert [decoded[i:j] for i, j in zip(first, after, strict=True)] == ["\ufffd\ufffd refund.", "It \ufffd"]


def test_a_megabyte():
    assert [len(row) for row in sentences("order " * 180_000, "It fell. " * 100_000)] == [1, 100_000]


def test_sentences_of_news_are_those_of_their_summaries(data_dir):
    """BBC's extractive summaries are made of sentences that another splitter found."""
    from tfbert.tasks.summarization.oracle import verbatim

    table = tfbert.data.read(data_dir("summarization/bbc_news_summary/bbc_news_summary.jsonl.gz"))
    text = tf.constant(table.column("article"))
    found = SPLITTER(text)
    rows = found.ragged(SPLITTER.texts(text, found)).to_list()
    made_of = [
        verbatim([part.decode() for part in row], summary)
        for row, summary in zip(rows, table.column("summary"), strict=True)
    ]
    assert sum(numbers is None for numbers in made_of) < 0.01 * len(table)
