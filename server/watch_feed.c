#include "server/watch_feed.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Thread_local struct watch_feed *own;

bool watch_feed_make(struct watch_feed *f, size_t size)
{
    if (atomic_load(&f->bytes) != NULL)
        return true;
    char *bytes = malloc(size);
    f->size = size;
    atomic_store_explicit(&f->bytes, bytes, memory_order_release);
    return bytes != NULL;
}

void watch_feed_fini(struct watch_feed *f)
{
    free(atomic_load(&f->bytes));
    atomic_store(&f->bytes, NULL);
}

void watch_feed_bind(struct watch_feed *f)
{
    own = f;
}

struct watch_feed *watch_feed_own(void)
{
    return own;
}

static void count_one(_Atomic uint64_t *counter)
{
    uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}

/* A record lies in one piece: what is left at the end of the ring may be too short. */
static char *make_room(struct watch_feed *f, char *bytes, size_t n)
{
    uint64_t head = atomic_load_explicit(&f->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&f->tail, memory_order_acquire);
    size_t at = head % f->size, left = f->size - at, gap = left < n ? left : 0;
    if (head + gap + n - tail > f->size)
        return NULL;
    if (gap == 0)
        return bytes + at;
    memset(bytes + at, 0, sizeof(uint16_t));
    atomic_store_explicit(&f->head, head + gap, memory_order_release);
    return bytes;
}

static void stamp(struct watch_record *r, struct watch_feed *f)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    r->seconds = now.tv_sec;
    r->microseconds = (uint32_t)(now.tv_nsec / 1000);
    r->gid = atomic_fetch_add_explicit(f->gid, 1, memory_order_relaxed) + 1;
}

void watch_feed_put(struct watch_feed *f, struct watch_record *r, const void *key,
                    uint8_t nkey)
{
    char *bytes = atomic_load_explicit(&f->bytes, memory_order_acquire);
    size_t size = (sizeof(*r) + nkey + 7) & ~(size_t)7;
    char *at = bytes != NULL ? make_room(f, bytes, size) : NULL;
    if (at == NULL) {
        count_one(&f->dropped);
        return;
    }
    stamp(r, f);
    r->size = (uint16_t)size;
    r->nkey = nkey;
    memcpy(at, r, sizeof(*r));
    if (nkey > 0)
        memcpy(at + sizeof(*r), key, nkey);
    uint64_t head = atomic_load_explicit(&f->head, memory_order_relaxed);
    atomic_store_explicit(&f->head, head + size, memory_order_release);
    count_one(&f->written);
}

const struct watch_record *watch_feed_next(struct watch_feed *f)
{
    const char *bytes = atomic_load_explicit(&f->bytes, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&f->tail, memory_order_relaxed);
    while (bytes != NULL &&
           tail != atomic_load_explicit(&f->head, memory_order_acquire)) {
        const struct watch_record *r = (const void *)(bytes + tail % f->size);
        if (r->size != 0)
            return r;
        tail += f->size - tail % f->size;
        atomic_store_explicit(&f->tail, tail, memory_order_release);
    }
    return NULL;
}

void watch_feed_drop(struct watch_feed *f, const struct watch_record *r)
{
    uint64_t tail = atomic_load_explicit(&f->tail, memory_order_relaxed);
    atomic_store_explicit(&f->tail, tail + r->size, memory_order_release);
}
