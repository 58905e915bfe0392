/*
 * The journal: exactly which keys clients changed and the peer has not yet
 * acknowledged. One ring for each worker thread, all fed from one bounded pool of
 * chunks, so that `journal=BYTES` is the limit however the load is spread.
 *
 *   worker thread                      replication thread
 *   journal_append ->  [chunk]->[chunk]->[chunk]
 *                        ^         ^        ^
 *                   acknowledged  read    written
 *
 * An entry holds a key, not a value: the value is looked up when it is shipped, so a
 * key that changed often is sent once with its newest state. Entries are freed when
 * the peer has acknowledged the batch they were shipped in. Beside changes there are
 * absences: keys that a client was told are not here (repl/absent.c).
 *
 * journal_append is called by the ring's own worker only, everything else by whoever
 * holds the core lock; ring_spill and ring_reset also need the gate held exclusively.
 * Only taking and returning a chunk (once in some hundred keys) takes a lock.
 */
#ifndef REPL_JOURNAL_H
#define REPL_JOURNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk;

struct journal {
    pthread_mutex_t lock; /* guards free and fresh */
    struct chunk *free;
    char *memory;
    size_t size, fresh; /* bytes of memory; of it, never used yet */
    atomic_bool empty;  /* no chunk is left: nobody needs the lock to learn it */
    size_t chunk_size;
};

enum journal_kind { JOURNAL_CHANGE, JOURNAL_ABSENCE };

struct journal_entry {
    uint64_t hash;
    uint32_t batch;     /* the batch it was shipped in; valid once read */
    uint32_t stamp;     /* when it was recorded, us, modulo 2^32; 0: not sampled */
    uint8_t nkey, kind; /* enum journal_kind */
    char key[];
};

struct ring {
    /* the worker's */
    struct chunk *tail;
    uint32_t used;
    _Atomic(struct chunk *) first;
    _Atomic uint64_t written; /* entries, ever */
    /* so many when the tail chunk was begun anew */
    _Atomic uint64_t restarted_at;
    /* the replication thread's */
    struct chunk *read, *ack;
    uint32_t read_at, ack_at;
    uint64_t nread;
    _Atomic uint64_t nacked;
};

/* bytes: the option `journal`. False if memory is out. */
bool journal_init(struct journal *j, size_t bytes);
void journal_fini(struct journal *j);

void ring_init(struct ring *r);

/* False if the journal is full: the caller marks the key's bucket dirty instead. The
 * publication is sequentially consistent, so that a consumer that has said that it
 * sleeps either sees the entry or is seen sleeping. */
bool journal_append(struct journal *j, struct ring *r, enum journal_kind kind,
                    uint64_t hash, const void *key, size_t nkey, uint32_t stamp);

/* The next entry to ship, NULL if there is none. It stays until acknowledged. */
struct journal_entry *ring_read(struct ring *r);

/* Free what was shipped in batches up to and including `batch` (serial arithmetic);
 * calls seen for each entry freed. */
void ring_acknowledge(struct journal *j, struct ring *r, uint32_t batch,
                      void (*seen)(void *context, const struct journal_entry *),
                      void *context);

/* Call spill for every entry, shipped or not. What it gives true for stays, unread again;
 * all else is freed. */
void ring_spill(struct journal *j, struct ring *r,
                bool (*spill)(void *context, const struct journal_entry *),
                void *context);

/* Entries not acknowledged; those not even read. */
uint64_t ring_pending(const struct ring *r);
bool ring_has_unread(const struct ring *r);

#endif
