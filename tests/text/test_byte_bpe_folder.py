"""Folders of byte-level BPE: what `tokenizers` and older files say is read, and what no graph follows is refused."""

import json

import byte_bpe_kinds
import pytest
import tokenizers
from conftest import assert_equal
from test_byte_bpe_equality import MORE

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text import AddedToken, Tokenizer
from tfbert.text.algorithms.byte_bpe_rules import PATTERN
from tfbert.text.template import Template

SPLIT = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def write(folder, name, content):
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A folder with a tokenizer.json."""
    byte_bpe_kinds.made("two_separators").save(str(tmp_path / "tokenizer.json"))
    return tmp_path


@pytest.fixture
def older(tmp_path):
    """A folder with vocab.json and merges.txt alone."""
    vocab, merges = byte_bpe_kinds.trained()
    write(tmp_path, "vocab.json", vocab)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (tmp_path / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def changed(folder, change):
    fast = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    change(fast)
    write(folder, "tokenizer.json", fast)


@pytest.mark.parametrize("kind", byte_bpe_kinds.KINDS)
def test_what_is_written_is_read_by_tokenizers(kind, tmp_path):
    ours, theirs = byte_bpe_kinds.pair(kind, tmp_path)
    (tmp_path / "saved").mkdir()
    ours.save(tmp_path / "saved")
    again = tokenizers.Tokenizer.from_file(str(tmp_path / "saved/tokenizer.json"))
    assert_equal((ours, again), MORE)
    for first, second in (("a film", None), ("a", "b c")):
        wanted = theirs.encode(first, second)
        assert again.encode(first, second).ids == wanted.ids
        got = ours([first], None if second is None else [second])
        assert got["token_ids"].numpy().tolist() == [wanted.ids]
        if kind != "bare":  # whose second text `tokenizers` gives another segment, which no such family has
            assert got["segment_ids"].numpy().tolist() == [wanted.type_ids]


def test_vocab_json_and_merges(older):
    tokenizer, theirs = Tokenizer.from_folder(older), byte_bpe_kinds.made("two_separators")
    assert tokenizer.added_tokens == (AddedToken("<mask>", special=True, lstrip=True),)
    assert tokenizer.rules.trim_offsets and not tokenizer.rules.add_prefix_space
    texts = ["the unaffable <mask> hello", "<s>12345\n"]
    assert tokenizer(texts[:1])["token_ids"].numpy().tolist() == [theirs.encode(texts[0]).ids]
    write(older, "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": True})
    assert Tokenizer.from_folder(older).rules.add_prefix_space
    write(older, "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "unk_token": "<unk>"})
    bare = Tokenizer.from_folder(older)
    assert bare.template == Template((), (), (), 0) and not bare.rules.trim_offsets
    assert bare(["the film"])["token_ids"].numpy().tolist() == bare.tokenize(["the film"]).to_list()


def test_added_tokens_of_older_files(older):
    write(older, "added_tokens.json", {"<e1>": 1000})
    mask = {"content": "<mask>", "lstrip": False, "rstrip": True, "normalized": False}
    write(older, "special_tokens_map.json", {"mask_token": mask, "bos_token": "<s>"})
    tokenizer = Tokenizer.from_folder(older)
    assert tokenizer.vocabulary["<e1>"] == 1000
    assert set(tokenizer.added_tokens) == {
        AddedToken("<mask>", special=True, rstrip=True),
        AddedToken("<e1>", normalized=True),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x y", r"merges\.txt, line 3: joins 'x' and 'y', and .*vocab\.json lacks 'xy'.*different vocabularies"),
        ("a b c", r"merges\.txt, line 3: 'a b c' is not two tokens"),
        ("a\u3000b", r"merges\.txt, line 3"),
    ],
)
def test_merges_of_another_vocabulary(older, line, message):
    lines = (older / "merges.txt").read_text("utf-8").split("\n")
    (older / "merges.txt").write_text("\n".join([*lines[:2], line, *lines[2:]]), encoding="utf-8")
    with pytest.raises(VocabularyError, match=message):
        Tokenizer.from_folder(older)


def test_files_that_cannot_be_read(older):
    (older / "merges.txt").write_bytes(b"#version: 0.2\n\xff a\n")
    with pytest.raises(VocabularyError, match=r"merges\.txt, line 2: not UTF-8"):
        Tokenizer.from_folder(older)
    (older / "merges.txt").unlink()
    with pytest.raises(VocabularyError, match=r"there is no .*merges\.txt beside vocab\.json"):
        Tokenizer.from_folder(older)
    (older / "merges.txt").write_text("")
    write(older, "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer"})
    with pytest.raises(ConfigError, match="the rules of tokenizer_class 'CLIPTokenizer' are in no file"):
        Tokenizer.from_folder(older)
    write(older, "vocab.json", {"a": "0"})
    write(older, "tokenizer_config.json", {})
    with pytest.raises(VocabularyError, match="the id of 'a' must be an integer"):
        Tokenizer.from_folder(older)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (("model", "dropout"), 0.1, "dropout=0.1"),
        (("model", "byte_fallback"), True, "byte_fallback=True"),
        (("model", "continuing_subword_prefix"), "##", "continuing_subword_prefix='##'"),
        (("model", "end_of_word_suffix"), "</w>", "end_of_word_suffix='</w>'"),
        (("model", "merges"), [["a"]], "merge 0 is .*expected two tokens"),
        (("model", "merges"), ["Q Q"], "merge 0 joins 'Q' and 'Q'.*lacks 'QQ'"),
        (("pre_tokenizer",), None, "the pre-tokenizer none"),
        (("pre_tokenizer",), {"type": "Whitespace"}, "the pre-tokenizer Whitespace"),
        (("pre_tokenizer",), BYTES, "the pre-tokenizer ByteLevel with use_regex=False"),
        (
            ("pre_tokenizer",),
            {"type": "Sequence", "pretokenizers": [{**SPLIT, "pattern": {"Regex": r"\d"}}, BYTES]},
            r"splits texts by .*tfbert has the expression of GPT-2 alone",
        ),
        (
            ("pre_tokenizer",),
            {"type": "Sequence", "pretokenizers": [SPLIT, {**BYTES, "add_prefix_space": True}]},
            "ByteLevel after Split has add_prefix_space",
        ),
        (("normalizer",), {"type": "Replace", "pattern": {"Regex": "a"}, "content": ""}, "the normalizer Replace"),
        (("post_processor",), {"type": "Sequence", "processors": [1]}, "must be an object"),
        (("truncation",), {"direction": "Left"}, "truncation cuts the beginning"),
    ],
)
def test_rules_that_no_graph_has(folder, key, value, message):
    def change(fast):
        for each in key[:-1]:
            fast = fast[each]
        fast[key[-1]] = value

    changed(folder, change)
    with pytest.raises((ConfigError, VocabularyError), match=message):
        Tokenizer.from_folder(folder)


def test_a_single_word_token_is_refused(folder):
    changed(folder, lambda fast: fast["added_tokens"][0].update(single_word=True))
    with pytest.raises(ConfigError, match="single_word"):
        Tokenizer.from_folder(folder)


def test_ignore_merges_where_it_matters(folder):
    changed(folder, lambda fast: fast["model"].update(ignore_merges=True))
    Tokenizer.from_folder(folder)

    def kill(fast):  # "the" is made of other letters from now on
        vocab, merges = fast["model"]["vocab"], fast["model"]["merges"]
        vocab["zqx"] = vocab["zq"] = vocab["qx"] = 2000
        vocab["zq"], vocab["qx"] = 2001, 2002
        merges += [["z", "q"], ["q", "x"], ["z", "qx"]]

    changed(folder, kill)
    with pytest.raises(ConfigError, match="ignore_merges=true, and 1 tokens that merges do not make, such as 'zqx'"):
        Tokenizer.from_folder(folder)


def test_split_before_byte_level(folder, tmp_path):
    def change(fast):
        fast["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [SPLIT, BYTES]}
        fast["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}

    changed(folder, change)
    assert_equal(
        (Tokenizer.from_folder(folder), tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))),
        ["The FILM's ＡＢ①  x", "  a", "¡ é!x"],
    )


@pytest.mark.parametrize(("name", "prefix"), [("RobertaTokenizer", True), ("PreTrainedTokenizerFast", False)])
def test_what_counts(folder, name, prefix, caplog):
    write(folder, "tokenizer_config.json", {"tokenizer_class": name, "add_prefix_space": True})
    assert Tokenizer.from_folder(folder).rules.add_prefix_space is prefix
