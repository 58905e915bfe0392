#include "repl/journal.h"

#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

/* The header of a chunk; its entries follow. The worker writes `end` when it leaves the
 * chunk; storing `next` publishes it. */
struct chunk {
    _Atomic(struct chunk *) next;
    uint32_t end;
    uint32_t unused;
    char data[];
};

enum {
    CHUNK_MAX = 64 << 10,
    CHUNK_MIN = 1 << 10, /* holds the longest key */
    CHUNKS_WANTED = 64,
};

bool journal_init(struct journal *j, size_t bytes)
{
    *j = (struct journal){ .chunk_size = CHUNK_MAX };
    while (j->chunk_size > CHUNK_MIN && j->chunk_size * CHUNKS_WANTED > bytes)
        j->chunk_size /= 2;
    j->size = bytes - bytes % j->chunk_size;
    AZ(pthread_mutex_init(&j->lock, NULL));
    if (j->size == 0)
        return true;
    void *memory = mmap(NULL, j->size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    j->memory = memory;
    return true;
}

void journal_fini(struct journal *j)
{
    if (j->memory != NULL)
        munmap(j->memory, j->size); /* may fail if the process is at its limit of maps */
    AZ(pthread_mutex_destroy(&j->lock));
    *j = (struct journal){ 0 };
}

static struct chunk *chunk_next(const struct chunk *c)
{
    return atomic_load_explicit(&c->next, memory_order_acquire);
}

static struct chunk *chunk_take(struct journal *j)
{
    if (atomic_load_explicit(&j->empty, memory_order_relaxed))
        return NULL;
    AZ(pthread_mutex_lock(&j->lock));
    struct chunk *c = j->free;
    if (c != NULL) {
        j->free = chunk_next(c);
    } else if (j->fresh < j->size) {
        c = (struct chunk *)(void *)(j->memory + j->fresh);
        j->fresh += j->chunk_size;
    } else {
        atomic_store_explicit(&j->empty, true, memory_order_relaxed);
    }
    AZ(pthread_mutex_unlock(&j->lock));
    if (c != NULL) {
        atomic_init(&c->next, NULL);
        c->end = 0;
    }
    return c;
}

static void chunk_give_back(struct journal *j, struct chunk *c)
{
    AZ(pthread_mutex_lock(&j->lock));
    atomic_init(&c->next, j->free);
    j->free = c;
    atomic_store_explicit(&j->empty, false, memory_order_relaxed);
    AZ(pthread_mutex_unlock(&j->lock));
}

void ring_init(struct ring *r)
{
    memset(r, 0, sizeof(*r));
}

static uint32_t entry_size(const struct journal_entry *e)
{
    return journal_entry_size(e->nkey, e->has_delta);
}

static size_t chunk_room(const struct journal *j)
{
    return j->chunk_size - sizeof(struct chunk);
}

static struct journal_entry *entry_at(struct chunk *c, uint32_t at)
{
    return (struct journal_entry *)(void *)(c->data + at);
}

static bool ring_extend(struct journal *j, struct ring *r)
{
    struct chunk *c = chunk_take(j);
    if (c == NULL)
        return false;
    if (r->tail == NULL) {
        atomic_store_explicit(&r->first, c, memory_order_release);
    } else {
        r->tail->end = r->used;
        atomic_store_explicit(&r->tail->next, c, memory_order_release);
    }
    r->tail = c;
    r->used = 0;
    return true;
}

/* Each ring keeps the chunk that it writes to, so the pool may be empty although
 * nothing is pending. If all entries of a ring are acknowledged, it reuses that chunk
 * from the start; the reader learns of it with the next entry. */
static bool ring_restart(struct ring *r)
{
    uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
    if (r->tail == NULL ||
        atomic_load_explicit(&r->nacked, memory_order_acquire) != written)
        return false;
    r->used = 0;
    atomic_store_explicit(&r->restarted_at, written, memory_order_relaxed);
    return true;
}

static void entry_fill(struct journal_entry *e, enum journal_kind kind, uint64_t hash,
                       const void *key, size_t nkey, uint32_t stamp,
                       const struct delta *delta)
{
    e->hash = hash;
    e->stamp = stamp;
    e->nkey = (uint8_t)nkey;
    e->kind = (uint8_t)kind;
    e->has_delta = delta != NULL;
    memcpy(e->key, key, nkey);
    if (delta != NULL)
        *journal_delta(e) = *delta;
}

static void ring_publish(struct ring *r, uint32_t size)
{
    r->used += size;
    uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
    atomic_store_explicit(&r->written, written + 1, memory_order_seq_cst);
}

bool journal_append(struct journal *j, struct ring *r, enum journal_kind kind,
                    uint64_t hash, const void *key, size_t nkey, uint32_t stamp,
                    const struct delta *delta)
{
    uint32_t size = journal_entry_size(nkey, delta != NULL);
    if (r->tail == NULL || r->used + size > chunk_room(j)) {
        if (size > chunk_room(j) || !(ring_extend(j, r) || ring_restart(r)))
            return false;
    }
    entry_fill(entry_at(r->tail, r->used), kind, hash, key, nkey, stamp, delta);
    ring_publish(r, size);
    return true;
}

uint64_t ring_unread(const struct ring *r)
{
    return atomic_load_explicit(&r->written, memory_order_seq_cst) - r->nread;
}

uint64_t ring_pending(const struct ring *r)
{
    return atomic_load_explicit(&r->written, memory_order_relaxed) -
           atomic_load_explicit(&r->nacked, memory_order_relaxed);
}

struct journal_entry *ring_read(struct ring *r)
{
    if (atomic_load_explicit(&r->written, memory_order_acquire) == r->nread)
        return NULL;
    if (r->read == NULL) {
        r->read = r->ack = atomic_load_explicit(&r->first, memory_order_acquire);
        r->read_at = r->ack_at = 0;
    }
    /* An unread entry exists: if this chunk has no more, the next chunk is linked. */
    struct chunk *next = chunk_next(r->read);
    if (atomic_load_explicit(&r->restarted_at, memory_order_relaxed) == r->nread) {
        r->read_at = r->ack_at = 0;
    } else if (next != NULL && r->read_at == r->read->end) {
        r->read = next;
        r->read_at = 0;
    }
    struct journal_entry *e = entry_at(r->read, r->read_at);
    r->read_at += entry_size(e);
    r->nread++;
    return e;
}

/* The oldest entry that is kept. Call it only while an entry that was read is left. */
static struct journal_entry *oldest(struct journal *j, struct ring *r)
{
    if (r->ack != r->read && r->ack_at == r->ack->end) {
        struct chunk *done = r->ack;
        r->ack = chunk_next(done);
        r->ack_at = 0;
        chunk_give_back(j, done);
    }
    return entry_at(r->ack, r->ack_at);
}

static void drop_oldest(struct ring *r, const struct journal_entry *e)
{
    r->ack_at += entry_size(e);
    atomic_fetch_add_explicit(&r->nacked, 1, memory_order_release);
}

void ring_acknowledge(struct journal *j, struct ring *r, uint32_t batch,
                      void (*seen)(void *context, const struct journal_entry *),
                      void *context)
{
    while (atomic_load_explicit(&r->nacked, memory_order_relaxed) != r->nread) {
        struct journal_entry *e = oldest(j, r);
        if ((int32_t)(batch - e->batch) < 0)
            return;
        seen(context, e);
        drop_oldest(r, e);
    }
}

static void give_back_from(struct journal *j, struct chunk *c)
{
    while (c != NULL) {
        struct chunk *next = chunk_next(c);
        chunk_give_back(j, c);
        c = next;
    }
}

/* Make the ring hold `entries` unread entries from `first` on, with `used` bytes in
 * `tail`. */
static void ring_rewind(struct ring *r, struct chunk *first, struct chunk *tail,
                        uint32_t used, uint64_t entries)
{
    uint64_t begin = atomic_load_explicit(&r->written, memory_order_relaxed) - entries;
    atomic_store_explicit(&r->first, first, memory_order_relaxed);
    r->tail = tail;
    r->used = used;
    r->read = r->ack = NULL;
    r->read_at = r->ack_at = 0;
    r->nread = begin;
    atomic_store_explicit(&r->nacked, begin, memory_order_relaxed);
}

/* Move the entries that stay to the front, into the space of those before them, so
 * there is always room. *to and *to_at tell where they end. Returns how many stay. */
static uint64_t ring_compact(struct journal *j, struct ring *r,
                             bool (*spill)(void *context, struct journal_entry *),
                             void *context, struct chunk **to, uint32_t *to_at)
{
    struct chunk *from = r->ack;
    uint32_t from_at = r->ack_at;
    uint64_t kept = 0;
    for (uint64_t n = atomic_load(&r->nacked); n != r->nread; n++) {
        if (from != r->read && from_at == from->end) {
            from = chunk_next(from);
            from_at = 0;
        }
        struct journal_entry *e = entry_at(from, from_at);
        uint32_t size = entry_size(e);
        from_at += size;
        if (!spill(context, e))
            continue;
        if (*to_at + size > chunk_room(j)) {
            (*to)->end = *to_at;
            *to = chunk_next(*to);
            *to_at = 0;
        }
        memmove(entry_at(*to, *to_at), e, size);
        *to_at += size;
        kept++;
    }
    return kept;
}

void ring_spill(struct journal *j, struct ring *r,
                bool (*spill)(void *context, struct journal_entry *), void *context)
{
    while (ring_read(r) != NULL)
        continue;
    if (r->ack == NULL)
        return;
    struct chunk *first = r->ack, *last = first;
    uint32_t used = 0;
    uint64_t kept = ring_compact(j, r, spill, context, &last, &used);
    if (kept == 0) {
        give_back_from(j, first);
        ring_rewind(r, NULL, NULL, 0, 0);
        return;
    }
    give_back_from(j, chunk_next(last));
    atomic_store_explicit(&last->next, NULL, memory_order_relaxed);
    ring_rewind(r, first, last, used, kept);
}
