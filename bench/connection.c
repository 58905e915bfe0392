/* One connection of the load generator: sends batches, receives answers. */
#include "bench/dialect.h"
#include "bench/load.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct pending {
    uint64_t key;
    bool is_get;
};

struct connection {
    struct load_run *run;
    int fd;
    uint64_t random;
    char *out, *in, *value;
    size_t out_size, out_length, out_sent;
    size_t in_size, in_length, in_used;
    struct pending *pending;
    unsigned npending, answered;
    uint64_t since; /* its batch's time counts from here */
};

enum { LINE_ROOM = 400 };

uint64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_tcp(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0) {
        fprintf(stderr, "load: %s:%s: %s\n", host, port, gai_strerror(code));
        errno = EHOSTUNREACH;
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *one = found; one && fd < 0; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) < 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}

struct connection *connection_create(struct load_run *run, uint64_t seed)
{
    const struct load_options *options = run->options;
    int fd = options->socket ? connect_unix(options->socket)
                             : connect_tcp(options->host, options->port);
    if (fd < 0) {
        fprintf(stderr, "load: cannot connect: %s\n", strerror(errno));
        return NULL;
    }
    struct connection *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return NULL;
    }
    c->run = run;
    c->fd = fd;
    c->random = seed * 0x9e3779b97f4a7c15u | 1;
    c->out_size = (size_t)options->pipeline * (options->size + LINE_ROOM);
    c->in_size = (size_t)options->size + LINE_ROOM + 65536;
    c->out = malloc(c->out_size);
    c->in = malloc(c->in_size);
    c->value = malloc((size_t)options->size + 64);
    c->pending = calloc(options->pipeline, sizeof *c->pending);
    if (!c->out || !c->in || !c->value || !c->pending) {
        fprintf(stderr, "load: out of memory\n");
        connection_destroy(c);
        return NULL;
    }
    return c;
}

void connection_destroy(struct connection *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c->out);
    free(c->in);
    free(c->value);
    free(c->pending);
    free(c);
}

int connection_fd(const struct connection *c)
{
    return c->fd;
}

bool connection_wants_write(const struct connection *c)
{
    return c->out_sent < c->out_length;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The value of a key: number and generation, repeated. */
static const char *value_of(struct connection *c, uint64_t key)
{
    const struct load_options *options = c->run->options;
    char unit[48];
    size_t length =
        (size_t)snprintf(unit, sizeof unit, "%llu.%llu,", (unsigned long long)key,
                         (unsigned long long)options->generation);
    for (size_t at = 0; at < options->size; at += length)
        memcpy(c->value + at, unit, length);
    return c->value;
}

static void compose(struct connection *c, uint64_t key, bool is_get)
{
    const struct load_options *options = c->run->options;
    char *to = c->out + c->out_length;
    unsigned long long number = key;
    if (options->dialect) {
        c->out_length +=
            is_get ? options->dialect->compose_get(to, key)
                   : options->dialect->compose_set(to, key, value_of(c, key),
                                                   options->size, options->exptime);
        return;
    }
    if (is_get) {
        c->out_length +=
            (size_t)snprintf(to, LINE_ROOM, "get %s%llu\r\n", options->prefix, number);
        return;
    }
    int head = snprintf(to, LINE_ROOM, "set %s%llu %llu %u %u\r\n", options->prefix,
                        number, number & 0xffffffffu, options->exptime, options->size);
    memcpy(to + head, value_of(c, key), options->size);
    memcpy(to + head + options->size, "\r\n", 2);
    c->out_length += (size_t)head + options->size + 2;
}

static bool choose_get(struct connection *c)
{
    const struct load_options *options = c->run->options;
    if (options->mode != LOAD_MIX)
        return options->mode == LOAD_CHECK;
    if (!options->gets || !options->sets)
        return options->gets != 0;
    return next_random(&c->random) % (options->sets + options->gets) < options->gets;
}

static uint64_t choose_key(struct connection *c, uint64_t number)
{
    const struct load_options *options = c->run->options;
    if (options->sequential || options->mode != LOAD_MIX)
        return number % options->keys;
    return next_random(&c->random) % options->keys;
}

enum connection_result connection_send(struct connection *c, struct load_counts *counts,
                                       uint64_t since)
{
    struct load_run *run = c->run;
    uint64_t want = run->options->pipeline;
    uint64_t first = atomic_fetch_add(&run->next, want);
    if (first >= run->limit || atomic_load(&run->stop))
        return CONNECTION_IDLE;
    if (want > run->limit - first)
        want = run->limit - first;
    c->out_length = c->out_sent = 0;
    c->npending = (unsigned)want;
    c->answered = 0;
    for (unsigned i = 0; i < c->npending; i++) {
        bool is_get = choose_get(c);
        uint64_t key = choose_key(c, first + i);
        c->pending[i] = (struct pending){ .key = key, .is_get = is_get };
        compose(c, key, is_get);
        *(is_get ? &counts->gets : &counts->sets) += 1;
    }
    c->since = since;
    return connection_flush(c);
}

enum connection_result connection_flush(struct connection *c)
{
    while (c->out_sent < c->out_length) {
        ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_length - c->out_sent,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR)
                return CONNECTION_BUSY;
            fprintf(stderr, "load: send: %s\n", strerror(errno));
            return CONNECTION_FAILED;
        }
        c->out_sent += (size_t)sent;
    }
    return CONNECTION_BUSY;
}

