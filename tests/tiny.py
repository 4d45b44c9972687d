"""A checkpoint that trains in seconds: random weights, and the words of the sample's training texts."""

import pathlib
import re

import pytest

SHOP = pathlib.Path(__file__).resolve().parent.parent / "samples/shop/train.tsv"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
UNUSED = [f"[unused{i}]" for i in range(4)]  # as BERT's own vocabularies have them


def fixtures(layers):
    """Of a conftest.py: `tiny_config` and `tiny_checkpoint`, its folder.

    Both, as a fixture of the session is made once, whoever overrides what it is made from.
    """

    @pytest.fixture(scope="session")
    def tiny_config():
        return config(layers)

    @pytest.fixture(scope="session")
    def tiny_checkpoint(tiny_config, tmp_path_factory):
        return write_checkpoint(tmp_path_factory.mktemp("tiny"), tiny_config)

    return tiny_config, tiny_checkpoint


def tokens():
    """The vocabulary: the words in order of first use between the others."""
    text = SHOP.read_text(encoding="utf-8").lower()
    return [*SPECIAL, *dict.fromkeys(re.findall(r"[a-z]+|[^\sa-z]", text)), *UNUSED]


def config(layers):
    from tfbert import BertConfig

    return BertConfig(
        vocab_size=len(tokens()),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )


def write_checkpoint(folder, config):
    """Writes a Hugging Face folder, and returns it."""
    import keras

    from tfbert import BertEncoder, Tokenizer
    from tfbert.checkpoints.formats.hugging_face import write_folder
    from tfbert.text import Vocabulary

    keras.utils.set_random_seed(7)
    encoder = BertEncoder(config, name="encoder")
    encoder.build()
    write_folder(folder, encoder)
    Tokenizer(Vocabulary(tokens())).save(folder)
    return folder
