"""Folders with a tokenizer.json: the ids of `tokenizers`, whatever else is in the folder, and after saving."""

import json

import pytest
import tokenizers
from tokenizers import models, processors
from tokenizers import normalizers as n
from tokenizers import pre_tokenizers as p

from tfbert.errors import ConfigError
from tfbert.text import Tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the The film ##s é É cafe café Café 字 北 京 北京 ... . ! !? ' a ##a un ##able @@s x [ ] pad".split()
TEXTS = ["The films...", "Café É 北京 !?", "a" * 99 + "aa", "the [PAD]\tfilm", "unable xs", "\u200bthe\x01", ""]
OWN = {"[CLS]": 2, "[SEP]": 3}
FROM_SCRATCH = n.Sequence([n.NFD(), n.Lowercase(), n.StripAccents()])


def library(normalizer=None, splitter=None, single="[CLS] $A [SEP]", pair=None, unknown="[UNK]", **model):
    ids = {token: number for number, token in enumerate([*SPECIAL, *WORDS])}
    made = tokenizers.Tokenizer(models.WordPiece(ids, unk_token=unknown, **model))
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = splitter or p.Whitespace()
    made.add_special_tokens(SPECIAL)
    made.post_processor = processors.TemplateProcessing(
        single=single, pair=pair or "[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=list(OWN.items())
    )
    return made


def write(folder, made, config=None, **other):
    made.save(str(folder / "tokenizer.json"))
    for name, content in ({"tokenizer_config": config} | other).items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))


def assert_equal(folder, made, texts=TEXTS):
    """Ids of single texts and pairs; again after saving, by tfbert and by the library itself."""
    ours = Tokenizer.from_folder(folder)
    pairs = [(text, "the film") for text in texts]
    wanted = [[e.ids for e in made.encode_batch(texts)], [e.ids for e in made.encode_batch(pairs)]]
    types = [e.type_ids for e in made.encode_batch(pairs)]
    ours.save(folder / "saved")
    again = Tokenizer.from_folder(folder / "saved")
    for tokenizer in (ours, again):
        batches = tokenizer(texts), tokenizer(texts, ["the film"] * len(texts))
        for batch, ids in zip(batches, wanted, strict=True):
            rows = zip(batch["token_ids"].numpy(), batch["padding_mask"].numpy(), strict=True)
            assert [row[: mask.sum()].tolist() for row, mask in rows] == ids
        masks = batches[1]["padding_mask"].numpy()
        segments = [row[: m.sum()].tolist() for row, m in zip(batches[1]["segment_ids"].numpy(), masks, strict=True)]
        assert segments == types
    if (folder / "saved/tokenizer.json").exists():
        saved = tokenizers.Tokenizer.from_file(str(folder / "saved/tokenizer.json"))
        assert [e.ids for e in saved.encode_batch(texts)] == wanted[0]
    return ours


GENERIC = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}


@pytest.mark.parametrize("config", [None, GENERIC, {"tokenizer_class": "TokenizersBackend", "do_lower_case": True}])
@pytest.mark.parametrize(
    "made",
    [
        library(),
        library(FROM_SCRATCH),
        library(n.BertNormalizer(lowercase=False), p.BertPreTokenizer()),
        library(n.BertNormalizer(strip_accents=False, handle_chinese_chars=False), p.BertPreTokenizer()),
        library(n.BertNormalizer(clean_text=False), p.BertPreTokenizer()),
        library(n.Lowercase(), p.WhitespaceSplit(), continuing_subword_prefix="@@"),
        library(n.BertNormalizer(), p.BertPreTokenizer(), max_input_chars_per_word=4),
        library(n.BertNormalizer(), p.BertPreTokenizer(), unknown="pad"),
        library(FROM_SCRATCH, single="[CLS] $A", pair="[CLS] $A [SEP] [SEP] $B"),
    ],
    ids=["null", "scratch", "cased", "accents", "dirty", "prefix", "limit", "unknown", "template"],
)
def test_its_rules_count(tmp_path, made, config):
    write(tmp_path, made, config)
    assert_equal(tmp_path, made)


def test_tokenizer_config_counts_over_the_fields_of_a_bert_normalizer(tmp_path, caplog):
    """As in transformers' BertTokenizerFast; and what it does not state is tokenizer.json's."""
    write(tmp_path, library(n.BertNormalizer(lowercase=False), p.BertPreTokenizer()), {"do_lower_case": True})
    ours = assert_equal(tmp_path, library(n.BertNormalizer(lowercase=True), p.BertPreTokenizer()))
    assert ours.lower_case is True
    assert "lowercase is False and True; tokenizer_config.json counts" in caplog.text
    write(tmp_path, library(n.BertNormalizer(handle_chinese_chars=False)), {"strip_accents": False})
    assert_equal(tmp_path, library(n.BertNormalizer(handle_chinese_chars=False, strip_accents=False)))


