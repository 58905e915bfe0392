/*
 * How late is the standby, as its clients see it? Sets a key on the active node, waits
 * for the answer, and asks the standby for the key until it has the new value. A sample
 * is the time from the one answer to the other, an eighth too long at most. So no lag
 * is seen as the time of one request.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/dialect.h"

static const char usage[] =
    "lag: how late a standby is, as its clients see it\n"
    "  --active PORT --standby PORT  on 127.0.0.1\n"
    "  --dialect memcached|redis\n"
    "  --count N (2000)              samples\n"
    "  --pause N (1000)              us between them, on average\n"
    "Prints one line: microseconds; request: of a get on the standby that nothing "
    "delays.\n";

enum { TEXT = 512, VALUE = 100, SAMPLES = 1 << 20, KEY = 1 << 30 };

struct probe {
    const struct dialect *dialect;
    int active, standby;
    unsigned count, pause;
};

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int dial(const char *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0)
        fail(port);
    return fd;
}

/* Sends a request and waits for its whole answer, which becomes a string. */
static void ask(int fd, const char *request, size_t length, char answer[TEXT],
                ssize_t (*parse)(const char *, size_t, struct dialect_answer *))
{
    struct dialect_answer found;
    size_t n = 0;
    ssize_t used = 0;
    if (send(fd, request, length, 0) < 0)
        fail("send");
    while (used == 0) {
        ssize_t got = recv(fd, answer + n, TEXT - 1 - n, 0);
        if (got <= 0)
            fail("recv");
        n += (size_t)got;
        used = parse(answer, n, &found);
    }
    if (used < 0)
        fail("not an answer");
    answer[n] = '\0';
}

static void look(const struct probe *p, char answer[TEXT])
{
    char request[DIALECT_ROOM];
    size_t length = p->dialect->compose_get(request, KEY);
    ask(p->standby, request, length, answer, p->dialect->parse_get);
}

/* Before it asks again: questions without a pause would keep the core busy on which the
 * standby takes the change. The longer it has taken, the longer the pause. */
static void give_way(uint64_t waited_ns)
{
    enum { SHARE = 8, MOST_NS = 100000, LEAST_NS = 5000 };
    uint64_t ns = waited_ns / SHARE < MOST_NS ? waited_ns / SHARE : MOST_NS;
    if (ns >= LEAST_NS)
        nanosleep(&(struct timespec){ .tv_nsec = (long)ns }, NULL);
}

static uint64_t sample(const struct probe *p, unsigned number)
{
    char request[TEXT], answer[TEXT], value[VALUE + 1];
    snprintf(value, sizeof(value), "%0*u", VALUE, number);
    size_t length = p->dialect->compose_set(request, KEY, value, VALUE, 0);
    ask(p->active, request, length, answer, p->dialect->parse_set);
    uint64_t since = now_ns();
    for (;;) {
        look(p, answer);
        if (strstr(answer, value) != NULL)
            return now_ns() - since;
        give_way(now_ns() - since);
    }
}

/* How long a request takes of which nothing is expected. */
static uint64_t request(const struct probe *p)
{
    char answer[TEXT];
    uint64_t since = now_ns();
    look(p, answer);
    return now_ns() - since;
}

/* Between half and one and a half of it: never in step with a clock of the server. */
static void rest(const struct probe *p, unsigned *seed)
{
    unsigned us = p->pause / 2 + (unsigned)rand_r(seed) % (p->pause + 1);
    const struct timespec wait = { us / 1000000, us % 1000000 * 1000L };
    nanosleep(&wait, NULL);
}

static void parse(struct probe *p, int argc, char **argv)
{
    static const struct option options[] = {
        { "active", 1, NULL, 'a' },  { "standby", 1, NULL, 's' },
        { "dialect", 1, NULL, 'd' }, { "count", 1, NULL, 'c' },
        { "pause", 1, NULL, 'p' },   { NULL, 0, NULL, 0 }
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'a')
            p->active = dial(optarg);
        else if (option == 's')
            p->standby = dial(optarg);
        else if (option == 'd')
            p->dialect = dialect_find(optarg);
        else if (option == 'c')
            p->count = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'p')
            p->pause = (unsigned)strtoul(optarg, NULL, 10);
    }
    if (p->dialect != NULL && p->active >= 0 && p->standby >= 0 && p->count > 0 &&
        p->count <= SAMPLES)
        return;
    fputs(usage, stderr);
    exit(2);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double percentile(const uint64_t *sorted, unsigned n, double percent)
{
    return (double)sorted[(size_t)((double)n * percent / 100)] / 1e3;
}

int main(int argc, char **argv)
{
    struct probe p = { .dialect = dialect_find("memcached"),
                       .active = -1,
                       .standby = -1,
                       .count = 2000,
                       .pause = 1000 };
    static uint64_t lags[SAMPLES], requests[SAMPLES];
    unsigned seed = 1;
    parse(&p, argc, argv);
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* else its pauses are 50 us longer */
    for (unsigned i = 0; i < p.count; i++) {
        lags[i] = sample(&p, i + 1);
        requests[i] = request(&p);
        rest(&p, &seed);
    }
    qsort(lags, p.count, sizeof(*lags), compare);
    qsort(requests, p.count, sizeof(*requests), compare);
    printf("p50_us %.1f p90_us %.1f p99_us %.1f request_p50_us %.1f\n",
           percentile(lags, p.count, 50), percentile(lags, p.count, 90),
           percentile(lags, p.count, 99), percentile(requests, p.count, 50));
    return 0;
}
