/*
 * Fetches single items from the peer: a node that is being filled is missing most of
 * what its clients want, and the peer has it.
 *
 *   worker                     this node                        peer
 *     get, it is not here
 *     fetch_wait: parked  -->  FETCH{keys} NOOP{batch}   -->    look up, at once
 *                              store FILL, resume        <--    FILL...
 *     get, again          <--  resume the others         <--    NOOP{batch}
 *
 * The peer answers with FILLs like those of its scan, which are taken or refused by the
 * same rules (R12). Messages come in order: if a key has not come when the batch is
 * acknowledged, the peer does not have it. Either node may ask, whichever leads. Of large
 * values one at a time is on its way, in chunks; for others there is no answer.
 */
#include "base/hash.h"
#include "repl/internal.h"

enum { FETCH_KEYS = 250 }; /* in one message */

bool fetch_is_on(const struct repl_core *c)
{
    return gate_flags(&c->gate) & GATE_MISSING;
}

/* A key that clients changed here is not asked for: what the peer has is older. */
bool fetch_may_help(const struct repl_core *c, const void *key, size_t nkey)
{
    if (nkey == 0 || nkey > LINK_KEY_MAX)
        return false;
    uint64_t hash = hash_key(key, nkey);
    return !waiters_are_vain(&c->waiters) && map_has(&c->missing, hash) &&
           !known_has(&c->known, hash) && !map_has(&c->written, hash);
}

bool fetch_wait(struct repl_core *c, const void *request, const void *key, size_t nkey,
                uint64_t now_us)
{
    if (!waiters_ask(&c->waiters, request, key, nkey, now_us))
        return false;
    c->port_ops->wake(c->port);
    return true;
}

void fetch_send(struct repl_core *c)
{
    struct buffer *out;
    size_t begun, nkey;
    const void *key;
    if (!waiters_have_unsent(&c->waiters) || !ship_may_send(c))
        return;
    out = core_out(c);
    begun = link_begin(out, LINK_FETCH, c->term);
    if (begun == SIZE_MAX)
        return; /* the port closes the connection */
    for (unsigned n = 0; n < FETCH_KEYS; n++) {
        if (!waiters_take(&c->waiters, c->session.sent + 1, &key, &nkey))
            break;
        link_put_note(out, &(struct link_note){ .key = key, .nkey = (uint8_t)nkey });
        c->count.fetches++;
    }
    link_finish(out, begun);
    ship_end_batch(c);
}

void fetch_found(struct repl_core *c, const struct link_change *change)
{
    if (!waiters_want(&c->waiters))
        return;
    c->count.fetch_hits += waiters_found(&c->waiters, change->key, change->nkey);
}

/* It is on its way, however long that takes: the acknowledgement of the batch does not
 * say that the peer does not have it. */
void fetch_coming(struct repl_core *c, const struct link_change *change)
{
    if (waiters_want(&c->waiters))
        waiters_coming(&c->waiters, change->key, change->nkey);
}

void fetch_came(struct repl_core *c, const struct link_change *change)
{
    if (waiters_want(&c->waiters))
        waiters_came(&c->waiters, change->key, change->nkey, c->now_us);
}

void fetch_check_time(struct repl_core *c)
{
    c->count.fetch_timeouts += waiters_expire(&c->waiters, c->now_us);
}

/* An item is looked up and queued in one step, as in a scan. A peer that does not read
 * what it asked for gets nothing more: the remaining keys are misses there. */
const char *fetch_message(struct repl_core *c, const struct link_message *m)
{
    struct link_note note;
    struct repl_item item;
    size_t at = 0;
    if (!c->session.merged || m->term != c->term)
        return NULL;
    resync_give_way(c);
    while (ship_has_room(c) && link_next_note(m, &at, &note)) {
        if (core_lookup(c, note.key, note.nkey, &item) == REPL_YES)
            ship_fill(c, STREAM_FETCHED, &item);
    }
    return NULL;
}

bool fetch_stream(struct repl_core *c)
{
    if (!stream_is_busy(c, STREAM_FETCHED) || !stream_may_send(c))
        return false;
    stream_go_on(c, STREAM_FETCHED);
    ship_end_batch(c);
    return true;
}
