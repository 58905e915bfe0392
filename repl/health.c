#include "repl/health.h"

#include <stdio.h>

#include "repl/internal.h"

static const char no_room[] = "it has no room for all that its peer holds: raise -m";

/* For how long the node has been without a peer. */
static uint64_t lone_us(const struct repl_core *c)
{
    return c->session.open ? 0 : c->now_us - c->lone_since_us;
}

/* Why a standby is not fit; NULL: it is fit. A node that started and has not met its
 * peer yet waits for a while: the peer may have all the data. */
static const char *standby_fault(const struct repl_core *c)
{
    if (map_is_empty(&c->missing))
        return NULL;
    if (c->session.open && !map_is_empty(&c->refused))
        return no_room;
    if (c->session.open)
        return "not filled by its peer yet";
    if (!c->has_met && lone_us(c) < c->config.cold_wait_us)
        return "started empty and has not met its peer yet";
    return NULL;
}

/* The state of a standby that is fit. Without a peer, or before the merge with it, the
 * node is as good as when the link broke. A node that was not filled by then has only
 * misses, but there is no peer left to wait for. */
static const char *standby_state(struct repl_core *c)
{
    if (c->session.merged)
        return repl_core_in_sync(c) ? "in sync with its peer"
                                    : "it has all that its peer has, and copies to it";
    if (c->session.open)
        return "agreeing with its peer on what differs";
    if (map_is_empty(&c->missing))
        return "without a peer; it holds what it had when the link broke";
    return c->has_met ? "not filled, but without the peer that could fill it"
                      : "started empty, but there is no peer to fill it";
}

/* How the peer of an active node is. */
static const char *peer_state(struct repl_core *c)
{
    return !c->session.open             ? "without a peer"
           : repl_core_in_sync(c)       ? "the peer has everything"
           : !map_is_empty(&c->refused) ? no_room
           : c->session.round.pause_us > 0
               ? "the peer has no room for all of it: raise its -m"
           : c->keep_up.hopeless ? "the peer does not catch up: raise journal"
                                 : "the peer is catching up";
}

static void judge_active(struct repl_core *c, struct repl_health *h)
{
    h->is_fit = h->is_active = true;
    snprintf(h->why, sizeof(h->why), "active, term %llu, %s", (unsigned long long)c->term,
             peer_state(c));
}

static void judge_standby(struct repl_core *c, struct repl_health *h)
{
    const char *fault = standby_fault(c);
    h->is_fit = fault == NULL;
    snprintf(h->why, sizeof(h->why), "standby, %s",
             fault != NULL ? fault : standby_state(c));
}

void repl_core_health(struct repl_core *c, struct repl_health *health)
{
    *health = (struct repl_health){ .rank = c->rank, .term = c->term };
    if (c->resigned)
        snprintf(health->why, sizeof(health->why),
                 "it has handed its role over to the peer");
    else if (c->active)
        judge_active(c, health);
    else
        judge_standby(c, health);
}
