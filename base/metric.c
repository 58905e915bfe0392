#include "base/metric.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

void metric_each(const struct metric_row *rows, size_t nrows, const void *snapshot,
                 bool only_brief, metric_emit emit, void *context)
{
    for (size_t i = 0; i < nrows; i++) {
        const void *where = (const char *)snapshot + rows[i].offset;
        char number[24];
        if (only_brief && !rows[i].brief)
            continue;
        if (rows[i].kind == METRIC_TEXT) {
            const char *text = *(const char *const *)where;
            emit(context, rows[i].name, text != NULL ? text : "");
            continue;
        }
        snprintf(number, sizeof(number), "%" PRIu64, *(const uint64_t *)where);
        emit(context, rows[i].name, number);
    }
}
