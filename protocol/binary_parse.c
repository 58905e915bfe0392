/*
 * Binary packets to requests. A row of the opcode table says which lengths are right;
 * a packet with wrong ones leaves no trust in where the next begins, so the connection
 * is closed after the answer.
 *
 * Nothing is waited for that a client could make large: extras and key of a command are
 * short, its value goes to the item, and a packet for the engine that is longer than
 * PACKET_MAX is one that nobody knows: answered at once, its body skipped.
 */
#include "protocol/binary.h"

#include <string.h>

#include "protocol/frame.h"
#include "protocol/wire.h"

enum {
    PACKET_MAX = 2048, /* of an opcode that only the engine may know; as a line of text */
    BODY_LIMIT = 1024 << 20 /* longer ones are garbage, whatever value_max says */
};

enum part { NONE, MUST, MAY };

typedef void (*extras_reader)(struct request *req, const uint8_t *extras);

struct row {
    bool known;
    bool refused; /* named by the protocol, served neither by us nor by an engine */
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

#define GET .known = true, .command = COMMAND_GET, .key = MUST
#define GAT                                                                              \
    .known = true, .command = COMMAND_GAT, .key = MUST, .nextra = 4, .read = read_exptime
#define STORE(cmd)                                                                       \
    .known = true, .command = (cmd), .key = MUST, .value = MAY, .nextra = 8,             \
    .read = read_store
#define PIECE(cmd) .known = true, .command = (cmd), .key = MUST, .value = MAY
#define ARITH(cmd)                                                                       \
    .known = true, .command = (cmd), .key = MUST, .nextra = 20, .read = read_arith
#define DELETE .known = true, .command = COMMAND_DELETE, .key = MUST
#define FLUSH                                                                            \
    .known = true, .command = COMMAND_FLUSH, .nextra = 4, .delayed = true,               \
    .read = read_exptime
#define BARE(cmd) .known = true, .command = (cmd)
#define QUIET     .quiet = true

static const struct row rows[256] = {
    [0x00] = { GET },
    [0x01] = { STORE(COMMAND_SET) },
    [0x02] = { STORE(COMMAND_ADD) },
    [0x03] = { STORE(COMMAND_REPLACE) },
    [0x04] = { DELETE },
    [0x05] = { ARITH(COMMAND_INCR) },
    [0x06] = { ARITH(COMMAND_DECR) },
    [0x07] = { BARE(COMMAND_QUIT) },
    [0x08] = { FLUSH },
    [0x09] = { GET, QUIET },
    [0x0a] = { BARE(COMMAND_NOOP) },
    [0x0b] = { BARE(COMMAND_VERSION) },
    [0x0c] = { GET, .with_key = true },
    [0x0d] = { GET, QUIET, .with_key = true },
    [0x0e] = { PIECE(COMMAND_APPEND) },
    [0x0f] = { PIECE(COMMAND_PREPEND) },
    [0x10] = { BARE(COMMAND_STATS), .key = MAY },
    [0x11] = { STORE(COMMAND_SET), QUIET },
    [0x12] = { STORE(COMMAND_ADD), QUIET },
    [0x13] = { STORE(COMMAND_REPLACE), QUIET },
    [0x14] = { DELETE, QUIET },
    [0x15] = { ARITH(COMMAND_INCR), QUIET },
    [0x16] = { ARITH(COMMAND_DECR), QUIET },
    [0x17] = { BARE(COMMAND_QUIT), QUIET },
    [0x18] = { FLUSH, QUIET },
    [0x19] = { PIECE(COMMAND_APPEND), QUIET },
    [0x1a] = { PIECE(COMMAND_PREPEND), QUIET },
    [0x1b] = { BARE(COMMAND_VERBOSITY), .nextra = 4, .read = read_verbosity },
    [0x1c] = { BARE(COMMAND_TOUCH), .key = MUST, .nextra = 4, .read = read_exptime },
    [0x1d] = { GAT },
    [0x1e] = { GAT, QUIET },
    [0x20] = { .refused = true }, /* SASL */
    [0x21] = { .refused = true },
    [0x22] = { .refused = true },
    [0x23] = { GAT, .with_key = true },
    [0x24] = { GAT, QUIET, .with_key = true },
    [0x30] = { .refused = true }, /* ranges, which nobody ever served */
    [0x31] = { .refused = true },
    [0x32] = { .refused = true },
    [0x33] = { .refused = true },
    [0x34] = { .refused = true },
    [0x35] = { .refused = true },
    [0x36] = { .refused = true },
    [0x37] = { .refused = true },
    [0x38] = { .refused = true },
    [0x39] = { .refused = true },
    [0x3a] = { .refused = true },
    [0x3b] = { .refused = true },
    [0x3c] = { .refused = true },
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
    p->swallow = row->refused ? f.nbody : 0;
    if (row->refused)
        return finish(p, OUTCOME_UNKNOWN, PARSE_ERROR);
    if (!row->known)
        return engine_parse(p, &f, in, req);
    if (!lengths_fit(row, &f))
        return finish(p, OUTCOME_INVALID, PARSE_CLOSE);
    return body_parse(p, row, &f, in, req);
}
