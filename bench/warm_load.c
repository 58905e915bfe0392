/*
 * A cache-aside client: gets the keys of a trace, sets those that were missing, and
 * reports the number of hits, window by window. Several connections take turns: while the
 * client reads one's answers, the server works on the others' requests.
 *
 * Calls block, but cannot deadlock: gets are short, and the client reads everything that
 * a connection has to deliver before it sends anything long on it.
 */
#include "bench/dialect.h"
#include "bench/trace.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "warm_load: cache-aside load on a cache; prints its hit ratio, window by window\n"
    "  --host HOST (127.0.0.1)  --port PORT (11211)  --dialect memcached|redis\n"
    "  --connections N (8)      --pipeline N (64)    --rate N  most requests a second\n"
    "  --from N (0)             the trace's first request in this run\n"
    "  --requests N (640000)    --window N (64000)   requests\n"
    "  --ask N (0)              1: only gets; missing keys are not set\n"
    "The trace:\n"
    "  --keys N (600000)        --zipf EXPONENT (1)  --seed N (1)\n"
    "  --passing SHARE (0)      of requests for keys that do not return, which are not "
    "counted\n"
    "  --passers N (0)          how many of these keys there are; 0: each comes once\n"
    "  --least-size N --most-size N (200)            bytes per value\n"
    "  --least-life N --most-life N (0)              seconds\n"
    "Prints a line for each window, `window SECONDS GETS HITS`, and the sums at the "
    "end.\n";

struct load_options {
    const char *host, *port;
    const struct dialect *dialect;
    uint64_t connections, pipeline, rate;
    uint64_t from, requests, window, ask;
    struct trace_options trace;
};

struct counts {
    uint64_t gets, hits, sets, refused, wrong; /* wrong: hits of a wrong size */
};

struct connection {
    int fd;
    struct trace_request *gets; /* in progress */
    uint64_t ngets, nsets;
    char *in, *out;
    size_t in_used, in_length, out_length;
};

enum { FILLS = 4096 };

struct fill {
    uint64_t key, round; /* the last round in which the key was set */
};

struct load {
    const struct load_options *options;
    struct trace trace;
    struct connection *connections;
    uint64_t next, answered; /* requests of this run */
    uint64_t round;          /* from 1; in each, every connection has a batch */
    struct fill fills[FILLS];
    double start;
    struct counts window, sum;
    char *value;
};

enum { IN_SIZE = 1 << 20 };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "warm_load: %s: %s\n", what, why);
    exit(2);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        fail("memory", strerror(errno));
    return memory;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- windows */

static void print_window(struct load *l)
{
    printf("window %.4f %llu %llu\n", now() - l->start,
           (unsigned long long)l->window.gets, (unsigned long long)l->window.hits);
    fflush(stdout);
    l->sum.gets += l->window.gets;
    l->sum.hits += l->window.hits;
    l->window = (struct counts){ 0 };
}

static void count_request(struct load *l, bool passes, bool hit)
{
    l->window.gets += !passes;
    l->window.hits += hit && !passes;
    l->answered++;
    if (l->answered % l->options->window == 0 || l->answered == l->options->requests)
        print_window(l);
}

/* ---- one connection */

