/* HELLO and ROLE: who leads. The merge that follows is in merge.c. */
#include <string.h>

#include "base/hash.h"
#include "repl/internal.h"

/* A promotion raises the term by one, so no node gets so far by itself. If a peer has
 * made it do so, the node starts again from 0 with its next HELLO (R18). */
#define TERM_MAX (UINT64_C(1) << 40)

static void renumber(struct repl_core *c)
{
    if (!c->session.open && c->seen > TERM_MAX)
        c->term = c->seen = 0;
}

/* Whoever knows a node's run can speak in its name, so the peer's run is not sent to
 * every node that connects. A part of its hash is enough to tell whether it is the
 * same. 0: none. */
static uint64_t alias_of(const struct run_id *run)
{
    return run_id_is_none(run) ? 0 : hash_key(run->bytes, sizeof(run->bytes)) | 1;
}

void repl_core_make_hello(struct repl_core *c, struct link_hello *hello, uint64_t now_us)
{
    renumber(c);
    *hello = (struct link_hello){
        .version = LINK_VERSION,
        .hash_id = HASH_ID,
        .run = c->config.run,
        .met = alias_of(&c->met),
        .former = alias_of(&c->former),
        .active = c->active,
        .map_bits = (uint8_t)c->config.map_bits,
        .term = c->term,
        .seen = c->seen,
        .clocks = { .machine = now_us, .store = store_clock_us(&c->clock, now_us) },
        .item_max = c->config.item_max,
        .memory = c->config.memory,
        .heartbeat = c->config.times.heartbeat,
        .timeout = c->config.times.timeout,
        .standby_writes = (uint8_t)c->config.standby_writes,
        .lone = c->config.lone_rejects,
        .on_conflict = c->config.keep_on_conflict,
        .side = c->side,
    };
}

const char *repl_core_hello_fault(struct repl_core *c, const struct link_hello *hello)
{
    if (hello->version != LINK_VERSION)
        return "the nodes speak different versions of the replication protocol: install "
               "the same version on both";
    if (hello->hash_id != HASH_ID)
        return "the nodes hash keys differently: install the same version on both";
    if (hello->map_bits < MAP_BITS_MIN || hello->map_bits > MAP_BITS_MAX)
        return "the peer's dirty map has an impossible size";
    if (hello->term > TERM_MAX || hello->seen > TERM_MAX)
        return "the peer's HELLO has an impossible term";
    if (hello->heartbeat > LINK_HEARTBEAT_MAX || hello->timeout > LINK_TIMEOUT_MAX)
        return "the peer's HELLO has an impossible heartbeat or timeout";
    if (run_id_order(&hello->run, &c->config.run) == 0)
        return "the peer is this node itself: check the option 'peer'";
    return NULL;
}

/* Is the HELLO that we sent out of date? If it said active and this node is a standby
 * now, the peer would wait for our ROLE. If this node was promoted and demoted since,
 * it would not accept the peer's lower term. An active node sends a ROLE, which tells
 * everything. And both nodes must go by the same last merge. */
const char *repl_core_said_fault(const struct repl_core *c, const struct link_hello *said)
{
    if (!c->active && (said->active || said->term != c->term))
        return "the role of this node changed during the handshake; trying again";
    if (said->met != alias_of(&c->met) || said->former != alias_of(&c->former))
        return "this node merged on another connection during the handshake; trying "
               "again";
    if (said->side != c->side)
        return "this node met its peer on another connection during the handshake; "
               "trying again";
    return NULL;
}

/* A merge holds if both know of it. The leader notes it first, and says whom it had met
 * before until it has heard that the follower knows. If the follower does not, both go by
 * the merge before. */
static struct run_id last_met_here(const struct repl_core *c,
                                   const struct link_hello *hello)
{
    bool here = run_id_order(&c->met, &hello->run) == 0;
    bool there = hello->met == alias_of(&c->config.run);
    return here && !there ? c->former : c->met; /* mutant: merged-by-one */
}

static uint64_t last_met_there(const struct repl_core *c, const struct link_hello *hello)
{
    bool here = run_id_order(&c->met, &hello->run) == 0;
    bool there = hello->met == alias_of(&c->config.run);
    return there && !here ? hello->former : hello->met; /* mutant: merged-by-one 2 */
}

