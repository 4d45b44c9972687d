"""A tokenizer's files that were changed to do harm: each is named, and none costs more than its bytes."""

import json

import pytest
from capped import answers

from tfbert.errors import ConfigError, TfbertError, VocabularyError
from tfbert.text import Tokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film"]
IDS = {token: number for number, token in enumerate(TOKENS)}
FAST = {"model": {"type": "WordPiece", "vocab": IDS}}


def fast(**changes):
    return {"tokenizer.json": {**FAST, **changes}}


def model(**changes):
    return fast(model={**FAST["model"], **changes})


def added(*tokens):
    return fast(added_tokens=list(tokens))


def decoder(number, token):
    return {"tokenizer_config.json": {"added_tokens_decoder": {number: token}}}


def sequence(key, steps):
    return {"type": "Sequence", key: steps}


def replaced(content):
    return {"type": "Replace", "pattern": {"String": "a"}, "content": content}


def template(number, segment=1):
    """A post-processor with an id of [CLS], and a segment of the second text."""
    cls, sep = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
    first, last = {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": segment}}
    return fast(
        post_processor={
            "type": "TemplateProcessing",
            "single": [cls, first, sep],
            "pair": [cls, first, sep, {"Sequence": {"id": "B", "type_id": segment}}, last],
            "special_tokens": {"[CLS]": {"ids": [number]}, "[SEP]": {"ids": [3]}},
        }
    )


def write(folder, files):
    folder.mkdir()
    if "tokenizer.json" not in files:
        (folder / "vocab.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


FAR = [
    {"added_tokens.json": {"far": 10**12}},
    added({"id": 10**12, "content": "far"}),
    decoder(str(10**12), {"content": "far"}),
    model(vocab={**IDS, "far": 700_000_000}),
    {"vocab.txt": "\n".join(TOKENS), **model(vocab={**IDS, "far": 700_000_000})},
]


def test_an_id_far_beyond_the_vocabulary_takes_no_memory(tmp_path):
    folders = [write(tmp_path / str(i), files) for i, files in enumerate(FAR)]
    for folder, answer in zip(
        folders, answers("tfbert.text.folder:read_folder", folders, megabytes=100, seconds=20), strict=True
    ):
        assert answer.startswith("VocabularyError") and str(folder) in answer and "'far' has the id" in answer, answer


def test_ids_that_no_token_has_stay(tmp_path):
    tokenizer = Tokenizer.from_folder(write(tmp_path / "gap", {"added_tokens.json": {"far": 1000}}))
    assert len(tokenizer.vocabulary) == 1001 and tokenizer.vocabulary["far"] == 1000


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({"added_tokens.json": {"far": "7"}}, VocabularyError, "added_tokens.json: the id of 'far' must be an integer"),
        ({"added_tokens.json": {"far": -1}}, VocabularyError, "the id of 'far' must be an integer from 0, not -1"),
        ({"added_tokens.json": {"far": True}}, VocabularyError, "the id of 'far'"),
        (added({"id": 7}), ConfigError, "added_tokens must be objects with a content"),
        (added({"id": [7], "content": "far"}), VocabularyError, "the id of 'far'"),
        (fast(added_tokens={"far": 7}), ConfigError, "added_tokens must be a list, not an object"),
        (decoder("x", {"content": "far"}), VocabularyError, "added_tokens_decoder has 'x', which is no id"),
        (decoder("٧", {"content": "far"}), VocabularyError, "which is no id"),
        (decoder("9" * 5000, {"content": "far"}), VocabularyError, "which is no id"),
        (decoder("7", "far"), ConfigError, "must have an object with a content"),
        (decoder("7", {"content": 7}), ConfigError, "must have an object with a content"),
        ({"tokenizer_config.json": {"added_tokens_decoder": [1]}}, ConfigError, "must be an object, not a list"),
        (model(vocab={**IDS, "far": -1}), VocabularyError, "the id of 'far' must be an integer from 0, not -1"),
        (model(vocab={**IDS, "far": 7.0}), VocabularyError, "the id of 'far'"),
        (model(vocab=TOKENS), VocabularyError, "holds no WordPiece vocabulary"),
        (fast(model=[1]), ConfigError, "model must be an object, not a list"),
        (fast(normalizer="lower"), ConfigError, "normalizer must be an object, not a text"),
        (model(continuing_subword_prefix=7), ConfigError, "continuing_subword_prefix must be a text"),
        (model(max_input_chars_per_word=-1), ConfigError, "max_input_chars_per_word must be an integer from 0"),
        (fast(post_processor={"type": "BertProcessing"}), ConfigError, "lacks a key .KeyError: 'cls'"),
        ({"tokenizer_config.json": {"model_max_length": -1}}, ConfigError, "model_max_length is -1"),
        ({"tokenizer_config.json": '{"model_max_length": NaN}'}, ConfigError, "model_max_length is nan"),
        ({"tokenizer_config.json": {"pad_token": 7}}, ConfigError, "pad_token must be a text, not a number"),
        ({"tokenizer_config.json": {"unk_token": ["[UNK]"]}}, ConfigError, "tokenizer_config.json"),
        ({"special_tokens_map.json": {"additional_special_tokens": 5}}, ConfigError, "special_tokens_map.json"),
        (template([3]), ConfigError, "the template's ids before texts must be integers"),
        (template("3"), ConfigError, "the template's ids before texts must be integers"),
        (template(2, segment=-1), ConfigError, "the segment of a second text must be an integer from 0"),
        (added({"id": 7, "content": "far", "special": {}}), ConfigError, "special must be true or false"),
        (added({"id": 7, "content": "far", "normalized": "no"}), ConfigError, "normalized must be true or false"),
        (added({"id": 7, "content": "\ud800"}), VocabularyError, "half of a surrogate pair"),
        (model(vocab={**IDS, "\ud800": 7}), VocabularyError, "half of a surrogate pair"),
        (fast(normalizer=sequence("normalizers", [{"type": "Lowercase"}] * 300)), ConfigError, "300 normalizers"),
        (fast(pre_tokenizer=sequence("pretokenizers", [{"type": "Punctuation"}] * 300)), ConfigError, "300 pre-token"),
        (fast(normalizer=sequence("normalizers", [replaced("a" * 90)] * 20)), ConfigError, "over 1000 characters of one"),
        (fast(normalizer=replaced("b" * 10_000)), ConfigError, "replaces by texts of up to 100 characters"),
        (fast(normalizer=replaced("\ud800")), ConfigError, "the normalizer Replace by"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_named(tmp_path, files, error, message):
    folder = write(tmp_path / "tokenizer", files)
    with pytest.raises(error, match=message) as raised:
        Tokenizer.from_folder(folder)
    assert str(folder) in str(raised.value)


def test_normalizers_nested_without_end(tmp_path):
    deep = '{"type": "Sequence", "normalizers": [' * 100_000 + '{"type": "Lowercase"}' + "]}" * 100_000
    text = json.dumps(FAST)[:-1] + f', "normalizer": {deep}}}'
    with pytest.raises(TfbertError, match=r"nested too deep|recursion"):
        Tokenizer.from_folder(write(tmp_path / "deep", {"tokenizer.json": text}))
