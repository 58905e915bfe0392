#include "repl/core.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "repl/internal.h"

static bool maps_init(struct repl_core *c)
{
    struct map *const maps[] = { &c->dirty, &c->flying, &c->lacking, &c->touched,
                                 &c->owed,  &c->coming, &c->doomed,  &c->spare };
    bool ok = true;
    for (size_t i = 0; i < N_ELEMENTS(maps); i++)
        ok = map_init(maps[i], c->config.map_bits) && ok;
    return ok;
}

void repl_core_warm_up(struct repl_core *c)
{
    struct map *const maps[] = { &c->dirty, &c->flying, &c->lacking, &c->touched,
                                 &c->owed,  &c->coming, &c->doomed,  &c->spare };
    for (size_t i = 0; i < N_ELEMENTS(maps); i++)
        map_touch(maps[i]);
    known_touch(&c->known);
}

static void maps_fini(struct repl_core *c)
{
    struct map *const maps[] = { &c->dirty, &c->flying, &c->lacking, &c->touched,
                                 &c->owed,  &c->coming, &c->doomed,  &c->spare };
    for (size_t i = 0; i < N_ELEMENTS(maps); i++)
        map_fini(maps[i]);
}

/* Room for notices that are not sent yet. */
static size_t notices_bytes(size_t journal)
{
    enum { LEAST = 64 << 10, MOST = 64 << 20 };
    size_t bytes = journal / 2;
    return bytes < LEAST ? LEAST : bytes > MOST ? MOST : bytes;
}

bool repl_core_init(struct repl_core *c, const struct repl_config *config,
                    const struct repl_store_ops *store_ops, void *store,
                    const struct repl_port_ops *port_ops, void *port)
{
    memset(c, 0, sizeof(*c));
    c->magic = REPL_CORE_MAGIC;
    c->config = *config;
    c->store_ops = store_ops;
    c->store = store;
    c->port_ops = port_ops;
    c->port = port;
    AZ(pthread_mutex_init(&c->lock, NULL));
    AZ(pthread_cond_init(&c->unheld, NULL));
    bool ok = gate_init(&c->gate);
    ok = journal_init(&c->journal, config->journal_bytes) && ok;
    ok = journal_init(&c->notices, notices_bytes(config->journal_bytes)) && ok;
    ok = maps_init(c) && ok;
    ok = known_init(&c->known, config->map_bits) && ok;
    ok = waiters_init(&c->waiters, config->fetch_wait_us, config->resume,
                      config->resume_context, &config->secret) &&
         ok;
    if (!ok)
        return false;
    map_fill(&c->lacking); /* mutant: no-lacking-map */
    core_hold(c);
    core_release(c);
    return true;
}

void repl_core_stop(struct repl_core *c)
{
    CHECK_OBJ(c, REPL_CORE_MAGIC);
    resync_stop(c);
    verify_stop(c, "the node ends");
}

void repl_core_fini(struct repl_core *c)
{
    repl_core_stop(c);
    verify_fini(c);
    waiters_fini(&c->waiters);
    known_fini(&c->known);
    maps_fini(c);
    journal_fini(&c->journal);
    journal_fini(&c->notices);
    gate_fini(&c->gate);
    AZ(pthread_cond_destroy(&c->unheld));
    AZ(pthread_mutex_destroy(&c->lock));
    c->magic = 0;
}

/* A delayed flush_all takes effect now. A follower whose leader knows of it waits for the
 * leader's word; a leader gives it, as for a fresh one. Without either, one that clients
 * made here is a change of this node; one that came from the peer is the peer's affair,
 * which may have put it off meanwhile: then there are items to get back from it. */
static void flush_fires(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    bool leads = s->lead == LEAD_LEADER;
    c->has_flush = false;
    c->flush_unsaid = c->flush_led;
    if (c->flush_led)
        return;
    c->flush_untold = c->flush_foreign && !(leads && s->merged);
    map_fill(&c->touched);
    map_fill(c->flush_untold ? &c->lacking : &c->dirty);
    if (leads) {
        s->flush_due = true;
    } else if (s->open) {
        repl_core_closed(c);
        c->port_ops->close(c->port, "a flush_all took effect that the peer did not know");
    }
}

/* A flush_all that a client made here: everything may differ now, and the peer is told
 * at once so that it does not serve what is flushed until the repair is done. */
