/*
 * What replication needs from a store: a table of functions, so that the core runs
 * over a wrapped engine (engine/adapter.c) as well as over a toy one in a simulator.
 * All are called by whoever holds the core lock; expel and clock also by client threads.
 * None blocks for long.
 */
#ifndef REPL_STORE_H
#define REPL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/link_message.h"

/* A live item and a reference to it: the change as it goes over the wire, pointing
 * into item memory until release. */
struct repl_item {
    struct link_change state;
    void *item;
};

/* "No" and "it cannot be said now" are two answers: a store that is short of memory has
 * not come to an end, and its item is not gone. */
enum repl_answer { REPL_NO, REPL_YES, REPL_UNKNOWN };

struct repl_scan;

/* What a store is in a pair: on its own, the one that is mirrored (and so by one with
 * less memory), the mirror. */
enum repl_part { PART_ALONE, PART_LEADS, PART_LEADS_SMALLER, PART_FOLLOWS };

struct repl_store_ops {
    /* The key's present state; NO: it is gone, expired or flushed. Not a read. */
    enum repl_answer (*lookup)(void *store, const void *key, size_t nkey,
                               struct repl_item *out);
    void (*release)(void *store, void *item);

    /* Make the key be as the change says, CAS and credit included, whatever was there.
     * NO: the store could not take it, and the key is gone here. UNKNOWN: nor could it
     * remove what was there. */
    enum repl_answer (*put)(void *store, const struct link_change *c);
    /* The same, but only where the key is absent; no client changes the store meanwhile.
     * NO: it is there. UNKNOWN: the store could not take it. */
    enum repl_answer (*add)(void *store, const struct link_change *c);
    /* False: it may still be there. */
    bool (*remove)(void *store, const void *key, size_t nkey);
    void (*flush)(void *store, uint32_t delay);

    /* The leader's store did this on its own; an item that is newer here than the evicted
     * one stays. False: the leader's clients read an item that is not here. */
    bool (*repeat)(void *store, const struct link_note *note);
    /* It is called for this key soon. */
    void (*expect)(void *store, const void *key, size_t nkey);
    /* Whether what this store does on its own is told, or what the peer's does is
     * repeated. */
    void (*part)(void *store, enum repl_part part);

    /* A CAS that every item stored from now on exceeds, and none that is there.
     * UINT64_MAX if the store knows of none: what is stored meanwhile is then taken for
     * old. */
    uint64_t (*fence)(void *store);
    /* Remove the key if its CAS is not above the fence. False: it may still be there. */
    bool (*expel)(void *store, const void *key, size_t nkey, uint64_t fence);

    /* Visit every item that is there throughout the scan; what is shown is live at that
     * moment, neither expired nor flushed. NULL if no scan can be had now (try again
     * later). scan_next: NO at the end; UNKNOWN if it cannot go on now: then nothing is
     * passed over, and it may be asked again later. scan_end takes any scan, finished or
     * not. */
    struct repl_scan *(*scan_begin)(void *store);
    enum repl_answer (*scan_next)(void *store, struct repl_scan *scan,
                                  struct repl_item *out);
    void (*scan_end)(void *store, struct repl_scan *scan);

    /* The store's clock, seconds; TTLs and delayed flushes count in it. */
    uint32_t (*clock)(void *store);
};

/* So long after `now`; what the clock does not reach in its life is its last moment, not
 * one of the past. */
static inline uint32_t clock_after(uint32_t now, uint32_t delay)
{
    return delay <= UINT32_MAX - now ? now + delay : UINT32_MAX;
}

#endif
