/*
 * R19. Is the node at the other end alive, and does it do its part? What counts against
 * it:
 *
 *   silence     nothing at all has come for `timeout`
 *   a message   has begun, and is not completed in time
 *   a debt      the next step towards the merge, the end of a purge, an acknowledgement:
 *               a peer that owes one, and sends only signs of life, may be an impostor
 *
 * A slow network is not a fault: the more bytes have moved, the more time a message or
 * an answer gets.
 */
#include <stdio.h>

#include "base/monotonic.h"
#include "repl/loop.h"

enum {
    CONNECT_MAX_US = 500000, /* then dial anew: TCP's own retries come ever later, and
                                would delay the connection after a network has healed */
    RATE = 16 << 10,         /* bytes a second that the slowest network carries */
    PURGE_RATE = 128 << 20,  /* bytes a second that the slowest purge looks at */
    GIVE_UP = 5,             /* times `timeout` */
    REPORT_US = 900000,      /* between two REPORTs, and a little less */
};

static uint64_t moving_us(uint64_t bytes, uint64_t rate)
{
    return bytes / rate * 1000000 + bytes % rate * 1000000 / rate;
}

/* Both nodes agreed on the session's timeout. Other connections, and how long a peer
 * keeps others out, are measured by this node's own. */
static uint64_t timeout_us(const struct repl_thread *t, const struct link *l)
{
    struct repl_times times =
        l == t->session ? repl_core_times(t->core) : repl_core_config(t->core)->times;
    return times.timeout * UINT64_C(1000);
}

static uint64_t heartbeat_us(const struct repl_thread *t)
{
    return repl_core_times(t->core).heartbeat * UINT64_C(1000);
}

/* ---- debts */

/* The most bytes that must cross before an answer can come, whatever moves meanwhile:
 * maps, absences, and what is on its way already. */
static uint64_t worth_waiting_for(const struct repl_config *c)
{
    uint64_t maps = 3 * ((UINT64_C(1) << c->map_bits) / 8);
    return maps + c->journal_bytes + 2 * c->item_max + (4 << 20);
}

/* Note since when, and for how many bytes, the session's peer has owed the same
 * answer. */
static void note_debt(struct repl_thread *t, uint64_t now)
{
    const struct repl_core *c = t->core;
    struct link *l = t->session;
    uint64_t answers = repl_core_answers(c);
    if (repl_core_awaits(c) && l->answers == answers)
        return;
    l->answers = answers;
    l->owes_since_us = now;
    l->moved = 0;
}

static bool owes_for(const struct repl_thread *t, uint64_t now, uint64_t us)
{
    return repl_core_awaits(t->core) && now > t->session->owes_since_us + us;
}

/* Additional time for the bytes that moved. */
static uint64_t patience_us(const struct repl_thread *t)
{
    uint64_t most = worth_waiting_for(repl_core_config(t->core)),
             moved = t->session->moved;
    return moving_us(moved < most ? moved : most, RATE);
}

/* No additional time for a dialled connection: it reaches the peer at its own address,
 * whatever another node moves meanwhile. */
bool alive_is_overdue(const struct repl_thread *t, uint64_t now, bool dialled)
{
    uint64_t grace = timeout_us(t, NULL);
    return owes_for(t, now, dialled ? grace / 2 : grace + patience_us(t));
}

/* A purge at the peer may have to look at as much as a store like ours holds. */
static bool is_lost(const struct repl_thread *t, uint64_t now)
{
    uint64_t purge = moving_us(repl_core_config(t->core)->memory, PURGE_RATE);
    return owes_for(t, now, GIVE_UP * timeout_us(t, t->session) + purge + patience_us(t));
}

/* ---- signs of life */

static bool is_late(const struct repl_thread *t, const struct link *l, uint64_t now)
{
    uint64_t grace = timeout_us(t, l) + moving_us(l->frame_bytes, RATE);
    return link_is_amid(l) && now > l->frame_since_us + grace;
}

/* Has a large value begun, and does not come? It may be slowed down by copy_rate. */
static bool drags(const struct repl_thread *t, uint64_t now)
{
    uint64_t since, got, grace = GIVE_UP * timeout_us(t, t->session);
    for (unsigned i = 0; i < LINK_STREAMS; i++) {
        if (repl_core_half(t->core, i, &since, &got) &&
            now > since + grace + moving_us(got, RATE / 2))
            return true;
    }
    return false;
}

static uint64_t silence_max(const struct repl_thread *t, const struct link *l)
{
    uint64_t limit = timeout_us(t, l);
    return l->connecting && limit > CONNECT_MAX_US ? CONNECT_MAX_US : limit;
}

static void check(struct repl_thread *t, struct link *l, uint64_t now)
{
    char why[80];
    uint64_t since = l->greeted ? l->heard_us : l->opened_us;
    if (now - since >= silence_max(t, l) && !link_is_open(l)) {
        slots_turn_away(t, l,
                        l->connecting ? "no answer"
                                      : "it does not complete the handshake of TLS");
    } else if (now - since >= silence_max(t, l)) {
        snprintf(why, sizeof(why), "the peer sent nothing for %llu ms",
                 (unsigned long long)((now - since) / 1000));
        slots_drop(t, l, why);
    } else if (is_late(t, l, now)) {
        slots_drop(t, l, "the peer did not complete a message in time");
    } else if (l == t->session && drags(t, now)) {
        slots_drop(t, l, "the peer did not complete a value in time");
    } else if (l == t->session && is_lost(t, now)) {
        slots_drop(t, l, "the peer is alive, but does not answer");
    }
}

bool alive_is_stuck(const struct repl_thread *t)
{
    const struct link *l = t->session;
    return l != NULL &&
           (link_is_stalled(l) || monotonic_us() - l->heard_us > 2 * heartbeat_us(t));
}

/* With a PING; it is for people, so not with each one. */
static void report(struct repl_thread *t, struct link *l, uint64_t now)
{
    if (now - l->reported_us < REPORT_US)
        return;
    l->reported_us = now;
    repl_core_report(t->core);
}

void alive_tick(struct repl_thread *t, uint64_t now)
{
    if (t->session != NULL)
        note_debt(t, now);
    for (unsigned i = 0; i < REPL_SLOTS; i++) {
        if (t->slots[i].link.fd >= 0)
            check(t, &t->slots[i].link, now);
    }
    struct link *l = t->session;
    if (l != NULL)
        black_hole_look(t, now);
    /* Also under load: the clocks drift, and a store's second may begin at another moment
     * than it did. */
    if (l != NULL && now - l->pinged_us >= heartbeat_us(t) * 3 / 4) {
        l->pinged_us = now;
        repl_core_ping(t->core);
        report(t, l, now);
        slots_flush(t);
    }
}
