/* The load generator: threads, histogram, report. See load.h. */
#include "bench/load.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- histogram */

static unsigned slot_of(uint64_t ns)
{
    if (ns < 16)
        return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    return power * 16 + (unsigned)(ns >> (power - 4) & 15);
}

static uint64_t value_of_slot(unsigned slot)
{
    unsigned power = slot / 16;
    return power < 4 ? slot : (uint64_t)1 << power | (uint64_t)(slot & 15) << (power - 4);
}

void histogram_add(struct histogram *h, uint64_t ns)
{
    h->count[slot_of(ns)]++;
    h->total++;
    if (ns > h->max)
        h->max = ns;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i < sizeof into->count / sizeof into->count[0]; i++)
        into->count[i] += from->count[i];
    into->total += from->total;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
    uint64_t wanted = (uint64_t)((double)h->total * percent / 100.0), seen = 0;
    for (unsigned i = 0; i < sizeof h->count / sizeof h->count[0]; i++) {
        seen += h->count[i];
        if (seen > wanted)
            return value_of_slot(i);
    }
    return h->max;
}

/* ---- one thread */

struct worker {
    struct load_run *run;
    pthread_t thread;
    struct connection **connections;
    unsigned count;
    struct load_counts counts;
    uint64_t due; /* when the next batch may go out, under --rate */
    uint64_t was_due;
    bool failed;
};

/* How many nanoseconds to wait before the next batch may be sent. */
static uint64_t worker_wait(struct worker *w, uint64_t now)
{
    const struct load_options *options = w->run->options;
    if (!options->rate)
        return 0;
    if (w->due > now)
        return w->due - now;
    uint64_t step =
        (uint64_t)options->pipeline * options->threads * 1000000000u / options->rate;
    w->was_due = w->due;
    /* after a stall at most a tenth of a second of lost time is made up in one burst */
    if (!options->open && w->due + 100000000u < now)
        w->due = now;
    w->due += step;
    return 0;
}

static void watch(int epoll, struct connection *c, int operation)
{
    struct epoll_event event = { .data.ptr = c };
    event.events = EPOLLIN | (connection_wants_write(c) ? EPOLLOUT : 0);
    epoll_ctl(epoll, operation, connection_fd(c), &event);
}

/* The idle connections of a thread, as a stack, and how many are still busy. */
struct crowd {
    struct connection **idle;
    unsigned nidle, busy;
};

/* Sends on idle connections. Returns the nanoseconds until the rate allows more, 0 if all
 * has been sent. */
static uint64_t worker_send(struct worker *w, struct crowd *crowd, int epoll)
{
    while (crowd->nidle > 0) {
        uint64_t now = load_now_ns(), wait = worker_wait(w, now);
        if (wait)
            return wait;
        struct connection *c = crowd->idle[--crowd->nidle];
        enum connection_result result =
            connection_send(c, &w->counts, w->run->options->open ? w->was_due : now);
        w->failed |= result == CONNECTION_FAILED;
        if (result != CONNECTION_BUSY)
            continue; /* no work is left: the connection retires */
        crowd->busy++;
        if (connection_wants_write(c))
            watch(epoll, c, EPOLL_CTL_MOD);
    }
    return 0;
}

static void worker_answer(struct worker *w, struct crowd *crowd, int epoll,
                          const struct epoll_event *event)
{
    struct connection *c = event->data.ptr;
    enum connection_result result = CONNECTION_BUSY;
    if (event->events & EPOLLOUT) {
        result = connection_flush(c);
        watch(epoll, c, EPOLL_CTL_MOD);
    }
    if (result == CONNECTION_BUSY && event->events & ~(uint32_t)EPOLLOUT)
        result = connection_receive(c, &w->counts);
    if (result == CONNECTION_BUSY)
        return;
    crowd->busy--;
    if (result == CONNECTION_IDLE) {
        crowd->idle[crowd->nidle++] = c;
        return;
    }
    w->failed = true;
    epoll_ctl(epoll, EPOLL_CTL_DEL, connection_fd(c), NULL);
}

static void *worker_main(void *argument)
{
    struct worker *w = argument;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct crowd crowd = { .idle = calloc(w->count + 1u, sizeof(struct connection *)) };
    for (unsigned i = 0; crowd.idle && i < w->count; i++) {
        watch(epoll, w->connections[i], EPOLL_CTL_ADD);
        crowd.idle[crowd.nidle++] = w->connections[i];
    }
    while (!w->failed) {
        uint64_t wait = worker_send(w, &crowd, epoll);
        if (crowd.busy + crowd.nidle == 0)
            break;
        struct timespec timeout = { (time_t)(wait / 1000000000u),
                                    (long)(wait % 1000000000u) };
        struct epoll_event events[64];
        int count = epoll_pwait2(epoll, events, 64, wait ? &timeout : NULL, NULL);
        for (int i = 0; i < count; i++)
            worker_answer(w, &crowd, epoll, &events[i]);
    }
    free(crowd.idle);
    close(epoll);
    return NULL;
}

