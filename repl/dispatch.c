/* Hands messages, time and work to the parts of the core. */
#include "base/check.h"
#include "repl/internal.h"

enum { ANSWERS_MAX = 16 << 20, PINGS_ANSWERED = 3 };

/* The longest value in one message; a longer one comes in chunks. */
static uint64_t value_max(const struct repl_core *c)
{
    uint64_t item = c->config.item_max, whole = c->config.whole_max;
    return item < whole ? item : whole;
}

/* The size of three maps, which is the most that a message holds. */
static uint64_t maps_max(const struct repl_core *c)
{
    return 3 * ((UINT64_C(1) << c->session.map_bits) / 8);
}

uint64_t repl_core_message_max(const struct repl_core *c)
{
    uint64_t maps = maps_max(c), value = value_max(c);
    return maps > value ? maps : value;
}

/* Does the peer ask for much more than it reads? An honest peer reads the answers: this
 * node stops shipping long before so much is unread. The limit has room for one more
 * message of any size. */
static bool is_flooded(const struct repl_core *c)
{
    return c->port_ops->backlog(c->port) > ANSWERS_MAX + value_max(c) + maps_max(c);
}

static const char flooded[] = "the peer asks for more answers than it reads";

static const char *on_noop(struct repl_core *c, const struct link_message *m)
{
    if (!c->session.merged)
        return NULL;
    if (m->is_response) {
        ship_acknowledged(c, m->batch);
        return NULL;
    }
    taken_batch(c, m->batch);
    link_put_noop(core_out(c), m->batch, true);
    return NULL;
}

static const char *on_fill(struct repl_core *c, const struct link_message *m)
{
    return apply_fills(c, &m->change, 1);
}

/* The first ones are answered at once: one of the nodes may have stood still while the
 * other's waited in its buffers, and such an exchange says little about the clocks. */
static const char *on_ping(struct repl_core *c, const struct link_message *m)
{
    peer_clock_hear(&c->session.clock, &m->ping.clocks, c->now_us);
    if (c->session.pings < PINGS_ANSWERED) { /* mutant: clocks-by-one-exchange */
        c->session.pings++;
        repl_core_ping(c);
    }
    return NULL;
}

static const char *on_hello(struct repl_core *c, const struct link_message *m)
{
    (void)c, (void)m;
    return "received a second HELLO";
}

static const char *on_bye(struct repl_core *c, const struct link_message *m)
{
    int n = (int)(m->nrest < 120 ? m->nrest : 120);
    repl_core_fault(c, "the peer closed the link, saying '%.*s'", n,
                    (const char *)m->rest);
    repl_core_note(c, HISTORY_LINK, "the peer closed it, saying '%.*s'", n,
                   (const char *)m->rest);
    return "the peer closed it; the log has its reason";
}

#define on_SETQ         apply_change
#define on_DELETEQ      apply_change
#define on_FLUSHQ       apply_change
#define on_FILL         on_fill
#define on_NOOP         on_noop
#define on_HELLO        on_hello
#define on_ROLE         hello_on_role
#define on_MAP          merge_on_map
#define on_MERGE        merge_on_merge
#define on_REFILL       refill_on_part
#define on_REPLACE      refill_on_part
#define on_END          refill_on_end
#define on_DONE         resync_on_done
#define on_MISSING      refill_on_missing
#define on_DELTA        apply_change
#define on_RESEND       change_on_resend
#define on_HANDOVER     handover_message
#define on_ROLE_REQUEST role_request_message
#define on_CHECK        verify_on_check
#define on_VERIFY       verify_on_verify
#define on_VERIFIED     verify_on_verified
#define on_NOTICE       notices_apply
#define on_WANT         notices_want
#define on_ABSENT       absent_message
#define on_FETCH        fetch_message
#define on_TAKEN        taken_message
#define on_REPORT       report_message
#define on_STREAM       apply_stream
#define on_CHUNK        apply_chunk
#define on_PING         on_ping
#define on_UNTOLD       untold_message
#define on_BYE          on_bye

typedef const char *(*message_handler)(struct repl_core *, const struct link_message *);

static const message_handler handlers[256] = {
#define LINK_OP(name, code, text) [code] = on_##name,
#include "protocol/link_ops.h"
#undef LINK_OP
};

const char *repl_core_message(struct repl_core *c, const struct link_message *m)
{
    CHECK(c->session.open);
    if (is_flooded(c))
        return flooded;
    const char *why = handlers[m->op](c, m);
    handover_check_session(c);
    return why;
}

