/* From HELLO to MERGE: who leads, and what is copied where. */
#include "repl/core.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "repl/internal.h"

void repl_core_make_hello(struct repl_core *c, struct link_hello *hello,
                          uint64_t clock_us)
{
    *hello = (struct link_hello){
        .version = LINK_VERSION,
        .hash_id = HASH_ID,
        .run = c->config.run,
        .met = c->met,
        .active = c->active,
        .map_bits = (uint8_t)c->config.map_bits,
        .reign = c->reign,
        .seen = c->seen,
        .clock = clock_us,
        .item_max = c->config.item_max,
        .memory = c->config.memory,
    };
}

/* A reign grows by one at a promotion. One near the end of the numbers was never reached,
 * and the next would be 0, below all that were: the nodes would not merge any more. */
#define REIGN_MAX (UINT64_MAX / 2)

const char *repl_core_hello_fault(struct repl_core *c, const struct link_hello *hello)
{
    if (hello->version != LINK_VERSION)
        return "the nodes speak different versions of the replication protocol";
    if (hello->hash_id != HASH_ID)
        return "the nodes hash keys differently";
    if (hello->map_bits < MAP_BITS_MIN || hello->map_bits > MAP_BITS_MAX)
        return "the peer's dirty map has an impossible size";
    if (hello->reign > REIGN_MAX || hello->seen > REIGN_MAX)
        return "the peer tells of an impossible reign";
    if (run_id_order(&hello->run, &c->config.run) == 0)
        return "the peer is this node itself: check the option 'peer'";
    return NULL;
}

/* As a standby that said it was active, the peer would wait for our ROLE; as one that
 * has been active since, we would not heed its lower reign. An active node sends a ROLE
 * that tells all. */
static bool said_is_stale(const struct repl_core *c, const struct link_hello *said)
{
    return !c->active && (said->active || said->reign != c->reign);
}

/* Another run than before: who could have filled us is gone, so what we have is all there
 * is, and what clients asked of it, we alone remember. */
static void outlive(struct repl_core *c)
{
    map_clear(&c->lacking);
    if (c->flush_untold)
        map_fill(&c->dirty);
    c->flush_foreign = false;
}

static void meet(struct repl_core *c, const struct link_hello *hello)
{
    bool is_known = c->has_paired && run_id_order(&c->paired, &hello->run) == 0;
    if (c->has_paired && !is_known)
        outlive(c);
    if (!is_known)
        c->agreed = 0;
    c->flush_untold = false;
    c->paired = hello->run;
    c->has_paired = true;
}

/* The maps say what changed since both nodes merged. If either has merged with somebody
 * else since, they say nothing of what came from there. */
static bool is_stranger(const struct repl_core *c, const struct link_hello *hello)
{
    if (run_id_is_none(&c->met) || run_id_is_none(&hello->met))
        return false; /* a new one: it has only what its own clients gave it */
    return run_id_order(&c->met, &hello->run) != 0 ||
           run_id_order(&hello->met, &c->config.run) != 0;
}

static bool outranks(uint64_t reign, const struct run_id *run, const struct repl_core *c)
{
    if (reign != c->reign)
        return reign > c->reign;
    return run_id_order(run, &c->config.run) > 0;
}

static void lead(struct repl_core *c)
{
    c->session.lead = LEAD_LEADER;
    core_send_role(c);
}

