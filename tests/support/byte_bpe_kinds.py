"""Byte-level BPE tokenizers of Hugging Face's `tokenizers`, as published families set them up, with small vocabularies."""

import functools
import json

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tfbert.text import Tokenizer

CORPUS = [
    "the unaffable film's playing, and the films were played 12345 times in 1984; they'll say it's the best!",
    "  def main():\n        return  x\n\n\tThe café in Straße 北京 and 日本語のテキスト한국어 Σίσυφος İstanbul naïve",
    "hello world hello worlds HELLO WORLD 😀😀 👩‍👩‍👧 don't can't we've I'm you're he'd",
] * 4
ENDS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@functools.cache
def trained(size=700):
    """(vocabulary, merges) of a vocabulary trained on CORPUS, and the five special tokens."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=1, initial_alphabet=alphabet, special_tokens=ENDS, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def made(kind, vocab=None, merges=None):
    """The reference of a kind: "two_separators", its variants, "nfc" with tokens of spaces, or "bare"."""
    if vocab is None:
        vocab, merges = trained()
    if kind == "bare":
        vocab = {token: number - len(ENDS) for token, number in vocab.items() if token not in ENDS}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=list(merges)))
    prefix = kind == "prefixed"
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "bare":
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
        tokenizer.add_special_tokens(["<|endoftext|>"])
        return tokenizer
    if kind == "nfc":
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
        tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
        tokenizer.add_tokens([AddedToken(text, normalized=True) for text in ("|||IP|||", "e\u0301\u00e9", "[unused0]")])
        special = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=special
        )
        return tokenizer
    normalized = kind == "normalized"
    for name in ENDS[:4]:
        tokenizer.add_special_tokens([AddedToken(name, normalized=normalized, rstrip=kind == "rstrip")])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.add_tokens(
        [AddedToken("film", rstrip=True), AddedToken("é!", lstrip=True, rstrip=True, normalized=False)]
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", vocab["</s>"]), ("<s>", vocab["<s>"]), trim_offsets=kind != "untrimmed", add_prefix_space=prefix
    )
    return tokenizer


KINDS = ("two_separators", "prefixed", "untrimmed", "normalized", "rstrip", "nfc", "bare")


def pair(kind, folder):
    """(tfbert's Tokenizer, the reference), the former read from a folder with the latter's tokenizer.json."""
    theirs = made(kind)
    theirs.save(str(folder / "tokenizer.json"))
    return Tokenizer.from_folder(folder), theirs
