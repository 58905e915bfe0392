/*
 * Statistics declared once. A module has a header of rows, each with kind, name and help.
 * It is included once for the members of the module's structs and once for the table. The
 * module's `stats` and the tables in the documents are made from it.
 *
 *   store/store_stat_rows.h:   STAT_FIGURE(GAUGE, curr_items, "items stored now")
 *
 *   struct snapshot {
 *   #define STAT_FIGURE(kind, name, help) METRIC_MEMBER_##kind(name)
 *   #include "store/store_stat_rows.h"
 *   };
 *
 * A STAT_COUNTER is counted as events happen; it is a member of the struct that holds the
 * counters. A STAT_FIGURE is computed on request. `stats` takes a snapshot of both and
 * emits it row by row.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_kind {
    METRIC_COUNTER, /* uint64_t, only grows until `stats reset` */
    METRIC_GAUGE,   /* uint64_t */
    METRIC_TEXT     /* const char *, NULL reads as empty */
};

enum { METRIC_FULL = false, METRIC_BRIEF = true }; /* brief: also part of plain `stats` */

struct metric_row {
    const char *name;
    enum metric_kind kind;
    size_t offset; /* of the member in the snapshot */
    bool brief;
    const char *help;
};

#define METRIC_MEMBER_COUNTER(name) uint64_t name;
#define METRIC_MEMBER_GAUGE(name)   uint64_t name;
#define METRIC_MEMBER_TEXT(name)    const char *name;

/* A row of a table: name is a string, member is the snapshot's member. */
#define METRIC_ROW(kind, name, snapshot, member, extent, help)                           \
    {                                                                                    \
        name, METRIC_##kind, offsetof(snapshot, member), METRIC_##extent, help           \
    }

/* Used in a table's file, so that a row without a help text does not compile. */
#define METRIC_WHOLE(name, help)                                                         \
    _Static_assert(sizeof("" help) > sizeof("-"), #name " has no help");

typedef void (*metric_emit)(void *context, const char *name, const char *value);

void metric_each(const struct metric_row *rows, size_t nrows, const void *snapshot,
                 bool only_brief, metric_emit emit, void *context);

#endif
