/*
 * The journal records exactly which keys clients changed and the peer has not
 * acknowledged yet. Each worker thread has a ring; all rings take chunks from one
 * bounded pool, so that `journal=BYTES` is the limit however the load is spread.
 *
 *   worker thread                      replication thread
 *   journal_append ->  [chunk]->[chunk]->[chunk]
 *                        ^         ^        ^
 *                   acknowledged  read    written
 *
 * An entry holds a key, not a value. The value is looked up when the entry is shipped,
 * so a key that changed often is sent once with its newest state. An entry is freed
 * when the peer has acknowledged the batch in which it was shipped. A change of which it
 * is known how it made the value from the one before says so (repl/delta.h). Besides
 * changes there are absences: keys that a client was told are not here (repl/absent.c).
 *
 * Only the ring's own worker calls journal_append. The caller of everything else holds
 * the core lock; for ring_spill it also holds the gate. Only taking and returning a
 * chunk (once in some hundred keys) takes a lock of the journal.
 */
#ifndef REPL_JOURNAL_H
#define REPL_JOURNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repl/delta.h"

struct chunk;

struct journal {
    /* constant; each change reads chunk_size */
    char *memory;
    size_t size; /* of memory */
    size_t chunk_size;
    /* who takes or returns a chunk writes these */
    _Alignas(64) pthread_mutex_t lock; /* guards free and fresh */
    struct chunk *free;
    size_t fresh;      /* bytes of memory handed out to chunks so far */
    atomic_bool empty; /* no chunk is left; tells it without taking the lock */
};

/* SHIPPED: a change that was sent in a session that has ended; nobody knows yet whether
 * the peer has taken it. */
enum journal_kind { JOURNAL_CHANGE, JOURNAL_DELTA, JOURNAL_ABSENCE, JOURNAL_SHIPPED };

struct journal_entry {
    uint64_t hash;
    uint32_t batch; /* the batch in which it was shipped; valid once it was read */
    uint32_t stamp; /* the ring's owner knows its meaning */
    uint8_t nkey;
    uint8_t kind : 7;      /* enum journal_kind; the reader may make it another */
    uint8_t has_delta : 1; /* it was appended with one, which follows the key */
    char key[];
};

/* Bytes. An entry, and so a delta at its end, is aligned to 8. */
static inline uint32_t journal_entry_size(size_t nkey, bool has_delta)
{
    size_t n = (offsetof(struct journal_entry, key) + nkey + 7) & ~(size_t)7;
    return (uint32_t)(n + (has_delta ? sizeof(struct delta) : 0));
}

/* Of an entry that has one. */
static inline struct delta *journal_delta(struct journal_entry *e)
{
    return (struct delta *)(void *)((char *)e + journal_entry_size(e->nkey, false));
}

struct ring {
    /* the worker's */
    struct chunk *tail;
    uint32_t used;
    _Atomic(struct chunk *) first;
    _Atomic uint64_t written; /* entries, ever */
    /* `written` when the worker last reused its tail chunk from the start */
    _Atomic uint64_t restarted_at;
    /* the replication thread's, which writes them for each entry: a line of their own */
    _Alignas(64) struct chunk *read, *ack;
    uint32_t read_at, ack_at;
    uint64_t nread;
    _Atomic uint64_t nacked;
};

/* bytes: the option `journal`. False if memory runs out. */
bool journal_init(struct journal *j, size_t bytes);
void journal_fini(struct journal *j);

void ring_init(struct ring *r);

/* False if the journal is full: the caller marks the key's bucket in `dirty` instead.
 * The entry is published with sequential consistency: a consumer that has announced
 * that it sleeps either sees the entry, or is seen sleeping by this thread. delta: of
 * JOURNAL_DELTA, else NULL. */
bool journal_append(struct journal *j, struct ring *r, enum journal_kind kind,
                    uint64_t hash, const void *key, size_t nkey, uint32_t stamp,
                    const struct delta *delta);

/* The next entry to ship, NULL if there is none. It stays until it is acknowledged. */
struct journal_entry *ring_read(struct ring *r);

/* Free the entries that were shipped in batches up to and including `batch` (serial
 * arithmetic); calls `seen` for each of them first. */
void ring_acknowledge(struct journal *j, struct ring *r, uint32_t batch,
                      void (*seen)(void *context, const struct journal_entry *),
                      void *context);

/* Call spill for every entry, shipped or not. Entries for which it returns true stay
 * and count as unread; the others are freed. */
void ring_spill(struct journal *j, struct ring *r,
                bool (*spill)(void *context, struct journal_entry *), void *context);

/* pending: how many entries are not acknowledged. unread: how many are not read yet? */
uint64_t ring_pending(const struct ring *r);
uint64_t ring_unread(const struct ring *r);

static inline bool ring_has_unread(const struct ring *r)
{
    return ring_unread(r) != 0;
}

#endif
