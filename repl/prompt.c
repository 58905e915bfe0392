/*
 * A change that comes after a pause is shipped by the client's own thread: one send,
 * instead of a wake-up of the replication thread and that thread's send. It never waits:
 * if the lock is taken, or more is due than a few changes, the replication thread is
 * woken.
 */
#include "base/monotonic.h"
#include "repl/loop.h"

/* PAUSE: since the last batch. Changes that come quicker gather for the replication
 * thread. FEW: look-ups that a client may wait for. */
enum { PAUSE_US = 40, FEW = 16 };

/* Nothing waits for the network, so what is composed now can be written now. */
static bool is_clear(const struct repl_thread *t)
{
    const struct link *l = t->session;
    return l != NULL && !l->want_write && output_empty(&l->out);
}

/* What does not leave at once, and errors, are left for the replication thread: it alone
 * touches the events. */
static bool write_out(struct repl_thread *t)
{
    return link_write_on(t->session, &repl_core_counters(t->core)->bytes_out) ==
           OUTPUT_SENT;
}

static bool ship(struct repl_thread *t)
{
    uint64_t now = monotonic_us();
    if (now - t->shipped_at_us < PAUSE_US || !is_clear(t) ||
        !repl_core_ship(t->core, now, FEW))
        return false;
    t->shipped_before = repl_core_counters(t->core)->shipped;
    t->shipped_at_us = now;
    return write_out(t);
}

bool prompt_ship(struct repl_thread *t)
{
    if (!t->config.is_prompt || !repl_core_trylock(t->core))
        return false;
    bool done = ship(t);
    if (done) { /* as wait_for_events does before it waits */
        atomic_store(&t->sleeping, true);
        done = repl_core_need(t->core) != NEED_WORK;
    }
    repl_core_unlock(t->core);
    return done;
}
