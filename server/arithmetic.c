/*
 * incr and decr by get and CAS store: for engines that have no arithmetic of their own,
 * and for requests that name the CAS they expect. That there is nothing to count is told
 * by the engine's store, not by its get: an engine that replicates has to hear of it.
 */
#include "server/arithmetic.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/answer.h"
#include "server/clock.h"
#include "server/item_view.h"

enum { ATTEMPTS = 100, DIGITS_MAX = 20, TEXT_MAX = 24 };

#define NO_CAS UINT64_MAX /* which no item has */

struct number {
    uint64_t value, cas;
    uint32_t flags; /* network byte order */
    int width;      /* of the text that is replaced: a shorter one is padded */
    rel_time_t exptime;
};

static bool gather_text(const item_info *info, char *text)
{
    const struct iovec *piece = item_view_pieces(info);
    size_t n = 0;
    if (info->nbytes > DIGITS_MAX)
        return false;
    for (unsigned i = 0; i < info->nvalue && n + piece[i].iov_len < TEXT_MAX; i++) {
        memcpy(text + n, piece[i].iov_base, piece[i].iov_len);
        n += piece[i].iov_len;
    }
    while (n > 0 && text[n - 1] == ' ') /* a decr may leave blanks behind */
        n--;
    text[n] = '\0';
    return n > 0 && strspn(text, "0123456789") == n;
}

static bool spread_text(const item_info *info, const char *text, size_t n)
{
    const struct iovec *piece = item_view_pieces(info);
    for (unsigned i = 0; i < info->nvalue && n > 0; i++) {
        size_t size = piece[i].iov_len < n ? piece[i].iov_len : n;
        memcpy(piece[i].iov_base, text, size);
        text += size;
        n -= size;
    }
    return n == 0;
}

static ENGINE_ERROR_CODE read_number(struct connection *c, struct number *number)
{
    union item_view view;
    struct worker *w = c->worker;
    item *it = NULL;
    char text[TEXT_MAX];
    ENGINE_ERROR_CODE rc =
        w->api->get(w->handle, c, &it, c->req.key, c->req.nkey, c->req.vbucket);
    if (rc != ENGINE_SUCCESS)
        return rc;
    if (!item_view_get(c, it, &view) || !gather_text(&view.info, text)) {
        rc = ENGINE_EINVAL;
    } else {
        number->value = strtoull(text, NULL, 10);
        number->cas = view.info.cas;
        number->flags = view.info.flags;
        number->width = (int)view.info.nbytes;
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
    char text[TEXT_MAX];
    int n = snprintf(text, sizeof(text), "%-*" PRIu64, number->width, number->value);
    ENGINE_ERROR_CODE rc =
        w->api->allocate(w->handle, c, &it, c->req.key, c->req.nkey, (size_t)n,
                         (int)number->flags, number->exptime);
    if (rc != ENGINE_SUCCESS)
        return rc;
    if (item_view_get(c, it, &view) && spread_text(&view.info, text, (size_t)n)) {
        w->api->item_set_cas(w->handle, c, it, number->cas);
        rc = w->api->store(w->handle, c, it, cas, operation, c->req.vbucket);
    } else {
        rc = ENGINE_FAILED;
    }
    w->api->release(w->handle, c, it);
    return rc;
}

static uint64_t changed(uint64_t value, const struct request *req)
{
    if (req->command == COMMAND_INCR)
        return value + req->delta;
    return value > req->delta ? value - req->delta : 0;
}

/* The expiry that an item has, as a client would write it. */
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
        number.value = changed(number.value, req);
        number.exptime = as_written(number.exptime);
    }
    res->number = number.value;
    rc = write_number(c, &number, operation, &res->cas);
    /* Another client was faster: not a result, but a reason to look again. */
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
