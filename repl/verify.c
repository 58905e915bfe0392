/*
 * Compares both nodes: do they hold the same? An operator asks, while clients go on.
 *
 * The leader notes how far the journals are, and waits until the peer has that much.
 * From then on a bucket that no client has changed since must be equal on both nodes.
 * The leader names each of its items, with a digest in place of the value. The follower
 * looks each of them up, and then names its own items. Buckets that differ, and that
 * clients have not changed meanwhile, become dirty: they are repaired (R13), and then
 * everything is compared once more.
 *
 *   leader                                  follower
 *     CHECK ... VERIFY{term}    -->          look up, mark
 *     look up, mark              <--          CHECK ... VERIFIED{term, unequal, absent}
 *
 * The nodes send keys and not digests of whole ranges: a standby with less memory holds
 * less, and under load evictions may go untold for a while. Then nearly every range would
 * differ, and that would say nothing about wrong values.
 */
#include <endian.h>
#include <string.h>

#include "base/hash.h"
#include "repl/internal.h"

enum {
    NAME_SLICE = 500,     /* items named per turn */
    NAME_BYTES = 1 << 20, /* bytes of values read per turn */
    TTL_SLACK = 3,        /* seconds that two clocks and the way to the peer may cost */
    DIGEST_SIZE = 8,
};

static uint64_t digest_of(const struct link_change *s)
{
    return htobe64(hash_key(s->value, s->nvalue));
}

static bool maps_ready(struct repl_core *c)
{
    struct repl_naming *n = &c->naming;
    unsigned bits = c->config.map_bits;
    return (n->unequal.words != NULL || map_init(&n->unequal, bits)) &&
           (n->absent.words != NULL || map_init(&n->absent, bits));
}

void verify_fini(struct repl_core *c)
{
    map_fini(&c->naming.unequal);
    map_fini(&c->naming.absent);
}

const struct repl_verify *repl_core_verify(const struct repl_core *c)
{
    return &c->verify;
}

static void go_to(struct repl_core *c, enum repl_verify_state state)
{
    c->verify.state = state;
    core_progress(c);
}

static void clear_maps(struct repl_core *c)
{
    map_clear(&c->naming.unequal);
    map_clear(&c->naming.absent);
}

/* Clients' changes from now on mark `written`; those before are in the journals or in
 * `dirty`. */
static void start_round(struct repl_core *c)
{
    struct repl_verify *v = &c->verify;
    v->found[v->round] = (struct repl_difference){ 0 };
    clear_maps(c);
    go_to(c, VERIFY_SETTLE);
    core_hold(c);
    map_clear(&c->written);
    ship_note(c);
    core_release(c);
    c->port_ops->wake(c->port);
}

const char *repl_core_verify_begin(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    struct repl_verify *v = &c->verify;
    if (verify_leads(c))
        return "a comparison is already under way: wait until it ends";
    if (!s->merged)
        return "there is no peer to compare with: the link is not up; see repl_link";
    if (s->lead != LEAD_LEADER)
        return "the peer leads: give the command there";
    if (!map_is_empty(&c->missing))
        return "this node is still being filled by its peer: wait until it is in sync";
    if (!maps_ready(c))
        return "out of memory for the two maps of a comparison: free memory on this node";
    v->round = 0;
    v->why = NULL;
    start_round(c);
    return NULL;
}

static void end_scan(struct repl_core *c)
{
    if (c->naming.scan != NULL)
        c->store_ops->scan_end(c->store, c->naming.scan);
    c->naming.scan = NULL;
}

void verify_stop(struct repl_core *c, const char *why)
{
    struct repl_verify *v = &c->verify;
    end_scan(c);
    clear_maps(c);
    if (verify_leads(c)) {
        v->why = why;
        go_to(c, VERIFY_FAILED);
    } else if (v->state == VERIFY_ANSWER) {
        v->state = VERIFY_NONE;
    }
}

void repl_core_verify_abort(struct repl_core *c, const char *why)
{
    core_hold(c);
    if (verify_leads(c))
        verify_stop(c, why);
    core_release(c);
}

/* ---- naming */

static void name_item(struct repl_core *c, const struct link_change *s)
{
    uint64_t digest = digest_of(s);
    struct link_change named = *s;
    named.value = &digest;
    named.nvalue = sizeof(digest);
    link_put_change(core_out(c), LINK_CHECK, &named);
    buffer_append(core_out(c), &digest, sizeof(digest));
}

static void name_end(struct repl_core *c)
{
    struct repl_verify *v = &c->verify;
    const struct map *const maps[] = { &c->naming.unequal, &c->naming.absent };
    end_scan(c);
    if (v->state == VERIFY_NAME) {
        go_to(c, VERIFY_AWAIT);
        link_put_plain(core_out(c), LINK_VERIFY, c->term);
        return;
    }
    v->state = VERIFY_NONE;
    core_put_maps(c, LINK_VERIFIED, maps, 2);
    verify_stop(c, NULL);
}

/* False for an item that is about to expire: it may rightly be gone on one node
 * only. */
static bool lasts(struct repl_core *c, const struct link_change *s)
{
    return s->exptime == 0 ||
           s->exptime > clock_after(c->store_ops->clock(c->store), 2 * TTL_SLACK);
}

