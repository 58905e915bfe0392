/* Rows of statistics as engine_admin.h describes them to a host. */
#ifndef BASE_DESCRIBE_H
#define BASE_DESCRIBE_H

#include <memcached/engine_admin.h>

#include "base/metric.h"

void metric_describe(const struct metric_row *rows, size_t nrows, admin_describe take,
                     void *context);

#endif
