#include "protocol/link.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"

enum {
    SET_EXTRAS = 8,
    FLUSH_EXTRAS = 4,
    HELLO_BODY = 4 + 4 + RUN_ID_SIZE + 1 + 1 + 5 * 8 + RUN_ID_SIZE,
    ROLE_BODY = 8 + 1 + RUN_ID_SIZE,
};

/* ---- reading numbers */

static uint32_t get32(const uint8_t **p)
{
    uint32_t n;
    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return be32toh(n);
}

static uint64_t get64(const uint8_t **p)
{
    uint64_t n;
    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return be64toh(n);
}

static void get_run(const uint8_t **p, struct run_id *run)
{
    memcpy(run->bytes, *p, RUN_ID_SIZE);
    *p += RUN_ID_SIZE;
}

/* ---- one parser a message; the body's length is f->nbody */

static const char *parse_set(const struct frame *f, const uint8_t *body,
                             struct link_message *m)
{
    const uint8_t *p = body;
    if (f->nextra != SET_EXTRAS || f->nkey == 0 || f->nkey > LINK_KEY_MAX)
        return "a change with a malformed key";
    memcpy(&m->change.flags, p, 4);
    p += 4;
    m->change.exptime = get32(&p);
    m->change.cas = f->cas;
    m->change.credit = f->status;
    m->change.key = p;
    m->change.nkey = f->nkey;
    m->change.value = p + f->nkey;
    m->change.nvalue = frame_nvalue(f);
    return NULL;
}

static const char *parse_delete(const struct frame *f, const uint8_t *body,
                                struct link_message *m)
{
    if (f->nextra != 0 || f->nkey == 0 || f->nkey > LINK_KEY_MAX || f->nbody != f->nkey)
        return "a delete with a malformed key";
    m->change = (struct link_change){ .key = body, .nkey = f->nkey, .cas = f->cas };
    return NULL;
}

static const char *parse_flush(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    if (f->nkey != 0 || f->nbody != f->nextra ||
        (f->nextra != 0 && f->nextra != FLUSH_EXTRAS))
        return "a malformed flush";
    m->delay = f->nextra != 0 ? get32(&body) : 0;
    return NULL;
}

static const char *parse_noop(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    (void)body;
    if (f->nbody != 0)
        return "a batch mark with a body";
    m->batch = be32toh(f->opaque);
    return NULL;
}

static const char *parse_hello(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    /* Later versions may append: what we do not know is skipped. */
    if (f->nkey != 0 || f->nextra != 0 || f->nbody < HELLO_BODY)
        return "a malformed HELLO";
    m->hello.version = get32(&body);
    m->hello.hash_id = get32(&body);
    get_run(&body, &m->hello.run);
    m->hello.active = *body++ != 0;
    m->hello.map_bits = *body++;
    m->hello.reign = get64(&body);
    m->hello.seen = get64(&body);
    m->hello.clock = get64(&body);
    m->hello.item_max = get64(&body);
    m->hello.memory = get64(&body);
    get_run(&body, &m->hello.met);
    return NULL;
}

static const char *parse_role(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0 || f->nbody != ROLE_BODY)
        return "a malformed ROLE";
    m->role.reign = get64(&body);
    m->role.active = *body++ != 0;
    get_run(&body, &m->role.run);
    return NULL;
}

/* MAP, MERGE, PURGED, RESYNC, END: a reign, and for some encoded maps. */
static const char *parse_reign(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0 || f->nbody < 8)
        return "a message without its reign";
    m->reign = get64(&body);
    m->rest = body;
    m->nrest = f->nbody - 8;
    return NULL;
}

/* What stands before the key of a note. */
enum { NOTE_HEAD = 1 + 1 + 2, EVICTED_HEAD = NOTE_HEAD + 8 };

static size_t note_head(uint8_t kind)
{
    return kind == LINK_NOTE_EVICTED ? EVICTED_HEAD : NOTE_HEAD;
}

bool link_next_note(const struct link_message *m, size_t *at, struct link_note *note)
{
    size_t left = m->nrest - *at;
    const uint8_t *p = m->rest + *at;
    if (left < NOTE_HEAD || p[0] >= LINK_NOTE_KINDS || left < note_head(p[0]))
        return false;
    *note = (struct link_note){ .kind = p[0],
                                .nkey = p[1],
                                .credit = (uint16_t)(p[2] << 8 | p[3]) };
    p += NOTE_HEAD;
    if (note->kind == LINK_NOTE_EVICTED)
        note->cas = get64(&p);
    size_t size = note_head(note->kind) + note->nkey;
    if (note->nkey == 0 || note->nkey > LINK_KEY_MAX || size > left)
        return false;
    note->key = p;
    *at += size;
    return true;
}

static const char *parse_notes(const struct frame *f, const uint8_t *body,
                               struct link_message *m)
{
    const char *why = parse_reign(f, body, m);
    struct link_note note;
    size_t at = 0;
    while (why == NULL && link_next_note(m, &at, &note))
        continue;
    return why == NULL && at != m->nrest ? "a malformed list of keys" : why;
}

