/* Counting by prefix: a load while nobody has switched it on. The worker's thread. */
#ifndef SERVER_DETAIL_H
#define SERVER_DETAIL_H

#include "server/connection.h"
#include "server/server.h"

/* first, second: as in prefixes_count. */
static inline void detail_note(const struct connection *c, unsigned first,
                               unsigned second)
{
    struct server *s = c->worker->server;
    if (__builtin_expect(__atomic_load_n(&s->settings.detail, __ATOMIC_RELAXED), 0) &&
        c->req.meta == NULL)
        prefixes_count(&s->prefixes, c->req.key, c->req.nkey, first, second);
}

#endif
