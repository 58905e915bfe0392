/*
 * Does the peer keep up? It is said when it falls back, and why, once for a row of
 * overflows; and, for as long as it cannot catch up, what to do about it.
 */
#include "repl/internal.h"

enum { HOPELESS_US = 30000000 }; /* longer than any repair under a load that is borne */

static const char *cause(struct repl_core *c)
{
    uint64_t pending, ignored;
    pending = core_pending(c, &ignored);
    if (!c->session.merged)
        return "there is no link to send its entries over";
    if (sync_lag_us(c, pending) > 1000000)
        return "the peer acknowledges nothing, or too slowly";
    if (c->session.copy.under_way)
        return "a copy is under way beside the changes";
    return "clients change more than the link takes";
}

static void begin(struct repl_core *c)
{
    c->keep_up.since_us = c->keep_up.said_us = c->now_us;
    core_log(
        c, REPL_LOG_WARNING,
        "the journal of %zu bytes is full: %s; further changes are kept as groups of "
        "keys, and these are copied again",
        c->config.journal_bytes, cause(c));
}

static void end(struct repl_core *c)
{
    core_log(c, REPL_LOG_INFO, "the peer has caught up after %.1f s",
             (double)(c->now_us - c->keep_up.since_us) / 1e6);
    c->keep_up.since_us = 0;
    c->keep_up.hopeless = false;
}

/* Ever more rarely. */
static void complain(struct repl_core *c)
{
    uint64_t past = c->now_us - c->keep_up.since_us;
    c->keep_up.hopeless = true;
    if (c->keep_up.said_us != c->keep_up.since_us &&
        c->now_us - c->keep_up.said_us < past / 2)
        return;
    c->keep_up.said_us = c->now_us;
    repl_core_fault(c,
                    "the peer has not caught up for %llu s: %s; raise journal (now %zu "
                    "bytes), or see why the link or the peer is slow",
                    (unsigned long long)(past / 1000000), cause(c),
                    c->config.journal_bytes);
}

void keep_up_tick(struct repl_core *c)
{
    struct repl_keep_up *k = &c->keep_up;
    uint64_t n = GATE_SUM(&c->gate, overflows);
    bool more = n != k->overflows;
    k->overflows = n;
    if (more && k->since_us == 0)
        begin(c);
    else if (k->since_us != 0 && c->session.merged && copy_is_done(c))
        end(c);
    else if (more && c->session.merged && c->now_us - k->since_us > HOPELESS_US)
        complain(c);
}
