#include "server/scan.h"

bool scan_begin(struct scan *s, ENGINE_HANDLE *handle, const struct engine_admin *admin,
                const void *cookie)
{
    const ENGINE_HANDLE_V1 *api = (const ENGINE_HANDLE_V1 *)handle;
    *s = (struct scan){ .handle = handle, .admin = admin, .cookie = cookie };
    if (admin != NULL)
        return admin->scan_begin(handle, cookie);
    if (api->get_tap_iterator != NULL)
        s->next = api->get_tap_iterator(handle, cookie, "dump", 4, 0, NULL, 0);
    return s->next != NULL;
}

static tap_event_t step(struct scan *s, item **it, struct admin_facts *facts)
{
    void *specific;
    uint16_t nspecific, flags, vbucket;
    uint8_t ttl;
    uint32_t seqno;
    if (s->admin != NULL)
        return s->admin->scan_next(s->handle, s->cookie, it, facts);
    tap_event_t event = s->next(s->handle, s->cookie, it, &specific, &nspecific, &ttl,
                                &flags, &seqno, &vbucket);
    /* Without live scans a pause means that the scan has met all. */
    return event == TAP_PAUSE ? TAP_DISCONNECT : event;
}

enum scan_step scan_next(struct scan *s, item **it, struct admin_facts *facts)
{
    *facts = (struct admin_facts){ 0 };
    switch (step(s, it, facts)) {
    case TAP_MUTATION:
        return SCAN_ITEM;
    case TAP_DISCONNECT:
        return SCAN_END;
    case TAP_PAUSE:
        return SCAN_FAILED;
    default:
        return SCAN_NOTHING;
    }
}

void scan_end(struct scan *s)
{
    if (s->admin != NULL)
        s->admin->scan_end(s->handle, s->cookie);
}
