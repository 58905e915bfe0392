/*
 * The connections that watch, and the thread that writes their lines.
 *
 *   workers, others --> feeds --> the thread: lines --> a buffer for each watcher --+
 *                                                                                   |
 *                       the watcher's worker sends what is in its buffer <--- wake -+
 *
 * The thread waits for nobody: what a watcher is too slow for, it does not get. There is
 * a fixed number of watchers. Feeds and the thread exist from the first one on, a buffer
 * as long as its watcher.
 */
#ifndef SERVER_WATCHERS_H
#define SERVER_WATCHERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memcached/engine_admin.h>

#include "server/watch_feed.h"
#include "server/watcher.h"

enum { WATCHERS_MOST = 20 }; /* as in memcached */

struct watch_counts {
    uint64_t watchers, dropped, written, skipped, sent;
};

struct watch {
    pthread_mutex_t lock; /* guards who watches, and the thread's start and end */
    pthread_cond_t change;
    pthread_t thread;
    bool runs, stopping;
    unsigned n; /* that watch */
    struct watcher all[WATCHERS_MOST];

    struct worker *workers; /* set before they run; they have feeds */
    unsigned nworkers;
    size_t feed_size, buffer_size;
    struct watch_feed others; /* of threads that are no workers */
    pthread_mutex_t others_lock;
    _Atomic uint64_t gid, skipped, sent;

    const struct engine_admin *admin; /* tells evictions; NULL: see watchers_hear_key */
    ENGINE_HANDLE *handle;
};

/* Main thread; before workers run, and after the last one has ended. Sizes are bytes. */
void watchers_init(struct watch *s, size_t feed_size, size_t buffer_size);
void watchers_attach(struct watch *s, struct worker *workers, unsigned nworkers);
void watchers_hear(struct watch *s, ENGINE_HANDLE *handle,
                   const struct engine_admin *admin);
void watchers_stop(struct watch *s);
void watchers_fini(struct watch *s);

/* An engine without the extension evicts this key. Any thread. */
void watchers_hear_key(struct watch *s, const void *key, size_t nkey);

/* What plain `stats` shows. Any thread. */
void watchers_count(struct watch *s, struct watch_counts *n);

/* ---- the worker of a connection */

enum watchers_result { WATCHERS_OK, WATCHERS_TOO_MANY, WATCHERS_FAILED };

/* c watches from now on. WATCHERS_FAILED: the system refused memory or a thread; errno.
 */
enum watchers_result watchers_join(struct watch *s, struct worker *w,
                                   struct connection *c, unsigned words,
                                   struct watcher **out);
/* NULL does nothing. */
void watchers_leave(struct watcher *w);

/* The worker was woken: calls `go_on` for each of its connections that has lines. */
void watchers_run(struct watch *s, struct worker *w, void (*go_on)(struct connection *c));

#endif
