/*
 * A toy store for the replication core (repl/store.h): a hash table in plain memory, a
 * clock that stands still unless it is moved, no threads. It counts all references, so
 * that a test sees a leak at once. It does no more than the interface promises: scans
 * do not show what was stored after they began.
 *
 * CAS numbers are those of a good store: they grow with the clock, exceed what was
 * adopted, and never equal those of a store with another side. With own_cas they are
 * those of a simple one, that counts 1, 2, 3 whatever it was made to adopt, and does not
 * say how many items it has.
 */
#ifndef TEST_FAKE_TOY_STORE_H
#define TEST_FAKE_TOY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repl/delta.h"
#include "repl/store.h"

enum { TOY_STORE_CHAINS = 1024 };

struct toy_item;

struct toy_store_config {
    uint8_t side;   /* of a node that has not met another one */
    uint32_t clock; /* seconds, not 0 */
    uint64_t cas;   /* given before it started: real clocks move on meanwhile */
    bool own_cas;
    bool single_scan; /* one scan at a time */
};

struct toy_store {
    struct toy_store_config config;
    struct toy_item *chains[TOY_STORE_CHAINS];
    uint64_t cas;             /* the last one given or adopted */
    uint8_t side;             /* the low bits of its CAS numbers */
    uint64_t serial;          /* items stored so far */
    uint32_t clock, flush_at; /* 0: no flush is pending */
    size_t items, references; /* references: without those of the table */
    unsigned scans;
    size_t value_max; /* larger values are refused; 0: no limit */
    /* One in so many calls fails, except puts; 0: none fails. */
    unsigned one_in_fails, calls;
    unsigned one_in_refused; /* of what replication stores: it has no room; 0: for all */
};

extern const struct repl_store_ops toy_store_ops;

/* The side of a run that has not met another node: one of six. */
uint8_t toy_store_side(uint64_t run);

void toy_store_init(struct toy_store *s, const struct toy_store_config *config);
void toy_store_fini(struct toy_store *s); /* no reference may be left */
void toy_store_advance(struct toy_store *s, uint32_t seconds);

/* What clients do. set: returns the CAS of the new item. join: puts the change's value
 * behind or before what is there; false if the key is not there. */
uint64_t toy_store_set(struct toy_store *s, const struct link_change *c);
bool toy_store_join(struct toy_store *s, const struct link_change *c,
                    struct delta *delta);
/* Gives a new time to live, changes the marks, and keeps value and CAS, which it returns;
 * 0 if the key is not there. */
uint64_t toy_store_touch(struct toy_store *s, const void *key, size_t nkey,
                         uint32_t exptime);
bool toy_store_delete(struct toy_store *s, const void *key, size_t nkey);
void toy_store_flush(struct toy_store *s, uint32_t delay);

/* Evict the key, as a full store does. */
void toy_store_evict(struct toy_store *s, const void *key, size_t nkey);

/* Call each() for all live items. The change points into the store. */
typedef void (*toy_store_visit)(void *context, const struct link_change *c);
void toy_store_each(struct toy_store *s, toy_store_visit visit, void *context);

#endif
