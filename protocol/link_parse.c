#include "protocol/link_message.h"

#include <endian.h>
#include <string.h>

#include "protocol/link_layout.h"
#include "protocol/wire.h"

static void get_run(const uint8_t **p, struct run_id *run)
{
    memcpy(run->bytes, *p, RUN_ID_SIZE);
    *p += RUN_ID_SIZE;
}

/* ---- one parser for each message; the body's length is f->nbody */

static void get_key_and_value(const struct frame *f, const uint8_t *p,
                              struct link_change *c)
{
    c->cas = f->cas;
    c->credit = f->status;
    c->key = p;
    c->nkey = f->nkey;
    c->value = p + f->nkey;
    c->nvalue = frame_nvalue(f);
}

static const char *parse_set(const struct frame *f, const uint8_t *body,
                             struct link_message *m)
{
    const uint8_t *p = body;
    if (f->nextra != SET_EXTRAS || f->nkey == 0 || f->nkey > LINK_KEY_MAX)
        return "received a change with a malformed key";
    m->change = (struct link_change){ 0 };
    memcpy(&m->change.flags, p, 4);
    p += 4;
    m->change.exptime = wire_get32(&p);
    get_key_and_value(f, p, &m->change);
    return NULL;
}

static const char *parse_delta(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    const uint8_t *p = body;
    if (f->nextra != DELTA_EXTRAS || f->nkey == 0 || f->nkey > LINK_KEY_MAX ||
        body[DELTA_EXTRAS - 1] > 1)
        return "received a malformed DELTA";
    m->change = (struct link_change){ .base = wire_get64(&p) };
    m->change.exptime = wire_get32(&p);
    m->change.before = *p++ != 0;
    get_key_and_value(f, p, &m->change);
    return NULL;
}

static const char *parse_stream(const struct frame *f, const uint8_t *body,
                                struct link_message *m)
{
    const uint8_t *p = body;
    if (f->nextra != STREAM_EXTRAS || f->nkey == 0 || f->nkey > LINK_KEY_MAX ||
        f->nbody != STREAM_EXTRAS + (uint32_t)f->nkey ||
        body[STREAM_EXTRAS - 1] >= LINK_STREAMS)
        return "received a malformed STREAM";
    m->change = (struct link_change){ .cas = f->cas, .credit = f->status };
    memcpy(&m->change.flags, p, 4);
    p += 4;
    m->change.exptime = wire_get32(&p);
    m->change.nvalue = wire_get32(&p);
    m->stream = (enum link_stream) * p++;
    m->change.key = p;
    m->change.nkey = f->nkey;
    return m->change.nvalue > 0 ? NULL : "received a STREAM of nothing";
}

static const char *parse_chunk(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    if (f->nextra != CHUNK_EXTRAS || f->nkey != 0 || f->nbody <= CHUNK_EXTRAS ||
        f->nbody > CHUNK_EXTRAS + LINK_CHUNK_MAX || *body >= LINK_STREAMS)
        return "received a malformed CHUNK";
    m->stream = (enum link_stream) * body;
    m->rest = body + CHUNK_EXTRAS;
    m->nrest = f->nbody - CHUNK_EXTRAS;
    return NULL;
}

static const char *parse_delete(const struct frame *f, const uint8_t *body,
                                struct link_message *m)
{
    if (f->nextra != 0 || f->nkey == 0 || f->nkey > LINK_KEY_MAX || f->nbody != f->nkey)
        return "received a delete with a malformed key";
    m->change = (struct link_change){ .key = body, .nkey = f->nkey, .cas = f->cas };
    return NULL;
}

static const char *parse_flush(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    if (f->nkey != 0 || f->nbody != f->nextra ||
        (f->nextra != 0 && f->nextra != FLUSH_EXTRAS))
        return "received a malformed FLUSHQ";
    m->flush_at = f->nextra != 0 ? wire_get32(&body) : 0;
    return NULL;
}

static const char *parse_noop(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    (void)body;
    if (f->nbody != 0)
        return "received a NOOP with a body";
    m->batch = be32toh(f->opaque);
    return NULL;
}

/* So far below the end that sums of some do not overflow. */
static bool clocks_are_sane(const struct link_clocks *c)
{
    return c->machine < LINK_CLOCK_MAX && c->store < LINK_CLOCK_MAX &&
           c->echo < LINK_CLOCK_MAX;
}

