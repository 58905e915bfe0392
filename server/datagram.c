/*
 * Requests that come as datagrams: reading, answering and the end of one. A UDP port is a
 * connection that never ends; what its state is between two datagrams starts anew.
 */
#include "server/connection_states.h"

#include <event2/event.h>

#include "server/udp.h"

enum step datagram_read(struct connection *c)
{
    size_t n;
    enum udp_result result = udp_receive(c->udp, c->fd, &c->io->in, &n);
    count_bytes(&c->worker->counters.bytes_read, n);
    if (result == UDP_REQUEST)
        return connection_go(c, &state_parse);
    if (result == UDP_IGNORED)
        return connection_go(c, &state_closing);
    return c->worker->stopping ? connection_go(c, &state_closing)
                               : connection_wait(c, EV_READ);
}

/* The error takes the place of all that was answered. */
static void refuse_length(struct connection *c)
{
    static const char words[] = "the answer is too long for UDP; ask over TCP";
    struct response res = { .outcome = OUTCOME_INTERNAL,
                            .text = words,
                            .ntext = sizeof(words) - 1 };
    output_clear(&c->io->out, command_release_sent, c);
    c->req.quiet = false;
    command_answer(c, &res);
}

/* A reader that is slow, or gone, does not make others wait: datagrams may get lost. */
enum step datagram_write(struct connection *c)
{
    struct buffer *out = &c->io->out.bytes;
    if (output_length(&c->io->out) > UDP_ANSWER_MAX)
        refuse_length(c);
    udp_send(c->udp, c->fd, buffer_head(out), buffer_length(out));
    count_bytes(&c->worker->counters.bytes_written, buffer_length(out));
    output_clear(&c->io->out, command_release_sent, c);
    return connection_go(c, c->after);
}

/* A datagram's end, good or bad, ends nothing but itself. */
enum step datagram_end(struct connection *c)
{
    command_release_item(c);
    output_clear(&c->io->out, command_release_sent, c);
    buffer_consume(&c->io->in, buffer_length(&c->io->in));
    c->codec = NULL;
    c->parser = (struct parser){ 0 };
    c->list_outcome = OUTCOME_OK;
    connection_go(c, &state_read);
    c->budget -= c->budget > 0;
    return c->budget > 0 ? STEP_AGAIN : connection_wait(c, EV_READ);
}
