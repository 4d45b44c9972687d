"""TFRecord files that may lie about their lengths, made without TensorFlow."""

import struct


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # CRC-32C
        table.append(byte)
    return table


_TABLE = _table()


def _checksum(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data, length=None):
    """A record with right checksums, of whatever length it says that it has."""
    head = struct.pack("<Q", (len(data) if length is None else length) & 2**64 - 1)
    return head + _checksum(head) + data + _checksum(data)


def terabyte_record():
    """15 bytes: the header of a record of 2^40 bytes, with its right hash, and three bytes of the record."""
    return record(b"abc", 1 << 40)[:15]
