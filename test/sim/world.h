/*
 * A pair of nodes in memory (test/fake/pair.h), what its clients do, and the books
 * about it, which tell at any moment what clients may see and what not.
 *
 * Each write of a client is a version, numbered from 1. The value of an item begins or
 * ends with the number of its version; that of one key in three is large. The network and
 * the clock move only when a function is called. All randomness comes from a seed.
 */
#ifndef TEST_SIM_WORLD_H
#define TEST_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "test/fake/pair.h"

enum { KEYS_MAX = 150, TOKENS = 16, REQUESTS = 8, HELD = 4, NEVER = UINT32_MAX };

struct version {
    unsigned key;
    bool by[2];       /* clients of these nodes made or touched it */
    uint32_t made_at; /* seconds, as all times here */
    uint32_t dies_at; /* the latest time that a client asked for; NEVER */
    uint64_t cas;     /* 0: not known */
    uint64_t digest;  /* of the value */
    uint32_t flags;
    uint64_t touched; /* the number of the last touch, 0: none */
};

/* A client was told that a key is not here. */
struct told {
    uint64_t at;     /* when: a number in the sequence of versions; 0: nobody was told */
    uint64_t spared; /* the peer's version then, if unknown to this node; else 0 */
};

struct key {
    char name[16];
    uint64_t hash;
    uint64_t settled; /* no older version may be seen anywhere */
    bool changed[2];  /* clients of the node ever changed it, or were told it is absent */
    bool is_alone;    /* in its bucket */
    /* given: the last version of the other node's clients that came as a change, as long
     * as the node lives. heir: a version that was made where the other node's last one
     * had come, so it is in conflict with nothing; 0: none */
    uint64_t given[2], heir;
    uint64_t last[2];      /* the last change at each node, as long as the node lives */
    struct told absent[2]; /* at each node, as long as the node lives */
    struct told gone[2];   /* those of `absent` that the node has told its peer */
    bool evicted;          /* so it may be on one node only for a while */
    uint64_t expected;     /* of a sole writer: the version that must be there; 0: none */
    uint32_t expected_death;
};

/* What a client was given by a gets. */
struct token {
    unsigned key;
    uint64_t cas, version;
};

/* A client's set that a handover holds; node NULL: none. */
struct held {
    struct node *node;
    unsigned k;
    bool resumed;
    uint64_t resumed_us;
};

/* A change that comes to a node in chunks; its value gathers here. */
struct coming {
    struct link_change change;
    char key[LINK_KEY_MAX];
    struct buffer value;
};

struct world {
    struct pair p;
    struct coming coming[2]; /* to each node */
    uint64_t random;
    struct key keys[KEYS_MAX];
    unsigned nkeys;
    struct version *versions;
    uint64_t nversions, room; /* deletes, flushes, touches, absences take a number, too */
    struct token tokens[TOKENS];
    unsigned ntokens;
    uint64_t overflows[2];    /* of the journals, when the phase began */
    char requests[REQUESTS];  /* of clients that wait for what a node is missing */
    struct held held[HELD];   /* clients' writes that a handover holds */
    const struct held *again; /* the one that is repeated now */
    unsigned waits[2];        /* how many requests each node has put off */
    uint64_t highest_cas[2];  /* handed out by the node, as long as it lives */
    uint32_t late; /* seconds in all that passed while nodes did not know each other's
                    * clocks */
    uint32_t stuck_since; /* since when messages wait; 0: none waits */
    /* since the phase began */
    bool wrote[2], crashed[2], flushed_later;
    uint64_t failed[2]; /* items for which the node had no room, when the phase began */
    struct repl_difference compared[2]; /* what verify had found when the phase began */
    uint32_t flush_at; /* when the last delayed flush takes effect; 0: none is pending */
    uint32_t flushed_at; /* when a delayed flush took effect */
    bool loud;
    uint64_t steps;
    char fault[400]; /* what did not hold; empty while all holds */
};

/* What a client sees of a key at a node. */
struct sight {
    uint64_t version; /* 0: a miss */
    uint64_t cas, digest;
    uint32_t flags, dies_at;
    uint16_t credit; /* its marks */
};

void world_init(struct world *w, const struct pair_config *config, uint64_t seed,
                unsigned nkeys);
void world_fini(struct world *w);

uint64_t world_random(struct world *w);
unsigned below(struct world *w, unsigned n);
bool one_in(struct world *w, unsigned n);

/* What clients do at a node, which must be up; a node that refuses writes changes
 * nothing. True if it was done. During a handover a set is held, as long as there is room
 * in `held`, and world_resume makes the call again; all else is refused. */
bool world_set(struct world *w, struct node *n, unsigned k, uint32_t ttl);
/* These may be told that the key is not here. replace stands for incr too, join
 * for append and prepend, touch for gat. */
bool world_replace(struct world *w, struct node *n, unsigned k);
bool world_join(struct world *w, struct node *n, unsigned k, bool before);
bool world_touch(struct world *w, struct node *n, unsigned k, uint32_t ttl);
bool world_delete(struct world *w, struct node *n, unsigned k);
bool world_flush(struct world *w, struct node *n, uint32_t delay);
void world_gets(struct world *w, struct node *n, unsigned k);
bool world_cas(struct world *w, struct node *n, unsigned token);
/* A get of a key that may be missing: it waits for the peer's item, or is answered. */
void world_fetch(struct world *w, struct node *n, unsigned k);

/* Repeat the calls of those that were held and are resumed. */
void world_resume(struct world *w);

void world_see(struct world *w, struct node *n, unsigned k, struct sight *out);
void world_evict(struct world *w, struct node *n, unsigned k);
/* The node dies and comes back empty. */
void world_crash(struct world *w, struct node *n);
/* A second passes. A link on which nothing has moved for three seconds is closed. */
void world_tick(struct world *w);
/* Some milliseconds pass. */
void world_pass(struct world *w, unsigned ms);
void world_phase(struct world *w); /* begin the books of a phase anew */

/* absence.c: what clients were told is not here (R15). told: a client of n was told
 * now. heard: `to` gets the peer's message about it. settle: the peer has it. */
void absence_begin_phase(struct world *w);
void absence_told(struct world *w, struct node *n, unsigned k);
void absence_heard(struct world *w, const struct node *to, const struct link_message *m);
void absence_settle(const struct node *n, struct key *key);
void absence_forget(struct world *w, unsigned node);
void absence_judge(struct world *w, unsigned node, unsigned k, const struct sight *s);

/* judge.c: what must hold. Only the first fault is kept. */
bool judge_has_pending(const struct node *n);
bool judge_remembers(const struct node *n, uint64_t hash);
void judge_settle(const struct node *n, struct key *key);
void world_complain(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void world_trace(const struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool world_is_well(const struct world *w);

void judge_sight(struct world *w, struct node *n, unsigned k, const struct sight *s);
void judge_write(struct world *w, struct node *n, unsigned k, uint64_t version);
/* What must hold at any moment: for this key on both nodes; for all keys. */
void judge_key(struct world *w, unsigned k);
void judge_now(struct world *w);
/* Let everything move until nothing is left to do; then both nodes must hold the
 * same. */
void judge_rest(struct world *w);

#endif
