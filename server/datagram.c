/*
 * The states of a UDP port: a connection that never ends. It reads, serves and answers
 * one datagram after another, and forgets each one before it reads the next.
 */
#include "server/transport.h"

#include <event2/event.h>

#include "server/answer.h"
#include "server/requests.h"
#include "server/udp.h"

/* Ends one datagram, whether it succeeded or failed; the port stays open. */
static enum state end(struct connection *c)
{
    connection_release_value(c);
    output_clear(&c->io->out, connection_release_sent, c);
    buffer_consume(&c->io->in, buffer_length(&c->io->in));
    c->codec = NULL;
    c->parser = (struct parser){ 0 };
    c->list_outcome = OUTCOME_OK;
    if (c->worker->stopping)
        return STATE_CLOSING;
    c->budget -= c->budget > 0;
    return c->budget > 0 ? STATE_DATAGRAM_READ
                         : connection_wait(c, STATE_DATAGRAM_READ, EV_READ);
}

/* The error replaces everything that was answered. */
static void refuse_length(struct connection *c)
{
    static const char words[] = "the answer is too long for UDP; ask over TCP";
    struct response res = { .outcome = OUTCOME_INTERNAL,
                            .text = words,
                            .ntext = sizeof(words) - 1 };
    output_clear(&c->io->out, connection_release_sent, c);
    c->req.quiet = false;
    command_answer(c, &res);
}

/* A slow or vanished reader does not delay others: datagrams may get lost. */
static enum state answer(struct connection *c)
{
    struct buffer *out = &c->io->out.bytes;
    if (output_length(&c->io->out) > UDP_ANSWER_MAX)
        refuse_length(c);
    udp_send(c->udp, c->fd, buffer_head(out), buffer_length(out));
    count_bytes(&c->worker->counters.bytes_written, buffer_length(out));
    return end(c);
}

/* No more data follows a datagram. A part that is missing will not arrive, and surplus
 * requests or a surplus part of the answer are dropped. */
static enum state follow(struct connection *c, enum verdict verdict)
{
    if (verdict == VERDICT_PARK)
        return connection_park(c, STATE_DATAGRAM_EXECUTE);
    if (verdict == VERDICT_VALUE || verdict == VERDICT_DROP)
        return end(c);
    return answer(c);
}

enum state datagram_read(struct connection *c)
{
    size_t n;
    if (c->worker->cutoff)
        return STATE_CLOSING;
    enum udp_result result = udp_receive(c->udp, c->fd, &c->io->in, &n);
    count_bytes(&c->worker->counters.bytes_read, n);
    if (result == UDP_REQUEST)
        return STATE_DATAGRAM_PARSE;
    if (result == UDP_IGNORED)
        return end(c);
    if (c->worker->stopping)
        return STATE_CLOSING;
    return connection_wait(c, STATE_DATAGRAM_READ, EV_READ);
}

enum state datagram_parse(struct connection *c)
{
    return follow(c, request_serve(c));
}

enum state datagram_execute(struct connection *c)
{
    return follow(c, request_resume(c));
}