def test_another_normalizer_counts_over_tokenizer_config(tmp_path, caplog):
    made = library(FROM_SCRATCH)
    write(tmp_path, made, {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False, "strip_accents": None})
    assert_equal(tmp_path, made)
    assert "lowercase is True and False; tokenizer.json counts" in caplog.text


@pytest.mark.parametrize("number", [5, -1])
def test_vocab_txt_beside_it(tmp_path, caplog, number):
    made = library(n.BertNormalizer(), p.BertPreTokenizer())
    write(tmp_path, made)
    tokens = [*SPECIAL, *WORDS]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n")
    assert_equal(tmp_path, made)
    assert "other tokens" not in caplog.text
    tokens[number] = "another"
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n")
    assert_equal(tmp_path, made)
    assert "vocab.txt and tokenizer.json have other tokens; tokenizer.json is read" in caplog.text


def test_a_network_without_segments(tmp_path):
    write(tmp_path, library(n.BertNormalizer()), {"model_input_names": ["input_ids", "attention_mask"]})
    assert_equal(tmp_path, library(n.BertNormalizer(), pair="[CLS] $A [SEP] $B [SEP]"))


def test_a_special_token_that_is_found_in_normalized_text(tmp_path):
    made = library(n.BertNormalizer(), p.BertPreTokenizer())
    file = json.loads(made.to_str())
    for token in file["added_tokens"]:
        token["normalized"] = True
    made = tokenizers.Tokenizer.from_str(json.dumps(file))
    write(tmp_path, made)
    assert_equal(tmp_path, made, ["the [PAD] [pad] film"])


@pytest.mark.parametrize(
    ("made", "config", "message"),
    [
        (library(n.NFKC()), None, r"tokenizer.json has the normalizer NFKC, which tfbert does not have"),
        (library(None, p.Metaspace()), None, "tokenizer.json has the pre-tokenizer Metaspace"),
        (library(single="$A [SEP]"), None, "other special tokens around a pair"),
        (library(pair="[CLS] $B [SEP] $A [SEP]"), None, "does not put A, and B after A"),
        (
            library(),
            {"do_basic_tokenize": False},
            "do_basic_tokenize=False, which tfbert does not have.*remove the key",
        ),
        (library(), {"never_split": ["[CLS]", "Ada"]}, "never_split has 'Ada', which.*remove the key"),
        (library(), {"split_special_tokens": True}, "split_special_tokens=True"),
        (library(), {"truncation_side": "left"}, "truncation_side='left'"),
        (library(), {"subword_tokenizer_type": "character"}, "subword_tokenizer_type='character'"),
        (library(), {"tokenize_chinese_chars": 1}, "tokenize_chinese_chars is 1; expected true or false"),
    ],
)
def test_refused_by_name(tmp_path, made, config, message):
    write(tmp_path, made, config)
    with pytest.raises(ConfigError, match=message):
        Tokenizer.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        ({"post_processor": None}, GENERIC, "has no post_processor"),
        ({"post_processor": {"type": "ByteLevel"}}, None, "the post-processor ByteLevel"),
        ({"truncation": {"direction": "Left", "max_length": 8}}, None, "cuts the beginning"),
        (
            {"pre_tokenizer": None, "added_tokens": [{"id": 4, "content": "[MASK]", "lstrip": True}]},
            None,
            r"'\[MASK\]' has lstrip or rstrip, and the pre-tokenizer keeps white space",
        ),
        ({"added_tokens": [{"id": 5, "content": "the", "single_word": True}]}, None, "single_word=true"),
    ],
)
def test_parts_of_the_file_that_are_refused(tmp_path, change, config, message):
    write(tmp_path, library(), config)
    file = json.loads((tmp_path / "tokenizer.json").read_text()) | change
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    with pytest.raises(ConfigError, match=message):
        Tokenizer.from_folder(tmp_path)


def test_other_names_of_special_tokens_follow_from_the_file_alone(tmp_path):
    tokens = ["<pad>", "<unk>", "<s>", "</s>", "the", "film"]
    made = tokenizers.Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="<unk>"))
    made.pre_tokenizer = p.Whitespace()
    made.add_special_tokens(tokens[:4])
    made.enable_padding(pad_token="<pad>", pad_id=0)
    made.post_processor = processors.RobertaProcessing(("</s>", 3), ("<s>", 2))
    made.save(str(tmp_path / "tokenizer.json"))
    ours = Tokenizer.from_folder(tmp_path)
    assert ours(["the film"], ["book"])["token_ids"].numpy().tolist() == [made.encode("the film", "book").ids]
    assert (ours.padding_id, ours.unknown_id) == (0, 1)
