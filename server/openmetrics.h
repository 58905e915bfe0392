/*
 * Figures as text for monitoring. Pure.
 *
 * OpenMetrics: https://prometheus.io/docs/specs/om/open_metrics_spec/. A figure NAME is
 * mcd_NAME, a counter's sample mcd_NAME_total. Texts are labels of the one sample
 * mcd_info, if they tell what the node is.
 */
#ifndef SERVER_OPENMETRICS_H
#define SERVER_OPENMETRICS_H

#include "server/scrape.h"

struct evbuffer;

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* False: memory ran out. */
bool openmetrics_compose(const struct scrape *f, struct evbuffer *out);
/* One JSON object, all values as strings. */
bool openmetrics_compose_json(const struct scrape *f, struct evbuffer *out);

#endif
