/*
 * What replication needs from a store: a table of functions, so that the core runs over
 * a wrapped engine (engine/adapter.c) and over a toy store in a simulator. The caller
 * holds the core lock; client threads call expel and clock without it. None may block
 * for long.
 */
#ifndef REPL_STORE_H
#define REPL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/link_message.h"
#include "repl/map.h"

/* A live item with a reference to it. `state` is the change as it goes over the wire;
 * it points into item memory, and is valid until release. Its exptime is a
 * second of this store's clock, here and in put, add and touch. */
struct repl_item {
    struct link_change state;
    void *item;
};

/* "No" and "unknown" are two answers: if a store is short of memory, its scan has not
 * come to the end, and its item is not gone. Only scans say "not yet". */
enum repl_answer { REPL_NO, REPL_YES, REPL_UNKNOWN, REPL_NOT_YET };

struct repl_scan;

/* A store's part in a pair: on its own; mirrored by the peer's store; mirrored by a
 * store with less memory; mirrors the peer's store. */
enum repl_part { PART_ALONE, PART_LEADS, PART_LEADS_SMALLER, PART_FOLLOWS };

struct repl_store_ops {
    /* The key's present state. NO: the item is gone, expired or flushed. Must not count
     * as a client's read. */
    enum repl_answer (*lookup)(void *store, const void *key, size_t nkey,
                               struct repl_item *out);
    void (*release)(void *store, void *item);

    /* An item for the change, with room for its value, which nobody sees before it is put
     * or added. Release it if it is not wanted after all. NULL: the store has no room. */
    void *(*make)(void *store, const struct link_change *c, void **value);
    /* Give the key the state in the change, with CAS and credit, whatever was there
     * before. NO: the store could not take it, and the key is gone here. UNKNOWN: the
     * store could not take it, and could not remove what was there. made: the item with
     * the whole value, which it takes over; NULL: make one. */
    enum repl_answer (*put)(void *store, const struct link_change *c, void *made);
    /* The same, but only if the key is absent; no client changes the store meanwhile.
     * NO: the key is present. UNKNOWN: the store could not take it. */
    enum repl_answer (*add)(void *store, const struct link_change *c, void *made);
    /* Give the item that is here the change's expiry, marks and credit. False: it is not
     * here any more, or the store can only put. */
    bool (*touch)(void *store, const struct link_change *c);
    /* False: the key may still be there. */
    bool (*remove)(void *store, const void *key, size_t nkey);
    /* At this second of its clock; 0 or one that has passed: at once. */
    void (*flush)(void *store, uint32_t at);

    /* Repeat what the leader's store did on its own. An item that is newer here than
     * the evicted one stays. False: the leader's clients read an item that is not
     * here. */
    bool (*repeat)(void *store, const struct link_note *note);
    /* `repeat`, or what comes with a copy, will be about this key soon. */
    void (*expect)(void *store, const void *key, size_t nkey);
    /* The store's part from now on: whether it tells what it does on its own, or
     * repeats what the peer's store does. */
    void (*part)(void *store, enum repl_part part);

    /* A CAS that every item stored from now on exceeds, and that no item present now
     * exceeds. UINT64_MAX if the store cannot name one: then items that are stored
     * during a purge count as old. */
    uint64_t (*fence)(void *store);
    /* Which of the two nodes this is: the peer is the other one. From now on neither
     * gives a CAS that the other one gives, if the store can do that. */
    void (*side)(void *store, bool upper);
    /* Remove the key if its CAS is not above the fence. False: it may still be
     * there. */
    bool (*expel)(void *store, const void *key, size_t nkey, uint64_t fence);

    /* A scan visits every item of the wanted buckets that is present throughout the scan,
     * and perhaps others; a store that can tell them apart touches few others. An item
     * that it shows is live at that moment, neither expired nor flushed. scan_begin reads
     * `wanted` before it returns (NULL: all buckets); NULL if no scan is possible now;
     * try again later. scan_next: NO at the end. NOT_YET after a stretch without any,
     * which took the time of an item: call it again. UNKNOWN if it cannot go on now; it
     * skips nothing then, so call it again later. scan_end takes any scan, finished or
     * not. */
    struct repl_scan *(*scan_begin)(void *store, const struct map *wanted);
    enum repl_answer (*scan_next)(void *store, struct repl_scan *scan,
                                  struct repl_item *out);
    void (*scan_end)(void *store, struct repl_scan *scan);

    /* How many items there are, for figures. UINT64_MAX: unknown. */
    uint64_t (*items)(void *store);

    /* The store's clock in seconds, by which TTLs and delayed flushes are measured. */
    uint32_t (*clock)(void *store);
};

/* The time `delay` after `now`. If that overflows the clock, the result is the clock's
 * last moment, never a time in the past. */
static inline uint32_t clock_after(uint32_t now, uint32_t delay)
{
    return delay <= UINT32_MAX - now ? now + delay : UINT32_MAX;
}

#endif
