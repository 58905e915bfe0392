/*
 * One connection that watches: a buffer of lines that the thread of watchers.c fills and
 * the connection's worker empties. A line that does not fit is skipped, and so are the
 * next ones until there is room for a line that says how many were: "skipped=5".
 */
#ifndef SERVER_WATCHER_H
#define SERVER_WATCHER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct worker;
struct connection;
struct watch;

struct watcher {
    struct watch *watch;    /* of which it is one */
    _Atomic unsigned words; /* of the command */
    bool used;              /* this and words: set under the lock of all (watchers.h) */

    pthread_mutex_t lock; /* guards what follows; held for a copy at most */
    struct connection *connection;
    struct worker *worker;
    bool due; /* its worker has not come for the lines yet */
    char *bytes;
    size_t size;
    uint64_t head, tail; /* bytes put in and taken out, ever */
    uint64_t since;      /* the last gid before it began to watch */
    uint64_t skipped;    /* lines that the watcher is to be told of */
};

void watcher_init(struct watcher *w, struct watch *watch);
void watcher_fini(struct watcher *w);

/* False: no memory for the buffer. */
bool watcher_begin(struct watcher *w, size_t size, uint64_t since, struct worker *worker,
                   struct connection *c);
void watcher_end(struct watcher *w);

enum watcher_result { WATCHER_TOOK, WATCHER_SKIPPED, WATCHER_IGNORED };

/* The thread: a line with this gid; and the worker to wake, if there are lines that it
 * does not know of, or NULL. */
enum watcher_result watcher_offer(struct watcher *w, uint64_t gid, const char *line,
                                  size_t n);
struct worker *watcher_call(struct watcher *w);

/* The worker: moves up to `most` bytes of lines to out. False: no memory. If all have
 * been moved, it is called again when there are more. */
bool watcher_take(struct watcher *w, struct buffer *out, size_t most);
/* The connection, if it is one of this worker and has lines; else NULL. */
struct connection *watcher_with_lines(struct watcher *w, const struct worker *of);

#endif