static int connect_tcp(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        fail(host, gai_strerror(code));
    int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
        fail("cannot connect", strerror(errno));
    freeaddrinfo(found);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void connection_init(struct connection *c, const struct load_options *o)
{
    *c = (struct connection){ .fd = connect_tcp(o->host, o->port) };
    c->gets = allocate(o->pipeline, sizeof *c->gets);
    c->in = allocate(1, IN_SIZE);
    c->out = allocate(o->pipeline, o->trace.most_size + DIALECT_ROOM);
}

static void connection_fini(struct connection *c)
{
    close(c->fd);
    free(c->gets);
    free(c->in);
    free(c->out);
}

static void connection_flush(struct connection *c)
{
    for (size_t sent = 0; sent < c->out_length;) {
        ssize_t more = send(c->fd, c->out + sent, c->out_length - sent, MSG_NOSIGNAL);
        if (more < 0 && errno != EINTR)
            fail("send", strerror(errno));
        sent += more > 0 ? (size_t)more : 0;
    }
    c->out_length = 0;
}

static void connection_fill(struct connection *c)
{
    memmove(c->in, c->in + c->in_used, c->in_length - c->in_used);
    c->in_length -= c->in_used;
    c->in_used = 0;
    if (c->in_length == IN_SIZE)
        fail("receive", "the answer is too long");
    ssize_t got = recv(c->fd, c->in + c->in_length, IN_SIZE - c->in_length, 0);
    if (got == 0)
        fail("receive", "the server closed the connection");
    if (got < 0 && errno != EINTR)
        fail("receive", strerror(errno));
    c->in_length += got > 0 ? (size_t)got : 0;
}

typedef ssize_t parse_answer(const char *, size_t, struct dialect_answer *);

static struct dialect_answer connection_receive(struct connection *c, parse_answer *parse)
{
    struct dialect_answer answer;
    ssize_t used;
    while ((used = parse(c->in + c->in_used, c->in_length - c->in_used, &answer)) == 0)
        connection_fill(c);
    if (used < 0)
        fail("not an answer to a get", "is this the right --dialect?");
    c->in_used += (size_t)used;
    return answer;
}

/* ---- the cache-aside client */

static void wait_for_turn(const struct load *l)
{
    if (!l->options->rate)
        return;
    double wait = l->start + (double)l->next / (double)l->options->rate - now();
    struct timespec pause = { (time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9) };
    if (wait > 0)
        nanosleep(&pause, NULL);
}

static void send_gets(struct load *l, struct connection *c)
{
    const struct load_options *o = l->options;
    wait_for_turn(l);
    for (c->ngets = 0; c->ngets < o->pipeline && l->next < o->requests; c->ngets++) {
        struct trace_request request = trace_request(&l->trace, o->from + l->next++);
        c->gets[c->ngets] = request;
        c->out_length += o->dialect->compose_get(c->out + c->out_length, request.key);
    }
    connection_flush(c);
}

static void add_set(struct load *l, struct connection *c, uint64_t key)
{
    c->out_length += l->options->dialect->compose_set(
        c->out + c->out_length, key, l->value, trace_size(&l->trace, key),
        trace_life(&l->trace, key));
    c->nsets++;
}

/* If several requests of a round miss a key, only the first one sets it, as clients do
 * that protect their database. More sets would count as use, and keep the key where
 * nobody reads it. */
static bool is_filled(struct load *l, uint64_t key)
{
    struct fill *slot = &l->fills[key % FILLS];
    bool filled = slot->key == key && slot->round == l->round;
    *slot = (struct fill){ .key = key, .round = l->round };
    return filled;
}

/* Sends nothing before all answers have been read: see above. */
static void take_gets_and_send_sets(struct load *l, struct connection *c)
{
    c->nsets = 0;
    for (uint64_t i = 0; i < c->ngets; i++) {
        struct trace_request asked = c->gets[i];
        struct dialect_answer answer =
            connection_receive(c, l->options->dialect->parse_get);
        l->sum.wrong += answer.good && answer.size != trace_size(&l->trace, asked.key);
        count_request(l, asked.passes, answer.good);
        if (!answer.good && !l->options->ask && !is_filled(l, asked.key))
            add_set(l, c, asked.key);
    }
    connection_flush(c);
}

static void take_sets(struct load *l, struct connection *c)
{
    for (uint64_t i = 0; i < c->nsets; i++)
        l->sum.refused += !connection_receive(c, l->options->dialect->parse_set).good;
    l->sum.sets += c->nsets;
}

static void run_load(struct load *l)
{
    uint64_t count = l->options->connections;
    l->start = now();
    for (uint64_t i = 0; i < count; i++)
        send_gets(l, &l->connections[i]);
    while (l->answered < l->options->requests) {
        l->round++;
        for (uint64_t i = 0; i < count; i++)
            take_gets_and_send_sets(l, &l->connections[i]);
        for (uint64_t i = 0; i < count; i++) {
            take_sets(l, &l->connections[i]);
            send_gets(l, &l->connections[i]);
        }
    }
    printf("total %.4f gets %llu hits %llu sets %llu refused %llu wrong %llu\n",
           now() - l->start, (unsigned long long)l->sum.gets,
           (unsigned long long)l->sum.hits, (unsigned long long)l->sum.sets,
           (unsigned long long)l->sum.refused, (unsigned long long)l->sum.wrong);
}

/* ---- options */

struct row {
    const char *name;
    uint64_t *number; /* one of these three */
    double *real;
    const char **text;
};

static void take_option(const struct row *row, const char *text)
{
    char *end = NULL;
    if (row->text)
        *row->text = text;
    else if (row->number)
        *row->number = strtoull(text, &end, 10);
    else
        *row->real = strtod(text, &end);
    if (!row->text && (end == text || *end || *text == '-'))
        fail(row->name, "needs a number");
}

/* getopt_long returns the number of the row, above all characters. */
static void take_rows(const struct row *rows, int count, int argc, char **argv)
{
    struct option *names = allocate((size_t)count + 1, sizeof *names);
    for (int i = 0; i < count; i++)
        names[i] = (struct option){ rows[i].name, required_argument, NULL, 256 + i };
    for (int got; (got = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (got < 256) {
            fputs(usage, stderr);
            exit(2);
        }
        take_option(&rows[got - 256], optarg);
    }
    free(names);
}

static void parse_options(struct load_options *o, int argc, char **argv)
{
    const char *dialect = "memcached";
    struct trace_options *t = &o->trace;
    const struct row rows[] = {
        { "host", .text = &o->host },
        { "port", .text = &o->port },
        { "dialect", .text = &dialect },
        { "connections", .number = &o->connections },
        { "pipeline", .number = &o->pipeline },
        { "rate", .number = &o->rate },
        { "from", .number = &o->from },
        { "requests", .number = &o->requests },
        { "window", .number = &o->window },
        { "ask", .number = &o->ask },
        { "keys", .number = &t->keys },
        { "zipf", .real = &t->exponent },
        { "seed", .number = &t->seed },
        { "passing", .real = &t->passing },
        { "passers", .number = &t->passers },
        { "least-size", .number = &t->least_size },
        { "most-size", .number = &t->most_size },
        { "least-life", .number = &t->least_life },
        { "most-life", .number = &t->most_life },
    };
    take_rows(rows, sizeof rows / sizeof rows[0], argc, argv);
    o->dialect = dialect_find(dialect);
    if (!o->dialect)
        fail(dialect, "unknown dialect");
    if (!o->connections || !o->pipeline || !o->window || !t->keys || t->passing >= 1 ||
        !t->least_size || t->least_size > t->most_size || t->least_life > t->most_life ||
        t->most_size > IN_SIZE / 2)
        fail("options", "out of range");
}

int main(int argc, char **argv)
{
    struct load_options o = {
        .host = "127.0.0.1",
        .port = "11211",
        .connections = 8,
        .pipeline = 64,
        .requests = 640000,
        .window = 64000,
        .trace = { .keys = 600000,
                   .exponent = 1,
                   .least_size = 200,
                   .most_size = 200,
                   .seed = 1 },
    };
    parse_options(&o, argc, argv);
    struct load l = { .options = &o };
    trace_init(&l.trace, &o.trace);
    l.value = memset(allocate(1, o.trace.most_size), 'v', o.trace.most_size);
    l.connections = allocate(o.connections, sizeof *l.connections);
    for (uint64_t i = 0; i < o.connections; i++)
        connection_init(&l.connections[i], &o);
    run_load(&l);
    for (uint64_t i = 0; i < o.connections; i++)
        connection_fini(&l.connections[i]);
    free(l.connections);
    free(l.value);
    return l.sum.refused || l.sum.wrong ? 1 : 0;
}
