"""A corpus in which every token is another, so that each tells where it is from."""

import random

import pytest

from tfbert.text import Tokenizer, Vocabulary

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##y"]
TOKENS = 7_000


@pytest.fixture(scope="session")
def tokenizer():
    """Its token "t7" has the id 7 + len(SPECIAL)."""
    return Tokenizer(Vocabulary([*SPECIAL, *(f"t{number}" for number in range(TOKENS))]))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Two files of documents; their tokens count up from 0, some with ##y behind them."""
    folder = tmp_path_factory.mktemp("corpus")
    generator, token = random.Random(7), 0
    for name in ("a.txt", "b.txt"):
        lines = []
        for _ in range(40):
            for _ in range(generator.randint(1, 12)):
                words = [f"t{token + i}" + "y" * (generator.random() < 0.2) for i in range(generator.randint(1, 20))]
                token += len(words)
                lines.append(" ".join(words))
            lines.append("")
        (folder / name).write_text("\n".join(lines))
    assert token < TOKENS
    return folder
