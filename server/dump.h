/*
 * Dumps of all keys: lru_crawler metadump and mgdump, stats cachedump.
 *
 *   lru_crawler metadump all     key=K exp=T la=T cas=N fetch=yes cls=N size=N\n ... END
 *   lru_crawler mgdump 1         mg K\r\n ... EN
 *   stats cachedump 1 0          ITEM K [N b; T s]\r\n ... END
 *
 * A dump goes on in slices: between two of them its output is sent and other connections
 * have their turn, so it needs little memory and blocks nobody, however slow its reader
 * is. One that cannot be completed ends with an error instead of its last line.
 */
#ifndef SERVER_DUMP_H
#define SERVER_DUMP_H

#include <stddef.h>

#include "server/connection.h"
#include "server/verdict.h"

enum dump_kind { DUMP_META, DUMP_MG, DUMP_CACHE };

/* A command of c asks for a dump of these classes: numbers with commas between them, all
 * or hash. most: lines to show; 0: all. */
enum verdict dump_begin(struct connection *c, enum dump_kind kind, const char *classes,
                        size_t nclasses, uint64_t most);
/* The next slice; c->dump is under way. */
enum verdict dump_go_on(struct connection *c);

#endif
