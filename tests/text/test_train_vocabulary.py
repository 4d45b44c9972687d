"""Vocabularies trained from text, as `tfbert train-vocab` trains them."""

import collections
import gzip
import os
import subprocess
import sys

import pytest

from tfbert.errors import ConfigError, DataError
from tfbert.text import Tokenizer
from tfbert.text.algorithms.train_vocabulary import SPECIAL_TOKENS, train_vocabulary

TEXT = ["The films, the film: unaffable films! Café café.", "the [MASK] 北京 film\u00ad"] * 3


def test_order_of_the_tokens():
    tokens = train_vocabulary(lambda: iter(TEXT), 200).tokens
    characters = sorted(set("thefilmsunabcak!,.:[]北京"))
    assert tokens[:5] == list(SPECIAL_TOKENS)
    assert tokens[5 : 5 + len(characters)] == characters
    letters = [char for char in characters if char.isalpha() and char not in "北京"]
    assert tokens[5 + len(characters) :][: len(letters)] == [f"##{char}" for char in letters]
    assert {"the", "film", "films", "unaffable", "cafe"} <= set(tokens[5 + len(characters) + len(letters) :])
    assert len(tokens) == len(set(tokens)) < 200  # nothing else to join


def test_the_vocabulary_spells_its_own_text():
    tokenizer = Tokenizer(train_vocabulary(lambda: iter(TEXT), 200))
    assert tokenizer.vocabulary["[UNK]"] not in tokenizer.tokenize(TEXT).flat_values.numpy()
    cased = train_vocabulary(lambda: iter(TEXT), 200, lower_case=False)
    assert {"The", "Café"} <= set(cased)


def test_the_same_text_gives_the_same_vocabulary(data_dir):
    text = gzip.decompress(data_dir("pretrain/en_100_novels/Doyle_Hound_1902.txt.gz").read_bytes()).decode("utf-8-sig")
    blocks = [text[i : i + 10_000] for i in range(0, len(text), 10_000)]
    first = train_vocabulary(lambda: iter(blocks), 5_000)
    assert len(first) == 5_000
    assert train_vocabulary(lambda: iter(blocks), 5_000).tokens == first.tokens
    tokenizer = Tokenizer(first)
    ids = tokenizer.tokenize(blocks).flat_values.numpy()
    assert (ids == tokenizer.vocabulary["[UNK]"]).mean() < 1e-4
    assert len(ids) < 1.5 * len(text.split())  # most words are one token or two


def test_chinese(data_dir):
    path = data_dir("pretrain/zh_classics/红楼梦.txt.gz")
    text = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
    vocabulary = train_vocabulary(lambda: iter([text]), 6_000, lower_case=False)
    frequent = collections.Counter(char for char in text if "\u4e00" <= char <= "\u9fff").most_common(3_000)
    assert all(char in vocabulary for char, _ in frequent)
    assert not any(f"##{char}" in vocabulary for char, _ in frequent)


def test_wrong_sizes_and_no_text():
    with pytest.raises(ConfigError, match=r"size 20 is too small: .* characters are \d\d"):
        train_vocabulary(lambda: iter(TEXT), 20)
    for blocks in ([], [""], [" \n\u00ad "]):
        with pytest.raises(DataError, match="there is no text"):
            train_vocabulary(lambda blocks=blocks: iter(blocks), 100)


MEMORY = """
import resource, sys
from tfbert.data.lines import text_blocks
from tfbert.text.train_vocabulary import train_vocabulary
train_vocabulary(lambda: text_blocks(sys.argv[1]), 2000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_text(data_dir, tmp_path):
    text = gzip.decompress(data_dir("pretrain/en_100_novels/Doyle_Hound_1902.txt.gz").read_bytes())
    sizes = []
    for times in (10, 100):  # 3 and 33 MB
        path = tmp_path / f"{times}.txt"
        path.write_bytes(text * times)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-c", MEMORY, str(path)]
        sizes.append(int(subprocess.run(command, env=environment, check=True, capture_output=True).stdout))
    assert sizes[1] < sizes[0] + 30, sizes
