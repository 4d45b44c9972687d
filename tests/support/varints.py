"""Numbers of variable length, as protocol buffers have them."""


def varint(number):
    """Bytes of seven bits each; ten for a negative number.

    >>> varint(150)
    b'\\x96\\x01'
    """
    number &= 2**64 - 1
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])
