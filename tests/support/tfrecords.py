"""TFRecord files that lie about their lengths."""

import struct


def terabyte_record():
    """15 bytes: the header of a record of 2^40 bytes, with its right hash, and three bytes of the record."""
    length = struct.pack("<Q", 1 << 40)
    crc = 0xFFFFFFFF
    for byte in length:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)  # CRC-32C
    crc ^= 0xFFFFFFFF
    return length + struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF) + b"abc"
