#include "server/requests.h"

#include "server/commands.h"
#include "server/receive.h"
#include "server/server.h"
#include "server/set.h"

enum verdict request_value(struct connection *c)
{
    if (!receive_from_input(c))
        return VERDICT_DROP;
    if (!receive_is_complete(c))
        return VERDICT_VALUE;
    return receive_end(c) ? command_execute(c) : command_bad_chunk(c);
}

static enum verdict discard(struct connection *c, uint64_t n)
{
    return receive_discard(c, n) ? VERDICT_DONE : VERDICT_DISCARD;
}

/* The request's bytes are no longer needed, unless it will be executed again. */
static enum verdict after_command(struct connection *c, enum verdict verdict)
{
    if (verdict == VERDICT_PARK || verdict == VERDICT_AGAIN || verdict == VERDICT_DROP)
        return verdict;
    buffer_consume(&c->io->in, c->parser.used);
    c->parser.used = 0;
    if (verdict == VERDICT_VALUE)
        return request_value(c);
    if (verdict == VERDICT_DISCARD)
        return discard(c, (uint64_t)c->req.nvalue + c->codec->value_tail);
    return verdict;
}

static enum verdict execute(struct connection *c)
{
    c->budget--;
    c->phase = 0;
    if (c->req.meta != NULL)
        count(&c->worker->counters.cmd_meta);
    return after_command(c, command_execute(c));
}

/* A request that the codec refused: answer it, drop it, and continue with the stream. */
static enum verdict refuse(struct connection *c)
{
    c->budget--;
    enum verdict verdict = command_refuse(c);
    if (verdict != VERDICT_DONE)
        return verdict;
    buffer_consume(&c->io->in, c->parser.used);
    return discard(c, c->parser.swallow);
}

static enum verdict serve_next(struct connection *c)
{
    struct buffer *in = &c->io->in;
    switch (c->codec->parse(&c->parser, in, &c->req)) {
    case PARSE_OK:
        return execute(c);
    case PARSE_ERROR:
        return refuse(c);
    case PARSE_MORE:
        buffer_consume(in, c->parser.used);
        return VERDICT_MORE;
    case PARSE_CLOSE:
        break;
    }
    if (c->parser.why != OUTCOME_OK)
        command_refuse(c);
    return VERDICT_QUIT;
}

static const struct codec *choose_codec(const struct connection *c)
{
    if (c->worker->server->settings.auth_file != NULL)
        return &auth_codec;
    switch (c->from.protocol) {
    case SETTINGS_PROTOCOL_ASCII:
        return &text_codec;
    case SETTINGS_PROTOCOL_BINARY:
        return &binary_codec;
    default:
        return codec_for_first_byte((uint8_t)*buffer_head(&c->io->in));
    }
}

/* The hot loop: answers all requests that have arrived, into one output. */
enum verdict request_serve(struct connection *c)
{
    struct buffer *in = &c->io->in;
    enum verdict verdict = VERDICT_DONE;
    if (c->codec == NULL)
        c->codec = choose_codec(c);
    while (verdict == VERDICT_DONE) {
        if (c->budget == 0 && buffer_length(in) > 0)
            return VERDICT_YIELD;
        if (io_is_full(c->io))
            return VERDICT_FULL;
        verdict = serve_next(c);
    }
    return verdict;
}

enum verdict request_resume(struct connection *c)
{
    enum verdict verdict = after_command(c, command_execute(c));
    return verdict == VERDICT_DONE ? request_serve(c) : verdict;
}
