#include "protocol/link_message.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"
#include "protocol/link_layout.h"
#include "protocol/wire.h"

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

static void put_run(uint8_t **p, const struct run_id *run)
{
    memcpy(*p, run->bytes, RUN_ID_SIZE);
    *p += RUN_ID_SIZE;
}

bool link_put_hello(struct buffer *out, const struct link_hello *hello)
{
    uint8_t body[HELLO_BODY], *p = body;
    wire_put32(&p, hello->version);
    wire_put32(&p, hello->hash_id);
    put_run(&p, &hello->run);
    *p++ = hello->active;
    *p++ = hello->map_bits;
    wire_put64(&p, hello->term);
    wire_put64(&p, hello->seen);
    wire_put64(&p, hello->clocks.machine);
    wire_put64(&p, hello->clocks.store);
    wire_put64(&p, hello->item_max);
    wire_put64(&p, hello->memory);
    wire_put64(&p, hello->met);
    wire_put64(&p, hello->former);
    wire_put32(&p, hello->heartbeat);
    wire_put32(&p, hello->timeout);
    *p++ = hello->standby_writes;
    *p++ = hello->lone;
    *p++ = hello->on_conflict;
    *p++ = hello->side;
    return put_body(out, LINK_HELLO, body, sizeof(body));
}

bool link_put_role(struct buffer *out, const struct link_role *role)
{
    uint8_t body[ROLE_BODY], *p = body;
    wire_put64(&p, role->term);
    *p++ = role->active;
    put_run(&p, &role->run);
    return put_body(out, LINK_ROLE, body, sizeof(body));
}

bool link_put_taken(struct buffer *out, const struct link_taken *taken)
{
    uint8_t body[TAKEN_BODY], *p = body;
    wire_put64(&p, taken->term);
    wire_put32(&p, taken->batch);
    wire_put32(&p, taken->changes);
    return put_body(out, LINK_TAKEN, body, sizeof(body));
}

static uint8_t *put_extras(uint8_t *p, enum link_op op, const struct link_change *c)
{
    if (op == LINK_DELETEQ)
        return p;
    if (op == LINK_DELTA) {
        wire_put64(&p, c->base);
    } else {
        memcpy(p, &c->flags, 4);
        p += 4;
    }
    wire_put32(&p, c->exptime);
    if (op == LINK_DELTA)
        *p++ = c->before;
    return p;
}

bool link_put_change(struct buffer *out, enum link_op op, const struct link_change *c)
{
    uint8_t extras[DELTA_EXTRAS];
    uint8_t nextra = (uint8_t)(put_extras(extras, op, c) - extras);
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = (uint8_t)op,
                       .nextra = nextra,
                       .nkey = c->nkey,
                       .status = c->credit,
                       .nbody = (uint32_t)nextra + c->nkey + c->nvalue,
                       .cas = c->cas };
    char *room = buffer_reserve(out, FRAME_HEADER + sizeof(extras) + c->nkey);
    if (room == NULL)
        return false;
    frame_encode(&f, room);
    memcpy(room + FRAME_HEADER, extras, nextra);
    memcpy(room + FRAME_HEADER + nextra, c->key, c->nkey);
    buffer_commit(out, FRAME_HEADER + (size_t)nextra + c->nkey);
    return true;
}

bool link_put_stream(struct buffer *out, enum link_stream by, const struct link_change *c)
{
    uint8_t extras[STREAM_EXTRAS], *p = extras;
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = LINK_STREAM,
                       .nextra = STREAM_EXTRAS,
                       .nkey = c->nkey,
                       .status = c->credit,
                       .nbody = STREAM_EXTRAS + (uint32_t)c->nkey,
                       .cas = c->cas };
    memcpy(p, &c->flags, 4);
    p += 4;
    wire_put32(&p, c->exptime);
    wire_put32(&p, c->nvalue);
    *p = (uint8_t)by;
    return put_header(out, &f) && buffer_append(out, extras, sizeof(extras)) &&
           buffer_append(out, c->key, c->nkey);
}

bool link_put_chunk(struct buffer *out, enum link_stream by, const void *bytes, size_t n)
{
    const uint8_t extras[CHUNK_EXTRAS] = { (uint8_t)by };
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = LINK_CHUNK,
                       .nextra = CHUNK_EXTRAS,
                       .nbody = CHUNK_EXTRAS + (uint32_t)n };
    return put_header(out, &f) && buffer_append(out, extras, sizeof(extras)) &&
           buffer_append(out, bytes, n);
}

bool link_put_note(struct buffer *out, const struct link_note *note)
{
    size_t head = link_note_head(note->kind), size = head + note->nkey;
    char *room = buffer_reserve(out, size);
    if (room == NULL)
        return false;
    uint8_t *p = (uint8_t *)room;
    *p++ = note->kind;
    *p++ = note->nkey;
    *p++ = (uint8_t)(note->credit >> 8);
    *p++ = (uint8_t)note->credit;
    if (note->kind == LINK_NOTE_EVICTED)
        wire_put64(&p, note->cas);
    memcpy(p, note->key, note->nkey);
    buffer_commit(out, size);
    return true;
}

bool link_put_flush(struct buffer *out, uint32_t flush_at)
{
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = LINK_FLUSHQ,
                       .nextra = FLUSH_EXTRAS,
                       .nbody = FLUSH_EXTRAS };
    uint8_t extras[FLUSH_EXTRAS], *p = extras;
    wire_put32(&p, flush_at);
    return put_header(out, &f) && buffer_append(out, extras, sizeof(extras));
}

bool link_put_noop(struct buffer *out, uint32_t batch, bool is_response)
{
    struct frame f = { .magic = is_response ? FRAME_RESPONSE : FRAME_REQUEST,
                       .opcode = LINK_NOOP,
                       .opaque = htobe32(batch) };
    return put_header(out, &f);
}

bool link_put_plain(struct buffer *out, enum link_op op, uint64_t term)
{
    uint8_t body[8], *p = body;
    wire_put64(&p, term);
    return put_body(out, op, body, sizeof(body));
}

bool link_put_ping(struct buffer *out, uint64_t term, const struct link_clocks *clocks)
{
    uint8_t body[PING_BODY], *p = body;
    wire_put64(&p, term);
    wire_put64(&p, clocks->machine);
    wire_put64(&p, clocks->store);
    wire_put64(&p, clocks->echo);
    return put_body(out, LINK_PING, body, sizeof(body));
}

bool link_put_bye(struct buffer *out, const char *reason)
{
    return put_body(out, LINK_BYE, reason, strlen(reason));
}

size_t link_begin(struct buffer *out, enum link_op op, uint64_t term)
{
    size_t begun = buffer_length(out);
    return link_put_plain(out, op, term) ? begun : SIZE_MAX;
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