/* R6 */
const char *repl_core_hello(struct repl_core *c, const struct link_hello *said,
                            const struct link_hello *hello)
{
    struct repl_session *s = &c->session;
    CHECK(!s->open);
    const char *why = repl_core_hello_fault(c, hello);
    if (why == NULL && said_is_stale(c, said))
        why = "the role of this node changed during the handshake; trying again";
    if (why != NULL)
        return why;
    meet(c, hello);
    *s = (struct repl_session){ .open = true,
                                .peer = *hello,
                                .stranger = is_stranger(c, hello) };
    s->map_bits =
        hello->map_bits < c->config.map_bits ? hello->map_bits : c->config.map_bits;
    if (hello->seen > c->seen)
        c->seen = hello->seen;
    if (hello->item_max < c->config.item_max)
        core_log(
            c, REPL_LOG_WARNING,
            "the peer takes items up to %llu bytes, this node up to %llu: larger ones "
            "will be missing there; give both the same -I",
            (unsigned long long)hello->item_max, (unsigned long long)c->config.item_max);
    if (hello->memory != 0 && hello->memory < c->config.memory)
        core_log(
            c, REPL_LOG_WARNING,
            "the peer has less memory, %llu MiB, than this node, %llu MiB: it evicts "
            "what is still here, and after a fail-over that is missing; give both the "
            "same -m",
            (unsigned long long)hello->memory >> 20,
            (unsigned long long)c->config.memory >> 20);
    core_hold(c);
    core_release(c); /* the node has a peer now */
    if (c->active) {
        if (hello->active && outranks(hello->reign, &hello->run, c)) {
            core_step_down(c);
            return NULL;
        }
        if (c->reign < c->seen)
            c->reign = ++c->seen;
        lead(c);
    } else if (!hello->active && !outranks(hello->reign, &hello->run, c)) {
        lead(c);
    }
    return NULL;
}

/* R7 */
static const char *on_role(struct repl_core *c, const struct link_message *m)
{
    const struct link_role *r = &m->role;
    if (r->reign > REIGN_MAX)
        return "an impossible reign";
    if (r->reign > c->seen)
        c->seen = r->reign;
    bool above = r->reign != c->reign     ? r->reign > c->reign
                 : r->active != c->active ? r->active
                                          : run_id_order(&r->run, &c->config.run) > 0;
    if (!above)
        return NULL;
    core_step_down(c);
    c->session.peer.active = r->active;
    c->reign = r->reign;
    handover_role_moved(c);
    c->session.map_due = true;
    if (!absent_is_due(c))
        session_send_map(c);
    return NULL;
}

/* R7, second half: the maps, when all absences are told. */
void session_send_map(struct repl_core *c)
{
    const struct map *const maps[] = { &c->dirty, &c->lacking };
    c->session.map_due = false;
    if (!core_put_maps(c, LINK_MAP, maps, 2))
        core_out_of_memory(c);
}

/* on_conflict=keep: of what both changed, the leader's state stands. Dirty buckets are
 * copied to the peer and purged there in any case, so not to purge them here is all. */
static void keep_own(struct repl_core *c)
{
    map_widen(&c->dirty, c->session.map_bits);
    map_copy(&c->spare, &c->doomed);
    map_intersect(&c->spare, &c->dirty);
    map_subtract(&c->doomed, &c->spare);
    if (!map_is_empty(&c->spare))
        core_log(c, REPL_LOG_WARNING,
                 "both nodes took clients' changes: of %llu buckets that were changed on "
                 "both, this node's state is kept",
                 (unsigned long long)map_count(&c->spare));
}

/* What it holds cannot be trusted, so all that this node holds rightly is owed to it.
 * What this node lacks itself still comes from there: somebody has to have it. */
static void owe_all(struct repl_core *c)
{
    map_fill(&c->spare);
    map_subtract(&c->spare, &c->lacking);
    map_unite(&c->dirty, &c->spare);
    core_log(c, REPL_LOG_WARNING,
             "the peer has merged with another node since it last did with this one, or "
             "this one has: everything is copied to it");
}

static void note_merge(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    s->merged = true;
    c->count.merges++;
    s->stranger = false;
    s->acked = s->sent;
    notices_drop(c); /* of before the nodes agreed */
    s->pace = (struct repl_pace){ 0 };
    c->met = s->peer.run;
    c->leader_rank = 1;
    c->rank = s->lead == LEAD_LEADER;
}

/* R8, first half: what the peer changed is dropped here before anything is agreed. */
static const char *on_map(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->doomed, &c->owed };
    if (s->lead != LEAD_LEADER || s->merged || s->purge_due || m->reign != c->reign)
        return NULL;
    core_hold(c);
    core_fold(c);
    bool ok = core_take_maps(c, m, maps, 2);
    map_clear(&c->touched);
    known_clear(&c->known);
    if (!ok)
        map_clear(&c->doomed);
    if (s->stranger)
        owe_all(c);
    if (c->config.keep_on_conflict)
        keep_own(c);
    core_release(c);
    if (!ok)
        return "a malformed MAP";
    s->purge_due = true;
    if (!absent_is_due(c))
        session_purge(c);
    return NULL;
}

