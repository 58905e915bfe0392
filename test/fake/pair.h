/*
 * Two nodes, each a replication core over a toy store, on a wire: what the product is,
 * without threads, sockets, clock and engine. All that happens, happens by a call.
 *
 *   struct pair p;
 *   pair_init(&p, &config);      two fresh nodes, not connected
 *   node_set(&p.node[0], "k", "v");
 *   pair_settle(&p);             connect, and go on until nothing moves
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
    unsigned fetch_wait_ms; /* 0: nobody waits for an item of the peer's */
    unsigned cold_wait_ms;  /* 0: an empty node is fit at once */
};

struct node {
    struct pair *pair;
    unsigned number; /* 0 or 1 */
    bool up;
    struct toy_store store;
    struct repl_core core;
    unsigned resumed;    /* requests that waited and went on */
    const void *resumes; /* the last of them */
};

struct pair {
    struct pair_config config;
    struct node node[2];
    struct wire wire;
    uint32_t clock;  /* of the stores, seconds */
    uint64_t now_us; /* of the cores */
    uint64_t runs;   /* nodes started, ever: makes run ids, different but not random */
    uint8_t run_order[2]; /* the first byte of the run ids: who wins a tie */
};

/* Dies if memory is out. NULL: a usual configuration. */
void pair_init(struct pair *p, const struct pair_config *config);
void pair_fini(struct pair *p);

/* A node dies without a word, with all it held; a new one starts, empty. */
void node_crash(struct node *n);
void node_start(struct node *n);

/* Time passes for both. */
void pair_advance(struct pair *p, uint32_t seconds);

/* The cores' time passes; the stores' clock stands. */
void pair_pass(struct pair *p, unsigned ms);

/* What clients do at this node. */
enum change_result node_set(struct node *n, const char *key, const char *value);
enum change_result node_store(struct node *n, const struct link_change *c);
enum change_result node_touch(struct node *n, const char *key, uint32_t exptime);
/* As append and incr: only if the key is here. Whether it was, is told in *found. */
enum change_result node_replace(struct node *n, const struct link_change *c, bool *found);
/* The same for a test that knows what comes out; false: it is not here. */
bool node_incr(struct node *n, const char *key, const char *value);
enum change_result node_delete(struct node *n, const char *key);
enum change_result node_flush(struct node *n, uint32_t delay);
/* The value, terminated, until the next call; NULL: a miss. */
const char *node_get(struct node *n, const char *key, char *room, size_t nroom);
bool node_has(struct node *n, const char *key, const char *value); /* NULL: a miss */
/* A request for a key that is not here, as an engine makes it: does it wait for the peer?
 * If so, it counts as resumed when it goes on. */
bool node_fetch(struct node *n, const void *request, const char *key);
/* What the store does on its own is nobody's change: it evicts the key, if it is there,
 * and may tell the peer; a client has read it. */
enum eviction { EVICTION_NONE, EVICTION_TOLD, EVICTION_UNTOLD };
enum eviction node_evict(struct node *n, const char *key);
void node_read(struct node *n, const char *key);

void node_promote(struct node *n);
void node_demote(struct node *n);

/* One round of the node's own work; true if more is due at once. */
bool node_work(struct node *n);

/* What at most remains to be done moves, until nothing does; over the connection that
 * there is. False if it does not come to rest within so many steps that something goes
 * round in circles. */
bool pair_run(struct pair *p);
/* The same, but who is not connected connects first, and who talks to nobody notices. */
bool pair_settle(struct pair *p);

/* Do both hold the same, value, flags, TTL and CAS? If not, why names a key. */
bool pair_same(struct pair *p, char *why, size_t nwhy);
bool pair_in_sync(struct pair *p);

#endif
