"""The character map compiled to the buffer that tensorflow_text's FastBertNormalizer op reads.

The buffer is the flatbuffer of tensorflow_text's fast_bert_normalizer_model.fbs: a double-array trie (the
units of darts-clone) from a character's UTF-8 bytes to a value, the value for code point 0, and a pool of
bytes. A value is 0x40000000 | offset in the pool << 6 | length of the text that takes the character's place.
"""

import functools

import flatbuffers
import numpy as np

from tfbert.text.character_map import character_map

# Two control characters stand for the brackets of a special token's literal in the text. BERT deletes control
# characters, so those of the text itself are turned into a third one beforehand, and nothing is lost.
OPEN, CLOSE, DELETED = "\x01", "\x02", "\x03"

_CHANGED = 0x40000000  # set in every value, so that a value differs from a node's number below
_UNUSED = 0x80000000  # a unit that equals no label


@functools.cache
def normalizer_buffer(lower_case, strip_accents, tokenize_chinese_chars):
    """Returns FastBertNormalizer's `model_buffer` (bytes) for BERT's cleaning; cached per setting, about 1 s.

    >>> import tensorflow_text
    >>> normalizer = tensorflow_text.FastBertNormalizer(model_buffer=normalizer_buffer(True, True, True))
    >>> normalizer.normalize(["Ein Café!"]).numpy()
    array([b'ein cafe ! '], dtype=object)
    """
    characters = character_map(lower_case, strip_accents, tokenize_chinese_chars)
    characters[ord(OPEN)], characters[ord(CLOSE)] = " [", "] "
    pool, values = _pool(characters)
    zero = values.pop(0)
    builder = flatbuffers.Builder(1 << 21)
    pool_vector = builder.CreateByteVector(pool)
    trie_vector = builder.CreateNumpyVector(_trie(values))
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(3, pool_vector, 0)
    builder.PrependInt32Slot(2, zero, 0)
    builder.PrependUOffsetTRelativeSlot(1, trie_vector, 0)
    builder.PrependBoolSlot(0, True, False)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _pool(characters):
    pool, offsets, values = bytearray(b" "), {"": 0, " ": 0}, {}
    for code, text in characters.items():
        data = text.encode("utf-8")
        if text not in offsets:
            offsets[text] = len(pool)
            pool += data
        values[code] = _CHANGED | offsets[text] << 6 | len(data)
    return bytes(pool), values


def _trie(values):
    """Returns the double array (uint32) of {code point: value}; parts with equal content are stored once."""
    ascii_values, blocks = {}, {}  # a block: the 64 code points that differ in their last UTF-8 byte only
    for code, value in values.items():
        if code < 0x80:
            ascii_values[code] = value
        else:
            blocks.setdefault(code >> 6, {})[0x80 | code & 0x3F] = value
    levels = [{b"": ascii_values}, {}, {}, {}]  # by the prefix's length: {prefix: {next byte: value or node}}
    for block, children in blocks.items():
        prefix = chr(block << 6).encode("utf-8")[:-1]
        levels[len(prefix)][prefix] = children
    numbers = {}
    for length in (3, 2, 1):
        for prefix, children in levels[length].items():
            number = numbers.setdefault(tuple(sorted(children.items())), len(numbers))
            levels[length - 1].setdefault(prefix[:-1], {})[prefix[-1]] = number
    return _units(levels[0][b""], list(numbers))


def _units(root, nodes):
    # A unit is found at (its parent's base) ^ (its byte). The root's children get units 256..511. The bytes
    # below any other node are continuation bytes, 0x80..0xBF, which base = start ^ 0x80 sends to 64 units of
    # its own. The values follow, never at a multiple of 64: so no value's place is some node's base, and a
    # walk that goes on after a whole character matches nothing.
    starts = [512 + 64 * number for number in range(len(nodes))]
    position = 512 + 64 * len(nodes)
    places = {}
    for _, child in [*root.items(), *(item for node in nodes for item in node)]:
        if child & _CHANGED and child not in places:
            position += 2 if position % 64 == 63 else 1
            places[child] = position
    units = np.full(position + 1, _UNUSED, np.uint32)
    for value, place in places.items():
        units[place] = _UNUSED | value

    def link(position, label, child):
        base, has_value = (places[child], 1) if child & _CHANGED else (starts[child] ^ 0x80, 0)
        units[position] = (position ^ base) << 10 | has_value << 8 | label

    units[0] = 256 << 10
    for label, child in root.items():
        link(256 ^ label, label, child)
    for start, node in zip(starts, nodes, strict=True):
        for label, child in node:
            link(start + label - 0x80, label, child)
    return units
