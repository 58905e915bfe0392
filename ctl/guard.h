/*
 * The guard connects a node and keepalived: it writes the node's health into files that
 * keepalived tracks, and gives the node the roles that keepalived decides on.
 *
 *   node  --health, each 20 ms-->  guard  --DIR/health, DIR/rank-->  keepalived
 *   node  <----promote, demote---  guard  <------notify FIFO-------  keepalived
 *
 * Without keepalived, the role comes from elsewhere (mcreplctl promote, a client's first
 * write), and the guard only watches. In both cases it runs the operator's commands when
 * the node's role has changed (ctl/hooks.h).
 *
 * health is 0, or -254 (FAULT) while the node is dead, hung, or says that it is not fit
 * (repl/health.h). rank tells which node was active last, so that this node keeps the
 * address when a partition heals.
 *
 * The guard has no state that a restart could lose: what it writes comes from the node,
 * and until a new guard has heard from the node, the old guard's files stay as they
 * are. The guard learns of a node's death and of a change of roles at once, and that a
 * node hangs when an answer is late. If a connection ends, that does not prove that the
 * node is dead: a live node accepts the next connection.
 */
#ifndef CTL_GUARD_H
#define CTL_GUARD_H

#include "ctl/hooks.h"

struct guard_config {
    const char *socket;    /* the node's control socket; NULL: the only one */
    const char *directory; /* of the two files */
    const char *fifo;      /* to which keepalived writes; made if missing. NULL: none */
    unsigned period_ms, timeout_ms;
    struct hooks_config hooks;
};

/* Runs until SIGTERM or SIGINT. Returns the exit code. */
int guard_run(const struct guard_config *config);

#endif
