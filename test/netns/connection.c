#include "test/netns/client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOME_COUNT] = { "done",        "miss",  "timeout",
                                                      "closed",      "reset", "refused",
                                                      "unreachable", "said" };
    return names[outcome];
}

bool connection_init(struct connection *c, const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
    struct addrinfo *found;
    memset(c, 0, sizeof(*c));
    c->fd = -1;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    memcpy(&c->address, found->ai_addr, found->ai_addrlen);
    c->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

void connection_fini(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->ninbox = 0;
}

static enum outcome outcome_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return OUTCOME_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return OUTCOME_RESET;
    case ETIMEDOUT:
        return OUTCOME_TIMEOUT;
    default:
        return OUTCOME_UNREACHABLE;
    }
}

static enum outcome wait_for(int fd, short events, double deadline_ms)
{
    struct pollfd poller = { .fd = fd, .events = events };
    double left = deadline_ms - now_ms();
    if (left <= 0)
        return OUTCOME_TIMEOUT;
    struct timespec pause = { .tv_sec = (time_t)(left / 1e3) };
    pause.tv_nsec = (long)((left - (double)pause.tv_sec * 1e3) * 1e6);
    int n = ppoll(&poller, 1, &pause, NULL);
    return n > 0 || (n < 0 && errno == EINTR) ? OUTCOME_DONE : OUTCOME_TIMEOUT;
}

static enum outcome make_connection(struct connection *c, double deadline_ms)
{
    int on = 1, error = 0;
    socklen_t size = sizeof(error);
    c->fd = socket(c->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return outcome_of(errno);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(c->fd, (struct sockaddr *)&c->address, c->address_size) == 0)
        return OUTCOME_DONE;
    if (errno != EINPROGRESS)
        return outcome_of(errno);
    enum outcome outcome = wait_for(c->fd, POLLOUT, deadline_ms);
    if (outcome != OUTCOME_DONE)
        return outcome;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? OUTCOME_DONE : outcome_of(error);
}

static enum outcome send_all(struct connection *c, const char *data, size_t size,
                             double deadline_ms)
{
    while (size > 0) {
        ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
        if (n > 0) {
            c->is_sent = true;
            data += n;
            size -= (size_t)n;
        } else if (errno != EAGAIN && errno != EINTR) {
            return outcome_of(errno);
        } else if (wait_for(c->fd, POLLOUT, deadline_ms) != OUTCOME_DONE) {
            return OUTCOME_TIMEOUT;
        }
    }
    return OUTCOME_DONE;
}

/* Copies the next line, without its end, to `line`. */
static enum outcome take_line(struct connection *c, double deadline_ms, char *line,
                              size_t size)
{
    char *end;
    while ((end = memmem(c->inbox, c->ninbox, "\r\n", 2)) == NULL) {
        if (c->ninbox == sizeof(c->inbox))
            return OUTCOME_SAID;
        ssize_t n = recv(c->fd, c->inbox + c->ninbox, sizeof(c->inbox) - c->ninbox, 0);
        if (n > 0)
            c->ninbox += (size_t)n;
        else if (n == 0)
            return OUTCOME_CLOSED;
        else if (errno != EAGAIN && errno != EINTR)
            return outcome_of(errno);
        else if (wait_for(c->fd, POLLIN, deadline_ms) != OUTCOME_DONE)
            return OUTCOME_TIMEOUT;
    }
    size_t length = (size_t)(end - c->inbox);
    snprintf(line, size, "%.*s", (int)length, c->inbox);
    c->ninbox -= length + 2;
    memmove(c->inbox, end + 2, c->ninbox);
    return OUTCOME_DONE;
}

static enum outcome ask(struct connection *c, const char *request, double deadline_ms,
                        char *line, size_t size)
{
    enum outcome outcome = OUTCOME_DONE;
    c->is_sent = false;
    line[0] = '\0';
    if (c->fd < 0)
        outcome = make_connection(c, deadline_ms);
    if (outcome == OUTCOME_DONE)
        outcome = send_all(c, request, strlen(request), deadline_ms);
    if (outcome == OUTCOME_DONE)
        outcome = take_line(c, deadline_ms, line, size);
    return outcome;
}

static enum outcome end(struct connection *c, enum outcome outcome)
{
    if (outcome != OUTCOME_DONE && outcome != OUTCOME_MISS)
        connection_fini(c);
    return outcome;
}

enum outcome connection_set(struct connection *c, const char *key, const char *value,
                            double deadline_ms, char *text, size_t size)
{
    char request[512];
    snprintf(request, sizeof(request), "set %s 0 0 %zu\r\n%s\r\n", key, strlen(value),
             value);
    enum outcome outcome = ask(c, request, deadline_ms, text, size);
    if (outcome == OUTCOME_DONE && strcmp(text, "STORED") != 0)
        outcome = OUTCOME_SAID;
    return end(c, outcome);
}

enum outcome connection_get(struct connection *c, const char *key, double deadline_ms,
                            char *text, size_t size)
{
    char request[300], last[64];
    snprintf(request, sizeof(request), "get %s\r\n", key);
    enum outcome outcome = ask(c, request, deadline_ms, text, size);
    if (outcome != OUTCOME_DONE)
        return end(c, outcome);
    if (strcmp(text, "END") == 0)
        return OUTCOME_MISS;
    if (strncmp(text, "VALUE ", 6) != 0)
        return end(c, OUTCOME_SAID);
    outcome = take_line(c, deadline_ms, text, size);
    if (outcome == OUTCOME_DONE)
        outcome = take_line(c, deadline_ms, last, sizeof(last));
    if (outcome == OUTCOME_DONE && strcmp(last, "END") != 0)
        outcome = OUTCOME_SAID;
    return end(c, outcome);
}
