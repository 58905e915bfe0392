/*
 * A cache-aside client with a fixed timetable, for what happens around a fail-over: a
 * request is due each 1/rate seconds, however long the others take. It gets a key of a
 * trace and sets it if it was missing. Its time counts from the moment at which it was
 * due, so a client that waits does not flatter the server.
 *
 * An answer that does not come in time, a connection that breaks and an answer that is
 * an error are failures, which a client would turn to its database for. The connection
 * is then closed, and the next request makes a new one at once.
 */
#include "bench/dialect.h"
#include "bench/sentinel.h"
#include "bench/trace.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "steady_load: cache-aside load with a fixed timetable; prints each request\n"
    "  --server ADDRESS:PORT    --sentinels ADDRESS:PORT,...  they name the server\n"
    "  --dialect memcached|redis\n"
    "  --rate N (1000)          requests a second\n"
    "  --timeout N (100)        ms until a request has failed\n"
    "  --seconds N (10)         --from N (0)  the trace's first request in this run\n"
    "The trace: --keys N (600000), --seed N (1); by Zipf's law, values of 200 bytes\n"
    "Prints for each request: the second at which it was due (CLOCK_MONOTONIC), how "
    "many\n"
    "ms it took, and hit, miss or failed.\n";

enum { CONNECTIONS = 512, IN_SIZE = 4096, VALUE_SIZE = 200, PATIENCE_MS = 20 };

enum state { STATE_CLOSED, STATE_IDLE, STATE_GET, STATE_SET };

struct connection {
    int fd;
    enum state state;
    double due; /* of its request */
    uint64_t key;
    char in[IN_SIZE], out[VALUE_SIZE + DIALECT_ROOM];
    size_t n_in, n_out; /* n_out: not sent yet */
};

struct load {
    const struct dialect *dialect;
    struct sockaddr_in server;
    struct sentinels sentinels;
    struct trace trace;
    uint64_t next;
    double rate, timeout, asked; /* asked: when the sentinels were asked last */
    struct connection all[CONNECTIONS];
    char value[VALUE_SIZE];
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "steady_load: %s: %s\n", what, why);
    exit(2);
}

static void tell(double due, const char *result)
{
    printf("%.6f %.3f %s\n", due, (now() - due) * 1000, result);
}

/* ---- one connection */

static void close_connection(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    *c = (struct connection){ .fd = -1 };
}

static void open_connection(struct load *l, struct connection *c)
{
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(c->fd, (struct sockaddr *)&l->server, sizeof(l->server)) < 0 &&
        errno != EINPROGRESS)
        close_connection(c);
}

/* A request that has failed may mean that another server is the active one now. */
static void fail_request(struct load *l, struct connection *c)
{
    if (c->state == STATE_GET)
        tell(c->due, "failed");
    close_connection(c);
    if (l->sentinels.n > 0 && now() > l->asked + PATIENCE_MS / 1000.0) {
        (void)sentinels_ask(&l->sentinels, PATIENCE_MS, &l->server);
        l->asked = now();
    }
}

static void flush(struct load *l, struct connection *c)
{
    ssize_t sent = send(c->fd, c->out, c->n_out, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN || errno == EINTR))
        return; /* it is being connected */
    if (sent < 0) {
        fail_request(l, c);
        return;
    }
    c->n_out -= (size_t)sent;
    memmove(c->out, c->out + sent, c->n_out);
}

static void finish_get(struct load *l, struct connection *c, bool hit)
{
    tell(c->due, hit ? "hit" : "miss");
    c->state = STATE_IDLE;
    if (hit)
        return;
    c->state = STATE_SET;
    c->n_out = l->dialect->compose_set(c->out, c->key, l->value, VALUE_SIZE, 0);
    flush(l, c);
}

static void take_answer(struct load *l, struct connection *c)
{
    struct dialect_answer answer;
    ssize_t got = recv(c->fd, c->in + c->n_in, IN_SIZE - c->n_in, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || c->state == STATE_IDLE) {
        fail_request(l, c);
        return;
    }
    c->n_in += (size_t)got;
    ssize_t used = c->state == STATE_GET ? l->dialect->parse_get(c->in, c->n_in, &answer)
                                         : l->dialect->parse_set(c->in, c->n_in, &answer);
    if (used == 0 && c->n_in < IN_SIZE)
        return;
    if (used <= 0 || (c->state == STATE_SET && !answer.good)) {
        fail_request(l, c);
        return;
    }
    c->n_in = 0;
    if (c->state == STATE_GET)
        finish_get(l, c, answer.good);
    else
        c->state = STATE_IDLE;
}

/* ---- the timetable */

/* An idle connection, else a new one: as many as there are requests under way. */
static struct connection *find_connection(struct load *l)
{
    struct connection *unused = NULL;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (l->all[i].state == STATE_IDLE)
            return &l->all[i];
        if (l->all[i].state == STATE_CLOSED && unused == NULL)
            unused = &l->all[i];
    }
    if (unused != NULL)
        open_connection(l, unused);
    return unused;
}

