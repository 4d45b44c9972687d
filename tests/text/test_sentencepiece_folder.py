"""Folders of SentencePiece tokenizers: tokenizer.json and .model files, read, written, saved in graphs and refused."""

import json

import pytest
import tensorflow as tf
import tokenizers
from small_sentencepiece import model

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text import AddedToken, Tokenizer, UnigramRules, Vocabulary
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.unigram_rules import SentencePieceRules

FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
TEXTS = ["The films are fun!", "the  film", "", "a <mask> film</s>s", "☃☃ x\u00e9\n"]
PAIRS = ["a film", "", "fun <mask>", "the a", "s"]


def made(**settings):
    """A Tokenizer with a Unigram model, fairseq's numbers."""
    found = model(FAIRSEQ, **settings)
    vocabulary = Vocabulary([piece.text.decode() for piece in found.pieces])
    rules = UnigramRules(found, SentencePieceRules(({"type": "Lowercase"},)))
    return Tokenizer(
        vocabulary, rules=rules, max_length=40, added_tokens=[AddedToken("<mask>", special=True, lstrip=True)]
    )


def assert_same(batch, other):
    tf.nest.map_structure(tf.debugging.assert_equal, batch, other)


def write(folder, name, content):
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with tokenizer.json and tokenizer_config.json."""
    folder = tmp_path_factory.mktemp("saved")
    made().save(folder)
    return folder


@pytest.fixture
def of_model(tmp_path):
    """A folder with a .model file alone, of fairseq's."""
    (tmp_path / "sentencepiece.bpe.model").write_bytes(sp.write(model()))
    write(tmp_path, "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 30})
    return tmp_path


def test_what_is_saved_is_read_by_tokenizers_and_by_us(saved):
    ours, again = made(), Tokenizer.from_folder(saved)
    assert sorted(path.name for path in saved.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
    assert again.get_config() == ours.get_config()
    theirs = tokenizers.Tokenizer.from_file(str(saved / "tokenizer.json"))
    for texts in (TEXTS, list(zip(TEXTS, PAIRS, strict=True))):
        batch = again(*([texts] if texts is TEXTS else [TEXTS, PAIRS]), offsets=True)
        for row, found in enumerate(theirs.encode_batch(texts)):
            count = int(tf.reduce_sum(batch["padding_mask"][row]))
            assert count == len(found.ids) and batch["token_ids"][row, :count].numpy().tolist() == found.ids
            assert batch["segment_ids"][row].numpy().tolist() == [0] * batch["segment_ids"].shape[1]
    assert again.detokenize(again(["the films"])["token_ids"]).numpy().tolist() == [b"the films"]
    assert again.continues_word[again.vocabulary["s"]] and not again.continues_word[again.vocabulary["▁film"]]


def test_plain_values_give_the_same_tokenizer():
    config = json.loads(json.dumps(made().get_config()))
    assert config["rules"]["algorithm"] == "unigram"
    again = Tokenizer.from_config(config)
    assert_same(again(TEXTS, PAIRS, offsets=True), made()(TEXTS, PAIRS, offsets=True))
    lowered = Tokenizer.from_config(
        {**config, "rules": UnigramRules(made().rules.model).to_json() | {"algorithm": "unigram"}}
    )
    assert lowered(["The"])["token_ids"].shape != again(["The"])["token_ids"].shape
    assert_same(lowered.lowered()(["The"]), again(["The"]))


def test_windows_and_split_words():
    tokenizer = made()
    windows = tokenizer.windows(["the film a film"], ["a film " * 9], max_length=12, stride=2, offsets=True)
    assert windows["token_ids"].shape[1] == 12 and windows["rows"].shape[0] > 2
    assert windows["token_ids"][:, 0].numpy().tolist() == [0] * windows["rows"].shape[0]
    words = tokenizer([["the", "films", ""], ["a"]], is_split_into_words=True, offsets=True)
    assert words["word_ids"].numpy().tolist() == [[-1, 0, 1, 1, -1], [-1, 0, -1, -1, -1]]


@pytest.mark.parametrize("kind", [sp.UNIGRAM, sp.BPE])
def test_a_model_file(of_model, kind, tmp_path):
    (of_model / "sentencepiece.bpe.model").write_bytes(sp.write(model(kind=kind)))
    tokenizer = Tokenizer.from_folder(of_model)
    assert list(tokenizer.vocabulary)[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert tokenizer.vocabulary.tokens[-1] == "<mask>" and tokenizer.max_length == 30
    ids = tokenizer(["the films <mask>"], ["a"])["token_ids"].numpy()[0].tolist()
    end, mask = 2, len(tokenizer.vocabulary) - 1
    names = [tokenizer.vocabulary.tokens[number] for number in ids]
    assert ids[0] == 0 and names[-4:] == ["</s>", "</s>", "▁a", "</s>"] and mask in ids and ids.count(end) == 3
    tokenizer.save(tmp_path / "again")
    again = Tokenizer.from_folder(tmp_path / "again")
    assert (tmp_path / "again/tokenizer.json").exists() == (kind == sp.UNIGRAM)
    assert again.get_config() == tokenizer.get_config()


def test_the_class_may_be_named_by_the_model_alone(of_model):
    expected = Tokenizer.from_folder(of_model).get_config() | {"max_length": 512}
    (of_model / "tokenizer_config.json").unlink()
    with pytest.raises(ConfigError, match=r"sentencepiece\.bpe\.model: no tokenizer_class .* name one of XLMRoberta"):
        Tokenizer.from_folder(of_model)
    write(of_model, "config.json", {"model_type": "xlm-roberta"})
    assert Tokenizer.from_folder(of_model).get_config() == expected
    write(of_model, "config.json", {"model_type": "t5"})
    with pytest.raises(ConfigError, match="no tokenizer_class"):
        Tokenizer.from_folder(of_model)
    write(of_model, "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer"})
    with pytest.raises(ConfigError, match="does not know how T5Tokenizer numbers the pieces"):
        Tokenizer.from_folder(of_model)


def test_a_truncated_model_file_is_named(of_model):
    path = of_model / "sentencepiece.bpe.model"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(VocabularyError, match=r"sentencepiece\.bpe\.model"):
        Tokenizer.from_folder(of_model)
    path.write_bytes(b"")
    with pytest.raises(VocabularyError, match=r"sentencepiece\.bpe\.model"):
        Tokenizer.from_folder(of_model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fast: fast.pop("post_processor"), "tokenizer.json has no post_processor"),
        (lambda fast: fast["model"].update(unk_id=None), "unk_id must be the id of a token"),
        (lambda fast: fast["model"].update(byte_fallback=True), "byte_fallback"),
        (lambda fast: fast.update(pre_tokenizer={"type": "ByteLevel"}), "the pre-tokenizer ByteLevel"),
        (lambda fast: fast.update(normalizer={"type": "NFKC"}), "the normalizer NFKC"),
        (lambda fast: fast["model"]["vocab"].append(["x", "y"]), "the score of token"),
        (lambda fast: fast["model"].update(type="WordLevel"), "holds no WordPiece vocabulary"),
    ],
)
def test_what_no_graph_follows_is_named(saved, tmp_path, change, message):
    fast = json.loads((saved / "tokenizer.json").read_text("utf-8"))
    change(fast)
    write(tmp_path, "tokenizer.json", fast)
    (tmp_path / "tokenizer_config.json").write_bytes((saved / "tokenizer_config.json").read_bytes())
    with pytest.raises((ConfigError, VocabularyError), match=message) as error:
        Tokenizer.from_folder(tmp_path)
    assert "tokenizer.json" in str(error.value)


