/*
 * A whole life with a false peer: a core over a toy store, whose clients continue, whose
 * roles and clock move, and whose memory runs out, while the other end of the link sends
 * what the input determines. Meanwhile no check may fail, and the data that waits for the
 * false peer must be bounded. Then the true peer connects, and both must become equal.
 */
#include <stdio.h>

#include "base/check.h"
#include "repl/internal.h"
#include "test/fake/pair.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/scarce.h"
#include "test/fuzz/speech.h"

enum {
    BODY_MAX = 2048, /* as if this was the node's item limit, in bytes */
    UNREAD_MAX = 17 << 20,
    /* The longest answer to one message: all absences, the maps, and a part of an item
     * for each byte of a list of keys. */
    ANSWER_MAX = 80 << 10,
    ANSWER_SHARE = 600,
    TRIES = 12,
};

struct play {
    struct input in;
    struct pair p;
    struct node *a; /* the node under test; the other node is the true peer */
    uint64_t requests;
    bool evicted[SPEECH_KEYS]; /* by the node: the true peer may rightly still hold it */
};

static struct wire_connection *connection_of(struct play *y)
{
    return &y->p.wire.connections[y->p.wire.end[0].session];
}

static bool is_linked(const struct play *y)
{
    return y->p.wire.end[0].session != WIRE_NONE;
}

/* As the port does if a message could not be composed completely. */
static void mend_pipes(struct play *y)
{
    for (unsigned i = 0; i < WIRE_CONNECTIONS; i++) {
        for (unsigned to = 0; to < 2; to++) {
            struct buffer *pipe = &y->p.wire.connections[i].pipe[to];
            if (!pipe->failed)
                continue;
            if (y->p.wire.end[0].session == (int)i)
                wire_lose(&y->p.wire, 0);
            buffer_fini(pipe);
        }
    }
}

static size_t unread(struct play *y)
{
    return is_linked(y) ? buffer_length(&connection_of(y)->pipe[1]) : 0;
}

/* ---- actions of the false peer */

static void hang_up(struct play *y)
{
    wire_cut(&y->p.wire);
}

static void call(struct play *y)
{
    struct wire *w = &y->p.wire;
    struct repl_core *c = &y->a->core;
    struct link_hello hello;
    hang_up(y);
    wire_connect(w);
    struct wire_connection *con = &w->connections[w->newest];
    con->greeted[0] = con->greeted[1] = true;
    buffer_consume(&con->pipe[0], buffer_length(&con->pipe[0]));
    buffer_consume(&con->pipe[1], buffer_length(&con->pipe[1]));
    speech_hello(&y->in, &con->said[0], &hello);
    w->end[0].session = w->newest;
    wire_hold(w, 0, true);
    AZ(pthread_mutex_lock(&c->lock));
    const char *why = repl_core_hello_fault(c, &hello);
    scarce_on();
    if (why == NULL)
        why = repl_core_hello(c, &con->said[0], &hello);
    if (why != NULL) {
        repl_core_closed(c);
        w->end[0].session = WIRE_NONE;
    }
    scarce_off();
    AZ(pthread_mutex_unlock(&c->lock));
}

static void work(struct play *y, unsigned rounds)
{
    while (rounds-- > 0) {
        scarce_on();
        bool more = node_work(y->a);
        scarce_off();
        mend_pipes(y);
        if (!more)
            break;
    }
}

static void deliver(struct play *y, const struct link_message *m, size_t size)
{
    struct repl_core *c = &y->a->core;
    size_t before = unread(y);
    AZ(pthread_mutex_lock(&c->lock));
    scarce_on();
    const char *why = repl_core_message(c, m);
    scarce_off();
    if (why != NULL) {
        repl_core_closed(c);
        y->p.wire.end[0].session = WIRE_NONE;
    }
    AZ(pthread_mutex_unlock(&c->lock));
    CHECK(unread(y) <= before + ANSWER_MAX + ANSWER_SHARE * size);
    mend_pipes(y);
}

/* The node reads what it can read now; for the rest it gets some time. */
static void say(struct play *y)
{
    struct buffer out;
    struct link_message m;
    const char *why;
    size_t used;
    if (!is_linked(y))
        call(y);
    if (!is_linked(y))
        return;
    buffer_init(&out);
    speech_put(&y->in, &y->a->core, &out);
    size_t n = buffer_length(&out);
    char *exact = fuzz_exact(out.data, n);
    if (link_parse(exact, n, BODY_MAX, &m, &used, &why) == LINK_OK) {
        deliver(y, &m, n);
    }
    free(exact);
    buffer_fini(&out);
}

static void read_all(struct play *y)
{
    if (is_linked(y))
        buffer_consume(&connection_of(y)->pipe[1], unread(y));
}

static void let_work(struct play *y)
{
    work(y, 1 + input_byte(&y->in) % 8);
}

static void run_out_of_memory(struct play *y)
{
    scarce_set(1 + input_byte(&y->in) % 16);
}

/* ---- actions of the node's clients and its operator */

static const char *some_key(struct play *y)
{
    static char key[SPEECH_KEY];
    speech_key(input_byte(&y->in), key);
    return key;
}

static void set(struct play *y)
{
    const char *key = some_key(y);
    (void)node_set(y->a, key, key);
}

static void append(struct play *y)
{
    const char *key = some_key(y);
    const struct link_change c = {
        .key = key, .nkey = (uint16_t)strlen(key), .value = "more", .nvalue = 4
    };
    bool found;
    (void)node_join(y->a, &c, &found);
}

