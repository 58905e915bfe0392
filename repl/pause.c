/*
 * An operator has paused the automatic moves of the clients' address. The core itself
 * goes on as always: it only says so, and whoever moves addresses (the guard) keeps to
 * it. It is kept in memory alone, so it ends with the process.
 */
#include "repl/internal.h"

void repl_core_pause(struct repl_core *c, uint64_t us)
{
    ASSERT_LOCKED(c);
    if (c->pause.since_us == 0)
        c->pause.since_us = c->now_us;
    c->pause.until_us = us != 0 ? c->now_us + us : 0;
    if (us != 0)
        core_event(c, HISTORY_NODE, REPL_LOG_INFO,
                   "automatic moves are paused for %llu s",
                   (unsigned long long)(us / 1000000));
    else
        core_event(c, HISTORY_NODE, REPL_LOG_INFO, "automatic moves are paused");
}

static void end(struct repl_core *c, const char *why)
{
    c->pause = (struct repl_pause){ 0 };
    core_event(c, HISTORY_NODE, REPL_LOG_INFO, "automatic moves go on: %s", why);
}

bool repl_core_resume(struct repl_core *c)
{
    ASSERT_LOCKED(c);
    bool was = repl_core_is_paused(c);
    if (was)
        end(c, "resumed over the control socket");
    return was;
}

bool repl_core_is_paused(const struct repl_core *c)
{
    return c->pause.since_us != 0;
}

uint64_t repl_core_paused_us(const struct repl_core *c)
{
    return repl_core_is_paused(c) ? c->now_us - c->pause.since_us : 0;
}

uint64_t repl_core_pause_left_us(const struct repl_core *c)
{
    return c->pause.until_us > c->now_us ? c->pause.until_us - c->now_us : 0;
}

void pause_tick(struct repl_core *c)
{
    if (c->pause.until_us != 0 && c->now_us >= c->pause.until_us)
        end(c, "the time of the pause is over");
}
