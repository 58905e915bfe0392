/* Starts a store from its options, and ends it. */
#include "store/instance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool counters_init(struct store *s)
{
    size_t bytes = s->memory.nlanes * sizeof(struct counters);
    s->counters = aligned_alloc(_Alignof(struct counters), bytes);
    if (s->counters != NULL)
        memset(s->counters, 0, bytes);
    return s->counters != NULL;
}

/* ITEM_LEAST: a header of 32 bytes, a short key and its share of the table.
 * ADDRESSES_LEFT: addresses that the rest of the process needs for threads and buffers.
 */
enum { ITEM_LEAST = 48, GHOST_SHARE = 64, ADDRESSES_LEFT = 128 << 20 };

/* Reserves what needs many addresses. A thrifty table has longer chains if all items are
 * of the smallest size. */
static bool reserve(struct store *s, unsigned thrift)
{
    size_t limit = s->config.cache_size;
    struct range left;
    bool fine = range_init(&left, ADDRESSES_LEFT);
    if (fine && memory_init(&s->memory, limit, thrift)) {
        fine = table_init(&s->table, limit / ITEM_LEAST >> thrift,
                          &s->memory.pages.runs.pages, &s->memory.budget);
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
            "default_engine: address space is short, so only %zu bytes are reserved for "
            "a "
            "cache of %" PRIu64
            ": if many clients stall, there may be no room for new items; raise "
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
    if (!reserve_some(s) || !counters_init(s) ||
        !ghost_init(&s->ghost, s->config.cache_size / GHOST_SHARE))
        return false;
    s->memory.low = wake;
    s->memory.context = &s->background;
    store_follow_clock(s);
    store_draw_side(s);
    budget_charge(&s->memory.budget,
                  s->memory.nlanes * (sizeof(struct lane) + sizeof(struct counters)));
    return true;
}

ENGINE_ERROR_CODE store_start(struct store *s)
{
    if (!siphash_draw(&s->secret)) {
        snprintf(
            s->error, sizeof(s->error),
            "default_engine: the kernel provides no random numbers. Without a secret, "
            "clients could choose keys that make the cache slow. Check whether a system "
            "call filter forbids getrandom");
        return ENGINE_FAILED;
    }
    if (build(s) && store_maintain(s))
        return ENGINE_SUCCESS;
    snprintf(s->error, sizeof(s->error),
             "default_engine: cannot get memory, addresses or a thread for a cache "
             "of %" PRIu64
             " bytes; reduce it (-m), or raise the limit (ulimit -v, LimitAS=)",
             s->config.cache_size);
    return ENGINE_ENOMEM;
}

void store_end(struct store *s)
{
    background_stop(&s->background);
    store_scan_end_all(s);
    ghost_fini(&s->ghost);
    table_fini(&s->table);
    if (budget_limit(&s->memory.budget) != 0)
        memory_fini(&s->memory);
    free(s->counters);
}