/* A reign and the absences, each: lacks 1, length 1, key. */
static const char *parse_absent(const struct frame *f, const uint8_t *body,
                                struct link_message *m)
{
    const char *why = parse_reign(f, body, m);
    for (size_t at = 0, size; why == NULL && at < m->nrest; at += size) {
        const uint8_t *p = m->rest + at;
        size_t left = m->nrest - at;
        size = left >= 2 ? 2 + (size_t)p[1] : SIZE_MAX;
        if (size > left || p[0] > 1 || p[1] == 0 || p[1] > LINK_KEY_MAX)
            why = "an absence with a malformed key";
    }
    return why;
}

static const char *parse_text(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    if (f->nkey != 0 || f->nextra != 0)
        return "a malformed BYE";
    for (uint32_t i = 0; i < f->nbody; i++) {
        if (body[i] < ' ' || body[i] > '~')
            return "a BYE that is no text"; /* it goes to the log and to clients' stats */
    }
    m->rest = body;
    m->nrest = f->nbody;
    return NULL;
}

static const char *parse_ping(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    (void)f, (void)body, (void)m;
    return NULL;
}

struct link_row {
    const char *name;
    const char *(*parse)(const struct frame *f, const uint8_t *body,
                         struct link_message *m);
};

#define parse_SETQ     parse_set
#define parse_DELETEQ  parse_delete
#define parse_FLUSHQ   parse_flush
#define parse_NOOP     parse_noop
#define parse_HELLO    parse_hello
#define parse_ROLE     parse_role
#define parse_MAP      parse_reign
#define parse_MERGE    parse_reign
#define parse_PURGED   parse_reign
#define parse_RESYNC   parse_reign
#define parse_FILL     parse_set
#define parse_END      parse_reign
#define parse_HANDOVER parse_reign
#define parse_CLAIM    parse_reign
#define parse_CHECK    parse_set
#define parse_VERIFY   parse_reign
#define parse_VERIFIED parse_reign
#define parse_NOTICE   parse_notes
#define parse_WANT     parse_notes
#define parse_ABSENT   parse_absent
#define parse_FETCH    parse_notes
#define parse_PING     parse_ping
#define parse_BYE      parse_text

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

bool link_next_absence(struct link_message *m, struct link_absence *a)
{
    if (m->nrest == 0)
        return false;
    const uint8_t *p = m->rest;
    *a = (struct link_absence){ .lacks = p[0] != 0, .nkey = p[1], .key = p + 2 };
    m->rest += 2 + (size_t)a->nkey;
    m->nrest -= 2 + (size_t)a->nkey;
    return true;
}

bool run_id_is_none(const struct run_id *run)
{
    static const struct run_id none;
    return run_id_order(run, &none) == 0;
}

enum link_result link_parse(const void *bytes, size_t n, uint64_t body_max,
                            struct link_message *m, size_t *used, const char **why)
{
    struct frame f;
    *used = 0;
    if (n >= 1) {
        uint8_t magic = *(const uint8_t *)bytes;
        if (magic != FRAME_REQUEST && magic != FRAME_RESPONSE) {
            *why = "bytes that are not the replication protocol";
            return LINK_BAD;
        }
    }
    if (n < FRAME_HEADER)
        return LINK_MORE;
    if (!frame_decode(&f, bytes) || f.nbody > body_max) {
        *why = "a message with an impossible length";
        return LINK_BAD;
    }
    if (rows[f.opcode].parse == NULL) {
        *why = "a message of an unknown kind";
        return LINK_BAD;
    }
    *used = FRAME_HEADER + (size_t)f.nbody;
    if (n < *used)
        return LINK_MORE;
    m->op = (enum link_op)f.opcode;
    m->is_response = f.magic == FRAME_RESPONSE;
    m->rest = NULL;
    m->nrest = 0;
    if (m->is_response && f.opcode != LINK_NOOP) {
        *why = "a client's answer instead of a replication message: does the option "
               "'peer' name the port for clients?";
        return LINK_BAD;
    }
    *why = rows[f.opcode].parse(&f, (const uint8_t *)bytes + FRAME_HEADER, m);
    return *why == NULL ? LINK_OK : LINK_BAD;
}

/* ---- composing */

static bool put_header(struct buffer *out, const struct frame *f)
{
    char *room = buffer_reserve(out, FRAME_HEADER);
    if (room == NULL)
        return false;
    frame_encode(f, room);
    buffer_commit(out, FRAME_HEADER);
    return true;
}

static bool put_body(struct buffer *out, enum link_op op, const void *body, size_t n)
{
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = (uint8_t)op,
                       .nbody = (uint32_t)n };
    return put_header(out, &f) && buffer_append(out, body, n);
}

