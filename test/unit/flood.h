/*
 * Keys that a client constructs so that all have one hash: 32 bytes, of which the first
 * eight are those that XXH3 mixes in there, so that the rest is multiplied by 0.
 */
#ifndef TEST_UNIT_FLOOD_H
#define TEST_UNIT_FLOOD_H

#include <stdint.h>
#include <string.h>

enum { FLOOD_KEY = 32 };

static inline void flood_key(char key[FLOOD_KEY], uint64_t i)
{
    static const unsigned char begin[8] = {
        0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe
    };
    memset(key, 'x', FLOOD_KEY);
    memcpy(key, begin, sizeof(begin));
    memcpy(key + sizeof(begin), &i, sizeof(i));
}

#endif
