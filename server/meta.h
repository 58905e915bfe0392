/*
 * What meta commands ask beyond the classic commands: an extension of the engine answers
 * it (<memcached/engine_meta.h>). The rest of a meta command is what the classic command
 * of the same kind does. The worker's thread.
 */
#ifndef SERVER_META_H
#define SERVER_META_H

#include "server/connection.h"
#include "server/verdict.h"

/* How to serve this meta command. NULL: as the classic command of its kind. */
enum verdict (*meta_handler(const struct connection *c))(struct connection *c);

#endif
