/*
 * See world.h. Long because everything that clients, faults and time do to the world is
 * together, a few lines each, with the books about it.
 */
#include "test/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "repl/internal.h"

/* ---- randomness */

uint64_t world_random(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

unsigned below(struct world *w, unsigned n)
{
    return (unsigned)(world_random(w) % n);
}

bool one_in(struct world *w, unsigned n)
{
    return below(w, n) == 0;
}

/* ---- life */

enum { VALUE_LARGE = 1100 }; /* so large that a change of it is sent as a delta */

static void see_message(void *context, unsigned to, const struct link_message *m);
static void resumed(void *context, const void *request);

/* Which keys share their bucket with no other, on whichever node? */
static void note_alone(struct world *w, const struct pair_config *config)
{
    unsigned bits = config->map_bits[config->map_bits[0] > config->map_bits[1]];
    for (unsigned k = 0; k < w->nkeys; k++) {
        w->keys[k].is_alone = true;
        for (unsigned j = 0; j < w->nkeys; j++) {
            if (j != k &&
                w->keys[j].hash >> (64 - bits) == w->keys[k].hash >> (64 - bits))
                w->keys[k].is_alone = false;
        }
    }
}

void world_init(struct world *w, const struct pair_config *config, uint64_t seed,
                unsigned nkeys)
{
    CHECK(nkeys <= KEYS_MAX);
    memset(w, 0, sizeof(*w));
    w->loud = getenv("FAKE_LOG") != NULL;
    w->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    w->nkeys = nkeys;
    for (unsigned k = 0; k < nkeys; k++) {
        snprintf(w->keys[k].name, sizeof(w->keys[k].name), "key %u", k);
        w->keys[k].hash = hash_key(w->keys[k].name, strlen(w->keys[k].name));
    }
    note_alone(w, config);
    pair_init(&w->p, config);
    w->p.on_resume = resumed;
    w->p.resume_context = w;
    w->p.wire.watch = see_message;
    w->p.wire.watch_context = w;
    world_phase(w);
}

void world_fini(struct world *w)
{
    pair_fini(&w->p);
    for (unsigned i = 0; i < 2; i++)
        buffer_fini(&w->coming[i].value);
    free(w->versions);
}

void world_phase(struct world *w)
{
    struct sight s, other;
    for (unsigned k = 0; k < w->nkeys; k++) {
        world_see(w, &w->p.node[0], k, &s);
        world_see(w, &w->p.node[1], k, &other);
        w->keys[k].expected = s.version;
        w->keys[k].expected_death = s.dies_at;
        w->keys[k].heir = 0;
        if (s.version == other.version)
            w->keys[k].evicted = false;
    }
    for (unsigned i = 0; i < 2; i++) {
        w->compared[i] = w->p.node[i].core.verify.found[0];
        w->failed[i] = w->p.node[i].core.count.apply_failed;
    }
    absence_begin_phase(w);
    w->wrote[0] = w->wrote[1] = w->crashed[0] = w->crashed[1] = false;
    w->flushed_later = false;
}

/* ---- what a node shows */

static uint64_t number_at(const char *value, size_t n)
{
    char text[24];
    snprintf(text, sizeof(text), "%.*s", n < 23 ? (int)n : 23, value);
    return strtoull(text, NULL, 10);
}

/* The number at the head or at the tail of it, whichever is higher. */
static uint64_t version_of(const struct link_change *c)
{
    const char *value = c->value;
    size_t n = c->nvalue, from = n;
    while (from > 0 && value[from - 1] != ' ')
        from--;
    uint64_t head = number_at(value, n), tail = number_at(value + from, n - from);
    return head > tail ? head : tail;
}

void world_see(struct world *w, struct node *n, unsigned k, struct sight *out)
{
    const char *name = w->keys[k].name;
    struct repl_item it;
    *out = (struct sight){ 0 };
    change_before_read(&n->core, name, strlen(name));
    if (!toy_store_ops.lookup(&n->store, name, strlen(name), &it))
        return;
    out->version = version_of(&it.state);
    out->digest = hash_key(it.state.value, it.state.nvalue);
    out->cas = it.state.cas;
    out->flags = it.state.flags;
    out->credit = it.state.credit;
    out->dies_at = it.state.exptime != 0 ? pair_second(n, it.state.exptime) : NEVER;
    toy_store_ops.release(&n->store, it.item);
}

/* I6: a change that came from the peer is never shipped back. What a journal ships was
 * changed by this node's clients. */
static void judge_shipped(struct world *w, unsigned from, const struct link_message *m)
{
    const struct link_change *c = &m->change;
    char text[40];
    unsigned k;
    snprintf(text, sizeof(text), "%.*s", c->nkey, (const char *)c->key);
    if (sscanf(text, "key %u", &k) != 1 || k >= w->nkeys)
        world_complain(w, "node %u ships a key that nobody knows", from);
    else if (!w->keys[k].changed[from])
        world_complain(w, "node %u ships key %u, that none of its clients changed", from,
                       k);
    if (m->op != LINK_SETQ)
        return;
    uint64_t v = version_of(c);
    const struct repl_session *s = &w->p.node[1 - from].core.session;
    if (k < w->nkeys && s->merged && s->lead == LEAD_FOLLOWER && !s->gap)
        w->keys[k].given[1 - from] = v;
    if (v == 0 || v > w->nversions || !w->versions[v].by[from])
        world_complain(w, "node %u ships version %llu, that is not of its clients", from,
                       (unsigned long long)v);
}

/* A change that comes in chunks is judged when it is whole. */
static void see_stream(struct world *w, unsigned to, const struct link_message *m)
{
    struct coming *in = &w->coming[to];
    in->change = m->change;
    memcpy(in->key, m->change.key, m->change.nkey);
    in->change.key = in->key;
    buffer_consume(&in->value, buffer_length(&in->value));
}

static void see_chunk(struct world *w, unsigned to, const struct link_message *m)
{
    struct coming *in = &w->coming[to];
    struct link_message whole = { .op = LINK_SETQ, .change = in->change };
    CHECK(buffer_append(&in->value, m->rest, m->nrest));
    whole.change.value = buffer_head(&in->value);
    if (buffer_length(&in->value) == whole.change.nvalue)
        judge_shipped(w, 1 - to, &whole);
}

static void see_message(void *context, unsigned to, const struct link_message *m)
{
    struct world *w = context;
    bool ships = m->op == LINK_SETQ || m->op == LINK_DELTA || m->op == LINK_DELETEQ;
    bool is_change = ships || m->op == LINK_FILL || m->op == LINK_STREAM;
    world_trace(w, "to %u: %s%s %.*s\n", to, link_op_name((uint8_t)m->op),
                m->is_response ? " acknowledged" : "", is_change ? m->change.nkey : 0,
                is_change ? (const char *)m->change.key : "");
    if (ships)
        judge_shipped(w, 1 - to, m);
    else if (m->op == LINK_STREAM && m->stream == STREAM_CHANGES)
        see_stream(w, to, m);
    else if (m->op == LINK_CHUNK && m->stream == STREAM_CHANGES)
        see_chunk(w, to, m);
    else if (m->op == LINK_ABSENT)
        absence_heard(w, &w->p.node[to], m);
}

/* ---- clients */

/* Has everything come to this node that the other one's clients made of the key? A
 * flush_all that is still to take effect there will count as a change of it. */
static bool inherits(const struct world *w, const struct node *n, const struct key *key)
{
    const struct node *other = &w->p.node[1 - n->number];
    uint64_t last = key->last[other->number];
    return key->is_alone && other->up && last != 0 && key->given[n->number] == last &&
           w->versions[last].touched == 0 && !judge_remembers(other, key->hash) &&
           !flush_is_pending(&other->core) && !flush_is_unseen(&other->core);
}

static void changed(struct world *w, struct node *n, unsigned k, uint64_t holds,
                    uint32_t death)
{
    struct key *key = &w->keys[k];
    key->last[n->number] = w->nversions;
    key->changed[n->number] = true;
    key->heir = inherits(w, n, key) && death == NEVER ? holds : 0;
    key->expected = holds;
    key->expected_death = death;
    w->wrote[n->number] = true;
}

static uint64_t new_version(struct world *w, struct node *n, unsigned k, uint32_t death)
{
    w->nversions++;
    if (w->nversions >= w->room) {
        w->room = 2 * w->room + 1000;
        w->versions = realloc(w->versions, w->room * sizeof(*w->versions));
        CHECK(w->versions != NULL);
    }
    w->versions[w->nversions] =
        (struct version){ .key = k,
                          .by = { n->number == 0, n->number == 1 },
                          .made_at = w->p.clock,
                          .dies_at = death };
    return w->nversions;
}

static uint32_t death_of(const struct world *w, uint32_t ttl)
{
    return ttl != 0 ? w->p.clock + ttl : NEVER;
}

static uint32_t flags_of(uint64_t version)
{
    return (uint32_t)(version * UINT64_C(2654435761));
}

/* A client has made a version of what is here now. */
static void wrote(struct world *w, struct node *n, unsigned k, uint64_t v, uint32_t death)
{
    struct repl_item it;
    const char *name = w->keys[k].name;
    CHECK(toy_store_ops.lookup(&n->store, name, strlen(name), &it) == REPL_YES);
    w->versions[v].digest = hash_key(it.state.value, it.state.nvalue);
    w->versions[v].flags = it.state.flags;
    toy_store_ops.release(&n->store, it.item);
    changed(w, n, k, v, death);
    judge_write(w, n, k, v);
}

static struct held *room_to_hold(struct world *w)
{
    for (unsigned i = 0; i < HELD; i++) {
        if (w->held[i].node == NULL)
            return &w->held[i];
    }
    return NULL;
}

/* A node resumes a request: is it one of these? */
static void resumed(void *context, const void *request)
{
    struct world *w = context;
    for (unsigned i = 0; i < HELD; i++) {
        if (request != &w->held[i])
            continue;
        w->held[i].resumed = true;
        w->held[i].resumed_us = w->p.now_us;
    }
}

static enum change_result set(struct world *w, struct node *n, unsigned k,
                              const struct link_change *c)
{
    struct held *held = room_to_hold(w);
    n->request = w->again != NULL ? w->again : held;
    enum change_result r = node_store(n, c);
    if (r == CHANGE_HELD) {
        *(struct held *)(uintptr_t)n->request = (struct held){ .node = n, .k = k };
        w->waits[n->number]++;
    }
    n->request = NULL;
    return r;
}

static const char *fate(bool done, bool found)
{
    return !done ? ", refused" : !found ? ", not here" : "";
}

/* A client's change that needs the key, or a change that does not (found). */
static bool took_effect(struct world *w, struct node *n, unsigned k, bool done,
                        bool found)
{
    if (done && !found)
        absence_told(w, n, k);
    return done && found;
}

/* Store always, or only if the key is here (replace). */
static bool store(struct world *w, struct node *n, unsigned k, uint32_t ttl, bool replace)
{
    char value[VALUE_LARGE + 24];
    struct link_change c = { .key = w->keys[k].name, .value = value, .exptime = ttl };
    bool found = true;
    if (!n->up)
        return false;
    uint64_t v = new_version(w, n, k, death_of(w, ttl));
    snprintf(value, sizeof(value), "%-*llu", k % 3 == 0 ? VALUE_LARGE : 0,
             (unsigned long long)v);
    c.nkey = (uint16_t)strlen(w->keys[k].name);
    c.nvalue = (uint32_t)strlen(value);
    c.flags = flags_of(v);
    bool done = (replace ? node_replace(n, &c, &found) : set(w, n, k, &c)) == CHANGE_OK;
    world_trace(w, "%s %u at %u: %llu for %u%s\n", replace ? "replace" : "set", k,
                n->number, (unsigned long long)v, ttl, fate(done, found));
    if (!took_effect(w, n, k, done, found))
        return false;
    wrote(w, n, k, v, death_of(w, ttl));
    return true;
}

bool world_join(struct world *w, struct node *n, unsigned k, bool before)
{
    char piece[24];
    struct link_change c = { .key = w->keys[k].name, .value = piece, .before = before };
    struct sight old;
    bool found = true;
    if (!n->up)
        return false;
    uint64_t v = new_version(w, n, k, NEVER);
    c.nkey = (uint16_t)strlen(w->keys[k].name);
    c.nvalue = (uint32_t)snprintf(piece, sizeof(piece), before ? "%llu " : " %llu",
                                  (unsigned long long)v);
    world_see(w, n, k, &old);
    bool done = node_join(n, &c, &found) == CHANGE_OK;
    world_trace(w, "%s %u at %u: %llu%s\n", before ? "prepend" : "append", k, n->number,
                (unsigned long long)v, fate(done, found));
    if (!took_effect(w, n, k, done, found))
        return false;
    w->versions[v].dies_at = w->versions[old.version].dies_at;
    wrote(w, n, k, v, old.dies_at);
    return true;
}

bool world_set(struct world *w, struct node *n, unsigned k, uint32_t ttl)
{
    return store(w, n, k, ttl, false);
}

/* A call that was held does not promote its node, if it is made again soon. */
void world_resume(struct world *w)
{
    for (unsigned i = 0; i < HELD; i++) {
        struct held h = w->held[i];
        if (h.node == NULL || !h.resumed)
            continue;
        bool active = h.node->core.active, soon = w->p.now_us - h.resumed_us < 900000;
        world_trace(w, "again\n");
        w->again = &w->held[i];
        w->held[i] = (struct held){ 0 };
        if (world_set(w, h.node, h.k, 0) && !active && soon)
            world_complain(w, "a write that a handover held promotes node %u",
                           h.node->number);
        w->again = NULL;
    }
}

bool world_replace(struct world *w, struct node *n, unsigned k)
{
    return store(w, n, k, 0, true);
}

bool world_touch(struct world *w, struct node *n, unsigned k, uint32_t ttl)
{
    struct sight s;
    uint32_t death = death_of(w, ttl);
    if (!n->up || node_touch(n, w->keys[k].name, ttl) != CHANGE_OK)
        return false;
    world_see(w, n, k, &s);
    uint64_t number = new_version(w, n, k, 0);
    world_trace(w, "touch %u at %u for %u%s\n", k, n->number, ttl,
                s.version != 0 ? "" : ", not here");
    if (s.version == 0) {
        absence_told(w, n, k);
        return false;
    }
    struct version *v = &w->versions[s.version];
    v->touched = number;
    v->by[n->number] = w->keys[k].changed[n->number] = true;
    if (v->dies_at < death)
        v->dies_at = death;
    w->keys[k].expected = s.version; /* it may have expired at the other node only */
    w->keys[k].expected_death = death;
    w->keys[k].heir = 0;
    w->keys[k].last[n->number] =
        w->keys[k].last[n->number] > s.version ? w->keys[k].last[n->number] : s.version;
    w->wrote[n->number] = true;
    return true;
}

bool world_delete(struct world *w, struct node *n, unsigned k)
{
    if (!n->up)
        return false;
    new_version(w, n, k, 0);
    bool done = node_delete(n, w->keys[k].name) == CHANGE_OK;
    world_trace(w, "delete %u at %u: %llu%s\n", k, n->number,
                (unsigned long long)w->nversions, done ? "" : ", refused");
    if (done)
        changed(w, n, k, 0, 0);
    return done;
}

bool world_flush(struct world *w, struct node *n, uint32_t delay)
{
    if (!n->up)
        return false;
    new_version(w, n, 0, 0);
    bool done = node_flush(n, delay) == CHANGE_OK;
    world_trace(w, "flush at %u in %u s: %llu%s\n", n->number, delay,
                (unsigned long long)w->nversions, done ? "" : ", refused");
    for (unsigned k = 0; done && delay == 0 && k < w->nkeys; k++)
        changed(w, n, k, 0, 0);
    if (done) {
        w->flush_at = delay != 0 ? w->p.clock + delay : 0;
        w->flushed_later = w->flushed_later || delay != 0;
    }
    w->wrote[n->number] = w->wrote[n->number] || done;
    return done;
}

void world_gets(struct world *w, struct node *n, unsigned k)
{
    struct sight s;
    world_see(w, n, k, &s);
    if (s.version == 0)
        return;
    node_read(n, w->keys[k].name);
    w->tokens[w->ntokens++ % TOKENS] =
        (struct token){ .key = k, .cas = s.cas, .version = s.version };
}

/* The token is valid if and only if the value is still the same. */
bool world_cas(struct world *w, struct node *n, unsigned token)
{
    const struct token *t = &w->tokens[token];
    struct sight s;
    if (!n->up || t->version == 0)
        return false;
    world_see(w, n, t->key, &s);
    if (s.version == 0 || w->p.config.own_cas)
        return false;
    if ((s.cas == t->cas) != (s.version == t->version))
        world_complain(w, "key %u at node %u: a token of version %llu is %s, it has %llu",
                       t->key, n->number, (unsigned long long)t->version,
                       s.cas == t->cas ? "good" : "refused",
                       (unsigned long long)s.version);
    return s.cas == t->cas && world_set(w, n, t->key, 0);
}

/* The result is judged like everything else (judge_key). */
void world_fetch(struct world *w, struct node *n, unsigned k)
{
    const void *request = &w->requests[below(w, REQUESTS)];
    if (!n->up || !node_fetch(n, request, w->keys[k].name))
        return;
    world_trace(w, "get %u at %u: it waits\n", k, n->number);
    w->waits[n->number]++;
}

/* ---- what happens to nodes */

void world_evict(struct world *w, struct node *n, unsigned k)
{
    if (!n->up)
        return;
    struct key *key = &w->keys[k];
    key->evicted = node_evict(n, key->name) || key->evicted;
    key->heir = 0;
}

void world_crash(struct world *w, struct node *n)
{
    struct node *other = &w->p.node[1 - n->number];
    world_trace(w, "crash of %u\n", n->number);
    /* What it is missing is lost with n, and what it has no room for among the messages
     * that are still on their way. */
    if (!map_is_empty(&other->core.missing) || other->store.one_in_refused > 0)
        w->crashed[other->number] = true;
    node_crash(n);
    for (unsigned i = 0; i < HELD; i++) {
        if (w->held[i].node == n)
            w->held[i] = (struct held){ 0 }; /* its client gets no answer */
    }
    for (unsigned k = 0; k < w->nkeys; k++)
        w->keys[k].last[n->number] = w->keys[k].given[n->number] = w->keys[k].heir = 0;
    absence_forget(w, n->number);
    w->crashed[n->number] = true;
    w->highest_cas[n->number] = 0;
    w->waits[n->number] = n->resumed; /* its requests end with the node */
    w->p.run_order[n->number] = (uint8_t)world_random(w);
    node_start(n);
}

/* Do messages wait, also those that are held back, or that a busy node does not
 * take? */
static bool messages_wait(const struct world *w)
{
    bool wait = false;
    for (unsigned i = 0; i < 2; i++) {
        int session = w->p.wire.end[i].session;
        wait = wait || (session != WIRE_NONE &&
                        buffer_length(&w->p.wire.connections[session].pipe[i]) > 0);
    }
    return wait;
}

static void flush_fires(struct world *w)
{
    for (unsigned k = 0; k < w->nkeys; k++) {
        struct key *key = &w->keys[k];
        key->heir = 0;
        if (key->expected != 0 && w->versions[key->expected].made_at < w->flush_at)
            key->expected = 0;
    }
    w->flushed_at = w->flush_at;
    w->flush_at = 0;
}

static void note_flush(struct world *w)
{
    if (w->flush_at != 0 && w->p.clock >= w->flush_at)
        flush_fires(w);
}

/* A flush that came from the peer may take effect on a node that has become active
 * meanwhile. Then that node changes everything, although its own clients did not ask
 * for it. It does so even if the peer's clients have since replaced that flush by
 * another one, while there was no link between the nodes. clock: until when. */
static void note_foreign_flushes(struct world *w, uint32_t clock)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct repl_core *c = &w->p.node[i].core;
        enum flush_origin origin = c->flush.origin;
        if (w->p.node[i].up && (origin == FLUSH_FOREIGN || origin == FLUSH_LED) &&
            clock >= pair_second(&w->p.node[i], c->flush.at) &&
            c->session.lead == LEAD_LEADER)
            w->wrote[i] = true;
    }
}

