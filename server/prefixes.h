/*
 * Counters by prefix: `stats detail`. The prefix of a key is what is before the first
 * delimiter (-D); keys without one are not counted, nor are meta commands.
 *
 * Any thread. Workers share the table and its lock, so it is filled only while somebody
 * has switched it on.
 */
#ifndef SERVER_PREFIXES_H
#define SERVER_PREFIXES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PREFIX_GETS, PREFIX_HITS, PREFIX_SETS, PREFIX_DELETES, PREFIX_COUNTERS };

enum { PREFIX_CHAINS = 1024, PREFIXES_MAX = 10000 };

struct prefix {
    struct prefix *next;
    uint64_t count[PREFIX_COUNTERS];
    size_t n;
    char text[];
};

struct prefixes {
    pthread_mutex_t lock;
    char delimiter;
    unsigned n; /* those beyond PREFIXES_MAX are not counted */
    struct prefix *chains[PREFIX_CHAINS];
};

void prefixes_init(struct prefixes *p, char delimiter);
/* Forgets all: `stats reset`. */
void prefixes_clear(struct prefixes *p);

/* Adds to two counters; the second may be PREFIX_COUNTERS: none. */
void prefixes_count(struct prefixes *p, const char *key, size_t nkey, unsigned first,
                    unsigned second);

/* A line for each, without its end. */
void prefixes_each(struct prefixes *p, void (*take)(void *context, const char *line),
                   void *context);

#endif