const char *repl_core_run(struct repl_core *c, enum link_op op,
                          const struct link_change *items, size_t n)
{
    CHECK(c->session.open);
    if (is_flooded(c))
        return flooded;
    return op == LINK_FILL ? apply_fills(c, items, n) : apply_sets(c, items, n);
}

bool repl_core_awaits(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    return s->open && !purge_merges(c) &&
           (!s->merged || s->copy.ended || s->acked != s->sent);
}

uint64_t repl_core_answers(const struct repl_core *c)
{
    return c->session.answers;
}

void repl_core_closed(struct repl_core *c)
{
    ASSERT_LOCKED(c);
    session_close(c);
    handover_check_session(c);
}

void repl_core_demote(struct repl_core *c, const char *why)
{
    ASSERT_LOCKED(c);
    role_demote(c, why);
    handover_check_session(c);
}

/* ---- time */

void repl_core_tick(struct repl_core *c, uint64_t now_us)
{
    repl_core_at(c, now_us);
    if (c->lone_since_us == 0) {
        c->lone_since_us = now_us;
        repl_core_note(c, HISTORY_NODE, "this process started, as a standby");
    }
    role_request_note_activity(c);
    handover_check_time(c);
    absent_tick(c);
    notices_tick(c);
    untold_tick(c);
    sync_tick(c);
    keep_up_tick(c);
    fault_tick(c);
    pause_tick(c);
    fetch_check_time(c); /* mutant: fetch-waits-for-ever */
}

/* Of two moments the earlier; 0: none. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

uint64_t repl_core_due_us(struct repl_core *c)
{
    uint64_t copy = copy_is_sending(c) ? rate_due_us(&c->copy_rate, c->now_us) : 0;
    return earlier(copy, earlier(waiters_due_us(&c->waiters), handover_due_us(c)));
}

/* ---- work */

/* A purge, and the messages due before it. True: a part was done, and more may be
 * due. */
static bool work_to_merge(struct repl_core *c)
{
    if (c->session.map_due)
        merge_send_map(c);
    if (c->session.purge_due)
        merge_purge(c);
    return purge_work(c);
}

static bool work_merged(struct repl_core *c)
{
    if (c->flush.due)
        ship_flush(c);
    fetch_send(c);
    /* Notices first: evictions make the room that the changes behind them need. */
    bool more = notices_ship(c); /* mutant: evictions-not-told */
    more = (ship_changes(c) && gather_is_cut(c)) || more;
    more = ship_large(c) || more;
    more = fetch_stream(c) || more;
    more = resync_work(c) || more;
    more = verify_work(c) || more;
    handover_work(c);
    return more;
}

bool repl_core_work(struct repl_core *c, uint64_t now_us)
{
    CHECK_OBJ(c, REPL_CORE_MAGIC);
    repl_core_at(c, now_us);
    const char *why = flush_take(c);
    if (why != NULL) {
        core_end_session(c, why);
        handover_check_session(c);
    }
    if (absent_is_due(c)) {
        if (!ship_has_room(c))
            return false; /* wait until the peer has read more, or is given up */
        absent_tell(c);
        return true;
    }
    bool more = work_to_merge(c);
    return (c->session.merged && work_merged(c)) || more; /* mutant: journal-unmerged 3 */
}

/* Only changes are due, few and small ones. */
bool repl_core_ship(struct repl_core *c, uint64_t now_us, unsigned most)
{
    CHECK_OBJ(c, REPL_CORE_MAGIC);
    if (!c->session.merged || flush_is_unseen(c) || c->flush.due || c->session.map_due ||
        c->session.purge_due || c->purge.goal != NULL ||
        c->session.copy.origin != COPY_NONE || gather_unread(c) > most)
        return false;
    repl_core_at(c, now_us);
    bool more = notices_ship(c);
    return ship_changes(c) && !more && !gather_has_later(c);
}

enum repl_need repl_core_need(struct repl_core *c)
{
    bool waits = absent_is_due(c) && !ship_has_room(c);
    if (flush_is_unseen(c) || c->session.map_due || c->session.purge_due ||
        (c->purge.goal != NULL && !c->purge.stalled))
        return waits ? NEED_PEER : NEED_WORK;
    if (!c->session.merged)
        return NEED_NOTHING;
    if (waiters_have_unsent(&c->waiters) && ship_may_send(c))
        return NEED_WORK;
    if (gather_unread(c) == 0)
        return NEED_NOTHING;
    if (ship_may_change(c))
        return NEED_WORK;
    return fetch_is_on(c) ? NEED_NOTHING : NEED_PEER; /* a client may want to fetch */
}