/* Is the peer the run that we merged with last, or have we never merged? */
static bool is_known(const struct run_id *met, const struct link_hello *hello)
{
    return run_id_is_none(met) || run_id_order(met, &hello->run) == 0;
}

/* The maps tell what changed since both nodes merged. If one of them has merged with a
 * third node since, the maps do not tell what came from there. */
static bool is_unrelated(const struct repl_core *c, const struct run_id *met,
                         const struct link_hello *hello)
{
    uint64_t there = last_met_there(c, hello);
    if (run_id_is_none(met) || there == 0)
        return false; /* a new node: it has only what its own clients stored */
    return run_id_order(met, &hello->run) != 0 || there != alias_of(&c->config.run);
}

static bool outranks(uint64_t term, const struct run_id *run, const struct repl_core *c)
{
    if (term != c->term)
        return term > c->term;
    return run_id_order(run, &c->config.run) > 0;
}

/* Both nodes choose by the same, and may do so at different times or not at all. So a
 * side that was taken stays: whoever has none takes the other one (R22). */
static void take_side(struct repl_core *c, const struct link_hello *hello)
{
    if (c->side == hello->side) /* mutant: taken-side */
        c->side = run_id_order(&c->config.run, &hello->run) > 0 ? SIDE_UPPER : SIDE_LOWER;
    else if (c->side == SIDE_NONE)
        c->side = hello->side == SIDE_LOWER ? SIDE_UPPER : SIDE_LOWER;
    c->store_ops->side(c->store, c->side == SIDE_UPPER); /* mutant: one-side */
}

static void lead(struct repl_core *c)
{
    c->session.lead = LEAD_LEADER;
    core_send_role(c);
}

static void choose_leader(struct repl_core *c, const struct link_hello *hello)
{
    if (c->active) {
        if (hello->active && outranks(hello->term, &hello->run, c)) {
            core_step_down(c);
            return;
        }
        if (c->term < c->seen) /* mutant: old-term-leads */
            c->term = ++c->seen;
        lead(c);
    } else if (!hello->active && !outranks(hello->term, &hello->run, c)) {
        lead(c);
    }
}

/* R6 */
const char *repl_core_hello(struct repl_core *c, const struct link_hello *said,
                            const struct link_hello *hello)
{
    unsigned mine = c->config.map_bits;
    ASSERT_LOCKED(c);
    const char *why = repl_core_hello_fault(c, hello);
    if (why == NULL)
        why = repl_core_said_fault(c, said);
    if (why != NULL)
        return why;
    struct run_id met = last_met_here(c, hello);
    session_open(c, &(struct repl_session){
                        .peer = *hello,
                        .met = met,
                        .known = is_known(&met, hello),
                        .unrelated = is_unrelated(c, &met, hello),
                        .map_bits = hello->map_bits < mine ? hello->map_bits : mine,
                    });
    if (hello->seen > c->seen)
        c->seen = hello->seen;
    take_side(c, hello);
    agree_on(c, said, hello);
    peer_clock_greet(&c->session.clock, &hello->clocks, c->now_us);
    repl_core_ping(c); /* before any time of this node's store */
    choose_leader(c, hello);
    return NULL;
}

/* R7 */
const char *hello_on_role(struct repl_core *c, const struct link_message *m)
{
    const struct link_role *r = &m->role;
    if (r->term > 2 * TERM_MAX) /* the peer may have been promoted since its HELLO */
        return "received a ROLE with an impossible term";
    if (r->term > c->seen)
        c->seen = r->term;
    bool above = r->term != c->term       ? r->term > c->term
                 : r->active != c->active ? r->active
                                          : run_id_order(&r->run, &c->config.run) > 0;
    if (!above)
        return NULL;
    core_step_down(c); /* mutant: map-before-step-down */
    core_hold(c);
    taken_settle(c);
    core_release(c);
    c->session.peer.active = r->active;
    c->term = r->term;
    taken_tell(c);
    handover_role_moved(c);
    c->session.map_due = true;
    if (!absent_is_due(c)) /* mutant: absences-behind-the-map */
        merge_send_map(c);
    return NULL;
}
