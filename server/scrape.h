/*
 * All statistics of the node at one moment, for monitoring: those of the host, and of the
 * engine's plain `stats` and `stats repl`, each with its kind and what it is. Any thread;
 * one thread at a time uses a struct scrape.
 */
#ifndef SERVER_SCRAPE_H
#define SERVER_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>

#include <memcached/engine_admin.h>

struct server;

struct sample {
    char name[64];
    char value[256];
    bool is_known; /* somebody has described it */
    enum admin_stat kind;
    const char *help;
};

struct scrape {
    struct sample *of; /* in the order of `stats` */
    size_t n, room;
    bool failed; /* memory ran out: some are missing */
};

/* False: there is no memory for them. Call scrape_free in either case. */
bool scrape_take(struct scrape *f, struct server *server);
void scrape_free(struct scrape *f);

/* NULL: there is none. */
const char *scrape_find(const struct scrape *f, const char *name);
/* Whether there is one, and it is 1. */
bool scrape_is_set(const struct scrape *f, const char *name);

#endif
