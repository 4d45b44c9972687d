"""Folders with a tokenizer.json: the ids of transformers' AutoTokenizer, also of what tfbert saves."""

import json

import numpy as np
import pytest
import tokenizers
from tokenizers import models, processors
from tokenizers import normalizers as n
from tokenizers import pre_tokenizers as p

from tfbert import Tokenizer

pytestmark = pytest.mark.reference

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the The film ##s é É café Café cafe 北 京 北京 ... . ! a ##a".split()
TEXTS = ["The films...", "Café É 北京 !", "aaa the [MASK] film", "cafés"]
GENERIC = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
OWN = {"tokenizer_class": "BertTokenizer", "pad_token": "[PAD]"}


@pytest.mark.parametrize(
    ("normalizer", "splitter", "config"),
    [
        (None, p.Whitespace(), GENERIC),
        (n.Sequence([n.NFD(), n.Lowercase(), n.StripAccents()]), p.Whitespace(), {**GENERIC, "do_lower_case": False}),
        (n.BertNormalizer(lowercase=False), p.BertPreTokenizer(), GENERIC),
        (n.BertNormalizer(lowercase=False), p.BertPreTokenizer(), {**OWN, "do_lower_case": True}),
        (n.BertNormalizer(), p.BertPreTokenizer(), {**OWN, "do_lower_case": False, "tokenize_chinese_chars": False}),
        (n.BertNormalizer(), p.BertPreTokenizer(), {**OWN, "strip_accents": False}),
    ],
)
def test_what_counts(normalizer, splitter, config, torch_reference, tmp_path):
    made = tokenizers.Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = splitter
    made.add_special_tokens(WORDS[:5])
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder = tmp_path / "folder"
    folder.mkdir()
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    ours = Tokenizer.from_folder(folder)
    ours.save(tmp_path / "saved")
    (tmp_path / "saved/config.json").write_text(json.dumps({"model_type": "bert"}))
    texts = np.array([text.encode() for text in TEXTS], object)
    for place in (folder, tmp_path / "saved"):
        theirs = torch_reference("tokenize", place, texts=texts)
        assert ours(TEXTS)["token_ids"].numpy().tolist() == theirs["token_ids"].tolist(), place.name