/* Absences of before are looked up before anything is doomed: what a client of this node
 * asked for in vain may have come from the peer since, and is not to be called absent
 * again because it is about to come once more. */
void session_purge(struct repl_core *c)
{
    c->session.purge_due = false;
    purge_start(c, PURGE_THEN_MERGE);
}

/* R8, second half. doomed holds Ds, owed holds Ms; the sums are done in place:
 *   to_leader   = (Ds \ D) | (M \ (Ms | D | Ds))      -> coming
 *   to_follower = D | (Ms \ (D | Ds))                 -> owed */
static void share_out(struct repl_core *c)
{
    map_copy(&c->spare, &c->dirty);
    map_unite(&c->spare, &c->doomed);
    map_copy(&c->coming, &c->lacking);
    map_subtract(&c->coming, &c->owed);
    map_subtract(&c->coming, &c->spare);
    map_subtract(&c->doomed, &c->dirty);
    map_unite(&c->coming, &c->doomed);
    map_subtract(&c->owed, &c->spare);
    map_unite(&c->owed, &c->dirty);
    map_clear(&c->doomed);

    map_copy(&c->flying, &c->dirty);
    map_clear(&c->dirty);
    map_unite(&c->lacking, &c->coming);
    map_subtract(&c->lacking, &c->owed);
}

static void merge_as_leader(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    const struct map *const maps[] = { &c->owed, &c->coming, &c->flying };
    core_hold(c);
    core_take_flush(c);
    map_widen(&c->dirty, s->map_bits); /* the peer purges as much: all of it is owed */
    absent_tell_rest(c);
    share_out(c);
    note_merge(c);
    s->await = true;
    s->refilled = !map_is_empty(&c->coming);
    s->flush_due = c->has_flush; /* one at once goes with the maps */
    core_release(c);
    if (!core_put_maps(c, LINK_MERGE, maps, 3)) {
        core_out_of_memory(c);
        return;
    }
    ship_end_batch(c); /* acknowledged, all absences told are known there */
    core_log(c, REPL_LOG_INFO,
             "leading: %llu buckets to copy to the peer, %llu to copy from it",
             (unsigned long long)map_count(&c->owed),
             (unsigned long long)map_count(&c->coming));
    resync_owe(c);
}

/* R9, first half */
static const char *on_merge(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->coming, &c->owed, &c->doomed };
    if (s->lead != LEAD_FOLLOWER || s->merged || m->reign != c->reign)
        return NULL;
    core_hold(c);
    bool ok = core_take_maps(c, m, maps, 3);
    if (!ok)
        map_clear(&c->doomed);
    core_release(c);
    if (!ok)
        return "a malformed MERGE";
    purge_start(c, PURGE_THEN_FOLLOW);
    return NULL;
}

static void merge_as_follower(struct repl_core *c)
{
    core_hold(c);
    map_unite(&c->lacking, &c->coming);
    map_subtract(&c->lacking, &c->owed);
    map_clear(&c->dirty);
    map_clear(&c->doomed);
    absent_forget(c);
    note_merge(c);
    core_release(c);
    link_put_plain(core_out(c), LINK_PURGED, c->reign);
    core_log(c, REPL_LOG_INFO,
             "following: %llu buckets to copy from the peer, %llu to copy to it",
             (unsigned long long)map_count(&c->coming),
             (unsigned long long)map_count(&c->owed));
    resync_owe(c);
}

/* R10 */
static const char *on_purged(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    if (s->lead != LEAD_LEADER || !s->merged || m->reign != c->reign)
        return NULL;
    core_hold(c);
    map_clear(&c->flying);
    core_release(c);
    s->await = false;
    return NULL;
}

/* R13 at the follower */
static const char *on_resync(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->coming };
    if (s->lead != LEAD_FOLLOWER || !s->merged || m->reign != c->reign)
        return NULL;
    core_hold(c);
    bool ok = core_take_maps(c, m, maps, 1);
    if (ok)
        map_copy(&c->doomed, &c->coming);
    core_release(c);
    if (!ok)
        return "a malformed RESYNC";
    purge_start(c, PURGE_THEN_REFILL);
    return NULL;
}

