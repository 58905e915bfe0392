/* Messages of the session, each to its handler. */
#include "repl/core.h"

#include "base/check.h"
#include "repl/internal.h"

enum { ANSWERS_MAX = 16 << 20 };

/* Whatever a message asks for, an honest peer reads it: long before so much is unread,
 * this node ships no more. The last thing that it had room for may have been an item of
 * any size, or the maps. */
static bool is_flooded(const struct repl_core *c)
{
    uint64_t maps = 3 * ((UINT64_C(1) << c->session.map_bits) / 8);
    return c->port_ops->backlog(c->port) > ANSWERS_MAX + c->config.item_max + maps;
}

static const char *on_noop(struct repl_core *c, const struct link_message *m)
{
    if (!core_answers(c))
        return NULL;
    if (m->is_response)
        ship_acknowledged(c, m->batch);
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
#define on_ROLE     session_on_role
#define on_MAP      merge_on_map
#define on_MERGE    merge_on_merge
#define on_PURGED   merge_on_purged
#define on_RESYNC   merge_on_resync
#define on_END      merge_on_end
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
    if (is_flooded(c))
        return "it asks for more answers than it reads";
    return handlers[m->op](c, m);
}
