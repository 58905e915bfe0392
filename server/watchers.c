#include "server/watchers.h"

#include <errno.h>
#include <time.h>

#include "base/check.h"
#include "protocol/request.h"
#include "server/clock.h"
#include "server/watch_line.h"
#include "server/worker.h"

enum {
    PAUSE_LEAST_MS = 1, /* between two looks at the feeds, while there is much */
    PAUSE_MOST_MS = 50,
    TURN = 512 /* records of one feed before the next one is looked at */
};

/* ---- the thread */

static void count_one(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void offer(struct watch *s, struct watcher *w, uint64_t gid, const char *line,
                  size_t n)
{
    enum watcher_result result = watcher_offer(w, gid, line, n);
    if (result != WATCHER_IGNORED)
        count_one(result == WATCHER_TOOK ? &s->sent : &s->skipped);
}

static void deliver(struct watch *s, const struct watch_record *r)
{
    char line[WATCH_LINE_MAX];
    unsigned word = watch_line_word(r->kind);
    size_t n = watch_line_write(line, r, r + 1);
    for (unsigned i = 0; i < WATCHERS_MOST; i++) {
        if ((atomic_load_explicit(&s->all[i].words, memory_order_relaxed) & word) != 0)
            offer(s, &s->all[i], r->gid, line, n);
    }
}

static size_t empty_feed(struct watch *s, struct watch_feed *f)
{
    const struct watch_record *r;
    size_t n = 0;
    while (n < TURN && (r = watch_feed_next(f)) != NULL) {
        deliver(s, r);
        watch_feed_drop(f, r);
        n++;
    }
    return n;
}

static void wake_reader(struct watcher *w)
{
    struct worker *worker = watcher_call(w);
    if (worker == NULL)
        return;
    atomic_store(&worker->feed.due, true);
    inbox_wake(&worker->inbox);
}

/* A turn for each feed. How many records there were. */
static size_t work(struct watch *s)
{
    size_t n = empty_feed(s, &s->others);
    for (unsigned i = 0; i < s->nworkers; i++)
        n += empty_feed(s, &s->workers[i].feed);
    for (unsigned i = 0; i < WATCHERS_MOST; i++)
        wake_reader(&s->all[i]);
    return n;
}

static unsigned next_pause(unsigned pause, size_t found)
{
    if (found > 0)
        return PAUSE_LEAST_MS;
    return pause < PAUSE_MOST_MS / 2 ? 2 * pause : PAUSE_MOST_MS;
}

static void wait_a_while(struct watch *s, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int error = pthread_cond_timedwait(&s->change, &s->lock, &until);
    CHECK(error == 0 || error == ETIMEDOUT);
}

static void *run(void *arg)
{
    struct watch *s = arg;
    unsigned pause = PAUSE_LEAST_MS;
    AZ(pthread_mutex_lock(&s->lock));
    while (!s->stopping) {
        AZ(pthread_mutex_unlock(&s->lock));
        size_t found = work(s);
        AZ(pthread_mutex_lock(&s->lock));
        pause = next_pause(pause, found);
        if (s->stopping || found >= TURN)
            continue;
        if (s->n == 0 && found == 0)
            AZ(pthread_cond_wait(&s->change, &s->lock));
        else
            wait_a_while(s, pause);
    }
    AZ(pthread_mutex_unlock(&s->lock));
    return NULL;
}

/* ---- evictions, on the thread that evicts */

static int64_t ttl_of(rel_time_t exptime)
{
    return exptime == 0 ? -1 : (int64_t)exptime - (int64_t)clock_now();
}

static void put_eviction(struct watch *s, struct watch_record *r, const void *key,
                         size_t nkey)
{
    struct watch_feed *own = watch_feed_own();
    if (nkey > KEY_MAX)
        return;
    if (own != NULL) {
        watch_feed_put(own, r, key, (uint8_t)nkey);
        return;
    }
    AZ(pthread_mutex_lock(&s->others_lock));
    watch_feed_put(&s->others, r, key, (uint8_t)nkey);
    AZ(pthread_mutex_unlock(&s->others_lock));
}

static void hear_eviction(void *context, const void *key, size_t nkey,
                          const struct admin_glimpse *was)
{
    struct watch_record r = { .kind = WATCH_EVICTION,
                              .is_known = was->facts.knows_idle,
                              .fetched = was->facts.read,
                              .ttl = ttl_of(was->exptime),
                              .idle = was->facts.idle,
                              .clsid = was->clsid,
                              .nbytes = was->nbytes };
    put_eviction(context, &r, key, nkey);
}

void watchers_hear_key(struct watch *s, const void *key, size_t nkey)
{
    struct watch_record r = { .kind = WATCH_EVICTION };
    if (s->admin == NULL && watch_feed_wants(&s->others, WATCH_EVICTIONS))
        put_eviction(s, &r, key, nkey);
}

/* ---- who watches; the lock is held */

/* Feeds take what somebody watches; engines tell evictions only if somebody does. */
static void publish(struct watch *s)
{
    unsigned words = 0, before = atomic_load(&s->others.words);
    for (unsigned i = 0; i < WATCHERS_MOST; i++)
        words |= atomic_load(&s->all[i].words);
    for (unsigned i = 0; i < s->nworkers; i++)
        atomic_store(&s->workers[i].feed.words, words);
    atomic_store(&s->others.words, words);
    if (s->admin != NULL && ((words ^ before) & WATCH_EVICTIONS) != 0)
        s->admin->watch(s->handle, (words & WATCH_EVICTIONS) != 0 ? hear_eviction : NULL,
                        s);
}

static bool make_feeds(struct watch *s)
{
    bool ok = watch_feed_make(&s->others, s->feed_size);
    for (unsigned i = 0; ok && i < s->nworkers; i++)
        ok = watch_feed_make(&s->workers[i].feed, s->feed_size);
    return ok;
}

static bool start_thread(struct watch *s)
{
    if (s->runs)
        return true;
    int error = pthread_create(&s->thread, NULL, run, s);
    if (error == 0)
        pthread_setname_np(s->thread, "mcd-watch");
    s->runs = error == 0;
    errno = error;
    return s->runs;
}

static struct watcher *find_free(struct watch *s)
{
    for (unsigned i = 0; i < WATCHERS_MOST; i++) {
        if (!s->all[i].used)
            return &s->all[i];
    }
    return NULL;
}

static bool begin(struct watch *s, struct watcher *w, struct worker *worker,
                  struct connection *c)
{
    return make_feeds(s) && start_thread(s) &&
           watcher_begin(w, s->buffer_size, atomic_load(&s->gid), worker, c);
}

enum watchers_result watchers_join(struct watch *s, struct worker *worker,
                                   struct connection *c, unsigned words,
                                   struct watcher **out)
{
    enum watchers_result result = WATCHERS_TOO_MANY;
    AZ(pthread_mutex_lock(&s->lock));
    struct watcher *w = find_free(s);
    if (w != NULL)
        result = begin(s, w, worker, c) ? WATCHERS_OK : WATCHERS_FAILED;
    if (result == WATCHERS_OK) {
        w->used = true;
        atomic_store(&w->words, words);
        s->n++;
        publish(s);
        AZ(pthread_cond_signal(&s->change));
        *out = w;
    }
    AZ(pthread_mutex_unlock(&s->lock));
    return result;
}

void watchers_leave(struct watcher *w)
{
    if (w == NULL)
        return;
    struct watch *s = w->watch;
    AZ(pthread_mutex_lock(&s->lock));
    atomic_store(&w->words, 0);
    publish(s);
    watcher_end(w);
    w->used = false;
    s->n--;
    AZ(pthread_mutex_unlock(&s->lock));
}

void watchers_run(struct watch *s, struct worker *w, void (*go_on)(struct connection *c))
{
    if (!atomic_load_explicit(&w->feed.due, memory_order_relaxed))
        return;
    atomic_store(&w->feed.due, false);
    for (unsigned i = 0; i < WATCHERS_MOST; i++) {
        struct connection *c = watcher_with_lines(&s->all[i], w);
        if (c != NULL)
            go_on(c);
    }
}

/* ---- life, and what happened */

void watchers_init(struct watch *s, size_t feed_size, size_t buffer_size)
{
    pthread_condattr_t attributes;
    s->feed_size = feed_size;
    s->buffer_size = buffer_size;
    s->others.gid = &s->gid;
    for (unsigned i = 0; i < WATCHERS_MOST; i++)
        watcher_init(&s->all[i], s);
    AZ(pthread_mutex_init(&s->lock, NULL));
    AZ(pthread_mutex_init(&s->others_lock, NULL));
    AZ(pthread_condattr_init(&attributes));
    AZ(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    AZ(pthread_cond_init(&s->change, &attributes));
    AZ(pthread_condattr_destroy(&attributes));
}

void watchers_attach(struct watch *s, struct worker *workers, unsigned nworkers)
{
    s->workers = workers;
    s->nworkers = nworkers;
    for (unsigned i = 0; i < nworkers; i++)
        workers[i].feed.gid = &s->gid;
}

void watchers_hear(struct watch *s, ENGINE_HANDLE *handle,
                   const struct engine_admin *admin)
{
    s->handle = handle;
    s->admin = admin;
}

void watchers_stop(struct watch *s)
{
    AZ(pthread_mutex_lock(&s->lock));
    bool runs = s->runs;
    s->stopping = true;
    AZ(pthread_cond_signal(&s->change));
    AZ(pthread_mutex_unlock(&s->lock));
    if (runs)
        AZ(pthread_join(s->thread, NULL));
}

void watchers_fini(struct watch *s)
{
    watch_feed_fini(&s->others);
    for (unsigned i = 0; i < s->nworkers; i++)
        watch_feed_fini(&s->workers[i].feed);
    for (unsigned i = 0; i < WATCHERS_MOST; i++)
        watcher_fini(&s->all[i]);
    AZ(pthread_mutex_destroy(&s->lock));
    AZ(pthread_mutex_destroy(&s->others_lock));
    AZ(pthread_cond_destroy(&s->change));
}

static void add_feed(struct watch_counts *n, struct watch_feed *f)
{
    n->dropped += atomic_load_explicit(&f->dropped, memory_order_relaxed);
    n->written += atomic_load_explicit(&f->written, memory_order_relaxed);
}

void watchers_count(struct watch *s, struct watch_counts *n)
{
    *n = (struct watch_counts){ .skipped = atomic_load(&s->skipped),
                                .sent = atomic_load(&s->sent) };
    add_feed(n, &s->others);
    for (unsigned i = 0; i < s->nworkers; i++)
        add_feed(n, &s->workers[i].feed);
    AZ(pthread_mutex_lock(&s->lock));
    n->watchers = s->n;
    AZ(pthread_mutex_unlock(&s->lock));
}
