#include "test/fuzz/speech.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const enum link_op ops[] = {
#define LINK_OP(name, code, text) LINK_##name,
#include "protocol/link_ops.h"
#undef LINK_OP
};

uint8_t input_byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static uint64_t input_number(struct input *in)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < sizeof(n); i++)
        n = n << 8 | input_byte(in);
    return n;
}

void speech_key(unsigned number, char key[SPEECH_KEY])
{
    snprintf(key, SPEECH_KEY, "key %u", number % SPEECH_KEYS);
}

/* Mostly the current term, or one near it. */
static uint64_t term_of(struct input *in, uint64_t term, uint64_t seen)
{
    uint8_t how = input_byte(in);
    switch (how % 16) {
    case 15:
        return input_number(in);
    case 14:
        return UINT64_C(1) << how % 64;
    case 13:
        return (UINT64_C(1) << 40) + how % 7 - 3;
    case 12:
    case 11:
        return seen + how % 5;
    case 10:
    case 9:
        return term + 1;
    default:
        return term;
    }
}

/* ---- the content of messages */

static void put_map(struct input *in, unsigned bits, struct buffer *out)
{
    uint8_t kind = input_byte(in) % 5, pattern;
    buffer_append(out, &kind, 1);
    if (kind == 3) {
        pattern = input_byte(in);
        for (size_t i = 0; i < ((size_t)1 << bits) / 8; i++)
            buffer_append(out, &pattern, 1);
    } else if (kind >= 2) {
        uint8_t count = input_byte(in) % 16;
        buffer_append(out, &count, 1);
        while (count-- > 0) {
            uint8_t gap = input_byte(in);
            buffer_append(out, &gap, 1);
        }
    }
}

static uint8_t kind_of_note(struct input *in, enum link_op op)
{
    uint8_t how = input_byte(in);
    if (how > 240)
        return how % LINK_NOTE_KINDS;
    return op == LINK_NOTICE   ? how % (LINK_NOTE_EVICTED + 1)
           : op == LINK_ABSENT ? LINK_NOTE_ABSENT + how % 2
                               : LINK_NOTE_READ;
}

static uint64_t cas_of(struct input *in, const struct repl_core *c)
{
    switch (input_byte(in) % 8) {
    case 7:
        return UINT64_MAX - input_byte(in);
    case 6:
        return input_number(in);
    case 5:
    case 4:
        return c->agreed + input_byte(in);
    default:
        return (uint64_t)input_byte(in) << 28;
    }
}

static void put_notes(struct input *in, const struct repl_core *c, enum link_op op,
                      struct buffer *out)
{
    char key[SPEECH_KEY];
    for (unsigned n = input_byte(in) % 32; n > 0; n--) {
        struct link_note note = { .key = key, .kind = kind_of_note(in, op) };
        speech_key(input_byte(in), key);
        note.nkey = (uint8_t)strlen(key);
        note.credit = input_byte(in);
        note.cas = note.kind == LINK_NOTE_EVICTED ? cas_of(in, c) : 0;
        link_put_note(out, &note);
    }
}

static unsigned maps_in(enum link_op op)
{
    return op == LINK_MAP || op == LINK_VERIFIED
               ? 2
               : op == LINK_MERGE || op == LINK_REFILL || op == LINK_REPLACE ||
                     op == LINK_END || op == LINK_UNTOLD;
}

static void put_term(struct input *in, const struct repl_core *c, enum link_op op,
                     struct buffer *out)
{
    size_t begun = link_begin(out, op, term_of(in, c->term, c->seen));
    bool has_notes = op == LINK_NOTICE || op == LINK_WANT || op == LINK_ABSENT ||
                     op == LINK_FETCH || op == LINK_MISSING || op == LINK_RESEND;
    for (unsigned n = maps_in(op); n > 0; n--)
        put_map(in, c->session.map_bits, out);
    if (has_notes)
        put_notes(in, c, op, out);
    link_finish(out, begun);
}

static void put_change(struct input *in, const struct repl_core *c, enum link_op op,
                       struct buffer *out)
{
    static const char zeros[SPEECH_VALUE_MAX];
    char key[SPEECH_KEY];
    struct link_change change = { .key = key, .flags = input_byte(in) };
    uint8_t how = input_byte(in);
    speech_key(input_byte(in), key);
    change.nkey = (uint16_t)strlen(key);
    change.nvalue = how > 250 ? SPEECH_VALUE_MAX : how % 32;
    if (op == LINK_CHECK && how < 250)
        change.nvalue = 8;
    if (op == LINK_DELETEQ)
        change.nvalue = 0;
    change.exptime = input_byte(in) % 4 == 0 ? input_byte(in) : 0;
    change.cas = cas_of(in, c);
    change.credit = input_byte(in);
    if (op == LINK_DELTA) {
        change.base = cas_of(in, c);
        change.before = input_byte(in) % 2;
    }
    link_put_change(out, op, &change);
    buffer_append(out, zeros, change.nvalue);
}

/* A value that begins. */
static void put_stream(struct input *in, const struct repl_core *c, struct buffer *out)
{
    char key[SPEECH_KEY];
    struct link_change change = { .key = key, .flags = input_byte(in) };
    uint8_t how = input_byte(in);
    speech_key(input_byte(in), key);
    change.nkey = (uint16_t)strlen(key);
    change.nvalue = how > 250 ? UINT32_MAX : how > 200 ? SPEECH_VALUE_MAX : how % 64;
    change.exptime = input_byte(in) % 4 == 0 ? input_byte(in) : 0;
    change.cas = cas_of(in, c);
    link_put_stream(out, (enum link_stream)(how % LINK_STREAMS), &change);
}

