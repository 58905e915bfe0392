/* Tells the service manager how the node is, for `systemctl status`: role, link, sync. */
#include <stdio.h>
#include <string.h>

#include "base/service.h"
#include "repl/loop.h"

/* Under load a node is in sync, and is not, many times a second. It counts as in sync
 * until it has not been so for SETTLES_US. */
enum { PAUSE_US = 1000000, SETTLES_US = 5000000 };

static void describe(const struct repl_thread *t, uint64_t now, char *text, size_t n)
{
    const struct repl_core *c = t->core;
    const char *role = repl_core_is_active(c) ? "active" : "standby";
    if (t->session == NULL) {
        snprintf(text, n, "%s, no link to %s", role, t->config.peer.host);
        return;
    }
    bool in_sync = t->in_sync_us != 0 && now - t->in_sync_us < SETTLES_US;
    snprintf(text, n, "%s, linked to %s (%s), %s", role, t->session->name,
             repl_core_link_state(c), in_sync ? "in sync" : "not in sync");
}

void manager_tick(struct repl_thread *t, uint64_t now)
{
    char text[sizeof(t->told)];
    if (repl_core_in_sync(t->core))
        t->in_sync_us = now;
    else if (t->session == NULL)
        t->in_sync_us = 0;
    if (now < t->told_us + PAUSE_US)
        return;
    describe(t, now, text, sizeof(text));
    if (strcmp(text, t->told) == 0)
        return;
    memcpy(t->told, text, sizeof(text));
    t->told_us = now;
    service_status(text);
}
