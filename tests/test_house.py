"""What keeps a reader's way short: no family is named outside its room, and no file is long."""

import pathlib
import re

import pytest

import tfbert

ROOT = pathlib.Path(tfbert.__file__).parent
# Families by name, and names of variables and layers of their networks. `tfbert` and [CLS] tokens are none.
FAMILY = re.compile(r"(?<!tf)(?<!TF)(?:bert|roberta|electra|deberta)|albert\b|mpnet", re.IGNORECASE)
INSIDE = re.compile(
    r"embeddings/(?!\w*\.json)|\bblock_(?:\d|\{)|\bpooler/|\.embeddings\.token\b|encoder\.(?:blocks|pooler)\b"
)
# What a line may say: it names a file, a program or a paper of others, or a class of another library.
OTHERS = {
    "a key of another library": r"sbert_ce_default_activation_function",
    "google's file": r"\w*bert_config\b\S*|bert_model\.ckpt\S*|sentence_bert_config\.json|Google's BERT",
    "a source": r"(?:google-research|nlpyang|official)/[\w/.{}, -]*|\b\w+/lamb_optimizer\.py|BERT-wwm",
    "a paper": r"Fine-tune BERT|for Chinese BERT|\(RoBERTa\)",
    "a class of another library": r"Fast_?Bert_?Normaliz\w*|BertNormalizer\b|BertPreTokenizer\b|BertTokenizer(?:Fast)?\b",
}
ALLOWED = re.compile("|".join(OTHERS.values()), re.IGNORECASE)
_BYTES = "the published tokenizers whose rules they are"
# file -> why it names a family. One that does not any more is to be taken off the list.
_RULES = "the rules of tokenization that BERT's authors published, which other families took over"
EXCEPTIONS = {
    "__init__.py": "public names of the families",
    "layers.py": "public names of layers",
    "keras_names.py": "names of classes in saved files",
    "old_names.py": "modules of earlier versions",
    "checkpoints/formats/model_garden.py": "Model Garden's own classes",
    "data/pretraining/examples/chinese_words.py": "a word in an example of Chinese text",
    "text/algorithms/byte_bpe.py": _BYTES,
    "text/algorithms/byte_bpe_rules.py": _BYTES,
    "text/algorithms/characters.py": _RULES,
    "text/algorithms/make_characters.py": _RULES,
    "text/normalizer.py": _RULES,
    "text/algorithms/normalizers.py": _RULES,
    "text/algorithms/rules.py": _RULES,
    "text/algorithms/stages.py": _RULES,
    "text/kinds.py": _RULES,
    "text/algorithms/train_vocabulary.py": _RULES,
    "text/algorithms/wordpiece.py": _RULES,
    "text/byte_bpe_folder.py": "classes of the library whose files they are",
    "text/byte_bpe_json.py": "classes of the library whose file it is",
    "text/folder.py": _RULES,
    "text/sentencepiece_folder.py": "a template by its name",
    "text/special_tokens.py": _RULES,
    "text/template.py": _RULES,
    "text/algorithms/unigram_files.py": "classes of the library whose files it reads",
    "text/tokenizer.py": _RULES,
    "text/tokenizer_json.py": "classes of the library whose file it is",
}
# Files of more lines than this say why they are one.
MOST_LINES = 250
LONG = {
    "checkpoints/weights.py": "weights of layers and of files, with what both are checked for",
    "encoders/encoder.py": "one class: the encoder contract, most of it docstrings",
    "launch/serve.py": "one program, most of it its flags",
    "serving/host/server.py": "one class: the server, most of it its arguments",
    "serving/models/manager.py": "one class: the states of a served model's versions",
    "tasks/classification/task.py": "one class: a task of three problems",
    "tasks/task.py": "one class: the task contract, most of it docstrings",
    "text/tokenizer.py": "one class: the tokenizer, most of it docstrings",
}
FILES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}
OUTSIDE = [name for name in FILES if not name.startswith("encoders/")]


def named_families(text):
    """The lines, with their numbers, that name a family or the inside of one."""
    for number, line in enumerate(text.splitlines(), 1):
        left = ALLOWED.sub("", line)
        if FAMILY.search(left) or INSIDE.search(left):
            yield f"{number}: {line.strip()}"


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("isinstance(encoder, BertEncoder)", True),
        ('"BertForMaskedLM"', True),
        ("encoder.embeddings.token", True),
        ('weights["embeddings/token/embeddings"]', True),
        ('"block_0/attention"', True),
        ("DistilBERT has no segments", True),
        ("import tfbert", False),
        ("TFBERT_DATA", False),
        ("folder / 'bert_config.json'", False),
        ("block_ngrams", False),
    ],
)
def test_what_counts_as_naming_a_family(line, is_found):
    assert bool(list(named_families(line))) == is_found


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_family_is_named_outside_encoders(name):
    found = list(named_families(FILES[name].read_text(encoding="utf-8")))
    if name in EXCEPTIONS:
        assert found, f"{name} names no family: take it off EXCEPTIONS"
    else:
        assert not found, "\n".join(found)


def test_exceptions_are_files():
    assert set(EXCEPTIONS) <= set(OUTSIDE) and set(LONG) <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_files_are_short(name):
    lines = len(FILES[name].read_text(encoding="utf-8").splitlines())
    if name in LONG:
        assert lines > MOST_LINES, f"{name} has {lines} lines: take it off LONG"
    else:
        assert lines <= MOST_LINES, f"{lines} lines: part it by subject, or list it with the reason"
