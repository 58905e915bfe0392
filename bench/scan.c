/*
 * What it costs to find a few items among many, as a repair does:
 *
 *   bench/scan [MEGABYTES [ITEMS [VALUE]]]
 *
 * Prints milliseconds of processor time, how many items were shown, and in how many
 * steps.
 */
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "bench/bare_host.h"
#include "store/mirror.h"

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* As many keys, spread over all. */
static void want_some(struct engine_filter *f, uint32_t wanted, uint32_t items)
{
    *f = (struct engine_filter){ .bits = ENGINE_FILTER_BITS_MAX };
    for (uint32_t i = 0; i < wanted; i++) {
        char key[BARE_KEY];
        uint64_t n = (uint64_t)items * i / wanted;
        size_t bit = hash_key(key, bare_key(key, (uint32_t)n)) >> (64 - f->bits);
        f->words[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

/* One step. False at the end. */
static bool go_on(ENGINE_HANDLE_V1 *engine, TAP_ITERATOR next, uint64_t *shown)
{
    uint16_t nspecific, flags, vbucket;
    void *specific;
    uint32_t seqno;
    uint8_t ttl;
    item *it;
    tap_event_t event = next(&engine->interface, NULL, &it, &specific, &nspecific, &ttl,
                             &flags, &seqno, &vbucket);
    if (event == TAP_MUTATION) {
        engine->release(&engine->interface, NULL, it);
        ++*shown;
    }
    return event != TAP_DISCONNECT;
}

static void measure(ENGINE_HANDLE_V1 *engine, uint32_t wanted, uint32_t items)
{
    struct engine_filter filter;
    uint64_t shown = 0, steps = 1;
    double start = cpu_ms();
    want_some(&filter, wanted, items);
    TAP_ITERATOR next = mirror_rows.scan(&engine->interface, NULL, &filter);
    while (next != NULL && go_on(engine, next, &shown))
        steps++;
    printf("%10u keys of %u: %8.2f ms, %9llu items shown, %9llu steps\n", wanted, items,
           cpu_ms() - start, (unsigned long long)shown, (unsigned long long)steps);
}

int main(int argc, char **argv)
{
    size_t mb = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    uint32_t items = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
    size_t nvalue = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    ENGINE_HANDLE_V1 *engine = bare_start(mb);
    mirror_rows.filter_by(&engine->interface, hash_key);
    for (uint32_t i = 0; i < items; i++) {
        if (!bare_set(engine, i, nvalue))
            return EXIT_FAILURE;
    }
    for (uint32_t wanted = 10; wanted < items; wanted *= 10)
        measure(engine, wanted, items);
    measure(engine, items, items);
    engine->destroy(&engine->interface, false);
    return EXIT_SUCCESS;
}
