"""Folders of byte-level BPE: what tfbert saves, transformers' AutoTokenizer opens with the same ids."""

import json

import numpy as np
import pytest

from tfbert import Tokenizer
from tfbert.text import AddedToken, Vocabulary
from tfbert.text.algorithms.byte_bpe_rules import ByteBpeRules
from tfbert.text.algorithms.byte_letters import LETTERS
from tfbert.text.template import Template

pytestmark = pytest.mark.reference

PAIRS = [tuple(merge.split(" ")) for merge in "i l|f il|fil m|Ġ film|film s|t h|th e|Ġ the|' s|Ġ Ġ".split("|")]
ENDS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TOKENS = [*ENDS, *LETTERS.values(), *(first + second for first, second in PAIRS), "  ", "<e1>"]
TEXTS = ["the film's  films", "the <mask> film<e1> x", "é 北京 😀\n", "</s>a   b"]
MASK = AddedToken("<mask>", special=True, lstrip=True)
ADDED = [MASK, AddedToken("  ", normalized=True), AddedToken("<e1>")]


@pytest.mark.parametrize(
    ("model_type", "rules", "template"),
    [
        ("roberta", ByteBpeRules(), None),
        ("roberta", ByteBpeRules(add_prefix_space=True, trim_keeps_first_space=True), None),
        ("modernbert", ByteBpeRules(trim_offsets=False, normalizer={"type": "NFC"}), Template((0,), (2,), (2,), 0)),
    ],
)
def test_saved_folders(model_type, rules, template, torch_reference, tmp_path):
    ours = Tokenizer(Vocabulary(TOKENS, merges=PAIRS), added_tokens=ADDED, rules=rules, template=template)
    ours.save(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    theirs = torch_reference("tokenize", tmp_path, texts=np.array([text.encode() for text in TEXTS], object))
    got = ours(TEXTS)
    assert got["token_ids"].numpy().tolist() == theirs["token_ids"].tolist()
    assert got["padding_mask"].numpy().tolist() == theirs["padding_mask"].tolist()
