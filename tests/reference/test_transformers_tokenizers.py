"""Tokenizers of transformers' own classes: the folders that transformers saves are read with the same ids."""

import json

import numpy as np
import pytest
import sentencepiece_reference

from tfbert import Tokenizer
from tfbert.text.algorithms.byte_letters import LETTERS

pytestmark = pytest.mark.reference

TEXTS = [
    *("The film is a café.", "  two   spaces, ½ ﬁne ", "Ｆull width 字 ☃ ☃☃", "a <mask> b [MASK] c"),
    *("``É'' it's 2,000", "Le Millénaire de l'été", "", "</s>x [SEP]y", "tab\there\n new", "e\u0301 \u212b"),
]
MERGES = "i l|f il|fil m|Ġ film|film s|t h|th e|Ġ the|' s|Ġ Ġ".split("|")
# class: (model_type, the name of its .model file)
CLASSES = {
    "XLMRobertaTokenizer": ("xlm-roberta", "sentencepiece.bpe.model"),
    "CamembertTokenizer": ("camembert", "sentencepiece.bpe.model"),
    "AlbertTokenizer": ("albert", "spiece.model"),
    "DebertaV2Tokenizer": ("deberta-v2", "spm.model"),
    "RobertaTokenizer": ("roberta", ""),
}


def files_of_class(name, folder, data_dir):
    """The files that a published folder has."""
    model_type, file_name = CLASSES[name]
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    if not file_name:
        first = ["<s>", "<pad>", "</s>", "<unk>", *LETTERS.values(), *(pair.replace(" ", "") for pair in MERGES)]
        (folder / "vocab.json").write_text(
            json.dumps({token: number for number, token in enumerate([*first, "<mask>"])})
        )
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), encoding="utf-8")
        return
    path, _ = sentencepiece_reference.CLASSES[name]
    data = data_dir(f"vocab/{path}").read_bytes()
    if name == "DebertaV2Tokenizer":
        data = sentencepiece_reference.in_brackets(data)
    (folder / file_name).write_bytes(data)


@pytest.mark.parametrize("name", CLASSES)
def test_a_folder_that_transformers_saved(name, torch_reference, data_dir, tmp_path):
    source, saved = tmp_path / "source", tmp_path / "saved"
    source.mkdir()
    files_of_class(name, source, data_dir)
    texts, pairs = (np.array([text.encode() for text in some], object) for some in (TEXTS, TEXTS[::-1]))
    single = torch_reference("tokenize", source, texts=texts, save=str(saved))
    both = torch_reference("tokenize", source, texts=texts, pairs=pairs)
    ours = Tokenizer.from_folder(saved)
    for theirs, batch in ((single, ours(TEXTS, max_length=64)), (both, ours(TEXTS, TEXTS[::-1], max_length=64))):
        assert batch["padding_mask"].numpy().tolist() == theirs["padding_mask"].tolist()
        assert batch["token_ids"].numpy().tolist() == theirs["token_ids"].tolist()
    ours.save(tmp_path / "ours")
    (tmp_path / "ours/config.json").write_text((source / "config.json").read_text())
    again = torch_reference("tokenize", tmp_path / "ours", texts=texts, pairs=pairs)
    assert again["token_ids"].tolist() == both["token_ids"].tolist()
