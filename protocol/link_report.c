/* REPORT: how the sender is, for the operator of the receiver. */
#include <string.h>

#include "base/check.h"
#include "protocol/link_layout.h"
#include "protocol/wire.h"

/* The numbers, in their order on the wire. */
#define NUMBERS(r)                                                                       \
    {                                                                                    \
        &(r)->items, &(r)->pending, &(r)->at_risk, &(r)->lag_us, &(r)->dirty_buckets,    \
            &(r)->missing_buckets, &(r)->copy_items, &(r)->copy_total, &(r)->copy_us     \
    }

_Static_assert(REPORT_BODY == 8 + 1 + 9 * 8, "a term, the flags, nine numbers");

bool link_put_report(struct buffer *out, uint64_t term, const struct link_report *r,
                     const char *health)
{
    const uint64_t *const numbers[] = NUMBERS(r);
    uint8_t body[REPORT_BODY - 8], *p = body;
    size_t begun = link_begin(out, LINK_REPORT, term);
    *p++ = (uint8_t)(r->active | r->fit << 1 | r->in_sync << 2 | r->paused << 3);
    for (size_t i = 0; i < N_ELEMENTS(numbers); i++)
        wire_put64(&p, *numbers[i]);
    if (begun == SIZE_MAX || !buffer_append(out, body, sizeof(body)) ||
        !buffer_append(out, health, strnlen(health, LINK_HEALTH_MAX)))
        return false;
    link_finish(out, begun);
    return true;
}

const char *link_parse_report(const struct frame *f, const uint8_t *body,
                              struct link_message *m)
{
    struct link_report *r = &m->report;
    uint64_t *const numbers[] = NUMBERS(r);
    if (f->nkey != 0 || f->nextra != 0 || f->nbody < REPORT_BODY ||
        f->nbody > REPORT_BODY + LINK_HEALTH_MAX)
        return "a malformed REPORT";
    (void)wire_get64(&body); /* the term: nothing depends on it */
    unsigned flags = *body++;
    *r = (struct link_report){ .active = flags & 1,
                               .fit = flags >> 1 & 1,
                               .in_sync = flags >> 2 & 1,
                               .paused = flags >> 3 & 1 };
    for (size_t i = 0; i < N_ELEMENTS(numbers); i++)
        *numbers[i] = wire_get64(&body);
    m->rest = body;
    m->nrest = f->nbody - REPORT_BODY;
    return link_is_plain(m->rest, m->nrest)
               ? NULL
               : "received a REPORT that is not plain text"; /* it goes to stats */
}
