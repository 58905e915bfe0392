/*
 * Stands between a node and keepalived: writes what the node's health is into files that
 * keepalived tracks, and gives the node the roles that keepalived tells.
 *
 *   node  --health, each 20 ms-->  guard  --DIR/health, DIR/rank-->  keepalived
 *   node  <----promote, demote---  guard  <------notify FIFO-------  keepalived
 *
 * health is 0, or -254 (FAULT) while the node is dead, hung, or says of itself that it is
 * not fit (repl/health.h); rank tells who was active last, so that this one keeps the
 * address when a partition heals.
 *
 * It keeps nothing that a restart could lose: what it says comes from the node, and until
 * a new guard has heard from the node, what the old one said stands. It hears of a node
 * that died, and of a change of roles, at once; of one that hangs when an answer is late.
 * A connection that ends is no death yet: a node that is alive takes the next one.
 */
#ifndef CTL_GUARD_H
#define CTL_GUARD_H

struct guard_config {
    const char *socket;    /* the node's; NULL: the only one */
    const char *directory; /* of the files */
    const char *fifo; /* what keepalived notifies; NULL: none. Made if it is not there */
    unsigned period_ms, timeout_ms;
};

/* Until SIGTERM or SIGINT. The exit code. */
int guard_run(const struct guard_config *config);

#endif
