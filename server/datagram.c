/*
 * The states of a UDP port: a connection that never ends. One datagram after the other is
 * read, served and answered; what the connection knew of it is forgotten before the next.
 */
#include "server/transport.h"

#include <event2/event.h>

#include "server/answer.h"
#include "server/requests.h"
#include "server/udp.h"

/* A datagram's end, good or bad, ends nothing but itself. */
static enum state end(struct connection *c)
{
    connection_release_item(c);
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

/* The error takes the place of all that was answered. */
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

/* A reader that is slow, or gone, does not make others wait: datagrams may get lost. */
static enum state answer(struct connection *c)
{
    struct buffer *out = &c->io->out.bytes;
    if (output_length(&c->io->out) > UDP_ANSWER_MAX)
        refuse_length(c);
    udp_send(c->udp, c->fd, buffer_head(out), buffer_length(out));
    count_bytes(&c->worker->counters.bytes_written, buffer_length(out));
    return end(c);
}

/* Nothing follows a datagram: what it lacks will not come, and what is too much, of the
 * answer or of the requests, is left. */
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
