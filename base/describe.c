#include "base/describe.h"

_Static_assert((int)METRIC_COUNTER == (int)ADMIN_COUNTER &&
                   (int)METRIC_GAUGE == (int)ADMIN_GAUGE &&
                   (int)METRIC_TEXT == (int)ADMIN_TEXT,
               "the same kinds");

void metric_describe(const struct metric_row *rows, size_t nrows, admin_describe take,
                     void *context)
{
    for (size_t i = 0; i < nrows; i++)
        take(context, rows[i].name, (enum admin_stat)rows[i].kind, rows[i].help);
}
