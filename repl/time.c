/* The core's time, and what both nodes tell each other of theirs. */
#include "repl/internal.h"

void repl_core_at(struct repl_core *c, uint64_t now_us)
{
    ASSERT_LOCKED(c);
    c->now_us = now_us;
    store_clock_look(&c->clock, now_us, c->store_ops->clock(c->store));
}

void repl_core_ping(struct repl_core *c)
{
    const struct link_clocks clocks = {
        .machine = c->now_us,
        .store = store_clock_us(&c->clock, c->now_us),
        .echo = peer_clock_echo(&c->session.clock, c->now_us),
    };
    link_put_ping(core_out(c), c->term, &clocks);
}
