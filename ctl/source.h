/*
 * All items of a running memcached or mcd:
 *
 *   keys    lru_crawler metadump hash   ->  key=K ...   -> a nameless file
 *   values  mg K b v f t c (batches)    ->  VA ... and the value; EN: gone meanwhile
 *
 * The keys are read to their end first: memcached may keep items locked while its reader
 * waits. The next batch is on its way while the answers to the one before are read.
 */
#ifndef CTL_SOURCE_H
#define CTL_SOURCE_H

#include <stdio.h>

#include "ctl/item.h"
#include "ctl/memcache.h"

struct source {
    struct memcache server;
    FILE *keys;     /* each behind a byte with its length */
    uint64_t items; /* keys in the file */
    uint64_t gone;  /* of those that have been asked for */
    char why[700];
};

/* Connects and reads the keys. */
bool source_open(struct source *s, const char *address, unsigned timeout_ms);
/* Passes all items on. False: not all could be read, and why has the reason; or, with an
 * empty `why`, the taker wants no more. */
bool source_each(struct source *s, const struct item_taker *taker);
/* In any case. */
void source_close(struct source *s);

#endif
