/*
 * Two nodes joined by a wire; each is a replication core over a toy store. It is the
 * product without threads, sockets, clock and engine: nothing happens except by a call.
 *
 *   struct pair p;
 *   pair_init(&p, &config);      two fresh nodes, not connected
 *   node_set(&p.node[0], "k", "v");
 *   pair_settle(&p);             connect, and move until nothing is left to do
 *   ... pair_same(&p, NULL, 0) ...
 *   pair_fini(&p);
 */
#ifndef TEST_FAKE_PAIR_H
#define TEST_FAKE_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repl/internal.h"
#include "test/fake/toy_store.h"
#include "test/fake/wire.h"

struct pair_config {
    unsigned map_bits[2];
    size_t journal_bytes;
    bool own_cas, single_scan; /* of the stores */
    enum repl_standby_writes standby_writes;
    bool keep_on_conflict, lone_rejects;
    unsigned fetch_wait_ms; /* 0: no request waits for the peer's item */
    unsigned cold_wait_ms;  /* 0: an empty node is fit at once */
    struct repl_times times[2];
    uint64_t copy_rate;        /* bytes a second */
    uint32_t whole_max, chunk; /* bytes: larger values go in chunks; 0: as usual */
    uint64_t item_max;         /* of both; 0: no limit */
    uint64_t memory[2];        /* of the stores, as the nodes tell; they keep to none */
    /* Node 1's clocks are ahead of node 0's: its store's, and its machine's. */
    uint32_t store_ahead;
    uint64_t machine_ahead_us;
};

struct node {
    struct pair *pair;
    unsigned number; /* 0 or 1 */
    bool up;
    struct toy_store store;
    struct repl_core core;
    const void *request; /* of the client that makes changes now; NULL: one whose request
                          * cannot be put off */
    unsigned resumed;    /* how many requests were put off and resumed */
    const void *resumes; /* the last of them */
};

struct pair {
    struct pair_config config;
    struct node node[2];
    struct wire wire;
    uint32_t clock;  /* of node 0's store, seconds */
    uint64_t now_us; /* of node 0's machine */
    /* What to do, besides counting, when a request is resumed; NULL: nothing. */
    void (*on_resume)(void *context, const void *request);
    void *resume_context;
    uint64_t runs; /* nodes started so far: makes run ids different, but not random */
    uint8_t run_order[2]; /* the first byte of the run ids: decides who wins a tie */
};

/* Aborts if memory runs out. config NULL: a usual configuration. */
void pair_init(struct pair *p, const struct pair_config *config);
void pair_fini(struct pair *p);

/* crash: a node dies without a message, and all its data is lost. start: a new, empty
 * node starts. */
void node_crash(struct node *n);
void node_start(struct node *n);

/* Time passes for both; nobody looks at it yet. */
void pair_advance(struct pair *p, uint32_t seconds);

/* The same, and the cores notice. */
void pair_pass(struct pair *p, unsigned ms);

/* What clients do at this node. */
enum change_result node_set(struct node *n, const char *key, const char *value);
enum change_result node_store(struct node *n, const struct link_change *c);
enum change_result node_touch(struct node *n, const char *key, uint32_t exptime);
/* Like append and incr: only if the key is here. *found tells whether it was. */
enum change_result node_replace(struct node *n, const struct link_change *c, bool *found);
/* The same for a test that knows the result; false: the key is not here. */
bool node_incr(struct node *n, const char *key, const char *value);
/* Append, or prepend if c->before. */
enum change_result node_join(struct node *n, const struct link_change *c, bool *found);
enum change_result node_delete(struct node *n, const char *key);
enum change_result node_flush(struct node *n, uint32_t delay);
/* The value with a NUL, in `room`; NULL: a miss. */
const char *node_get(struct node *n, const char *key, char *room, size_t nroom);
bool node_has(struct node *n, const char *key, const char *value); /* NULL: a miss */
/* A request for a key that is not here, as an engine makes it: does it wait for the
 * peer? If so, `resumed` counts it when it is resumed. */
bool node_fetch(struct node *n, const void *request, const char *key);
/* What the store does on its own, which is no change. evict: it evicts the key; false: it
 * is not there. read: a client has read the key. */
bool node_evict(struct node *n, const char *key);
void node_read(struct node *n, const char *key);

void node_promote(struct node *n);
void node_demote(struct node *n);

/* One round of the node's own work; true if more is due at once. */
bool node_work(struct node *n);

/* Deliver messages and do work until nothing is left to do, over the existing
 * connection. False if it does not come to rest within so many steps that something
 * must be going round in circles. */
bool pair_run(struct pair *p);
/* The same, but first connect the nodes if they are not connected, and let a node
 * notice that its connection is gone. */
bool pair_settle(struct pair *p);

/* A second of the node's store as one of node 0's; 0 stays 0. */
uint32_t pair_second(const struct node *n, uint32_t second);

/* Do both hold the same values, flags, TTLs and CAS numbers? If not, why names a
 * key. */
bool pair_same(struct pair *p, char *why, size_t nwhy);
bool pair_in_sync(struct pair *p);

#endif
