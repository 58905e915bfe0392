/*
 * The settings as statistics: the answer to `stats settings`, which engines also read
 * with get_config. Made from the option rows, under memcached's names if it has them.
 */
#ifndef SERVER_SETTINGS_STATS_H
#define SERVER_SETTINGS_STATS_H

#include "base/metric.h"
#include "server/settings.h"

void settings_each(const struct settings *s, metric_emit emit, void *context);

#endif
