/*
 * The 24-byte header of memcached's binary protocol, as numbers in host byte order.
 * Clients and the replication link use it. Pure: no I/O, no allocation.
 *
 *   0       1       2   3   4       5        6     7      8..11    12..15  16..23
 *   magic   opcode  nkey    nextra  datatype vbucket/status nbody  opaque  cas
 *
 * nbody counts extras + key + value.
 */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

enum { FRAME_HEADER = 24, FRAME_REQUEST = 0x80, FRAME_RESPONSE = 0x81 };

struct frame {
    uint8_t magic;
    uint8_t opcode;
    uint8_t nextra;
    uint8_t datatype;
    uint16_t nkey;
    uint16_t status; /* the vbucket of a request, the status of a response */
    uint32_t nbody;
    uint32_t opaque; /* as on the wire, not byte-swapped: it is only echoed */
    uint64_t cas;
};

/* header must hold FRAME_HEADER bytes. frame_decode checks only the lengths: false if
 * nextra + nkey > nbody. The caller checks the magic. */
bool frame_decode(struct frame *f, const void *header);
void frame_encode(const struct frame *f, void *header);

static inline uint32_t frame_nvalue(const struct frame *f)
{
    return f->nbody - f->nkey - f->nextra;
}

#endif
