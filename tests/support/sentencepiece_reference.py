"""SentencePiece tokenizers of real models: tfbert's, those of SentencePiece's own library, and those of `tokenizers`."""

import dataclasses
import gzip
import json
import tarfile

import sentencepiece
import tokenizers

from tfbert.text import AddedToken, SpecialTokens, Vocabulary
from tfbert.text.algorithms import sentencepiece_model as sp
from tfbert.text.algorithms.sentencepiece_model import Piece
from tfbert.text.algorithms.unigram import Unigram
from tfbert.text.algorithms.unigram_files import read_model_file
from tfbert.text.algorithms.unigram_json import written_tokenizer_json
from tfbert.text.algorithms.unigram_settings import UnigramRules

# class of transformers: (the file, settings of tokenizer_config.json)
CLASSES = {
    "XLMRobertaTokenizer": ("fairseq-unigram-32k/sentencepiece.bpe.model", {}),
    "CamembertTokenizer": ("fairseq-unigram-32k/sentencepiece.bpe.model", {}),
    "AlbertTokenizer": ("albert-30k/spiece.model", {}),
    "DebertaV2Tokenizer": ("fairseq-unigram-32k/sentencepiece.bpe.model", {}),
}


def files(data_dir, name):
    """The SentencePieceFiles of a class."""
    path, config = CLASSES[name]
    data = data_dir(f"vocab/{path}").read_bytes()
    if name == "DebertaV2Tokenizer":  # whose own is not here
        data = in_brackets(data)
    return read_model_file(data, path, name, config)


def in_brackets(data):
    """A fairseq model with other special tokens."""
    model = sp.read(data, "fairseq")
    names = [("[PAD]", sp.CONTROL), ("[CLS]", sp.CONTROL), ("[SEP]", sp.CONTROL), ("[UNK]", sp.UNKNOWN)]
    first = tuple(Piece(text.encode(), 0.0, kind) for text, kind in names)
    return sp.write(dataclasses.replace(model, pieces=(*first, *model.pieces[3:]), unk_id=3, pad_id=0))


def ours(found, portable=False):
    """The `Unigram` of SentencePieceFiles."""
    added = [AddedToken(**token) for token in found.added_tokens]
    special = SpecialTokens(**found.special_tokens)
    return Unigram(Vocabulary(found.tokens), UnigramRules(found.model, found.rules), special, added, portable)


def library(found):
    """text -> ids of SentencePiece's library; what comes before its normalizer is done by `tokenizers`."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=sp.write(found.model))
    steps = written_tokenizer_json(dataclasses.replace(found.model, charsmap=b""), found.rules)["normalizer"]
    steps = [
        step for step in (steps or {}).get("normalizers", ()) if step["type"] != "Strip" and "Regex" not in str(step)
    ]
    if not steps:
        return processor.encode
    before = sequence(steps)
    return lambda texts: processor.encode([before.normalize_str(text).replace("\x85", " ") for text in texts])


def sequence(steps):
    """A normalizer of `tokenizers`, of steps of a tokenizer.json."""
    made = json.loads(tokenizers.Tokenizer(tokenizers.models.Unigram()).to_str())
    made["normalizer"] = {"type": "Sequence", "normalizers": list(steps)}
    return tokenizers.Tokenizer.from_str(json.dumps(made)).normalizer


def theirs(found):
    """The tokenizer of `tokenizers`, from the tokenizer.json that is written of the files."""
    parts = written_tokenizer_json(found.model, found.rules)
    made = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None, **parts}
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(made))
    added = {token["content"]: token for token in found.added_tokens}
    names = [name for name in found.special_tokens.values() if name not in added]
    tokenizer.add_special_tokens(names)
    for token in added.values():
        tokenizer.add_special_tokens([tokenizers.AddedToken(**token)])
    return tokenizer


def lines(data_dir, pattern):
    """The lines of text files, of those in a tar file too, that are not blank."""
    folder, _, name = pattern.rpartition("/")
    for path in sorted(data_dir(folder).glob(name)):
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                files = (archive.extractfile(member) for member in archive if member.isfile())
                texts = [file.read().decode("utf-8-sig", "replace") for file in files]
        else:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
                texts = [file.read().decode("utf-8-sig", "replace")]
        yield from (line.strip() for text in texts for line in text.splitlines() if line.strip())
