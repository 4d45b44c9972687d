"""SentencePiece tokenizers that tfbert writes: transformers opens them with the same ids."""

import json

import numpy as np
import pytest
import sentencepiece_reference
import tensorflow as tf

from tfbert.text.algorithms.unigram_files import written_model_file
from tfbert.text.algorithms.unigram_json import written_tokenizer_json

pytestmark = pytest.mark.reference

TEXTS = [
    "The film is a café.",
    "  two   spaces, ½ ﬁne",
    "Ｆull width 字 ☃ ☃☃",
    "a <mask> b [MASK] c",
    "``É'' it's 2,000",
    "Le Millénaire de l'été",
]
KEYS = {
    "unknown": "unk_token",
    "start": "cls_token",
    "separator": "sep_token",
    "padding": "pad_token",
    "mask": "mask_token",
}


def tokenizer_json(found):
    """A whole tokenizer.json: the parts that the algorithm writes, added tokens and the template."""
    special = {name: {"special": True, "normalized": False} for name in found.special_tokens.values()}
    added = {**special, **{token["content"]: token for token in found.added_tokens}}
    flat = {"single_word": False, "lstrip": False, "rstrip": False}
    tokens = [{**flat, **token, "content": name, "id": found.tokens.index(name)} for name, token in added.items()]

    def special_of(numbers):
        return [{"SpecialToken": {"id": found.tokens[number], "type_id": 0}} for number in numbers]

    before, after = (special_of(found.template[key]) for key in ("before", "after"))
    text = [{"Sequence": {"id": "A", "type_id": 0}}]
    numbers = {*found.template["before"], *found.template["after"]}
    named = {found.tokens[n]: {"id": found.tokens[n], "ids": [n], "tokens": [found.tokens[n]]} for n in numbers}
    single = [*before, *text, *after]
    post = {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": named}
    parts = written_tokenizer_json(found.model, found.rules)
    return {
        "version": "1.0",
        "added_tokens": sorted(tokens, key=lambda token: token["id"]),
        "post_processor": post,
        **parts,
    }


@pytest.mark.parametrize("form", ["json", "model"])
@pytest.mark.parametrize("name", sentencepiece_reference.CLASSES)
def test_same_ids(data_dir, torch_reference, tmp_path, name, form):
    if form == "model" and name in ("AlbertTokenizer", "DebertaV2Tokenizer"):
        pytest.skip("transformers 5 makes other normalizers of such a .model file than those that its model knows")
    found = sentencepiece_reference.files(data_dir, name)
    ours = sentencepiece_reference.ours(found)
    names = {KEYS[key]: token for key, token in found.special_tokens.items()}
    config = {"tokenizer_class": name if form == "model" else "PreTrainedTokenizerFast", **names}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    if form == "json":
        (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer_json(found)))
    else:
        (tmp_path / "sentencepiece.bpe.model").write_bytes(written_model_file(found.model, name))
    theirs = torch_reference("tokenize", tmp_path, texts=np.array([text.encode() for text in TEXTS], object))
    pieces = ours(tf.constant(TEXTS), places=False)
    ids = tf.RaggedTensor.from_row_splits(pieces.ids, pieces.row_splits).to_list()
    for row, mask, expected in zip(theirs["token_ids"], theirs["padding_mask"], ids, strict=True):
        assert row[mask > 0].tolist() == [*found.template["before"], *expected, *found.template["after"]]
