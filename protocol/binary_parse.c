/*
 * From binary packets to requests. A row of the opcode table says which lengths are
 * right. After a packet with wrong lengths nobody knows where the next one begins, so
 * the connection is closed after the answer.
 *
 * The parser never waits for a part that a client could make large: extras and key are
 * short, and a value goes to the item. A packet for the engine that is longer than
 * PACKET_MAX counts as unknown: it is answered at once, and its body is skipped.
 */
#include "protocol/binary.h"

#include <string.h>

#include "protocol/frame.h"
#include "protocol/wire.h"

enum {
    PACKET_MAX = 2048, /* for opcodes that only the engine may know; as long as a line */
    BODY_LIMIT = 1024 << 20 /* a longer body is garbage, whatever value_max is */
};

enum part { NONE, MUST, MAY };

typedef void (*extras_reader)(struct request *req, const uint8_t *extras);

struct row {
    bool known;
    bool refused; /* the protocol names it, but neither we nor engines serve it */
    bool ours; /* memcached 1.6 does not know it: a wrong length is no reason to close */
    bool quiet, with_key;
    bool delayed; /* the extras are optional */
    enum command command;
    uint8_t nextra;
    enum part key, value;
    extras_reader read;
};

static void read_store(struct request *req, const uint8_t *extras)
{
    req->flags = wire_get32(&extras);
    req->exptime = wire_get32(&extras);
}

static void read_arith(struct request *req, const uint8_t *extras)
{
    req->delta = wire_get64(&extras);
    req->initial = wire_get64(&extras);
    uint32_t exptime = wire_get32(&extras);
    req->create = exptime != UINT32_MAX;
    req->exptime = req->create ? exptime : 0;
}

static void read_exptime(struct request *req, const uint8_t *extras)
{
    req->exptime = wire_get32(&extras);
    req->has_exptime = true;
}

static void read_verbosity(struct request *req, const uint8_t *extras)
{
    req->verbosity = wire_get32(&extras);
}

/* Extras, key and value, as command_table.h names them. */
#define SHAPE_bare  .key = NONE
#define SHAPE_group .key = MAY
#define SHAPE_key   .key = MUST
#define SHAPE_piece .key = MUST, .value = MAY
#define SHAPE_store .key = MUST, .value = MAY, .nextra = 8, .read = read_store
#define SHAPE_arith .key = MUST, .nextra = 20, .read = read_arith
#define SHAPE_touch .key = MUST, .nextra = 4, .read = read_exptime
#define SHAPE_delay .nextra = 4, .delayed = true, .read = read_exptime
#define SHAPE_level .nextra = 4, .ours = true, .read = read_verbosity

enum { QUIET = 1, KEY = 2 };

#define REFUSED(opcode, shape) [opcode] = { .refused = true, SHAPE_##shape }

static const struct row rows[256] = {
#define OPCODE(opcode, NAME, shape, options)                                             \
    [opcode] = { .known = true,                                                          \
                 .command = COMMAND_##NAME,                                              \
                 .quiet = ((options)&QUIET) != 0,                                        \
                 .with_key = ((options)&KEY) != 0,                                       \
                 SHAPE_##shape },
#include "protocol/command_table.h"
    /* SASL */
    REFUSED(0x20, bare),
    REFUSED(0x21, piece),
    REFUSED(0x22, piece),
};

/* Two rows with the same opcode do not compile. */
enum {
#define OPCODE(opcode, ...) OPCODE_##opcode##_TAKEN,
#include "protocol/command_table.h"
};

static bool part_fits(enum part part, uint32_t n)
{
    return part == MAY || (part == MUST) == (n > 0);
}

static bool lengths_fit(const struct row *row, const struct frame *f)
{
    return (f->nextra == row->nextra || (row->delayed && f->nextra == 0)) &&
           part_fits(row->key, f->nkey) && part_fits(row->value, frame_nvalue(f));
}

static enum parse_result finish(struct parser *p, enum outcome why,
                                enum parse_result result)
{
    p->why = why;
    return result;
}

static enum parse_result more(struct parser *p, size_t want)
{
    p->used = 0;
    p->want = want;
    return PARSE_MORE;
}

static enum parse_result engine_parse(struct parser *p, const struct frame *f,
                                      const struct buffer *in, struct request *req)
{
    size_t size = (size_t)FRAME_HEADER + f->nbody;
    if (size > PACKET_MAX) {
        p->swallow = f->nbody;
        return finish(p, OUTCOME_UNKNOWN, PARSE_ERROR);
    }
    if (buffer_length(in) < size)
        return more(p, size);
    req->packet = buffer_head(in);
    req->npacket = (uint32_t)size;
    req->key = req->packet + FRAME_HEADER + f->nextra;
    req->nkey = f->nkey;
    p->used = size;
    return PARSE_OK;
}

static enum parse_result body_parse(struct parser *p, const struct row *row,
                                    const struct frame *f, const struct buffer *in,
                                    struct request *req)
{
    size_t size = (size_t)FRAME_HEADER + f->nextra + f->nkey;
    if (buffer_length(in) < size)
        return more(p, size);
    const char *extras = buffer_head(in) + FRAME_HEADER;
    req->quiet = row->quiet;
    req->with_key = row->with_key;
    req->key = extras + f->nextra;
    req->nkey = f->nkey;
    req->nvalue = frame_nvalue(f);
    if (f->nextra > 0)
        row->read(req, (const uint8_t *)extras);
    if (row->read == read_store && f->cas != 0)
        req->command = COMMAND_CAS;
    p->used = size;
    if (p->value_max == 0 || req->nvalue <= p->value_max)
        return PARSE_OK;
    p->swallow = req->nvalue;
    return finish(p, OUTCOME_TOO_LARGE, PARSE_ERROR);
}

enum parse_result binary_parse(struct parser *p, const struct buffer *in,
                               struct request *req)
{
    struct frame f;
    p->used = p->want = 0;
    p->swallow = 0;
    p->why = OUTCOME_OK;
    if (buffer_length(in) < FRAME_HEADER)
        return more(p, FRAME_HEADER);
    bool sound = frame_decode(&f, buffer_head(in));
    if (f.magic != FRAME_REQUEST)
        return PARSE_CLOSE;
    const struct row *row = &rows[f.opcode];
    *req = (struct request){ .command = row->known ? row->command : COMMAND_ENGINE,
                             .opcode = f.opcode,
                             .vbucket = f.status,
                             .opaque = f.opaque,
                             .cas = f.cas };
    p->used = FRAME_HEADER;
    if (!sound)
        return finish(p, OUTCOME_UNKNOWN, PARSE_CLOSE);
    if (f.nbody > BODY_LIMIT || f.nkey > KEY_MAX)
        return finish(p, OUTCOME_INVALID, PARSE_CLOSE);
    if (!row->known && !row->refused)
        return engine_parse(p, &f, in, req);
    bool fits = lengths_fit(row, &f);
    if (!fits && !row->ours)
        return finish(p, OUTCOME_INVALID, PARSE_CLOSE);
    if (fits && row->known)
        return body_parse(p, row, &f, in, req);
    p->swallow = f.nbody;
    return finish(p, OUTCOME_UNKNOWN, PARSE_ERROR);
}
