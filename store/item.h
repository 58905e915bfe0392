/*
 * An item in memory: 32 bytes of header, the key, the value.
 *
 *   0        8       12       16      20      24      28     29     30     32
 *   | cas    | word  | exptime| flags | nbytes| hash  | nkey | mark | seen | key | value
 *
 * word   references of callers; whether the item is in the table; and, if it is, the
 *        epoch in which it was stored:
 *
 *          allocate            link               unlink
 *            -----> FRESH, 1  -----> LINKED, n   --------> DEAD, n
 *                     | last reference                       | none left:
 *                     +-----------------------> DEAD, 0 <----+ space may be reused
 *
 *        References are taken under the lock of the item's bucket (or, for a
 *        fresh item, by its only owner) and dropped without a lock. LINKED and the
 *        epoch are set and cleared under the bucket's lock.
 * mark   how often it was read (0 to 3), whether it was ever read, and its meta marks
 *        (<memcached/engine_meta.h>). Written under the bucket's lock.
 * seen   when it was used last (store/seen.h). Written under the bucket's lock.
 * hash   of the key (store_hash): locates the item without reading the key.
 * value  without CRLF. Its bytes change only while there are no references.
 *
 * Size in memory: header, key and value, rounded up to a multiple of 8.
 */
#ifndef STORE_ITEM_H
#define STORE_ITEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct item {
    _Atomic uint64_t cas;
    _Atomic uint32_t word;
    _Atomic uint32_t exptime; /* rel_time_t, 0: never */
    uint32_t flags;           /* network byte order, as the client sent them */
    _Atomic uint32_t nbytes;
    uint32_t hash;
    uint8_t nkey;
    _Atomic uint8_t mark;
    _Atomic uint16_t seen;
    char data[];
};

_Static_assert(sizeof(struct item) == 32, "the item header grew");

#define ITEM_LINKED 0x80000000u
#define ITEM_DEAD   0x40000000u
#define ITEM_EPOCH  0x3f000000u
#define ITEM_REFS   0x00ffffffu

#define EPOCH_SHIFT 24
#define EPOCH_MASK  (ITEM_EPOCH >> EPOCH_SHIFT)

#define MARK_FREQ       0x3u
#define MARK_FETCHED    0x4u
#define MARK_META       0x38u
#define MARK_META_SHIFT 3

static inline size_t item_size_of(size_t nkey, size_t nbytes)
{
    return (sizeof(struct item) + nkey + nbytes + 7) & ~(size_t)7;
}

static inline uint32_t item_nbytes(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->nbytes, memory_order_relaxed);
}

static inline size_t item_size(const struct item *it)
{
    return item_size_of(it->nkey, item_nbytes(it));
}

/* The next item in its segment. */
static inline struct item *item_after(struct item *it)
{
    return (struct item *)(void *)((char *)it + item_size(it));
}

static inline char *item_key(const struct item *it)
{
    return ((struct item *)it)->data;
}

static inline char *item_value(const struct item *it)
{
    return ((struct item *)it)->data + it->nkey;
}

static inline bool item_has_key(const struct item *it, uint32_t hash, const void *key,
                                size_t nkey)
{
    return it->hash == hash && it->nkey == nkey && memcmp(it->data, key, nkey) == 0;
}

static inline uint64_t item_cas(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->cas, memory_order_relaxed);
}

static inline uint32_t item_exptime(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->exptime, memory_order_relaxed);
}

static inline uint32_t item_word(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->word, memory_order_acquire);
}

static inline unsigned item_mark(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->mark, memory_order_relaxed);
}

static inline void item_set_mark(struct item *it, unsigned mark)
{
    atomic_store_explicit(&it->mark, (uint8_t)mark, memory_order_relaxed);
}

static inline unsigned item_freq(const struct item *it)
{
    return item_mark(it) & MARK_FREQ;
}

static inline unsigned item_epoch(const struct item *it)
{
    return item_word(it) >> EPOCH_SHIFT & EPOCH_MASK;
}

/* The marks of a meta command, such as META_STALE. */
static inline unsigned item_meta(const struct item *it)
{
    return (item_mark(it) & MARK_META) >> MARK_META_SHIFT;
}

static inline void item_set_meta(struct item *it, unsigned marks)
{
    item_set_mark(it, (item_mark(it) & ~MARK_META) | marks << MARK_META_SHIFT);
}

static inline unsigned item_seen(const struct item *it)
{
    return atomic_load_explicit(&((struct item *)it)->seen, memory_order_relaxed);
}

static inline void item_set_seen(struct item *it, unsigned seen)
{
    atomic_store_explicit(&it->seen, (uint16_t)seen, memory_order_relaxed);
}

/* Counts one more use that is no read. Under the bucket's lock. */
static inline void item_note_use(struct item *it)
{
    unsigned mark = item_mark(it);
    if ((mark & MARK_FREQ) != MARK_FREQ)
        item_set_mark(it, mark + 1);
}

/* Counts one more read. Under the bucket's lock. True if this has raised the item's
 * credit. */
static inline bool item_note_read(struct item *it)
{
    unsigned mark = item_mark(it);
    if ((mark & (MARK_FREQ | MARK_FETCHED)) == (MARK_FREQ | MARK_FETCHED))
        return false;
    if ((mark & MARK_FREQ) != MARK_FREQ)
        mark++;
    item_set_mark(it, mark | MARK_FETCHED);
    return true;
}

/* Takes one more reference. Under the bucket's lock, or by a caller that has one. */
static inline void item_take_ref(struct item *it)
{
    atomic_fetch_add_explicit(&it->word, 1, memory_order_relaxed);
}

#endif