/* Mostly as much of a value as is left of it, or less. */
static void put_chunk(struct input *in, const struct repl_core *c, struct buffer *out)
{
    static const char zeros[SPEECH_VALUE_MAX];
    uint8_t how = input_byte(in);
    enum link_stream by = (enum link_stream)(how % LINK_STREAMS);
    const struct repl_half *half = &c->halves[by];
    size_t n = 1 + (size_t)how * 4, left = half->change.nvalue - half->got;
    if (half->open && left < n && how < 240)
        n = left;
    link_put_chunk(out, by, zeros, n);
}

static void put_noop(struct input *in, const struct repl_core *c, struct buffer *out)
{
    uint8_t how = input_byte(in);
    uint32_t batch = c->session.acked + how / 4 % 4;
    if (how % 8 == 7)
        batch = (uint32_t)input_number(in);
    link_put_noop(out, how % 4 == 1 ? batch : c->session.sent, how % 2);
}

static void put_raw(struct input *in, struct buffer *out)
{
    for (unsigned n = input_byte(in) % 64; n > 0; n--) {
        uint8_t byte = input_byte(in);
        buffer_append(out, &byte, 1);
    }
}

/* Of a batch near those that the node has sent. */
static void put_taken(struct input *in, const struct repl_core *c, struct buffer *out)
{
    const struct link_taken taken = { .term = c->term,
                                      .batch = c->session.sent + input_byte(in) % 5 - 2,
                                      .changes = input_byte(in) % 4 };
    link_put_taken(out, &taken);
}

static void put_role(struct input *in, const struct repl_core *c, struct buffer *out)
{
    uint8_t how = input_byte(in);
    const struct link_role role = { .term = term_of(in, c->term, c->seen),
                                    .active = how % 4 != 0,
                                    .run =
                                        how < 128 ? c->session.peer.run : c->config.run };
    link_put_role(out, &role);
}

static void put_flush(struct input *in, const struct repl_core *c, struct buffer *out)
{
    uint32_t delay = input_byte(in) % 8;
    link_put_flush(out, delay != 0 ? c->store_ops->clock(c->store) + delay : 0);
}

static void put_ping(struct input *in, const struct repl_core *c, struct buffer *out)
{
    struct link_clocks clocks = { .machine = c->now_us,
                                  .store = c->now_us,
                                  .echo = c->now_us };
    clocks.machine += input_byte(in) * UINT64_C(10000);
    clocks.store += input_byte(in) * UINT64_C(1000000);
    clocks.echo += input_byte(in);
    link_put_ping(out, c->term, &clocks);
}

static void put_report(struct input *in, const struct repl_core *c, struct buffer *out)
{
    const struct link_report r = { .active = input_byte(in) % 2,
                                   .copy_items = input_byte(in),
                                   .copy_total = input_byte(in),
                                   .lag_us = UINT64_MAX };
    link_put_report(out, c->term, &r, "well");
}

/* What the node tells of itself. */
static void put_own(struct input *in, const struct repl_core *c, enum link_op op,
                    struct buffer *out)
{
    if (op == LINK_ROLE)
        put_role(in, c, out);
    else if (op == LINK_TAKEN)
        put_taken(in, c, out);
    else
        put_report(in, c, out);
}

static void put(struct input *in, const struct repl_core *c, enum link_op op,
                struct buffer *out)
{
    switch (op) {
    case LINK_SETQ:
    case LINK_DELETEQ:
    case LINK_FILL:
    case LINK_CHECK:
    case LINK_DELTA:
        put_change(in, c, op, out);
        break;
    case LINK_STREAM:
    case LINK_CHUNK:
        (op == LINK_STREAM ? put_stream : put_chunk)(in, c, out);
        break;
    case LINK_FLUSHQ:
        put_flush(in, c, out);
        break;
    case LINK_NOOP:
        put_noop(in, c, out);
        break;
    case LINK_HELLO:
        put_raw(in, out);
        break;
    case LINK_PING:
        put_ping(in, c, out);
        break;
    case LINK_ROLE:
    case LINK_TAKEN:
    case LINK_REPORT:
        put_own(in, c, op, out);
        break;
    case LINK_BYE:
        link_put_bye(out, "so long");
        break;
    default:
        put_term(in, c, op, out);
    }
}

/* May change one byte of it. */
static void spoil(struct input *in, struct buffer *out, size_t from)
{
    size_t n = buffer_length(out) - from;
    if (n > 0)
        out->data[out->head + from + input_byte(in) * n / 256] ^= (char)input_byte(in);
}

void speech_put(struct input *in, const struct repl_core *c, struct buffer *out)
{
    size_t from = buffer_length(out);
    uint8_t which = input_byte(in);
    enum link_op op = ops[which % N_ELEMENTS(ops)];
    put(in, c, op, out);
    if (which > 250 && op != LINK_FLUSHQ) /* that would take effect some year */
        spoil(in, out, from);
}

void speech_hello(struct input *in, const struct link_hello *said,
                  struct link_hello *hello)
{
    uint8_t how = input_byte(in);
    *hello = *said;
    memset(&hello->run, how % 8 < 4 ? 'F' : 'x' + how % 3, sizeof(hello->run));
    if (how > 250)
        hello->run = said->run;
    hello->active = how / 8 % 2;
    hello->map_bits = (uint8_t)(how / 16 % 4 == 3 ? input_byte(in) : 6 + how / 16);
    hello->term = term_of(in, said->term, said->seen);
    hello->seen = term_of(in, hello->term, said->seen);
    hello->item_max = input_byte(in) * UINT64_C(16);
    hello->memory = input_byte(in);
    hello->met = how % 3 == 0 ? 0 : input_byte(in);
    hello->side = how % 7 % 4;
    hello->former = how % 5 == 0 ? hello->met : input_byte(in);
}