/* Do nodes that meet not know each other's clocks yet? */
static bool clocks_wait(const struct world *w)
{
    const struct wire *wire = &w->p.wire;
    for (unsigned i = 0; i < 2; i++) {
        const struct repl_session *s = &w->p.node[i].core.session;
        bool hello_waits =
            wire->newest != WIRE_NONE && !wire->connections[wire->newest].greeted[i];
        if (w->p.node[i].up &&
            (hello_waits || (s->open && s->clock.doubt_us == LINK_CLOCK_MAX)))
            return true;
    }
    return false;
}

void world_pass(struct world *w, unsigned ms)
{
    if (clocks_wait(w))
        w->late += (ms + 999) / 1000;
    note_foreign_flushes(w, w->p.clock + (ms + 999) / 1000); /* nodes act at once */
    pair_pass(&w->p, ms);
    note_flush(w);
}

void world_tick(struct world *w)
{
    if (clocks_wait(w))
        w->late++;
    if (!messages_wait(w)) {
        w->stuck_since = 0;
    } else {
        if (w->stuck_since == 0)
            w->stuck_since = w->p.clock;
        else if (w->p.clock - w->stuck_since >= 3)
            wire_cut(&w->p.wire);
    }
    pair_advance(&w->p, 1);
    world_trace(w, "the clock says %u\n", w->p.clock);
    note_foreign_flushes(w, w->p.clock);
    note_flush(w);
}
