/*
 * Statistics declared once. A module takes a snapshot of its counters into a
 * plain struct; rows say which member is which statistic. `stats`, and the `status` of
 * the control socket, are made from the rows.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdbool.h>
#include <stddef.h>

enum metric_kind {
    METRIC_COUNTER, /* uint64_t, only grows until `stats reset` */
    METRIC_GAUGE,   /* uint64_t */
    METRIC_TEXT     /* const char *, NULL reads as empty */
};

struct metric_row {
    const char *name;
    enum metric_kind kind;
    size_t offset; /* of the member in the snapshot */
    bool brief;    /* also part of plain `stats` */
    const char *help;
};

typedef void (*metric_emit)(void *context, const char *name, const char *value);

void metric_each(const struct metric_row *rows, size_t nrows, const void *snapshot,
                 bool only_brief, metric_emit emit, void *context);

#endif