static void set32(uint8_t **p, uint32_t n)
{
    n = htobe32(n);
    memcpy(*p, &n, sizeof(n));
    *p += sizeof(n);
}

static void set64(uint8_t **p, uint64_t n)
{
    n = htobe64(n);
    memcpy(*p, &n, sizeof(n));
    *p += sizeof(n);
}

static void set_run(uint8_t **p, const struct run_id *run)
{
    memcpy(*p, run->bytes, RUN_ID_SIZE);
    *p += RUN_ID_SIZE;
}

bool link_put_hello(struct buffer *out, const struct link_hello *hello)
{
    uint8_t body[HELLO_BODY], *p = body;
    set32(&p, hello->version);
    set32(&p, hello->hash_id);
    set_run(&p, &hello->run);
    *p++ = hello->active;
    *p++ = hello->map_bits;
    set64(&p, hello->reign);
    set64(&p, hello->seen);
    set64(&p, hello->clock);
    set64(&p, hello->item_max);
    set64(&p, hello->memory);
    set_run(&p, &hello->met);
    return put_body(out, LINK_HELLO, body, sizeof(body));
}

bool link_put_role(struct buffer *out, const struct link_role *role)
{
    uint8_t body[ROLE_BODY], *p = body;
    set64(&p, role->reign);
    *p++ = role->active;
    set_run(&p, &role->run);
    return put_body(out, LINK_ROLE, body, sizeof(body));
}

bool link_put_change(struct buffer *out, enum link_op op, const struct link_change *c)
{
    bool is_delete = op == LINK_DELETEQ;
    uint8_t nextra = is_delete ? 0 : SET_EXTRAS;
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = (uint8_t)op,
                       .nextra = nextra,
                       .nkey = c->nkey,
                       .status = c->credit,
                       .nbody = (uint32_t)nextra + c->nkey + c->nvalue,
                       .cas = c->cas };
    char *room = buffer_reserve(out, FRAME_HEADER + SET_EXTRAS + c->nkey);
    if (room == NULL)
        return false;
    frame_encode(&f, room);
    uint8_t *p = (uint8_t *)room + FRAME_HEADER;
    if (!is_delete) {
        memcpy(p, &c->flags, 4);
        p += 4;
        set32(&p, c->exptime);
    }
    memcpy(p, c->key, c->nkey);
    buffer_commit(out, FRAME_HEADER + (size_t)nextra + c->nkey);
    return true;
}

bool link_put_note(struct buffer *out, const struct link_note *note)
{
    size_t head = note_head(note->kind), size = head + note->nkey;
    char *room = buffer_reserve(out, size);
    if (room == NULL)
        return false;
    uint8_t *p = (uint8_t *)room;
    *p++ = note->kind;
    *p++ = note->nkey;
    *p++ = (uint8_t)(note->credit >> 8);
    *p++ = (uint8_t)note->credit;
    if (note->kind == LINK_NOTE_EVICTED)
        set64(&p, note->cas);
    memcpy(p, note->key, note->nkey);
    buffer_commit(out, size);
    return true;
}

bool link_put_flush(struct buffer *out, uint32_t delay)
{
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = LINK_FLUSHQ,
                       .nextra = FLUSH_EXTRAS,
                       .nbody = FLUSH_EXTRAS };
    uint8_t extras[FLUSH_EXTRAS], *p = extras;
    set32(&p, delay);
    return put_header(out, &f) && buffer_append(out, extras, sizeof(extras));
}

bool link_put_noop(struct buffer *out, uint32_t batch, bool is_response)
{
    struct frame f = { .magic = is_response ? FRAME_RESPONSE : FRAME_REQUEST,
                       .opcode = LINK_NOOP,
                       .opaque = htobe32(batch) };
    return put_header(out, &f);
}

bool link_put_plain(struct buffer *out, enum link_op op, uint64_t reign)
{
    uint8_t body[8], *p = body;
    set64(&p, reign);
    return put_body(out, op, body, sizeof(body));
}

bool link_put_bye(struct buffer *out, const char *reason)
{
    return put_body(out, LINK_BYE, reason, strlen(reason));
}

size_t link_begin(struct buffer *out, enum link_op op, uint64_t reign)
{
    size_t begun = buffer_length(out);
    return link_put_plain(out, op, reign) ? begun : SIZE_MAX;
}

void link_finish(struct buffer *out, size_t begun)
{
    uint8_t *header = (uint8_t *)out->data + out->head + begun;
    struct frame f;
    CHECK(begun + FRAME_HEADER <= buffer_length(out));
    (void)frame_decode(&f, header);
    f.nbody = (uint32_t)(buffer_length(out) - begun - FRAME_HEADER);
    frame_encode(&f, header);
}

bool link_put_absence(struct buffer *out, const struct link_absence *a)
{
    const uint8_t head[2] = { a->lacks, a->nkey };
    return buffer_append(out, head, sizeof(head)) && buffer_append(out, a->key, a->nkey);
}
