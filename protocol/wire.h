/*
 * Numbers in messages: big-endian, at any address. *p is where the number begins; it is
 * moved behind it. The caller has checked that there is room.
 */
#ifndef PROTOCOL_WIRE_H
#define PROTOCOL_WIRE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t wire_get32(const uint8_t **p)
{
    uint32_t n;
    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return be32toh(n);
}

static inline uint64_t wire_get64(const uint8_t **p)
{
    uint64_t n;
    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return be64toh(n);
}

static inline void wire_put32(uint8_t **p, uint32_t n)
{
    n = htobe32(n);
    memcpy(*p, &n, sizeof(n));
    *p += sizeof(n);
}

static inline void wire_put64(uint8_t **p, uint64_t n)
{
    n = htobe64(n);
    memcpy(*p, &n, sizeof(n));
    *p += sizeof(n);
}

#endif
