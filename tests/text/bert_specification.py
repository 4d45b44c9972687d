"""BERT's tokenization in plain Python, after google-research/bert: a second opinion that needs no data.

It leaves out what only Hugging Face does (tables of old Unicode versions) and is used on texts without such.
"""

import unicodedata


def tokenize(text, vocabulary, lower_case):
    """Text -> tokens, WordPiece on basic tokens."""
    pieces = []
    for word in basic_tokens(text, lower_case):
        pieces += wordpiece(word, vocabulary)
    return pieces


def basic_tokens(text, lower_case):
    spaced = ""
    for char in text:
        category = unicodedata.category(char)
        if char in "\t\n\r" or category[0] == "Z":
            spaced += " "
        elif category[0] == "C" or char == "\ufffd":
            continue
        elif 0x4E00 <= ord(char) <= 0x9FFF or 0x3400 <= ord(char) <= 0x4DBF:
            spaced += f" {char} "
        else:
            spaced += char
    words = []
    for word in spaced.split():
        if lower_case:
            word = unicodedata.normalize("NFD", word)
            word = "".join(char for char in word if unicodedata.category(char) != "Mn").lower()
        words += _split_punctuation(word)
    return words


def wordpiece(word, vocabulary):
    if len(word) > 100:
        return ["[UNK]"]
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["[UNK]"]
        pieces.append(piece)
        start = end
    return pieces


def _split_punctuation(word):
    parts = [""]
    for char in word:
        if unicodedata.category(char)[0] == "P" or char in "$+<=>^`|~":
            parts += [char, ""]
        else:
            parts[-1] += char
    return [part for part in parts if part]