static bool name_some(struct repl_core *c)
{
    struct repl_verify *v = &c->verify;
    struct repl_naming *n = &c->naming;
    struct repl_item item;
    size_t bytes = 0;
    if (!ship_may_send(c))
        return false;
    if (n->scan == NULL)
        n->scan = c->store_ops->scan_begin(c->store, NULL);
    if (n->scan == NULL)
        return false; /* the store gives no scan now; tried again from time to time */
    for (unsigned i = 0; i < NAME_SLICE && bytes < NAME_BYTES; i++) {
        enum repl_answer next = core_scan_next(c, n->scan, &item);
        if (next == REPL_NO)
            name_end(c);
        if (next == REPL_NOT_YET)
            continue;
        if (next != REPL_YES)
            return next == REPL_NO;
        if (lasts(c, &item.state) && ship_fits(c, &item.state)) {
            name_item(c, &item.state);
            v->found[v->round].compared++;
        }
        bytes += item.state.nvalue;
        c->store_ops->release(c->store, item.item);
    }
    ship_end_batch(c);
    return true;
}

bool verify_work(struct repl_core *c)
{
    struct repl_verify *v = &c->verify;
    if (v->state == VERIFY_SETTLE && ship_is_settled(c) &&
        c->session.copy.origin == COPY_NONE)
        go_to(c, VERIFY_NAME);
    if (v->state != VERIFY_NAME && v->state != VERIFY_ANSWER)
        return false;
    return name_some(c);
}

/* ---- looking up */

static bool same_ttl(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return a == b;
    return (a > b ? a - b : b - a) <= TTL_SLACK;
}

static bool same_marks(const struct link_change *mine, const struct link_change *named)
{
    return ((mine->credit ^ named->credit) & LINK_MARKS) == 0;
}

static bool same_state(const struct repl_core *c, const struct link_change *mine,
                       const struct link_change *named)
{
    uint64_t digest = digest_of(mine);
    return mine->flags == named->flags && mine->cas == named->cas &&
           same_marks(mine, named) && /* mutant: marks-not-compared */
           same_ttl(mine->exptime, core_second(c, named->exptime)) &&
           memcmp(&digest, named->value, sizeof(digest)) == 0;
}

/* A key that cannot be looked up counts as a difference: it is copied and compared
 * again. */
static void look_up(struct repl_core *c, const struct link_change *named)
{
    struct repl_naming *n = &c->naming;
    struct repl_item mine;
    uint64_t hash = hash_key(named->key, named->nkey);
    if (core_lookup(c, named->key, named->nkey, &mine) != REPL_YES) {
        map_add(&n->absent, hash);
        return;
    }
    if (!same_state(c, &mine.state, named))
        map_add(&n->unequal, hash);
    c->store_ops->release(c->store, mine.item);
}

/* Is a message for a node with this `lead` expected now: by a follower, or by a leader
 * that waits for it? */
static bool is_due(struct repl_core *c, enum repl_lead lead)
{
    return c->session.merged && c->session.lead == lead &&
           (lead == LEAD_FOLLOWER || c->verify.state == VERIFY_AWAIT);
}

const char *verify_on_check(struct repl_core *c, const struct link_message *m)
{
    if (m->change.nvalue != DIGEST_SIZE)
        return "received a malformed CHECK";
    if (!is_due(c, c->session.lead))
        return NULL;
    if (!maps_ready(c))
        return "out of memory for the two maps of a comparison";
    look_up(c, &m->change);
    return NULL;
}

const char *verify_on_verify(struct repl_core *c, const struct link_message *m)
{
    if (!is_due(c, LEAD_FOLLOWER) || m->term != c->term)
        return NULL;
    if (!maps_ready(c))
        return "out of memory for the two maps of a comparison";
    c->verify.state = VERIFY_ANSWER;
    return NULL;
}

/* ---- the leader's sum */

static void note_buckets(struct repl_difference *d, const struct map *m)
{
    size_t bucket = map_next(m, 0);
    for (; bucket != MAP_END && d->nsample < VERIFY_SAMPLE; d->nsample++) {
        d->sample[d->nsample] = bucket;
        bucket = map_next(m, bucket + 1);
    }
}

/* Leave out the buckets that clients changed meanwhile; count the others, and make them
 * dirty. */
static void sum_up(struct repl_core *c)
{
    struct repl_naming *n = &c->naming;
    struct repl_difference *d = &c->verify.found[c->verify.round];
    core_hold(c);
    map_subtract(&n->unequal, &c->written);
    map_subtract(&n->absent, &c->written);
    map_subtract(&n->absent, &n->unequal);
    map_unite(&c->dirty, &n->unequal);
    map_unite(&c->dirty, &n->absent);
    d->left_out = map_count(&c->written);
    d->unequal = map_count(&n->unequal);
    d->absent = map_count(&n->absent);
    c->spilled += d->unequal + d->absent;
    go_to(c, VERIFY_DONE);
    core_release(c);
    note_buckets(d, &n->unequal);
    note_buckets(d, &n->absent);
}

const char *verify_on_verified(struct repl_core *c, const struct link_message *m)
{
    struct repl_verify *v = &c->verify;
    struct map *const maps[] = { &c->spare, &c->in_flight };
    if (!is_due(c, LEAD_LEADER) || m->term != c->term)
        return NULL;
    bool ok = core_take_maps(c, m, maps, 2);
    map_unite(&c->naming.unequal, &c->spare);
    map_unite(&c->naming.absent, &c->in_flight); /* no copy while nodes are compared */
    map_clear(&c->in_flight);
    if (!ok)
        return "received a malformed VERIFIED";
    sum_up(c);
    const struct repl_difference *d = &v->found[v->round];
    if (d->unequal + d->absent == 0)
        return NULL;
    core_log(c, REPL_LOG_WARNING,
             "compared with the peer: buckets with unequal values: %llu, with an item on "
             "one node only: %llu; they are copied to the peer again",
             (unsigned long long)d->unequal, (unsigned long long)d->absent);
    if (v->round + 1 < VERIFY_ROUNDS) {
        v->round++;
        start_round(c);
    }
    return NULL;
}
