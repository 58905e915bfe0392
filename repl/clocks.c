#include "repl/clocks.h"

enum {
    SECOND = 1000000,
    DRIFT = 1000,       /* clocks may go apart by one in so many */
    MARGIN_US = 100000, /* what we know of both stores' clocks is not better */
    LATE_ENOUGH = 3     /* so many late seconds in a row are no accident */
};

/* ---- this node's */

/* A second has just begun, which began at `earliest` + second at the earliest. A busy
 * host is late with one or another; one that is late with each has another zero. */
static void note_begin(struct store_clock *s, int64_t earliest)
{
    if (earliest <= s->zero_us) {
        s->nlate = 0;
        return;
    }
    if (s->nlate == 0 || earliest < s->late_us)
        s->late_us = earliest;
    if (++s->nlate < LATE_ENOUGH)
        return;
    s->zero_us = s->late_us;
    s->nlate = 0;
}

/* `second` has begun by now. If it is the next one, it began after the last look. A host
 * that has skipped seconds was late, and its new second says nothing of when it began. A
 * clock that goes back begins anew: some hosts show a date until they serve. */
void store_clock_look(struct store_clock *s, uint64_t now_us, uint32_t second)
{
    int64_t latest = (int64_t)now_us - (int64_t)second * SECOND;
    int64_t earliest = latest - (int64_t)(now_us - s->looked_us);
    if (s->looked_us == 0 || second < s->second || latest < s->zero_us)
        s->zero_us = latest;
    if (s->looked_us != 0 && second == s->second + 1)
        note_begin(s, earliest);
    else if (second != s->second)
        s->nlate = 0;
    s->second = second;
    s->looked_us = now_us;
}

uint64_t store_clock_us(const struct store_clock *s, uint64_t now_us)
{
    int64_t us = (int64_t)now_us - s->zero_us;
    return us > 0 ? (uint64_t)us : 0;
}

/* ---- the peer's */

static void note_told(struct peer_clock *p, const struct link_clocks *told,
                      uint64_t now_us)
{
    p->told_us = told->machine;
    p->told_at_us = now_us;
    p->zero_us = (int64_t)told->machine - (int64_t)told->store;
}

void peer_clock_greet(struct peer_clock *p, const struct link_clocks *told,
                      uint64_t now_us)
{
    note_told(p, told, now_us);
    p->ahead_us = (int64_t)told->machine - (int64_t)now_us;
    p->doubt_us = LINK_CLOCK_MAX;
    p->measured_us = now_us;
}

static uint64_t distance(int64_t a, int64_t b)
{
    return (uint64_t)(a > b ? a - b : b - a);
}

/* Clocks drift, so an old measurement counts for less. One that contradicts the old one
 * means that a clock has jumped: a virtual machine stood still. */
static bool is_better(const struct peer_clock *p, int64_t ahead, uint64_t doubt,
                      uint64_t now_us)
{
    uint64_t before = p->doubt_us + (now_us - p->measured_us) / DRIFT;
    return doubt <= before || distance(ahead, p->ahead_us) > before + doubt;
}

void peer_clock_hear(struct peer_clock *p, const struct link_clocks *told,
                     uint64_t now_us)
{
    note_told(p, told, now_us);
    if (told->echo > now_us)
        return; /* no clock of ours */
    uint64_t doubt = (now_us - told->echo) / 2;
    int64_t ahead = (int64_t)(told->machine + doubt) - (int64_t)now_us;
    if (!is_better(p, ahead, doubt, now_us))
        return;
    p->ahead_us = ahead;
    p->doubt_us = doubt;
    p->measured_us = now_us;
}

uint64_t peer_clock_echo(const struct peer_clock *p, uint64_t now_us)
{
    return p->told_us + (now_us - p->told_at_us);
}

uint32_t peer_clock_second(const struct peer_clock *p, const struct store_clock *mine,
                           uint32_t second)
{
    if (second == 0 || second == UINT32_MAX)
        return second;
    int64_t begins = p->zero_us + (int64_t)second * SECOND - p->ahead_us;
    int64_t here = (begins + MARGIN_US - mine->zero_us) / SECOND;
    return here < 1 ? 1 : here > UINT32_MAX ? UINT32_MAX : (uint32_t)here;
}
