/*
 * The hash table: linear hashing over buckets of one cache line.
 *
 *   bucket:  | lock . next | slot slot slot slot slot slot slot |      64 bytes
 *   slot:    | tag, 14 bits | label | place |   0: empty
 *   next:    index of an overflow bucket of the same shape, 0 for none. That has its home
 * in the place of the lock: the bucket whose chain it is in
 *
 *   tag      bits of the hash that places the key here
 *   label    leading bits of another hash of the key (label_hash). By it a scan skips
 *            items without touching them. It has the bits that the place leaves,
 *            LABEL_BITS_MAX at most; 0 without a label_hash
 *   place    of the item in the range of all items, in steps of eight bytes, from 1
 *
 *   buckets: | 0 | 1 | ... | s | ... | n-1 |      one split: | s | -> | s | n |
 *
 * The table grows by one bucket at a time: bucket s is divided between s and the
 * new bucket n, so there is no pause and nothing to migrate. An insertion that
 * does not fit its bucket takes an overflow bucket and asks for growth; in this way the
 * load regulates itself. The table shrinks by the reverse step.
 *
 * A caller locks the bucket of a hash, looks, changes, unlocks. A get or a set takes no
 * other lock. table_lock checks the number of buckets again once it holds the lock, as a
 * split may have moved the hash meanwhile.
 *
 * Buckets are in reserved address space and grow in place; their memory is charged to the
 * budget.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include <pthread.h>
#include <stdbool.h>

#include "store/budget.h"
#include "store/item.h"
#include "store/lock.h"
#include "store/range.h"

#define BUCKET_SLOTS 7
#define NO_HOME      UINT32_MAX

typedef _Atomic uint64_t table_slot;

struct bucket {
    union {
        spin_lock lock;        /* of the chain */
        _Atomic uint32_t home; /* of an overflow bucket; NO_HOME: it is free */
    };
    _Atomic uint32_t next;
    table_slot slot[BUCKET_SLOTS];
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");

/* Of a key: what its label is taken from. */
typedef uint64_t (*table_hash)(const void *key, size_t nkey);

/* Splits find the bit that decides in the tag, as long as there are fewer buckets than
 * 2^(TAG_FIRST + TAG_BITS). In a table of 2^21, look-ups have nine bits of it left: one
 * in a hundred meets another key's tag. */
enum { TAG_FIRST = 16, TAG_BITS = 14, TAG_SHIFT = 64 - TAG_BITS, LABEL_BITS_MAX = 20 };

static inline uint32_t table_tag(uint32_t hash)
{
    return hash >> TAG_FIRST & ((1u << TAG_BITS) - 1);
}

struct table {
    /* Every call reads these; splits write nbuckets. */
    _Alignas(64) struct bucket *buckets;
    struct bucket *overflow;
    uintptr_t origin;     /* where place 0 would be */
    uint64_t place_mask;  /* the bits of a slot that are its place */
    unsigned label_shift; /* the bits above, up to the tag, are its label */
    unsigned label_bits;
    table_hash label_hash; /* NULL: labels are 0 */
    _Atomic uint32_t nbuckets;
    uint32_t max_buckets;
    _Alignas(64) spin_lock growing; /* one split or merge at a time */
    spin_lock pool_lock;            /* guards the next three */
    uint32_t pool_next;             /* the first overflow bucket that was never used */
    uint32_t pool_free;             /* list of freed ones */
    _Atomic uint32_t pool_used;
    struct range bucket_range, overflow_range;
    struct budget *budget;
};

/* Sized for at most `items` items, which lie in the range, at multiples of eight bytes.
 * False: no address space. */
bool table_init(struct table *t, uint64_t items, const struct range *range,
                struct budget *budget);
void table_fini(struct table *t);

static inline uint64_t slot_load(table_slot *slot)
{
    return atomic_load_explicit(slot, memory_order_relaxed);
}

/* NULL: the slot is empty. */
static inline struct item *slot_item(const struct table *t, uint64_t value)
{
    return value == 0 ? NULL
                      : (struct item *)(t->origin + ((value & t->place_mask) << 3));
}

