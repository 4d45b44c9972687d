"""SentencePiece models in checkpoints' files: numbers of tokens, rules and templates; and what is refused, by name."""

import base64
import dataclasses
import json

import pytest
from small_sentencepiece import model

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.unigram_files import read_model_file, written_model_file
from tfbert.text.algorithms.unigram_json import read_tokenizer_json, written_tokenizer_json
from tfbert.text.algorithms.unigram_rules import SentencePieceRules, read_rules
from tfbert.text.algorithms.unigram_settings import UnigramRules

BRACKETS = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
FILES = {
    "XLMRobertaTokenizer": model(),
    "CamembertTokenizer": model(),
    "AlbertTokenizer": model(BRACKETS, more={"▁1,": -5.0, ",": -3.0}),
    "DebertaV2Tokenizer": model(("[PAD]", "[CLS]", "[SEP]", "[UNK]"), "[UNK]"),
}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
SPLIT = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, METASPACE]}
COLLAPSE = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
FAST = {
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁", -1.0], ["a", -2]]},
    "normalizer": None,
    "pre_tokenizer": SPLIT,
}


def read(name, **config):
    return read_model_file(sp.write(FILES[name]), f"{name}.model", name, config)


@pytest.mark.parametrize(
    ("name", "first", "last", "template"),
    [
        ("XLMRobertaTokenizer", ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁the"], "<mask>", ((0,), (2, 2), (2,), 0)),
        (
            "CamembertTokenizer",
            ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "▁"],
            "<mask>",
            ((5,), (6, 6), (6,), 0),
        ),
        ("AlbertTokenizer", [*BRACKETS, "▁"], "▁1,", ((2,), (3,), (3,), 1)),
        ("DebertaV2Tokenizer", ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "▁"], "[MASK]", ((1,), (2,), (2,), 1)),
    ],
)
def test_numbers_of_tokens(name, first, last, template):
    found = read(name)
    assert found.tokens[: len(first)] == first and found.tokens[-1] == last
    assert tuple(found.template.values()) == template
    assert found.special_tokens.keys() == {"unknown", "start", "separator", "padding", "mask"}
    assert set(found.special_tokens.values()) <= set(found.tokens)
    assert found.model.pieces[found.model.unk_id].kind == sp.UNKNOWN
    assert read_model_file(sp.write(FILES[name]), "x", f"{name}Fast", {}) == found


@pytest.mark.parametrize("name", ["XLMRobertaTokenizer", "CamembertTokenizer", "DebertaV2Tokenizer"])
def test_the_model_that_is_written_is_numbered_the_same(name):
    found = read(name)
    assert read_model_file(written_model_file(found.model, name), "x", name, {}) == found
    own = sp.read(written_model_file(found.model, name), "x").pieces
    assert own[: len(FILES[name].pieces)] == FILES[name].pieces


def test_the_mask_takes_the_spaces_before_it():
    for name in ("XLMRobertaTokenizer", "CamembertTokenizer", "AlbertTokenizer"):
        added = read(name).added_tokens
        assert added[-1]["content"] == read(name).special_tokens["mask"] and added[-1]["lstrip"]
    assert not read("DebertaV2Tokenizer").added_tokens[-1]["lstrip"]


def test_settings_of_the_folder():
    usual, kept = read("AlbertTokenizer"), read("AlbertTokenizer", keep_accents=True, do_lower_case=False)
    assert usual.rules.characters[ord("É")] == "e" and usual.rules.quotes and usual.rules.splits_white_space
    assert kept.rules == SentencePieceRules(quotes=True)
    scores = {piece.text.decode(): piece.score for piece in usual.model.pieces}
    assert scores["▁1,"] == -105 and scores[","] == -3  # so that "1,000" begins with "1"
    lowered = read("DebertaV2Tokenizer", do_lower_case=True)
    assert lowered.rules.characters[ord("É")] == "é" and not lowered.rules.splits_white_space
    with pytest.raises(ConfigError, match=r"DebertaV2Tokenizer\.model: split_by_punct"):
        read("DebertaV2Tokenizer", split_by_punct=True)


@pytest.mark.parametrize(
    ("name", "made", "message"),
    [
        ("T5Tokenizer", model(), "x.model: tfbert does not know how T5Tokenizer numbers the pieces"),
        ("XLMRobertaTokenizer", model(BRACKETS), "x.model begins with <pad>, <unk>, [CLS]; such a model begins with"),
        ("CamembertTokenizer", model(("<unk>",)), "x.model lacks <s>, </s>"),
        ("AlbertTokenizer", model(), "x.model lacks [CLS], [SEP], <pad>, [MASK]"),
    ],
)
def test_a_model_of_another_class_is_named(name, made, message):
    with pytest.raises((ConfigError, VocabularyError)) as raised:
        read_model_file(sp.write(made), "x.model", name, {})
    assert message in str(raised.value)


@pytest.mark.parametrize("name", FILES)
def test_tokenizer_json_that_is_written_is_read(name):
    found = read(name)
    named = {*found.special_tokens.values(), *(token["content"] for token in found.added_tokens)}
    added = [{"content": content, "id": found.tokens.index(content)} for content in named]
    again = read_tokenizer_json({**written_tokenizer_json(found.model, found.rules), "added_tokens": added}, "x.json")
    assert again.rules == found.rules
    unnumbered = {"bos_id": -1, "eos_id": -1, "pad_id": -1}
    kinds = {piece.text: piece.kind for piece in found.model.pieces}
    pieces = tuple(piece._replace(kind=kinds[piece.text]) for piece in again.model.pieces)
    assert dataclasses.replace(again.model, pieces=pieces) == dataclasses.replace(found.model, **unnumbered)


