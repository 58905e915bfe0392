/*
 * May this node hold the address of the clients? One verdict, which `mcreplctl health`,
 * the guard and `stats` pass on as it is. It is asked many times a second, so what it
 * looks at costs nothing: flags, and whether maps are empty.
 */
#ifndef REPL_HEALTH_H
#define REPL_HEALTH_H

#include "repl/core.h"

struct repl_health {
    bool is_fit; /* rightly active, or it holds all that an active node must */
    char why[REPL_HEALTH_TEXT]; /* one line, in either case */
    uint64_t rank; /* of two nodes that cannot talk the higher one was active last */
    uint64_t term; /* the last promotion that it knows */
};

/* LOCKED */
void repl_core_health(struct repl_core *c, struct repl_health *health);

#endif