static inline uint32_t table_count(struct table *t)
{
    return atomic_load_explicit(&t->nbuckets, memory_order_acquire);
}

/* The bucket of a hash among n: its low bits, one bit less if not split yet. */
static inline uint32_t table_index(uint32_t hash, uint32_t n)
{
    uint32_t mask = UINT32_MAX >> __builtin_clz(n - 1);
    uint32_t index = hash & mask;
    return index < n ? index : index & (mask >> 1);
}

static inline void table_prefetch(struct table *t, uint32_t hash)
{
    __builtin_prefetch(&t->buckets[table_index(hash, table_count(t))], 1);
}

static inline struct bucket *table_lock(struct table *t, uint32_t hash)
{
    uint32_t index = table_index(hash, table_count(t));
    for (;;) {
        struct bucket *b = &t->buckets[index];
        spin_acquire(&b->lock);
        uint32_t again = table_index(hash, table_count(t));
        if (__builtin_expect(again == index, 1))
            return b;
        spin_release(&b->lock);
        index = again;
    }
}

static inline void table_unlock(struct bucket *b)
{
    spin_release(&b->lock);
}

static inline uint32_t bucket_link(const struct bucket *b)
{
    return atomic_load_explicit(&b->next, memory_order_acquire);
}

static inline struct bucket *bucket_next(struct table *t, struct bucket *b)
{
    uint32_t next = bucket_link(b);
    return next == 0 ? NULL : &t->overflow[next];
}

/* The slot of a key in a locked bucket; NULL if the key is absent. */
static inline table_slot *table_find(struct table *t, struct bucket *b, uint32_t hash,
                                     const void *key, size_t nkey)
{
    for (; b != NULL; b = bucket_next(t, b)) {
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            uint64_t value = slot_load(&b->slot[i]);
            if (value >> TAG_SHIFT == table_tag(hash) && value != 0 &&
                item_has_key(slot_item(t, value), hash, key, nkey))
                return &b->slot[i];
        }
    }
    return NULL;
}

/* The slot of this very item; NULL if there is none. */
table_slot *table_find_item(struct table *t, struct bucket *b, const struct item *it);

static inline uint64_t table_place(const struct table *t, const struct item *it)
{
    return ((uintptr_t)it - t->origin) >> 3;
}

/* Lets a slot point to another item with the same key. */
static inline void slot_set(const struct table *t, table_slot *slot,
                            const struct item *it)
{
    atomic_store_explicit(slot, (slot_load(slot) & ~t->place_mask) | table_place(t, it),
                          memory_order_relaxed);
}

enum table_result { TABLE_OK, TABLE_CROWDED, TABLE_FULL };

/* Adds an item to its locked bucket. TABLE_CROWDED: done, and the caller should call
 * table_grow after unlocking. TABLE_FULL: no memory for it. */
enum table_result table_insert(struct table *t, struct bucket *b, const struct item *it);

/* Empties a slot of a locked bucket. */
void table_remove(struct table *t, struct bucket *b, table_slot *slot);

/* Gives back the empty overflow buckets of a locked chain. */
void table_trim(struct table *t, struct bucket *b);

/* Splits the next bucket or two, unless another thread is doing it. No bucket locked. */
void table_grow(struct table *t);

/* Merges the last bucket into the one that it was split from. False at the minimum size.
 * Must not run during a scan. No bucket locked. */
bool table_shrink(struct table *t);

/* Locks bucket i for a scan; NULL if there are no more. */
static inline struct bucket *table_lock_index(struct table *t, uint32_t i)
{
    if (i >= table_count(t))
        return NULL;
    spin_acquire(&t->buckets[i].lock);
    return &t->buckets[i];
}

/* The overflow buckets in use, and perhaps others, have lower numbers. */
uint32_t table_overflows(struct table *t);

/* Locks the bucket in whose chain overflow bucket i is. NULL: it is in none, or it has
 * passed to another one just now. */
struct bucket *table_lock_home(struct table *t, uint32_t i);

#endif