def test_a_configuration_holds_all():
    found = read("AlbertTokenizer")
    rules = UnigramRules(found.model, found.rules)
    values = json.loads(json.dumps(rules.to_json()))
    assert UnigramRules(**values) == rules and rules.lowered() == rules
    lowered = UnigramRules(found.model).lowered()
    assert lowered.before.steps == ({"type": "Lowercase"},) and lowered.model == found.model
    with pytest.raises(ConfigError, match="the configuration's SentencePiece model is not base64"):
        UnigramRules("?")
    with pytest.raises(VocabularyError, match="the configuration's SentencePiece model is damaged"):
        UnigramRules(values["model"][:404])


@pytest.mark.parametrize(
    ("normalizer", "splitter", "rules"),
    [
        (None, SPLIT, SentencePieceRules()),
        ({"type": "Sequence", "normalizers": [{"type": "Strip"}, COLLAPSE]}, METASPACE, (False, False)),
        (
            {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": False}, {**COLLAPSE, "content": "▁"}]},
            {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
            (False, False),
        ),
        (COLLAPSE, METASPACE, (False, False)),
        (
            {
                "type": "Sequence",
                "normalizers": [
                    {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
                    {"type": "Replace", "pattern": {"String": "''"}, "content": '"'},
                    {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(b"map").decode()},
                    COLLAPSE,
                ],
            },
            SPLIT,
            (True, True),
        ),
    ],
)
def test_chains_of_published_files(normalizer, splitter, rules):
    found, charsmap = read_rules(normalizer, splitter)
    if isinstance(rules, tuple):
        assert (found.quotes, found.splits_white_space) == rules
    else:
        assert found == rules
    assert charsmap == (b"map" if "Precompiled" in str(normalizer) else b"")


def chain(*steps):
    return {"normalizer": {"type": "Sequence", "normalizers": list(steps)}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            chain({"type": "NFKC"}),
            "x.json has the normalizer NFKC, which tfbert does not have; it has Sequence, Precomp",
        ),
        (chain({"type": "NFKD"}), "the normalizer NFKD without StripAccents after it"),
        (chain({"type": "NFKD"}, {"type": "Lowercase"}), "the normalizer NFKD without StripAccents"),
        (chain({"type": "Precompiled", "precompiled_charsmap": "?"}), "the normalizer Precompiled, whose precomp"),
        (
            chain({"type": "Precompiled", "precompiled_charsmap": ""}, {"type": "Lowercase"}),
            "the normalizer Lowercase after Precompiled",
        ),
        (
            chain({"type": "Replace", "pattern": {"Regex": r"\s{3,}|[\n\r\t]"}, "content": " "}),
            r"and tfbert replaces single characters",
        ),
        (
            chain({"type": "Replace", "pattern": {"String": "``"}, "content": '"'}),
            "Replace of ``; tfbert has both `` and",
        ),
        (chain(*[{"type": "Lowercase"}] * 21), "21 normalizers; tfbert follows 20 at most"),
        ({"pre_tokenizer": METASPACE}, "each space would be a token"),
        ({"pre_tokenizer": None}, "x.json has the pre-tokenizer none, and a SentencePiece model takes"),
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "the pre-tokenizer ByteLevel, and a SentencePiece"),
        (
            {"pre_tokenizer": {**METASPACE, "prepend_scheme": "first"}},
            "Metaspace with prepend_scheme 'first'; tfbert has 'always'",
        ),
        ({"pre_tokenizer": {**METASPACE, "replacement": "_"}}, "Metaspace with replacement '_'"),
        ({"pre_tokenizer": {**METASPACE, "split": False}}, "Metaspace with split False"),
        ({"model": {"type": "BPE"}}, "x.json holds a model of type 'BPE', no Unigram model"),
        ({"model": {**FAST["model"], "byte_fallback": True}}, "byte_fallback, tokens of bytes"),
        ({"model": {**FAST["model"], "unk_id": None}}, "unk_id must be the id of a token, not None"),
        ({"model": {**FAST["model"], "unk_id": 3}}, "unk_id must be the id of a token, not 3"),
        ({"model": {**FAST["model"], "vocab": {}}}, "vocab must be a list of tokens with scores, not an object"),
        ({"model": {**FAST["model"], "vocab": [["<unk>"]]}}, "token 0 must be a text with a score"),
        ({"model": {**FAST["model"], "vocab": [["\ud800", 0]]}}, "token 0 must be a text with a score"),
        ({"model": {**FAST["model"], "vocab": [["a", "0"]]}}, "the score of token 0 must be a number, not '0'"),
        ({"model": {**FAST["model"], "vocab": [["a", float("nan")]]}}, "the score of token 0 must be a number"),
        ({"model": {**FAST["model"], "vocab": [["", 0.0]]}}, "token 0 is '', which no text can have"),
    ],
)
def test_what_tfbert_does_not_have_is_named(changes, message):
    with pytest.raises((ConfigError, VocabularyError)) as raised:
        read_tokenizer_json({**FAST, **changes}, "x.json")
    assert "x.json" in str(raised.value) and message in str(raised.value)


def test_texts_that_end_in_white_space_are_spoken_of(caplog):
    with caplog.at_level("WARNING"):
        read_rules(COLLAPSE, METASPACE)
    assert "end in white space" in caplog.text
