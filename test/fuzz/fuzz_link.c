/*
 * The replication link, from anybody who reaches its port: messages, and the maps in
 * them. An accepted message must be the same after it was composed and parsed again.
 */
#include <stdio.h>

#include "protocol/link_message.h"
#include "repl/map.h"
#include "test/fuzz/fuzz.h"

enum { BODY_MAX = 4096, MAP_BITS = 12, WIRE_BITS = 10 };

static bool is_inside(const void *at, size_t n, const uint8_t *bytes, size_t size)
{
    const uint8_t *from = at;
    return n == 0 ||
           (from >= bytes && from <= bytes + size && n <= (size_t)(bytes + size - from));
}

static bool is_change(const struct link_message *m)
{
    return m->op == LINK_SETQ || m->op == LINK_FILL || m->op == LINK_CHECK ||
           m->op == LINK_DELTA || m->op == LINK_DELETEQ;
}

static bool has_key(const struct link_message *m)
{
    return is_change(m) || m->op == LINK_STREAM;
}

static void check_inside(const struct link_message *m, const uint8_t *bytes, size_t n)
{
    const struct link_change *c = &m->change;
    CHECK(is_inside(m->rest, m->nrest, bytes, n));
    if (!has_key(m))
        return;
    CHECK(c->nkey > 0 && c->nkey <= LINK_KEY_MAX);
    CHECK(c->nvalue <= BODY_MAX || c->value == NULL);
    CHECK(is_inside(c->key, c->nkey, bytes, n));
    CHECK(c->value == NULL || is_inside(c->value, c->nvalue, bytes, n));
}

static bool compose_notes(const struct link_message *m, struct buffer *out)
{
    struct link_note note;
    size_t at = 0, begun = link_begin(out, m->op, m->term);
    while (link_next_note(m, &at, &note)) {
        CHECK(note.nkey > 0 && note.nkey <= LINK_KEY_MAX);
        if (!link_put_note(out, &note))
            return false;
    }
    link_finish(out, begun);
    return true;
}

static bool compose_report(const struct link_message *m, struct buffer *out)
{
    char health[LINK_HEALTH_MAX + 1];
    snprintf(health, sizeof(health), "%.*s", (int)m->nrest, (const char *)m->rest);
    return link_put_report(out, 0, &m->report, health);
}

static bool compose(const struct link_message *m, struct buffer *out)
{
    switch (m->op) {
    case LINK_SETQ:
    case LINK_FILL:
    case LINK_CHECK:
    case LINK_DELTA:
    case LINK_DELETEQ:
        return link_put_change(out, m->op, &m->change) &&
               buffer_append(out, m->change.value, m->change.nvalue);
    case LINK_STREAM:
        return link_put_stream(out, m->stream, &m->change);
    case LINK_CHUNK:
        return link_put_chunk(out, m->stream, m->rest, m->nrest);
    case LINK_FLUSHQ:
        return link_put_flush(out, m->flush_at);
    case LINK_NOOP:
        return link_put_noop(out, m->batch, m->is_response);
    case LINK_HELLO:
        return link_put_hello(out, &m->hello);
    case LINK_PING:
        return link_put_ping(out, m->ping.term, &m->ping.clocks);
    case LINK_ROLE:
        return link_put_role(out, &m->role);
    case LINK_REPORT:
        return compose_report(m, out);
    case LINK_TAKEN:
        return link_put_taken(out, &m->taken);
    case LINK_NOTICE:
    case LINK_WANT:
    case LINK_ABSENT:
    case LINK_FETCH:
    case LINK_MISSING:
    case LINK_RESEND:
        return compose_notes(m, out);
    default:
        return link_put_plain(out, m->op, m->term);
    }
}

/* Composes the parsed message, parses it again and composes it again. */
static void check_again(const struct link_message *m)
{
    struct link_message again = { 0 };
    struct buffer first, second;
    size_t used;
    const char *why;
    buffer_init(&first);
    buffer_init(&second);
    CHECK(compose(m, &first));
    size_t n = buffer_length(&first);
    CHECK(link_parse(buffer_head(&first), n, BODY_MAX, &again, &used, &why) == LINK_OK);
    CHECK(used == n && again.op == m->op);
    CHECK(compose(&again, &second));
    CHECK(buffer_length(&second) == n);
    AZ(memcmp(buffer_head(&first), buffer_head(&second), n));
    buffer_fini(&first);
    buffer_fini(&second);
}

static void check_map_again(const struct map *map)
{
    struct map again;
    struct buffer wire;
    buffer_init(&wire);
    CHECK(map_init(&again, MAP_BITS));
    CHECK(map_encode(map, WIRE_BITS, &wire));
    size_t n = buffer_length(&wire);
    CHECK(map_decode(&again, WIRE_BITS, buffer_head(&wire), n) == n);
    CHECK(map_count(&again) == map_count(map));
    map_subtract(&again, map);
    CHECK(map_count(&again) == 0);
    map_fini(&again);
    buffer_fini(&wire);
}

/* Decodes one map after another, until one is invalid. */
static void check_maps(const uint8_t *rest, size_t nrest)
{
    struct map map;
    CHECK(map_init(&map, MAP_BITS));
    while (nrest > 0) {
        size_t used = map_decode(&map, WIRE_BITS, rest, nrest);
        CHECK(used <= nrest);
        if (used == 0)
            break;
        check_map_again(&map);
        rest += used;
        nrest -= used;
    }
    map_fini(&map);
}

/* The bytes of one message; 0 if no further message can be parsed. */
static size_t take_message(const uint8_t *bytes, size_t n)
{
    struct link_message m = { 0 };
    size_t used = 0;
    const char *why = NULL;
    enum link_result result = link_parse(bytes, n, BODY_MAX, &m, &used, &why);
    CHECK(result != LINK_MORE || used == 0 || used > n);
    CHECK(result != LINK_BAD || why != NULL);
    if (result != LINK_OK)
        return 0;
    CHECK(used >= FRAME_HEADER && link_op_name((uint8_t)m.op) != NULL);
    check_inside(&m, bytes, used < n ? used : n);
    if (is_change(&m) && m.change.value == NULL && m.op != LINK_DELETEQ)
        return used < n ? used : n; /* the rest of it is skipped */
    CHECK(used <= n);
    if (m.op == LINK_MAP || m.op == LINK_MERGE || m.op == LINK_REFILL ||
        m.op == LINK_REPLACE || m.op == LINK_END || m.op == LINK_VERIFIED)
        check_maps(m.rest, m.nrest);
    else if (m.op != LINK_BYE)
        check_again(&m);
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    size_t used;
    do {
        uint8_t *copy = fuzz_exact(bytes, n);
        used = take_message(copy, n);
        free(copy);
        bytes += used;
        n -= used;
    } while (used > 0);
    return 0;
}
