/*
 * The host's own statistics: the sum of all workers' counters, and what the main thread
 * knows. The names are memcached's, because tools read them.
 */
#ifndef SERVER_STATS_H
#define SERVER_STATS_H

#include <memcached/engine_admin.h>

#include "base/metric.h"

struct server;

/* Any thread: `stats` without what the engine adds. */
void stats_each(struct server *server, metric_emit emit, void *context);
/* What they are. */
void stats_describe(admin_describe take, void *context);
/* `stats slabs`: what commands did, for the one class of an engine with engine_admin.h.
 */
void stats_each_of_class(struct server *server, metric_emit emit, void *context);
/* `stats conns`: one group of lines per connection. */
void stats_each_connection(struct server *server, metric_emit emit, void *context);
/* `stats reset`: counters start at 0 again. */
void stats_reset(struct server *server);

#endif
