#include "server/watcher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void watcher_init(struct watcher *w, struct watch *watch)
{
    w->watch = watch;
    AZ(pthread_mutex_init(&w->lock, NULL));
}

void watcher_fini(struct watcher *w)
{
    AZ(pthread_mutex_destroy(&w->lock));
}

bool watcher_begin(struct watcher *w, size_t size, uint64_t since, struct worker *worker,
                   struct connection *c)
{
    char *bytes = malloc(size);
    if (bytes == NULL)
        return false;
    AZ(pthread_mutex_lock(&w->lock));
    w->connection = c;
    w->worker = worker;
    w->bytes = bytes;
    w->size = size;
    w->head = w->tail = w->skipped = 0;
    w->since = since;
    w->due = false;
    AZ(pthread_mutex_unlock(&w->lock));
    return true;
}

void watcher_end(struct watcher *w)
{
    AZ(pthread_mutex_lock(&w->lock));
    w->connection = NULL;
    free(w->bytes);
    w->bytes = NULL;
    AZ(pthread_mutex_unlock(&w->lock));
}

/* ---- lines come in */

static size_t room_of(const struct watcher *w)
{
    return w->size - (size_t)(w->head - w->tail);
}

static void append(struct watcher *w, const char *bytes, size_t n)
{
    size_t at = w->head % w->size, first = w->size - at < n ? w->size - at : n;
    memcpy(w->bytes + at, bytes, first);
    memcpy(w->bytes, bytes + first, n - first);
    w->head += n;
}

/* Lines behind one that was skipped wait until the watcher was told. */
static enum watcher_result add_line(struct watcher *w, const char *line, size_t n)
{
    if (w->skipped > 0 || room_of(w) < n) {
        w->skipped++;
        return WATCHER_SKIPPED;
    }
    append(w, line, n);
    return WATCHER_TOOK;
}

enum watcher_result watcher_offer(struct watcher *w, uint64_t gid, const char *line,
                                  size_t n)
{
    enum watcher_result result = WATCHER_IGNORED;
    AZ(pthread_mutex_lock(&w->lock));
    if (w->connection != NULL && gid > w->since)
        result = add_line(w, line, n);
    AZ(pthread_mutex_unlock(&w->lock));
    return result;
}

struct worker *watcher_call(struct watcher *w)
{
    struct worker *worker = NULL;
    AZ(pthread_mutex_lock(&w->lock));
    if (w->connection != NULL && !w->due && w->head != w->tail) {
        w->due = true;
        worker = w->worker;
    }
    AZ(pthread_mutex_unlock(&w->lock));
    return worker;
}

/* ---- and go out */

static void tell_skipped(struct watcher *w)
{
    char text[40];
    int n = snprintf(text, sizeof(text), "skipped=%" PRIu64 "\n", w->skipped);
    if (w->skipped == 0 || room_of(w) < (size_t)n)
        return;
    append(w, text, (size_t)n);
    w->skipped = 0;
}

bool watcher_take(struct watcher *w, struct buffer *out, size_t most)
{
    AZ(pthread_mutex_lock(&w->lock));
    size_t n = (size_t)(w->head - w->tail);
    n = n < most ? n : most;
    size_t at = w->tail % w->size, first = w->size - at < n ? w->size - at : n;
    bool ok = n == 0 || (buffer_append(out, w->bytes + at, first) &&
                         buffer_append(out, w->bytes, n - first));
    w->tail += n;
    tell_skipped(w);
    w->due = w->head != w->tail;
    AZ(pthread_mutex_unlock(&w->lock));
    return ok;
}

struct connection *watcher_with_lines(struct watcher *w, const struct worker *of)
{
    AZ(pthread_mutex_lock(&w->lock));
    struct connection *c = w->due && w->worker == of ? w->connection : NULL;
    AZ(pthread_mutex_unlock(&w->lock));
    return c;
}
