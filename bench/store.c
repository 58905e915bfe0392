/*
 * Measures the cost of a call of the store, without server and network:
 *
 *   bench/store [MEGABYTES [ITEMS [VALUE]]]
 *
 * Prints nanoseconds per call, for one thread and for two, and the memory of an item.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "bench/bare_host.h"

struct job {
    pthread_t thread;
    ENGINE_HANDLE_V1 *engine;
    void (*call)(struct job *job, uint32_t n);
    uint32_t first, step, items, calls, state;
    size_t nvalue;
    uint64_t hits;
    double ns;
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void call_set(struct job *j, uint32_t n)
{
    j->hits += bare_set(j->engine, n, j->nvalue);
}

static void call_get(struct job *j, uint32_t n)
{
    ENGINE_HANDLE *h = &j->engine->interface;
    item_info info = { .nvalue = 1 };
    char key[32];
    item *it;
    size_t nkey = bare_key(key, n);
    if (j->engine->get(h, j, &it, key, (int)nkey, 0) != ENGINE_SUCCESS)
        return;
    j->engine->get_item_info(h, j, it, &info);
    j->hits += ((char *)info.value[0].iov_base)[0] == 'x';
    j->engine->release(h, j, it);
}

static void call_nothing(struct job *j, uint32_t n)
{
    char key[32];
    j->hits += bare_key(key, n) + (size_t)key[23];
}

static void *run(void *arg)
{
    struct job *j = arg;
    double start = seconds();
    for (uint32_t i = 0; i < j->calls; i++) {
        j->state = j->state * 1664525u + 1013904223u;
        j->call(j, j->step != 0 ? j->first + i * j->step
                                : (uint32_t)((uint64_t)j->state * j->items >> 32));
    }
    j->ns = (seconds() - start) * 1e9 / j->calls;
    return NULL;
}

static void measure(const char *name, struct job job, uint32_t threads)
{
    struct job jobs[8] = { { 0 } };
    double ns = 0;
    uint64_t hits = 0;
    for (uint32_t i = 0; i < threads; i++) {
        jobs[i] = job;
        jobs[i].first = i;
        jobs[i].step = job.step * threads;
        jobs[i].state = i + 7;
        jobs[i].calls = job.step != 0 ? job.calls / threads : job.calls;
        AZ(pthread_create(&jobs[i].thread, NULL, run, &jobs[i]));
    }
    for (uint32_t i = 0; i < threads; i++) {
        AZ(pthread_join(jobs[i].thread, NULL));
        ns += jobs[i].ns / threads;
        hits += jobs[i].hits;
    }
    printf("%-24s %u thread%s %7.1f ns per call, %5.1f%% hits\n", name, threads,
           threads == 1 ? " " : "s", ns, 100.0 * (double)hits / jobs[0].calls / threads);
}

static size_t resident(void)
{
    unsigned long total, pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL || fscanf(f, "%lu %lu", &total, &pages) != 2)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void print_stat(const char *key, uint16_t nkey, const char *value, uint32_t nvalue,
                       const void *cookie)
{
    (void)cookie;
    printf("    %.*s %.*s\n", (int)nkey, key, (int)nvalue, value);
}

enum { MAX_CALLS = 2000000 };

int main(int argc, char **argv)
{
    unsigned long mb = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    uint32_t items = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
    size_t nvalue = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    size_t before = resident();
    ENGINE_HANDLE_V1 *engine = bare_start(mb);
    struct job job = {
        .engine = engine, .items = items, .calls = items, .nvalue = nvalue
    };
    struct job fill = job, set = job, get = job, nothing = job;
    fill.call = set.call = call_set;
    fill.step = 1;
    get.call = call_get;
    nothing.call = call_nothing;
    size_t calls = ((size_t)4 << 30) / (nvalue + 1);
    set.calls = get.calls = nothing.calls =
        calls < MAX_CALLS ? (uint32_t)calls : MAX_CALLS;
    measure("(the benchmark itself)", nothing, 1);
    measure("set, new keys", fill, 1);
    printf("%-24s %.1f bytes per item besides key and value\n", "memory",
           (double)(resident() - before) / items - 24.0 - (double)nvalue);
    measure("get, random", get, 1);
    measure("set, random overwrites", set, 1);
    measure("get, random", get, 2);
    measure("set, random overwrites", set, 2);
    if (getenv("BENCH_STATS") != NULL)
        engine->get_stats(&engine->interface, &job, "slabs", 5, print_stat);
    engine->destroy(&engine->interface, false);
    return 0;
}
