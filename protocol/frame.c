#include "protocol/frame.h"

#include <endian.h>
#include <string.h>

struct wire {
    uint8_t magic, opcode;
    uint16_t nkey;
    uint8_t nextra, datatype;
    uint16_t status;
    uint32_t nbody, opaque;
    uint64_t cas;
};

_Static_assert(sizeof(struct wire) == FRAME_HEADER, "the header has no padding");

bool frame_decode(struct frame *f, const void *header)
{
    struct wire w;
    memcpy(&w, header, sizeof(w));
    f->magic = w.magic;
    f->opcode = w.opcode;
    f->nextra = w.nextra;
    f->datatype = w.datatype;
    f->nkey = be16toh(w.nkey);
    f->status = be16toh(w.status);
    f->nbody = be32toh(w.nbody);
    f->opaque = w.opaque;
    f->cas = be64toh(w.cas);
    return (uint32_t)f->nextra + f->nkey <= f->nbody;
}

void frame_encode(const struct frame *f, void *header)
{
    struct wire w = {
        .magic = f->magic,
        .opcode = f->opcode,
        .nkey = htobe16(f->nkey),
        .nextra = f->nextra,
        .datatype = f->datatype,
        .status = htobe16(f->status),
        .nbody = htobe32(f->nbody),
        .opaque = f->opaque,
        .cas = htobe64(f->cas),
    };
    memcpy(header, &w, sizeof(w));
}
