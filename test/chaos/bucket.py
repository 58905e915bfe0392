"""The bucket of a key (doc/replication.md, section 2), for conflicts that keys share."""

import ctypes

LIBRARY = ctypes.CDLL("libxxhash.so.0")
LIBRARY.XXH3_64bits.restype = ctypes.c_uint64
LIBRARY.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def bucket_of(key, bits):
    return LIBRARY.XXH3_64bits(key, len(key)) >> (64 - bits)
