"""Tokenizer.from_folder and Tokenizer.save."""

import json

import pytest

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text import Tokenizer, Vocabulary

VOCABULARY = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nfilm\n##s\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "vocab.txt").write_text(VOCABULARY, encoding="utf-8")
    return tmp_path


def write(folder, name, content):
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def settings(tokenizer):
    return (
        tokenizer.lower_case,
        tokenizer.strip_accents,
        tokenizer.tokenize_chinese_chars,
        tokenizer.max_length,
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, (True, None, True, 512)),
        ({"do_lower_case": False}, (False, None, True, 512)),
        ({"strip_accents": False, "tokenize_chinese_chars": False}, (True, False, False, 512)),
        ({"model_max_length": 128, "tokenizer_class": "BertTokenizer"}, (True, None, True, 128)),
        ({"max_len": 64, "do_lower_case": False}, (False, None, True, 64)),
        ({"model_max_length": 1000000000000000019884624838656}, (True, None, True, 512)),
        ({"model_max_length": 1e30, "strip_accents": None}, (True, None, True, 512)),
    ],
)
def test_tokenizer_config(folder, config, expected):
    write(folder, "tokenizer_config.json", config)
    assert settings(Tokenizer.from_folder(folder)) == expected
    assert Tokenizer.from_folder(folder, max_length=32).max_length == 32


def test_a_google_folder_is_cased_if_its_vocabulary_is(folder):
    assert Tokenizer.from_folder(folder).lower_case
    (folder / "vocab.txt").write_text(VOCABULARY + "London\n", encoding="utf-8")
    assert not Tokenizer.from_folder(folder).lower_case
    (folder / "vocab.txt").write_text(VOCABULARY + "[unused1]\n<S>\nA\n", encoding="utf-8")
    assert Tokenizer.from_folder(folder).lower_case


@pytest.mark.parametrize(
    ("name", "lower_case"),
    [
        ("bert-base-uncased", True),
        ("bert-base-chinese", True),
        ("bert-base-cased", False),
        ("bert-base-multilingual-cased", False),
    ],
)
def test_real_vocabularies_without_config(data_dir, name, lower_case):
    path = data_dir(f"vocab/{name}/vocab.txt")
    assert Tokenizer.from_folder(path.parent).lower_case is lower_case
    assert Tokenizer.from_file(path).lower_case is lower_case
    assert Tokenizer.from_file(path, lower_case=True).lower_case is True


def test_tokenizer_json_alone(folder):
    (folder / "vocab.txt").unlink()
    ids = {token: number for number, token in enumerate(VOCABULARY.split())}
    normalizer = {
        "type": "BertNormalizer",
        "lowercase": False,
        "strip_accents": None,
        "handle_chinese_chars": False,
    }
    fast = {
        "added_tokens": [{"id": 9, "content": "[E1]"}, {"id": 0, "content": "[PAD]"}],
        "normalizer": normalizer,
        "model": {"type": "WordPiece", "vocab": ids},
    }
    write(folder, "tokenizer.json", fast)
    tokenizer = Tokenizer.from_folder(folder)
    assert tokenizer.vocabulary.tokens == [*VOCABULARY.split(), "", "[E1]"]
    assert settings(tokenizer) == (False, None, False, 512)
    write(folder, "tokenizer_config.json", {"do_lower_case": True})
    assert settings(Tokenizer.from_folder(folder)) == (True, None, False, 512)
    fast["model"] = {"type": "BPE", "vocab": ids, "merges": []}
    write(folder, "tokenizer.json", fast)
    with pytest.raises(ConfigError, match="the model BPE with the pre-tokenizer none; tfbert has BPE of bytes alone"):
        Tokenizer.from_folder(folder)
    fast["model"] = {"type": "WordLevel", "vocab": ids}
    write(folder, "tokenizer.json", fast)
    with pytest.raises(VocabularyError, match="no WordPiece vocabulary"):
        Tokenizer.from_folder(folder)


def test_folders_that_cannot_be_read(tmp_path, folder):
    with pytest.raises(VocabularyError, match=r"neither vocab.txt nor tokenizer.json"):
        Tokenizer.from_folder(tmp_path / "absent")
    (folder / "tokenizer_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tokenizer_config.json"):
        Tokenizer.from_folder(folder)
    write(folder, "tokenizer_config.json", {"word_tokenizer_type": "mecab"})
    with pytest.raises(ConfigError, match="mecab"):
        Tokenizer.from_folder(folder)
    write(folder, "tokenizer_config.json", {"do_lower_case": "yes"})
    with pytest.raises(ConfigError, match="do_lower_case"):
        Tokenizer.from_folder(folder)
    write(folder, "tokenizer_config.json", {"model_max_length": "512"})
    with pytest.raises(ConfigError, match="model_max_length"):
        Tokenizer.from_folder(folder)


@pytest.mark.parametrize("setting", [(True, None, True, 512), (False, True, False, 64)])
def test_save_and_read_back(tmp_path, setting):
    tokens = ["[PAD]", "[UNK]", "", "[CLS]", "[SEP]", "the", "é", "the", "[MASK]", ""]
    folder = tmp_path / "new" / "model"
    Tokenizer(Vocabulary(tokens), *setting).save(folder)
    (folder / "tokenizer.json").write_text("of an earlier model")
    Tokenizer(Vocabulary(tokens), *setting).save(folder)
    read = Tokenizer.from_folder(folder)
    assert read.vocabulary.tokens == tokens
    assert settings(read) == setting
    assert sorted(path.name for path in folder.iterdir()) == ["tokenizer_config.json", "vocab.txt"]


def test_a_token_with_a_line_break_cannot_be_saved(tmp_path):
    tokenizer = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a\nb"]))
    with pytest.raises(VocabularyError, match="token 4"):
        tokenizer.save(tmp_path)
