#include "server/dump_state.h"

#include <stdlib.h>

static void end(struct dump *d)
{
    scan_end(&d->scan);
    dump_leave(d);
}

struct dump *dump_keep(struct dump *d)
{
    struct dump *kept = malloc(sizeof(*kept));
    if (kept != NULL)
        *kept = *d;
    else
        end(d);
    return kept;
}

void dump_drop(struct dump *d)
{
    if (d == NULL)
        return;
    end(d);
    free(d);
}
