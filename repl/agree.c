/*
 * What both nodes should have alike, from HELLO. If their times differ, the larger values
 * count: else one node would wait for a shorter time than the other one is silent, and
 * the link would break again and again. Differences that have no reason are only logged;
 * they do no harm until the role moves.
 */
#include <stdio.h>
#include <string.h>

#include "repl/internal.h"

struct repl_times repl_core_times(const struct repl_core *c)
{
    return c->session.open ? c->session.times : c->config.times;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void agree_on_times(struct repl_core *c, const struct link_hello *hello)
{
    const struct repl_times *mine = &c->config.times;
    struct repl_times *both = &c->session.times;
    both->heartbeat = larger(mine->heartbeat, hello->heartbeat);
    both->timeout = larger(mine->timeout, hello->timeout);
    if (hello->heartbeat == mine->heartbeat && hello->timeout == mine->timeout)
        return;
    core_log(
        c, REPL_LOG_WARNING,
        "heartbeat %u ms and timeout %u ms count, the larger ones: this node has %u and "
        "%u, the peer %u and %u; give both nodes the same",
        both->heartbeat, both->timeout, mine->heartbeat, mine->timeout, hello->heartbeat,
        hello->timeout);
}

static void warn_of_limits(struct repl_core *c, const struct link_hello *hello)
{
    const struct repl_config *mine = &c->config;
    if (hello->item_max < mine->item_max)
        core_log(
            c, REPL_LOG_WARNING,
            "the peer takes items up to %llu bytes, this node up to %llu: larger items "
            "will be missing at the peer; give both nodes the same -I",
            (unsigned long long)hello->item_max, (unsigned long long)mine->item_max);
    if (hello->memory != 0 && hello->memory < mine->memory)
        core_log(
            c, REPL_LOG_WARNING,
            "the peer has less memory (%llu MiB) than this node (%llu MiB): it evicts "
            "items that are still here, and after a fail-over they are missing; give "
            "both nodes the same -m",
            (unsigned long long)hello->memory >> 20,
            (unsigned long long)mine->memory >> 20);
}

/* A node's own counts while it leads, so the pair changes its ways when the role moves.
 */
static void warn_of_settings(struct repl_core *c, const struct link_hello *said,
                             const struct link_hello *hello)
{
    const struct {
        const char *option;
        bool differs;
    } settings[] = {
        { "standby_writes", said->standby_writes != hello->standby_writes },
        { "lone", said->lone != hello->lone },
        { "on_conflict", said->on_conflict != hello->on_conflict },
        { "dirty_bits", said->map_bits != hello->map_bits },
    };
    char names[80] = "";
    size_t n = 0;
    for (size_t i = 0; i < N_ELEMENTS(settings); i++) {
        if (settings[i].differs)
            n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n > 0 ? ", " : "",
                                  settings[i].option);
    }
    if (n > 0)
        core_log(c, REPL_LOG_WARNING, "the nodes differ in %s: give both the same",
                 names);
}

void agree_on(struct repl_core *c, const struct link_hello *said,
              const struct link_hello *hello)
{
    agree_on_times(c, hello);
    warn_of_limits(c, hello);
    warn_of_settings(c, said, hello);
}