static const char *parse_hello(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0 || f->nbody < 4)
        return "received a malformed HELLO";
    m->hello = (struct link_hello){ .version = wire_get32(&body) };
    if (m->hello.version != LINK_VERSION)
        return NULL; /* refused for its version; read no more of it */
    /* Later versions may append to the body: skip what we do not know. */
    if (f->nbody < HELLO_BODY)
        return "received a malformed HELLO";
    m->hello.hash_id = wire_get32(&body);
    get_run(&body, &m->hello.run);
    m->hello.active = *body++ != 0;
    m->hello.map_bits = *body++;
    m->hello.term = wire_get64(&body);
    m->hello.seen = wire_get64(&body);
    m->hello.clocks.machine = wire_get64(&body);
    m->hello.clocks.store = wire_get64(&body);
    m->hello.item_max = wire_get64(&body);
    m->hello.memory = wire_get64(&body);
    m->hello.met = wire_get64(&body);
    m->hello.former = wire_get64(&body);
    m->hello.heartbeat = wire_get32(&body);
    m->hello.timeout = wire_get32(&body);
    m->hello.standby_writes = *body++;
    m->hello.lone = *body++;
    m->hello.on_conflict = *body++;
    m->hello.side = *body++;
    if (m->hello.side > SIDE_NONE)
        return "received a malformed HELLO";
    return clocks_are_sane(&m->hello.clocks) ? NULL : "a HELLO of an impossible time";
}

static const char *parse_role(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0 || f->nbody != ROLE_BODY)
        return "received a malformed ROLE";
    m->role.term = wire_get64(&body);
    m->role.active = *body++ != 0;
    get_run(&body, &m->role.run);
    return NULL;
}

static const char *parse_taken(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0 || f->nbody != TAKEN_BODY)
        return "received a malformed TAKEN";
    m->taken.term = wire_get64(&body);
    m->taken.batch = wire_get32(&body);
    m->taken.changes = wire_get32(&body);
    return NULL;
}

/* Messages that begin with a term; maps or notes may follow. */
static const char *parse_term(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0 || f->nbody < 8)
        return "received a message without its term";
    m->term = wire_get64(&body);
    m->rest = body;
    m->nrest = f->nbody - 8;
    return NULL;
}

/* Does a note of this kind belong in this message? ABSENT has kinds of its own; in WANT,
 * FETCH, MISSING and RESEND any kind will do, because only the key counts. */
static bool note_belongs(uint8_t opcode, uint8_t kind)
{
    bool is_absence = kind == LINK_NOTE_ABSENT || kind == LINK_NOTE_ABSENT_MISSING;
    return is_absence == (opcode == LINK_ABSENT);
}

bool link_next_note(const struct link_message *m, size_t *at, struct link_note *note)
{
    size_t left = m->nrest - *at;
    const uint8_t *p = m->rest + *at;
    if (left < LINK_NOTE_HEAD || p[0] >= LINK_NOTE_KINDS || left < link_note_head(p[0]))
        return false;
    *note = (struct link_note){ .kind = p[0],
                                .nkey = p[1],
                                .credit = (uint16_t)(p[2] << 8 | p[3]) };
    p += LINK_NOTE_HEAD;
    if (note->kind == LINK_NOTE_EVICTED)
        note->cas = wire_get64(&p);
    size_t size = link_note_head(note->kind) + note->nkey;
    if (note->nkey == 0 || note->nkey > LINK_KEY_MAX || size > left)
        return false;
    note->key = p;
    *at += size;
    return true;
}

static const char *parse_notes(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    const char *why = parse_term(f, body, m);
    struct link_note note;
    size_t at = 0;
    if (why == NULL && m->nrest > LINK_NOTES_MAX)
        return "received a list of keys that is too long";
    while (why == NULL && link_next_note(m, &at, &note)) {
        if (!note_belongs(f->opcode, note.kind))
            why = "received a list of keys with notes of another message";
    }
    return why == NULL && at != m->nrest ? "received a malformed list of keys" : why;
}

static const char *parse_text(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0)
        return "received a malformed BYE";
    if (!link_is_plain(body, f->nbody))
        return "received a BYE that is not plain text"; /* it goes to log and stats */
    m->rest = body;
    m->nrest = f->nbody;
    return NULL;
}

