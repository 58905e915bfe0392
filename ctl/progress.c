#include "ctl/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/monotonic.h"

enum { WIDTH = 30, EVERY_US = 200000, LOOK_EVERY = 256 };

void progress_begin(struct progress *p, uint64_t total)
{
    *p = (struct progress){ .total = total,
                            .began = monotonic_us(),
                            .visible = isatty(STDERR_FILENO) };
}

double progress_seconds(const struct progress *p)
{
    return (double)(monotonic_us() - p->began) / 1e6;
}

static void show(const struct progress *p)
{
    double seconds = progress_seconds(p);
    uint64_t done = p->items < p->total ? p->items : p->total;
    int full = p->total > 0 ? (int)(done * WIDTH / p->total) : 0;
    fprintf(stderr, "\r[");
    for (int i = 0; i < WIDTH; i++)
        fputc(i < full ? '#' : '.', stderr);
    fprintf(stderr, "] %" PRIu64 " of %" PRIu64 " items, %.0f/s, %.1f MB/s \033[K",
            p->items, p->total, (double)p->items / seconds,
            (double)p->bytes / 1e6 / seconds);
}

void progress_add(struct progress *p, uint64_t bytes)
{
    p->bytes += bytes;
    if (++p->items % LOOK_EVERY != 0 || !p->visible)
        return;
    uint64_t now = monotonic_us();
    if (now - p->shown < EVERY_US)
        return;
    p->shown = now;
    show(p);
}

void progress_end(struct progress *p)
{
    if (p->visible)
        fputs("\r\033[K", stderr);
}
