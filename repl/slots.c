/* Places for connections: how one is taken and how one is closed, and the pauses
 * between dials. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "repl/loop.h"

enum {
    BACKOFF_FIRST_US = 20000,
    BACKOFF_MAX_US = 1000000,
    UNREACHABLE_US =
        250000, /* dial so often, to notice soon when the peer can be reached again */
    DROPPED_US = 2000,
    DROPPED_LATER_US = 20000,
    DROPPED_SOON = 200 /* times */,
    GRACE_US = 100000, /* two round trips of a long way, and work at both ends */
};

static bool is_silent(const struct repl_thread *t, const struct link *l)
{
    return l != t->session && !l->dialled;
}

/* Does a give its place sooner than b? First those that have proved nothing, and of them
 * the first. */
static bool goes_before(const struct link *a, const struct link *b)
{
    bool strange = tunnel_is_strange(&a->tunnel);
    if (strange != tunnel_is_strange(&b->tunnel))
        return strange;
    return a->opened_us < b->opened_us;
}

/* A free place, or else that of the first to go, which is neither the session nor
 * dialled. There is one: there are more places than the session and the dials need. */
static struct repl_slot *next_place(struct repl_thread *t)
{
    struct repl_slot *first = NULL;
    for (unsigned i = 0; i < REPL_SLOTS; i++) {
        struct repl_slot *slot = &t->slots[i];
        if (slot->link.fd < 0)
            return slot;
        if (is_silent(t, &slot->link) &&
            (first == NULL || goes_before(&slot->link, &first->link)))
            first = slot;
    }
    CHECK(first != NULL);
    return first;
}

bool slots_have_room(struct repl_thread *t, uint64_t now)
{
    const struct link *l = &next_place(t)->link;
    return l->fd < 0 || now - l->opened_us >= GRACE_US;
}

struct repl_slot *slots_take(struct repl_thread *t)
{
    struct repl_slot *first = next_place(t);
    if (first->link.fd < 0)
        return first;
    loop_log(t, REPL_LOG_WARNING,
             "closed a connection from %s: it has not completed a handshake, and another "
             "connection needs its place",
             first->link.name);
    link_close(&first->link);
    return first;
}

/* ---- pauses */

/* A random pause between half and all of the back-off, so that two nodes that failed
 * together do not dial at the same moment again and again. */
void slots_schedule_dial(struct repl_thread *t, uint64_t now)
{
    uint64_t half = t->backoff_us / 2;
    t->dial_at_us = now + half + (uint64_t)rand_r(&t->seed) % (half + 1);
    t->backoff_us *= 2;
    if (t->backoff_us > BACKOFF_MAX_US)
        t->backoff_us = BACKOFF_MAX_US;
}

void slots_dial_failed(struct repl_thread *t, const char *what, const char *why)
{
    char text[sizeof(t->last_dial_error)];
    uint64_t soon = monotonic_us() + UNREACHABLE_US;
    if (t->dial_at_us > soon)
        t->dial_at_us = soon;
    snprintf(text, sizeof(text), "cannot reach the peer at %s: %s", what, why);
    if (strcmp(text, t->last_dial_error) != 0) {
        memcpy(t->last_dial_error, text, sizeof(text));
        repl_core_fault(t->core, "%s; trying again", text);
        repl_core_note(t->core, HISTORY_LINK, "%s", text);
    }
}

/* Each dial may come through, whatever became of those before. */
void slots_dial_dropped(struct repl_thread *t, struct link *l)
{
    bool soon = t->ndropped < DROPPED_SOON;
    t->ndropped += soon;
    slots_dial_failed(t, l->name,
                      "it closed the connection without a word, as a node does while "
                      "others with the address of its peer besiege it");
    t->dial_at_us = monotonic_us() + (soon ? DROPPED_US : DROPPED_LATER_US);
    link_close(l);
}

void slots_reset_pause(struct repl_thread *t)
{
    t->ndropped = 0;
    t->backoff_us = BACKOFF_FIRST_US;
}

void slots_dial_at_once(struct repl_thread *t)
{
    slots_reset_pause(t);
    t->dial_at_us = 0;
    event_active(t->tick, EV_TIMEOUT, 0);
}

/* ---- the end of a connection */

/* Tell the peer why, and close. The next dial comes quickly only if this link
 * lasted. */
void slots_hang_up(struct repl_thread *t, struct link *l, const char *why)
{
    uint64_t written = 0, now = monotonic_us();
    if (l->greeted && now - l->opened_us > BACKOFF_MAX_US)
        slots_reset_pause(t);
    link_put_bye(&l->out.bytes, why);
    link_write(l, &written);
    link_close(l);
    slots_schedule_dial(t, now);
}

void slots_say_refused(struct repl_thread *t, const char *name, const char *why)
{
    repl_core_counters(t->core)->links_refused++;
    if (t->session != NULL)
        loop_log(t, REPL_LOG_WARNING, "refused a connection from %s: %s", name, why);
    else
        repl_core_fault(t->core, "refused a connection from %s: %s", name, why);
}

void slots_turn_away(struct repl_thread *t, struct link *l, const char *why)
{
    if (l->dialled)
        slots_dial_failed(t, l->name, why);
    else
        slots_say_refused(t, l->name, why);
    link_close(l);
}

/* `l` is not the session, or not any more. If there is another session, this is no
 * fault. */
void slots_refuse(struct repl_thread *t, struct link *l, const char *why)
{
    if (l->greeted)
        repl_core_note(t->core, HISTORY_LINK, "link closed: %s", why);
    if (t->session != NULL)
        loop_log(t, REPL_LOG_WARNING, "connection with %s closed: %s", l->name, why);
    else
        repl_core_fault(t->core, "link to %s closed: %s", l->name, why);
    slots_hang_up(t, l, why);
}

static void forget(struct repl_thread *t, const struct link *l)
{
    if (l != t->session)
        return;
    t->session = NULL;
    repl_core_closed(t->core);
}

void slots_end(struct repl_thread *t, struct link *l, const char *why)
{
    forget(t, l);
    slots_hang_up(t, l, why);
}

void slots_drop(struct repl_thread *t, struct link *l, const char *why)
{
    forget(t, l);
    slots_refuse(t, l, why);
}

void slots_write(struct repl_thread *t, struct link *l)
{
    if (link_write(l, &repl_core_counters(t->core)->bytes_out) == LINK_IO_FAILED)
        slots_drop(t, l, strerror(errno));
}

void slots_flush(struct repl_thread *t)
{
    /* If the writable event is armed, the network is full; the event will come. */
    if (t->session != NULL && !t->session->want_write)
        slots_write(t, t->session);
}