/* ---- answers */

static bool is_value_right(struct connection *c, uint64_t key, const char *value,
                           size_t length)
{
    return length == c->run->options->size &&
           memcmp(value, value_of(c, key), length) == 0;
}

/* Takes the answer to a get from `text`. Returns the bytes used, 0 if the answer is not
 * complete yet, -1 if this is not an answer. */
static ssize_t take_get(struct connection *c, uint64_t key, const char *text,
                        size_t length, struct load_counts *counts)
{
    const char *end = memchr(text, '\n', length);
    if (!end)
        return 0;
    size_t line = (size_t)(end - text) + 1;
    if (line == 5 && memcmp(text, "END\r\n", 5) == 0) {
        counts->missing++;
        return 5;
    }
    unsigned long long flags, nvalue;
    if (sscanf(text, "VALUE %*s %llu %llu", &flags, &nvalue) != 2)
        return -1;
    size_t whole = line + nvalue + 7;
    if (length < whole)
        return whole > c->in_size ? -1 : 0;
    if (memcmp(text + line + nvalue, "\r\nEND\r\n", 7) != 0)
        return -1;
    counts->hits++;
    if (c->run->options->mode == LOAD_CHECK &&
        (flags != (key & 0xffffffffu) || !is_value_right(c, key, text + line, nvalue)))
        counts->wrong++;
    return (ssize_t)whole;
}

static ssize_t take_set(const char *text, size_t length, struct load_counts *counts)
{
    const char *end = memchr(text, '\n', length);
    if (!end)
        return 0;
    if (end - text != 7 || memcmp(text, "STORED\r", 7) != 0) {
        if (counts->refused++ == 0)
            fprintf(stderr, "load: the server refused a set: %.*s\n", (int)(end - text),
                    text);
    }
    return end - text + 1;
}

static ssize_t take_answer_in(const struct dialect *dialect, const struct pending *p,
                              const char *text, size_t length, struct load_counts *counts)
{
    struct dialect_answer answer;
    ssize_t used = p->is_get ? dialect->parse_get(text, length, &answer)
                             : dialect->parse_set(text, length, &answer);
    if (used <= 0)
        return used;
    if (p->is_get)
        *(answer.good ? &counts->hits : &counts->missing) += 1;
    else if (!answer.good && counts->refused++ == 0)
        fprintf(stderr, "load: the server refused a set: %.*s", (int)used, text);
    return used;
}

static ssize_t take_answer(struct connection *c, const struct pending *p,
                           const char *text, size_t length, struct load_counts *counts)
{
    const struct dialect *dialect = c->run->options->dialect;
    if (dialect)
        return take_answer_in(dialect, p, text, length, counts);
    return p->is_get ? take_get(c, p->key, text, length, counts)
                     : take_set(text, length, counts);
}

static enum connection_result take_answers(struct connection *c,
                                           struct load_counts *counts)
{
    while (c->answered < c->npending) {
        const struct pending *p = &c->pending[c->answered];
        const char *text = c->in + c->in_used;
        size_t length = c->in_length - c->in_used;
        ssize_t used = take_answer(c, p, text, length, counts);
        if (used < 0) {
            fprintf(stderr, "load: not an answer to a get: %.*s\n",
                    (int)(length < 60 ? length : 60), text);
            return CONNECTION_FAILED;
        }
        if (used == 0)
            break;
        c->in_used += (size_t)used;
        c->answered++;
        histogram_add(&counts->latency, load_now_ns() - c->since);
    }
    memmove(c->in, c->in + c->in_used, c->in_length - c->in_used);
    c->in_length -= c->in_used;
    c->in_used = 0;
    return c->answered == c->npending ? CONNECTION_IDLE : CONNECTION_BUSY;
}

enum connection_result connection_receive(struct connection *c,
                                          struct load_counts *counts)
{
    ssize_t got =
        recv(c->fd, c->in + c->in_length, c->in_size - c->in_length - 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return CONNECTION_BUSY;
    if (got <= 0) {
        fprintf(stderr, "load: the server closed the connection\n");
        return CONNECTION_FAILED;
    }
    c->in_length += (size_t)got;
    c->in[c->in_length] = '\0';
    return take_answers(c, counts);
}