static void remove_key(struct play *y)
{
    const char *key = some_key(y);
    (void)node_delete(y->a, key);
}

static void count_up(struct play *y)
{
    const char *key = some_key(y);
    (void)node_incr(y->a, key, "7");
}

static void touch(struct play *y)
{
    const char *key = some_key(y);
    (void)node_touch(y->a, key, input_byte(&y->in));
}

static void flush(struct play *y)
{
    (void)node_flush(y->a, input_byte(&y->in) % 4);
}

static void want(struct play *y)
{
    (void)node_fetch(y->a, (const void *)(uintptr_t)++y->requests, some_key(y));
}

static void evict(struct play *y)
{
    unsigned number = input_byte(&y->in) % SPEECH_KEYS;
    char key[SPEECH_KEY];
    speech_key(number, key);
    y->evicted[number] |= node_evict(y->a, key);
}

static void read_key(struct play *y)
{
    char room[SPEECH_VALUE_MAX + 1];
    const char *key = some_key(y);
    (void)node_get(y->a, key, room, sizeof(room));
    node_read(y->a, key);
}

static void promote(struct play *y)
{
    node_promote(y->a);
}

static void demote(struct play *y)
{
    node_demote(y->a);
}

static void ask_core(struct play *y, const char *(*what)(struct repl_core *))
{
    AZ(pthread_mutex_lock(&y->a->core.lock));
    (void)what(&y->a->core);
    AZ(pthread_mutex_unlock(&y->a->core.lock));
}

static const char *begin_handover(struct repl_core *c)
{
    return repl_core_handover_begin(c, &repl_handover_planned);
}

static void hand_over(struct play *y)
{
    ask_core(y, begin_handover);
}

static void verify(struct play *y)
{
    ask_core(y, repl_core_verify_begin);
}

static void resync(struct play *y)
{
    ask_core(y, repl_core_resync);
}

static void wait_ms(struct play *y)
{
    pair_pass(&y->p, 1 + input_byte(&y->in) * 8u);
}

static void wait_s(struct play *y)
{
    pair_advance(&y->p, input_byte(&y->in) % 8);
}

static void (*const acts[])(struct play *) = {
    let_work,   let_work, let_work, read_all, read_all,          hang_up, call,
    set,        set,      set,      append,   count_up,          touch,   flush,
    remove_key, want,     evict,    read_key, promote,           demote,  hand_over,
    verify,     resync,   wait_ms,  wait_s,   run_out_of_memory,
};

static void step(struct play *y)
{
    uint8_t what = input_byte(&y->in);
    if (what >= 128)
        acts[what % N_ELEMENTS(acts)](y);
    else
        say(y);
    mend_pipes(y);
    CHECK(unread(y) <= UNREAD_MAX);
}

/* ---- the true peer connects */

static bool is_well(struct play *y)
{
    pair_pass(&y->p, 40000); /* now every wait has taken too long */
    pair_advance(&y->p, 10);
    return pair_settle(&y->p) && pair_in_sync(&y->p) && pair_same(&y->p, NULL, 0);
}

/* Changes one last key, and all keys that may differ. */
static void change_again(struct play *y)
{
    char key[SPEECH_KEY];
    node_promote(y->a);
    CHECK(node_set(y->a, "after all", "this") == CHANGE_OK);
    for (unsigned i = 0; i < SPEECH_KEYS; i++) {
        speech_key(i, key);
        if (y->evicted[i])
            CHECK(node_set(y->a, key, "once more") == CHANGE_OK);
    }
}

static void make_peace(struct play *y)
{
    char why[400] = "";
    bool well = false;
    scarce_set(0);
    hang_up(y);
    wire_hold(&y->p.wire, 0, false);
    (void)is_well(y);
    change_again(y);
    for (unsigned i = 0; i < TRIES && !well; i++)
        well = is_well(y);
    if (!well && !pair_same(&y->p, why, sizeof(why)))
        fprintf(stderr, "the nodes do not agree: %s\n", why);
    CHECK(well && node_has(&y->p.node[1], "after all", "this"));
}

/* The true peer may have been connected before. */
static void begin(struct play *y)
{
    uint8_t how = input_byte(&y->in);
    const struct pair_config config = {
        .map_bits = { 6 + how % 4, 8 },
        .journal_bytes = how % 2 ? 4096 : 64 << 10,
        .single_scan = how / 8 % 4 == 3,
        .own_cas = how / 32 % 4 == 3,
        .standby_writes = (enum repl_standby_writes)(how / 16 % 3),
        .keep_on_conflict = how / 4 % 4 == 3,
        .lone_rejects = how > 240,
        .whole_max = how % 2 ? 600 : 0,
        .chunk = 100,
        .item_max = BODY_MAX,
        .fetch_wait_ms = how % 64 == 39 ? 20 : 0, /* rarely: its tables take time */
    };
    pair_init(&y->p, &config);
    y->a = &y->p.node[0];
    if (how % 8 < 3)
        return;
    node_promote(y->a);
    (void)node_set(y->a, "key 1", "of old");
    CHECK(pair_settle(&y->p));
    if (how % 8 < 5)
        node_promote(&y->p.node[1]);
    wire_cut(&y->p.wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct play y;
    y = (struct play){ .in = { bytes, bytes + n } };
    begin(&y);
    while (y.in.at < y.in.end)
        step(&y);
    make_peace(&y);
    pair_fini(&y.p);
    return 0;
}
