/*
 * incr and decr by get and CAS store, for engines that have no arithmetic of their own
 * and for requests that carry a CAS. If the key is absent, the engine learns that the
 * command failed from a store, not from the get: an engine that replicates needs to know.
 */
#include "server/arithmetic.h"

#include "base/counter.h"
#include "server/answer.h"
#include "server/clock.h"
#include "server/item_view.h"

enum { ATTEMPTS = 100 };

#define NO_CAS UINT64_MAX /* no item has it */

struct number {
    uint64_t value, cas;
    uint32_t flags; /* network byte order */
    size_t former;  /* bytes of the value that is replaced */
    rel_time_t exptime;
};

static ENGINE_ERROR_CODE read_number(struct connection *c, struct number *number)
{
    union item_view view;
    struct worker *w = c->worker;
    item *it = NULL;
    ENGINE_ERROR_CODE rc =
        w->api->get(w->handle, c, &it, c->req.key, c->req.nkey, c->req.vbucket);
    if (rc != ENGINE_SUCCESS)
        return rc;
    if (!item_view_get(c, it, &view) ||
        !counter_read(item_view_pieces(&view.info), view.info.nvalue, &number->value)) {
        rc = ENGINE_EINVAL;
    } else {
        number->cas = view.info.cas;
        number->flags = view.info.flags;
        number->former = view.info.nbytes;
        number->exptime = view.info.exptime;
    }
    w->api->release(w->handle, c, it);
    return rc;
}

static ENGINE_ERROR_CODE write_number(struct connection *c, const struct number *number,
                                      ENGINE_STORE_OPERATION operation, uint64_t *cas)
{
    union item_view view;
    struct worker *w = c->worker;
    item *it = NULL;
    size_t length = counter_length(number->value, number->former);
    ENGINE_ERROR_CODE rc = w->api->allocate(w->handle, c, &it, c->req.key, c->req.nkey,
                                            length, (int)number->flags, number->exptime);
    if (rc != ENGINE_SUCCESS)
        return rc;
    if (item_view_get(c, it, &view) &&
        counter_write(item_view_pieces(&view.info), view.info.nvalue, number->value)) {
        w->api->item_set_cas(w->handle, c, it, number->cas);
        rc = w->api->store(w->handle, c, it, cas, operation, c->req.vbucket);
    } else {
        rc = ENGINE_FAILED;
    }
    w->api->release(w->handle, c, it);
    return rc;
}

/* The item's expiry in the form in which a client would send it. */
static rel_time_t as_written(rel_time_t exptime)
{
    return exptime == 0 ? 0 : command_exptime(clock_abstime(exptime));
}

static ENGINE_ERROR_CODE try_once(struct connection *c, struct response *res)
{
    const struct request *req = &c->req;
    struct number number = { 0 };
    ENGINE_STORE_OPERATION operation = OPERATION_CAS;
    ENGINE_ERROR_CODE rc = read_number(c, &number);
    if (rc == ENGINE_KEY_ENOENT && req->create) {
        operation = OPERATION_ADD;
        number = (struct number){ .value = req->initial,
                                  .exptime = command_exptime(req->exptime) };
    } else if (rc == ENGINE_KEY_ENOENT) {
        number.cas = NO_CAS;
    } else if (rc != ENGINE_SUCCESS) {
        return rc;
    } else {
        if (req->cas != 0 && req->cas != number.cas)
            return ENGINE_KEY_EEXISTS;
        number.value =
            counter_change(number.value, req->command == COMMAND_INCR, req->delta);
        number.exptime = as_written(number.exptime);
    }
    res->number = number.value;
    rc = write_number(c, &number, operation, &res->cas);
    /* Another client was faster: do not report this, try again. */
    bool lost = rc == ENGINE_KEY_EEXISTS ||
                (operation == OPERATION_ADD && rc == ENGINE_NOT_STORED);
    return lost ? ENGINE_TMPFAIL : rc;
}

ENGINE_ERROR_CODE command_arithmetic(struct connection *c, struct response *res)
{
    ENGINE_ERROR_CODE rc = ENGINE_TMPFAIL;
    for (unsigned i = 0; i < ATTEMPTS && rc == ENGINE_TMPFAIL; i++)
        rc = try_once(c, res);
    return rc;
}