static const char *parse_ping(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0 || f->nbody != PING_BODY)
        return "a malformed PING";
    m->ping.term = wire_get64(&body);
    m->ping.clocks.machine = wire_get64(&body);
    m->ping.clocks.store = wire_get64(&body);
    m->ping.clocks.echo = wire_get64(&body);
    return clocks_are_sane(&m->ping.clocks) ? NULL : "a PING of an impossible time";
}

struct link_row {
    const char *name;
    const char *(*parse)(const struct frame *f, const uint8_t *body,
                         struct link_message *m);
};

#define parse_SETQ         parse_set
#define parse_DELETEQ      parse_delete
#define parse_FLUSHQ       parse_flush
#define parse_NOOP         parse_noop
#define parse_HELLO        parse_hello
#define parse_ROLE         parse_role
#define parse_MAP          parse_term
#define parse_MERGE        parse_term
#define parse_REFILL       parse_term
#define parse_UNTOLD       parse_term
#define parse_REPLACE      parse_term
#define parse_FILL         parse_set
#define parse_END          parse_term
#define parse_DONE         parse_term
#define parse_MISSING      parse_notes
#define parse_DELTA        parse_delta
#define parse_RESEND       parse_notes
#define parse_HANDOVER     parse_term
#define parse_ROLE_REQUEST parse_term
#define parse_CHECK        parse_set
#define parse_VERIFY       parse_term
#define parse_VERIFIED     parse_term
#define parse_NOTICE       parse_notes
#define parse_WANT         parse_notes
#define parse_ABSENT       parse_notes
#define parse_FETCH        parse_notes
#define parse_TAKEN        parse_taken
#define parse_REPORT       link_parse_report
#define parse_STREAM       parse_stream
#define parse_CHUNK        parse_chunk
#define parse_PING         parse_ping
#define parse_BYE          parse_text

static const struct link_row rows[256] = {
#define LINK_OP(name, code, text) [code] = { #name, parse_##name },
#include "protocol/link_ops.h"
#undef LINK_OP
};

const char *link_op_name(uint8_t opcode)
{
    return rows[opcode].name;
}

int run_id_order(const struct run_id *a, const struct run_id *b)
{
    return memcmp(a->bytes, b->bytes, RUN_ID_SIZE);
}

bool run_id_is_none(const struct run_id *run)
{
    static const struct run_id none;
    return run_id_order(run, &none) == 0;
}

/* How many bytes must be here before the message can be taken. If its value is too
 * large: all before the value. 0: the message is to be refused. */
static size_t needed(const struct frame *f, uint64_t body_max)
{
    if (f->nbody <= body_max)
        return FRAME_HEADER + (size_t)f->nbody;
    return rows[f->opcode].parse == parse_set ? FRAME_HEADER + f->nextra + f->nkey : 0;
}

enum link_result link_parse(const void *bytes, size_t n, uint64_t body_max,
                            struct link_message *m, size_t *used, const char **why)
{
    struct frame f;
    *used = 0;
    if (n >= 1) {
        uint8_t magic = *(const uint8_t *)bytes;
        if (magic != FRAME_REQUEST && magic != FRAME_RESPONSE) {
            *why = "received bytes that are not the replication protocol";
            return LINK_BAD;
        }
    }
    if (n < FRAME_HEADER)
        return LINK_MORE;
    if (!frame_decode(&f, bytes) || needed(&f, body_max) == 0) {
        *why = "received a message with an impossible length";
        return LINK_BAD;
    }
    if (rows[f.opcode].parse == NULL) {
        *why = "received a message of an unknown kind";
        return LINK_BAD;
    }
    *used = needed(&f, body_max);
    if (n < *used)
        return LINK_MORE;
    m->op = (enum link_op)f.opcode;
    m->is_response = f.magic == FRAME_RESPONSE;
    m->rest = NULL;
    m->nrest = 0;
    if (m->is_response && f.opcode != LINK_NOOP) {
        *why = "received an answer to a client instead of a replication message: does "
               "the option 'peer' name the port for clients?";
        return LINK_BAD;
    }
    *why = rows[f.opcode].parse(&f, (const uint8_t *)bytes + FRAME_HEADER, m);
    if (f.nbody > body_max)
        m->change.value = NULL;
    *used = FRAME_HEADER + (size_t)f.nbody;
    return *why == NULL ? LINK_OK : LINK_BAD;
}