static void refill_as_follower(struct repl_core *c)
{
    core_hold(c);
    map_unite(&c->lacking, &c->coming);
    map_clear(&c->doomed);
    core_release(c);
    link_put_plain(core_out(c), LINK_PURGED, c->reign);
}

void session_purged(struct repl_core *c, enum repl_purge_goal goal)
{
    switch (goal) {
    case PURGE_THEN_MERGE:
        merge_as_leader(c);
        break;
    case PURGE_THEN_FOLLOW:
        merge_as_follower(c);
        break;
    case PURGE_THEN_REFILL:
        refill_as_follower(c);
        break;
    case PURGE_NONE:
        break;
    }
}

/* R12: the peer's walk is complete. What clients touched meanwhile here was not taken
 * from it, and is owed to the peer instead. */
static const char *on_end(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    if (!s->merged || m->reign != c->reign)
        return NULL;
    core_hold(c);
    if (s->lead == LEAD_LEADER) {
        map_copy(&c->spare, &c->touched);
        map_intersect(&c->spare, &c->coming);
        map_intersect(&c->spare, &c->lacking);
        map_unite(&c->dirty, &c->spare);
    }
    map_subtract(&c->lacking, &c->coming);
    map_clear(&c->coming);
    core_release(c);
    if (s->lead == LEAD_LEADER)
        core_log(c, REPL_LOG_INFO, "the copy from the peer is complete: %llu items",
                 (unsigned long long)s->taken);
    else
        core_log(c, REPL_LOG_INFO, "the copy from the peer is complete");
    s->taken = 0;
    return NULL;
}

/* An honest peer waits for answers long before so much of them (and of what we ship)
 * is unread. */
enum { ANSWERS_MAX = 16 << 20 };

static const char *on_noop(struct repl_core *c, const struct link_message *m)
{
    if (!core_answers(c))
        return NULL;
    if (m->is_response)
        ship_acknowledged(c, m->batch);
    else if (c->port_ops->backlog(c->port) > ANSWERS_MAX)
        return "it asks for more answers than it reads";
    else
        link_put_noop(core_out(c), m->batch, true);
    return NULL;
}

static const char *on_ping(struct repl_core *c, const struct link_message *m)
{
    (void)c, (void)m;
    return NULL;
}

static const char *on_hello(struct repl_core *c, const struct link_message *m)
{
    (void)c, (void)m;
    return "a second HELLO";
}

static const char *on_bye(struct repl_core *c, const struct link_message *m)
{
    repl_core_fault(c, "the peer closes the link: %.*s",
                    (int)(m->nrest < 120 ? m->nrest : 120), (const char *)m->rest);
    return "the peer said so";
}

#define on_SETQ     apply_message
#define on_DELETEQ  apply_message
#define on_FLUSHQ   apply_message
#define on_FILL     apply_message
#define on_NOOP     on_noop
#define on_HELLO    on_hello
#define on_ROLE     on_role
#define on_MAP      on_map
#define on_MERGE    on_merge
#define on_PURGED   on_purged
#define on_RESYNC   on_resync
#define on_END      on_end
#define on_HANDOVER handover_message
#define on_CLAIM    claim_message
#define on_CHECK    verify_on_check
#define on_VERIFY   verify_on_verify
#define on_VERIFIED verify_on_verified
#define on_NOTICE   notices_apply
#define on_WANT     notices_want
#define on_ABSENT   absent_message
#define on_FETCH    fetch_message
#define on_PING     on_ping
#define on_BYE      on_bye

typedef const char *(*message_handler)(struct repl_core *, const struct link_message *);

static const message_handler handlers[256] = {
#define LINK_OP(name, code, text) [code] = on_##name,
#include "protocol/link_ops.h"
#undef LINK_OP
};

const char *repl_core_message(struct repl_core *c, const struct link_message *m)
{
    CHECK(c->session.open && repl_core_takes(c, m));
    if (m->op != LINK_FILL)
        repl_core_delivered(c);
    return handlers[m->op](c, m);
}