/* ---- the run */

static bool workers_connect(struct worker *workers, struct load_run *run)
{
    const struct load_options *o = run->options;
    for (unsigned i = 0; i < o->threads; i++) {
        struct worker *w = &workers[i];
        w->run = run;
        w->connections = calloc(o->connections + 1u, sizeof(struct connection *));
        if (!w->connections)
            return false;
        for (unsigned n = i; n < o->connections; n += o->threads) {
            struct connection *c = connection_create(run, o->seed * 10007 + n + 1);
            if (!c)
                return false;
            w->connections[w->count++] = c;
        }
    }
    return true;
}

static void workers_disconnect(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned n = 0; n < workers[i].count; n++)
            connection_destroy(workers[i].connections[n]);
        free(workers[i].connections);
    }
}

/* Whoever wants an earlier end sends SIGTERM: the report tells of what was done. */
static void *timer_main(void *argument)
{
    struct load_run *run = argument;
    double seconds = run->options->seconds;
    struct timespec rest = { (time_t)seconds,
                             (long)((seconds - (double)(time_t)seconds) * 1e9) };
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigtimedwait(&ends, NULL, &rest);
    atomic_store(&run->stop, true);
    return NULL;
}

/* Of this thread and those that it will start. */
static void leave_end_to_timer(void)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
}

static void sum(struct load_counts *into, const struct load_counts *from)
{
    into->sets += from->sets;
    into->gets += from->gets;
    into->hits += from->hits;
    into->missing += from->missing;
    into->wrong += from->wrong;
    into->refused += from->refused;
    histogram_merge(&into->latency, &from->latency);
}

static void print_report(const struct load_counts *all, double seconds)
{
    printf("sets %llu gets %llu hits %llu missing %llu wrong %llu refused %llu "
           "seconds %.3f rate %.0f p50_us %.1f p99_us %.1f p999_us %.1f max_us %.1f\n",
           (unsigned long long)all->sets, (unsigned long long)all->gets,
           (unsigned long long)all->hits, (unsigned long long)all->missing,
           (unsigned long long)all->wrong, (unsigned long long)all->refused, seconds,
           (double)all->latency.total / seconds,
           (double)histogram_percentile(&all->latency, 50) / 1e3,
           (double)histogram_percentile(&all->latency, 99) / 1e3,
           (double)histogram_percentile(&all->latency, 99.9) / 1e3,
           (double)all->latency.max / 1e3);
}

/* The program's exit code: 0 success, 1 unexpected answers, 2 could not run. */
static int run_load(struct worker *workers, struct load_run *run)
{
    const struct load_options *o = run->options;
    uint64_t start = load_now_ns();
    pthread_t timer;
    bool timed = run->limit == UINT64_MAX;
    if (timed)
        leave_end_to_timer();
    if (timed && pthread_create(&timer, NULL, timer_main, run) != 0)
        return 2;
    for (unsigned i = 0; i < o->threads; i++) {
        workers[i].due = start;
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
            abort();
    }
    struct load_counts all = { 0 };
    bool failed = false;
    for (unsigned i = 0; i < o->threads; i++) {
        pthread_join(workers[i].thread, NULL);
        sum(&all, &workers[i].counts);
        failed |= workers[i].failed;
    }
    double seconds = (double)(load_now_ns() - start) / 1e9;
    if (timed) {
        pthread_cancel(timer);
        pthread_join(timer, NULL);
    }
    print_report(&all, seconds);
    if (failed)
        return 2;
    if (o->mode == LOAD_CHECK && (all.wrong || all.missing > o->allow_missing))
        return 1;
    return all.refused > o->allow_refused ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct load_options o;
    load_options_parse(&o, argc, argv);
    struct load_run run = { .options = &o, .limit = o.ops ? o.ops : UINT64_MAX };
    struct worker *workers = calloc(o.threads ? o.threads : 1, sizeof *workers);
    int code = 2;
    if (workers && workers_connect(workers, &run))
        code = run_load(workers, &run);
    if (workers)
        workers_disconnect(workers, o.threads);
    free(workers);
    return code;
}