def test_a_case_that_changes_nothing_is_said(saved, tmp_path, caplog):
    (tmp_path / "tokenizer.json").write_bytes((saved / "tokenizer.json").read_bytes())
    write(tmp_path, "tokenizer_config.json", {"do_lower_case": False})
    with caplog.at_level("WARNING"):
        Tokenizer.from_folder(tmp_path)
    assert "do_lower_case=False of tokenizer_config.json changes nothing" in caplog.text


def test_files_of_another_algorithm_go(saved, tmp_path):
    for name in ("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "added_tokens.json"):
        (tmp_path / name).write_text("x")
    made().save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]


OF_TRANSFORMERS_5 = [
    {"type": "Replace", "pattern": {"Regex": r"\s{2,}|[\n\r\t]"}, "content": " "},
    {"type": "NFC"},
    {"type": "Strip", "strip_left": True, "strip_right": True},
]


def test_the_normalizer_of_transformers_5(saved, tmp_path):
    """Form NFC, line breaks as spaces, and a token that is added and of the model too."""
    fast = json.loads((saved / "tokenizer.json").read_text("utf-8"))
    fast["normalizer"] = {"type": "Sequence", "normalizers": OF_TRANSFORMERS_5}
    fast["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    number = [token for token, _ in fast["model"]["vocab"]].index('"')
    fast["added_tokens"].append({**fast["added_tokens"][0], "id": number, "content": '"', "special": False})
    write(tmp_path, "tokenizer.json", fast)
    ours = Tokenizer.from_folder(tmp_path)
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    texts = ["the\n\n film \t s ", "e\u0301 a\ue000e\u0301<mask>e\u0301", 'the "film"', "", "\u212b \xe9"]
    for some in (texts, *([text] for text in texts)):
        batch = ours(some, offsets=True)
        expected = theirs.encode_batch(some)
        for row, found in enumerate(expected):
            assert batch["token_ids"][row, : len(found.ids)].numpy().tolist() == found.ids
    places = ours(["e\u0301 film"], offsets=True)["character_offsets"].numpy()[0].tolist()
    assert places[-2] == [2, 7]  # its space too
    ours.save(tmp_path / "again")
    again = Tokenizer.from_folder(tmp_path / "again")
    assert again(texts)["token_ids"].numpy().tolist() == ours(texts)["token_ids"].numpy().tolist()
    with pytest.raises(ConfigError, match="LiteRT has no operation for Unicode's form NFC"):
        Tokenizer.from_config(ours.get_config(), portable=True)
