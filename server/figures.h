/*
 * All statistics of the node at one moment, for monitoring: those of the host, and of the
 * engine's plain `stats` and `stats repl`, each with its kind and what it is. Any thread;
 * one thread at a time uses a struct figures.
 */
#ifndef SERVER_FIGURES_H
#define SERVER_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include <memcached/engine_admin.h>

struct server;

struct figure {
    char name[64];
    char value[256];
    bool is_known; /* somebody has described it */
    enum admin_stat kind;
    const char *help;
};

struct figures {
    struct figure *of; /* in the order of `stats` */
    size_t n, room;
    bool failed; /* memory ran out: some are missing */
};

/* False: there is no memory for them. Call figures_free in either case. */
bool figures_take(struct figures *f, struct server *server);
void figures_free(struct figures *f);

/* NULL: there is none. */
const char *figures_find(const struct figures *f, const char *name);
/* Whether there is one, and it is 1. */
bool figures_is_set(const struct figures *f, const char *name);

#endif
