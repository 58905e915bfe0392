/* From options to a running store, and back. */
#include "store/instance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static bool counters_init(struct store *s)
{
    size_t bytes = s->memory.nlanes * sizeof(struct counters);
    s->counters = aligned_alloc(_Alignof(struct counters), bytes);
    if (s->counters != NULL)
        memset(s->counters, 0, bytes);
    return s->counters != NULL;
}

/* A header of 32 bytes, a short key and its share of the table; addresses that the rest
 * of the process needs for its threads and buffers. */
enum { ITEM_LEAST = 48, GHOST_SHARE = 64, ADDRESSES_LEFT = 128 << 20 };

/* Reserve what needs many addresses. A thrifty table has longer chains if all items are
 * of the least size. */
static bool reserve(struct store *s, unsigned thrift)
{
    size_t limit = s->config.cache_size;
    struct range left;
    bool fine = range_init(&left, ADDRESSES_LEFT);
    if (fine && memory_init(&s->memory, limit, thrift)) {
        fine = table_init(&s->table, limit / ITEM_LEAST >> thrift, &s->memory.budget);
        if (!fine)
            memory_fini(&s->memory);
    } else {
        fine = false;
    }
    range_fini(&left);
    return fine;
}

static bool reserve_some(struct store *s)
{
    unsigned thrift = 0;
    while (!reserve(s, thrift)) {
        if (thrift++ == MEMORY_THRIFT_MOST)
            return false;
    }
    if (thrift > 0)
        fprintf(
            stderr,
            "default_engine: addresses are short, so %zu bytes are reserved for a cache "
            "of %" PRIu64
            ": many clients that stall may leave no room for new items; raise "
            "the limit (ulimit -v, LimitAS=; with -k also ulimit -l, LimitMEMLOCK=)\n",
            s->memory.pages.runs.pages.size, s->config.cache_size);
    return true;
}

static void wake(void *background)
{
    background_wake(background);
}

static bool build(struct store *s)
{
    uint8_t low = 0;
    if (!reserve_some(s) || !counters_init(s) ||
        !ghost_init(&s->ghost, s->config.cache_size / GHOST_SHARE))
        return false;
    s->memory.low = wake;
    s->memory.context = &s->background;
    /* Two nodes that start in the same microsecond still give different numbers. */
    if (getrandom(&low, sizeof(low), GRND_NONBLOCK) != sizeof(low))
        low = (uint8_t)((uintptr_t)s >> 12);
    atomic_store(&s->cas, low);
    store_follow_clock(s);
    budget_charge(&s->memory.budget,
                  s->memory.nlanes * (sizeof(struct lane) + sizeof(struct counters)));
    return true;
}

ENGINE_ERROR_CODE store_start(struct store *s)
{
    if (!siphash_draw(&s->secret)) {
        snprintf(
            s->error, sizeof(s->error),
            "default_engine: the kernel gives no random numbers, and without a secret "
            "clients could choose keys that make it slow; is getrandom forbidden by a "
            "filter of system calls?");
        return ENGINE_FAILED;
    }
    if (build(s) && store_maintain(s))
        return ENGINE_SUCCESS;
    snprintf(s->error, sizeof(s->error),
             "default_engine: the system gave no memory, addresses or thread for a cache "
             "of %" PRIu64
             " bytes; make it smaller (-m), or raise the limit (ulimit -v, LimitAS=)",
             s->config.cache_size);
    return ENGINE_ENOMEM;
}

void store_end(struct store *s)
{
    background_stop(&s->background);
    store_scan_end_all(s);
    ghost_fini(&s->ghost);
    table_fini(&s->table);
    if (s->memory.budget.limit != 0)
        memory_fini(&s->memory);
    free(s->counters);
}