static void begin_request(struct load *l, double due)
{
    struct connection *c = find_connection(l);
    uint64_t key = trace_request(&l->trace, l->next++).key;
    if (c == NULL || c->fd < 0) {
        tell(due, "failed");
        return;
    }
    c->state = STATE_GET;
    c->due = due;
    c->key = key;
    c->n_out = l->dialect->compose_get(c->out, key);
    flush(l, c);
}

static void look(struct load *l, const struct pollfd *found)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &l->all[i];
        if (c->fd < 0 || c->fd != found[i].fd)
            continue;
        if (found[i].revents & (POLLERR | POLLHUP))
            fail_request(l, c);
        else if (found[i].revents & POLLIN)
            take_answer(l, c);
        else if (found[i].revents & POLLOUT)
            flush(l, c);
        if (c->state >= STATE_GET && now() > c->due + l->timeout)
            fail_request(l, c);
    }
}

static void wait_until(struct load *l, double until)
{
    struct pollfd wanted[CONNECTIONS];
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        const struct connection *c = &l->all[i];
        wanted[i] =
            (struct pollfd){ c->fd, (short)(POLLIN | (c->n_out > 0 ? POLLOUT : 0)), 0 };
    }
    double left = until - now();
    left = left > 0 ? left : 0;
    const struct timespec pause = { (time_t)left,
                                    (long)((left - (double)(time_t)left) * 1e9) };
    if (ppoll(wanted, CONNECTIONS, &pause, NULL) < 0 && errno != EINTR)
        fail("poll", strerror(errno));
    look(l, wanted);
}

static void run(struct load *l, double seconds)
{
    double start = now();
    for (uint64_t i = 0; (double)i < seconds * l->rate; i++) {
        double due = start + (double)i / l->rate;
        do
            wait_until(l, due);
        while (now() < due);
        begin_request(l, due);
    }
    for (double end = now() + l->timeout; now() < end;)
        wait_until(l, end);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (l->all[i].state == STATE_GET)
            fail_request(l, &l->all[i]);
    }
}

/* ---- options */

static double number(const char *text)
{
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end != '\0' || x < 0)
        fail(text, "is not a number");
    return x;
}

struct choice {
    struct trace_options trace;
    double seconds;
};

static void take_option(struct load *l, struct choice *choice, int name)
{
    if (name == 's' ? !address_take(optarg, &l->server)
                    : name == 'S' && !sentinels_take(optarg, &l->sentinels))
        fail(optarg, "is not ADDRESS:PORT");
    else if (name == 'd' && (l->dialect = dialect_find(optarg)) == NULL)
        fail(optarg, "unknown dialect");
    else if (name == 'r')
        l->rate = number(optarg);
    else if (name == 't')
        l->timeout = number(optarg) / 1000;
    else if (name == 'n')
        choice->seconds = number(optarg);
    else if (name == 'f')
        l->next = (uint64_t)number(optarg);
    else if (name == 'k')
        choice->trace.keys = (uint64_t)number(optarg);
    else if (name == 'e')
        choice->trace.seed = (uint64_t)number(optarg);
}

static void parse_options(struct load *l, struct choice *choice, int argc, char **argv)
{
    static const struct option names[] = {
        { "server", 1, NULL, 's' },  { "sentinels", 1, NULL, 'S' },
        { "dialect", 1, NULL, 'd' }, { "rate", 1, NULL, 'r' },
        { "timeout", 1, NULL, 't' }, { "seconds", 1, NULL, 'n' },
        { "from", 1, NULL, 'f' },    { "keys", 1, NULL, 'k' },
        { "seed", 1, NULL, 'e' },    { NULL, 0, NULL, 0 },
    };
    for (int got; (got = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (got == '?') {
            fputs(usage, stderr);
            exit(2);
        }
        take_option(l, choice, got);
    }
    if (l->sentinels.n > 0 && !sentinels_ask(&l->sentinels, 1000, &l->server))
        fail("sentinels", "none of them knows the server");
    if (l->server.sin_port == 0)
        fail("options", "--server or --sentinels is missing");
    if (l->rate <= 0)
        fail("--rate", "must be above 0");
}

int main(int argc, char **argv)
{
    static struct load l = { .rate = 1000, .timeout = 0.1 };
    struct choice choice = {
        .trace = { .keys = 600000,
                   .exponent = 1,
                   .least_size = VALUE_SIZE,
                   .most_size = VALUE_SIZE,
                   .seed = 1 },
        .seconds = 10,
    };
    l.dialect = dialect_find("memcached");
    parse_options(&l, &choice, argc, argv);
    trace_init(&l.trace, &choice.trace);
    memset(l.value, 'v', sizeof(l.value));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        l.all[i].fd = -1;
    run(&l, choice.seconds);
    return 0;
}
