#include "server/answer.h"

#include <string.h>

#include "base/check.h"
#include "server/clock.h"
#include "server/log.h"

enum outcome command_outcome(ENGINE_ERROR_CODE rc)
{
    static const enum outcome outcomes[] = {
        [ENGINE_SUCCESS] = OUTCOME_OK,
        [ENGINE_KEY_ENOENT] = OUTCOME_NOT_FOUND,
        [ENGINE_KEY_EEXISTS] = OUTCOME_EXISTS,
        [ENGINE_ENOMEM] = OUTCOME_NO_MEMORY,
        [ENGINE_NOT_STORED] = OUTCOME_NOT_STORED,
        [ENGINE_EINVAL] = OUTCOME_INVALID,
        [ENGINE_ENOTSUP] = OUTCOME_NOT_SUPPORTED,
        [ENGINE_EWOULDBLOCK] = OUTCOME_INTERNAL,
        [ENGINE_E2BIG] = OUTCOME_TOO_LARGE,
        [ENGINE_WANT_MORE] = OUTCOME_INTERNAL,
        [ENGINE_DISCONNECT] = OUTCOME_INTERNAL,
        [ENGINE_EACCESS] = OUTCOME_DENIED,
        [ENGINE_NOT_MY_VBUCKET] = OUTCOME_INTERNAL,
        [ENGINE_TMPFAIL] = OUTCOME_TEMPORARY,
        [ENGINE_ERANGE] = OUTCOME_RANGE,
    };
    return (size_t)rc < N_ELEMENTS(outcomes) ? outcomes[rc] : OUTCOME_INTERNAL;
}

ENGINE_ERROR_CODE command_take_status(struct connection *c)
{
    ENGINE_ERROR_CODE rc = c->status;
    c->status = ENGINE_SUCCESS;
    return rc;
}

rel_time_t command_exptime(int64_t exptime)
{
    if (exptime < 0)
        return CLOCK_RELATIVE_MAX + 1;
    return exptime > UINT32_MAX ? UINT32_MAX : (rel_time_t)exptime;
}

uint64_t command_expected(const struct request *req)
{
    bool none = req->meta != NULL && req->meta->has_cas && req->cas == 0;
    return none ? UINT64_MAX : req->cas;
}

/* Only the engine knows why it cannot serve a request now. */
static void add_reason(struct connection *c, struct response *res, char *room,
                       size_t nroom)
{
    const struct worker *w = c->worker;
    if (w->api->errinfo == NULL)
        return;
    size_t n = w->api->errinfo(w->handle, c, room, nroom);
    if (n == 0 || n >= nroom || memchr(room, '\n', n) != NULL)
        return;
    res->text = room;
    res->ntext = (uint32_t)n;
}

enum verdict command_answer(struct connection *c, const struct response *response)
{
    static struct log_pace pace;
    struct response explained;
    char room[200];
    const struct response *res = response;
    if (response->outcome == OUTCOME_TEMPORARY && response->text == NULL) {
        explained = *response;
        add_reason(c, &explained, room, sizeof(room));
        res = &explained;
    }
    if (c->codec->compose_head(&c->req, res, &c->io->out.bytes))
        return VERDICT_DONE;
    log_warning_paced(
        &pace, "out of memory: closing a connection without an answer; " LOG_MORE_MEMORY);
    return VERDICT_DROP;
}

enum verdict command_finish(struct connection *c, ENGINE_ERROR_CODE rc,
                            struct response *res)
{
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    if (res->outcome == OUTCOME_OK)
        res->outcome = command_outcome(rc);
    return command_answer(c, res);
}

enum verdict command_finish_list(struct connection *c, enum outcome outcome)
{
    struct response res = { .outcome = outcome };
    bool list = c->codec == &text_codec && c->req.meta == NULL;
    bool failed = outcome != OUTCOME_OK && outcome != OUTCOME_NOT_FOUND;
    if (list && failed && c->list_outcome == OUTCOME_OK)
        c->list_outcome = outcome;
    if (!list && outcome != OUTCOME_OK)
        return command_answer(c, &res);
    if (!c->req.last)
        return VERDICT_DONE;
    /* In text an error can only stand for the whole line: it replaces END. */
    res.outcome = c->list_outcome;
    c->list_outcome = OUTCOME_OK;
    if (res.outcome != OUTCOME_OK)
        return command_answer(c, &res);
    return c->codec->compose_end(&c->req, &c->io->out.bytes) ? VERDICT_DONE
                                                             : VERDICT_DROP;
}
