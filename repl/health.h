/*
 * May this node hold the clients' address? There is one verdict, which `mcreplctl
 * health`, the guard and `stats` pass on as it is. It is asked for many times a second,
 * so it looks only at what costs nothing: flags, and whether maps are empty.
 */
#ifndef REPL_HEALTH_H
#define REPL_HEALTH_H

#include "repl/core.h"

struct repl_health {
    bool is_fit; /* active and not resigned; or a standby that is filled, or that has no
                  * peer to wait for */
    char why[REPL_HEALTH_TEXT]; /* one line, in either case */
    bool is_active; /* it takes clients' changes: active, and has not resigned */
    uint64_t rank;  /* of two nodes without a link, the higher was active last */
    uint64_t term;  /* of the last promotion that it knows */
};

/* LOCKED */
void repl_core_health(struct repl_core *c, struct repl_health *health);

#endif
