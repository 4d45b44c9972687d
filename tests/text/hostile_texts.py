"""Hostile bytes through tensorflow_text's kernels, in a process that may crash: `python hostile_texts.py COUNT VOCABULARIES`.

Each text goes through the tokenizer and through a saved graph with `tfbert.layers.Tokenize`, and must give the ids of
Hugging Face's `tokenizers`. Then as many hostile vocabularies are read, or refused, and cut texts. The last line says
how many of each there were.
"""

import json
import pathlib
import random
import resource
import sys
import tempfile

import conftest
import keras
import tensorflow as tf

from tfbert.errors import TfbertError
from tfbert.layers import Tokenize
from tfbert.text import Tokenizer, Vocabulary

BATCH, KEPT, MEGABYTES = 50, 64, 3000
SORTED_BY_NFD = {chr(code) for code in (0x302E, 0x302F, *range(0x1D165, 0x1D173))}  # see test_equality.py
BROKEN = [
    *(b"\xff", b"\xfe\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80", b"\xbf" * 7),  # cut or alone
    *(b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"),  # too long for what they mean
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"),
]
PARTS = [
    *(b"\0", b"\0" * 40, b"\x01", b"\x02", b"\x7f", b"\n", b" " * 50, b"#", b"##", b"[", b"]", b"\\C*", b"%s", b"$(x)"),
    *(
        part.encode()
        for part in ("[MASK]", "[MA\0SK]", "[[UNK]", "\u0301" * 60, "e" + "\u0323\u0301" * 30, "\ufdfa" * 9)
    ),
    *(
        part.encode()
        for part in ("\U0001f468\u200d" * 9, "\ue000", "\U0010ffff", "\ufeff", "\u202e", "\u3000", "\u0130")
    ),
]


class Maker:
    """Random texts as bytes, and vocabularies that somebody else may have written."""

    def __init__(self, seed, tokens):
        self._choice, self._tokens = random.Random(seed), [token.encode() for token in tokens]

    def text(self):
        choice = self._choice
        kind = choice.randrange(7)
        if kind == 0:
            return choice.randbytes(choice.randrange(60))
        if kind == 1:  # one word, around and far over the limit of characters and bytes
            letter = choice.choice(["x", "\u00e9", "\ud55c", "\U0001f600", "\u0e01", "#"]).encode()
            return letter * choice.choice([99, 100, 101, 399, 400, 401, 5000])
        if kind == 2:  # the last characters of each length in bytes, halves of surrogate pairs among them
            ends = [choice.choice([0x80, 0x800, 0xE000, 0x10000, 0x110000]) for _ in range(20)]
            return "".join(chr(end - 1 - choice.randrange(100)) for end in ends).encode("utf-8", "surrogatepass")
        if kind == 3:
            return b"".join(chr(choice.randrange(0x110000)).encode("utf-8", "surrogatepass") for _ in range(12))
        parts = choice.choices([*BROKEN, *PARTS, *choice.choices(self._tokens, k=60)], k=choice.randrange(12))
        if kind == 4:
            return b" ".join(parts)
        found = bytearray(b"".join(parts))
        for _ in range(choice.randrange(4) if found else 0):
            at = choice.randrange(len(found) + 1)
            found[at : at + choice.randrange(3)] = choice.randbytes(choice.randrange(3))
        return bytes(found)

    def vocabulary(self):
        choice, special = self._choice, list(conftest.SPECIAL)
        words = [self.text()[: choice.choice([1, 2, 8, 2000])].decode("utf-8", "replace") for _ in range(30)]
        marked = [choice.choice(["##", "#", "####", ""]) + word for word in words]
        tokens = [*special, *words, *marked, *choice.choices(["", "##", "#", "##\0", "a", "##a", "a" * 500, " "], k=3)]
        if choice.random() < 0.1:
            del tokens[choice.randrange(len(special))]
        if choice.random() < 0.7:
            tokens = list(dict.fromkeys(tokens))
        return tokens


def saved(tokenizer):
    """The ids that a saved graph of the layer gives, as the server runs it."""
    text = keras.Input((), dtype="string")
    model = keras.Model(text, Tokenize(tokenizer, max_length=KEPT)(text)["token_ids"])
    folder = tempfile.mkdtemp()
    spec = tf.TensorSpec([None], tf.string, "text")
    graph = tf.function(lambda text: {"token_ids": model(text)}, input_signature=[spec], autograph=False)
    module = tf.Module()
    module.tokenize, module.model = graph, model
    tf.saved_model.save(module, folder, signatures={"serving_default": graph})
    loaded = tf.saved_model.load(folder)
    return lambda texts: loaded.signatures["serving_default"](text=tf.constant(texts))["token_ids"].numpy(), loaded


def compare(count, make, vocabulary, scratch):
    ours, theirs = Tokenizer(vocabulary), conftest.reference(vocabulary)
    graph, _loaded = saved(ours)
    compared = 0
    for _ in range(count // BATCH):
        texts = [make.text() for _ in range(BATCH)]
        scratch.write_text(json.dumps([text.hex() for text in texts]))  # what a crash leaves behind
        ids, rows = ours.tokenize(texts).to_list(), graph(texts)
        read = [text.decode("utf-8", "replace") for text in texts]
        for text, got, row, encoding in zip(
            read, ids, rows, theirs.encode_batch(read, add_special_tokens=False), strict=True
        ):
            kept = [vocabulary["[CLS]"], *got[: KEPT - 2], vocabulary["[SEP]"]]
            assert row[: len(kept)].tolist() == kept and not row[len(kept) :].any(), text.encode()
            if SORTED_BY_NFD.isdisjoint(text):
                assert got == encoding.ids, text.encode()
                compared += 1
    return compared


def read_vocabularies(count, make, scratch):
    taken = 0
    for _ in range(count):
        tokens, texts = make.vocabulary(), [make.text() for _ in range(BATCH)]
        scratch.write_text(json.dumps([tokens, [text.hex() for text in texts]]))
        try:
            tokenizer = Tokenizer(Vocabulary(tokens))
        except TfbertError:
            continue
        assert tokenizer.tokenize([*texts, *(token.encode() for token in tokens)]).nrows() > BATCH
        taken += 1
    return taken


def main():
    count, vocabularies, seed = map(int, sys.argv[1:])
    scratch = pathlib.Path(tempfile.mkdtemp()) / "last.json"
    print(scratch, flush=True)
    tokens = [*conftest.SPECIAL, *conftest.LETTERS.split(), *conftest.MARKS.split()]
    vocabulary, make = Vocabulary(tokens), Maker(seed, tokens)
    Tokenizer(vocabulary).tokenize(["a film"])  # TensorFlow takes its memory now
    used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (MEGABYTES << 20),) * 2)
    compared = compare(count, make, vocabulary, scratch)
    taken = read_vocabularies(vocabularies, make, scratch)
    print(json.dumps({"texts": count, "compared": compared, "vocabularies": vocabularies, "taken": taken}), flush=True)


if __name__ == "__main__":
    main()
