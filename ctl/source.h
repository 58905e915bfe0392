/*
 * All items of a running memcached or mcd, over two connections:
 *
 *   keys    lru_crawler metadump hash   ->  key=K ...
 *   values  mg K b v f t c (batches)    ->  VA ... and the value; EN: gone meanwhile
 *
 * The next batch is on its way while the answers to the one before are read.
 */
#ifndef CTL_SOURCE_H
#define CTL_SOURCE_H

#include "ctl/item.h"
#include "ctl/memcache.h"

struct source {
    struct memcache keys, values;
    uint64_t items; /* how many there were at the begin; 0: unknown */
    uint64_t gone;  /* keys that had gone when their value was asked for */
    char why[700];
};

bool source_open(struct source *s, const char *address, unsigned timeout_ms);
/* Passes all items on. False: not all could be read, and why has the reason; or, with an
 * empty `why`, the taker wants no more. */
bool source_each(struct source *s, const struct item_taker *taker);
/* In any case. */
void source_close(struct source *s);

#endif
