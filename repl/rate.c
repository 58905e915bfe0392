#include "repl/rate.h"

enum { CATCH_UP_US = 50000 };

void rate_take(struct rate *r, uint64_t bytes, uint64_t now_us)
{
    if (r->per_second == 0)
        return;
    uint64_t from = now_us > CATCH_UP_US ? (now_us - CATCH_UP_US) * 1000 : 0;
    if (r->free_at_ns < from)
        r->free_at_ns = from;
    r->free_at_ns += (uint64_t)((double)bytes * 1e9 / (double)r->per_second);
}

uint64_t rate_due_us(const struct rate *r, uint64_t now_us)
{
    uint64_t at = r->free_at_ns / 1000 + 1;
    return r->per_second != 0 && at > now_us ? at : 0;
}