void core_take_flush(struct repl_core *c)
{
    uint64_t asked = atomic_load(&c->flush_asked);
    uint32_t now = c->store_ops->clock(c->store);
    if (c->has_flush && now >= c->flush_at)
        flush_fires(c); /* even if another has been asked for since */
    if (asked != c->flush_seen) {
        c->flush_seen = asked;
        c->flush_at = (uint32_t)asked;
        c->has_flush = c->flush_at != 0;
        c->flush_led = c->flush_foreign = false;
        c->session.flush_due = true;
    }
    if (c->has_flush && now >= c->flush_at)
        flush_fires(c);
}

void core_store_failed(struct repl_core *c, const char *what)
{
    uint64_t n = ++c->count.store_failures;
    if ((n & (n - 1)) == 0)
        repl_core_fault(
            c,
            "the store could not %s (such failures so far: %llu); it is tried "
            "again: see whether this machine is short of memory",
            what, (unsigned long long)n);
}

enum repl_answer core_lookup(struct repl_core *c, const void *key, size_t nkey,
                             struct repl_item *out)
{
    enum repl_answer found = c->store_ops->lookup(c->store, key, nkey, out);
    if (found == REPL_UNKNOWN)
        core_store_failed(c, "look a key up");
    return found;
}

bool core_put_maps(struct repl_core *c, enum link_op op, const struct map *const *maps,
                   size_t n)
{
    struct buffer *out = core_out(c);
    size_t begun = link_begin(out, op, c->reign);
    if (begun == SIZE_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!map_encode(maps[i], c->session.map_bits, out))
            return false;
    }
    link_finish(out, begun);
    return true;
}

bool core_take_maps(struct repl_core *c, const struct link_message *m,
                    struct map *const *maps, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t used =
            map_decode(maps[i], c->session.map_bits, m->rest + at, m->nrest - at);
        if (used == 0)
            return false;
        at += used;
    }
    return at == m->nrest;
}

void core_out_of_memory(struct repl_core *c)
{
    repl_core_fault(c, "out of memory for the maps; the link is closed");
    repl_core_closed(c);
    c->port_ops->close(c->port, "out of memory");
}

void repl_core_tick(struct repl_core *c, uint64_t now_us)
{
    c->now_us = now_us;
    if (c->lone_since_us == 0)
        c->lone_since_us = now_us;
    claim_note_activity(c);
    handover_watch_time(c);
    absent_tick(c);
    fetch_watch_time(c); /* mutant: fetch-waits-for-ever */
}

bool repl_core_busy(const struct repl_core *c)
{
    return c->purge.goal != PURGE_NONE;
}

bool repl_core_awaits(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    return s->open && (!s->merged || s->await || s->acked != s->sent);
}

/* What changes nothing here is taken in any case: the peer's clients wait for an answer.
 */
bool repl_core_takes(const struct repl_core *c, const struct link_message *m)
{
    return !repl_core_busy(c) || m->op == LINK_NOOP || m->op == LINK_PING ||
           m->op == LINK_FETCH; /* mutant: fetch-behind-a-purge */
}

bool repl_core_work(struct repl_core *c)
{
    CHECK_OBJ(c, REPL_CORE_MAGIC);
    core_take_flush(c);
    if (absent_is_due(c)) {
        if (!ship_may_send(c))
            return false; /* the peer reads on, or is given up */
        absent_tell(c);
        return true;
    }
    if (c->session.map_due)
        merge_send_map(c);
    if (c->session.purge_due)
        merge_purge(c);
    if (purge_work(c))
        return true;
    if (!c->session.merged) /* mutant: journal-unmerged 3 */
        return false;
    if (c->session.flush_due && !c->session.await)
        ship_flush(c);
    fetch_send(c);
    /* Room before what needs it. */
    bool more = notices_ship(c); /* mutant: evictions-not-told */
    more = ship_changes(c) || more;
    more = resync_work(c) || more;
    more = verify_work(c) || more;
    resync_repair(c);
    handover_work(c);
    return more;
}

enum repl_need repl_core_need(struct repl_core *c)
{
    bool waits = absent_is_due(c) && !ship_may_send(c);
    if (atomic_load(&c->flush_asked) != c->flush_seen || c->session.map_due ||
        c->session.purge_due || (repl_core_busy(c) && !c->purge.stalled))
        return waits ? NEED_PEER : NEED_WORK;
    if (!c->session.merged)
        return NEED_NOTHING;
    if (waiters_have_unsent(&c->waiters) && ship_may_ask(c))
        return NEED_WORK;
    if (!ship_has_unread(c) && c->gather.shipped == c->gather.n)
        return NEED_NOTHING;
    if (ship_may_send(c))
        return NEED_WORK;
    return fetch_is_on(c) ? NEED_NOTHING : NEED_PEER; /* somebody may want to ask */
}
