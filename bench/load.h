/*
 * A load generator for the text protocol, and redis's: the options, one connection, and
 * the latency histogram. bench/load.c is the program.
 *
 * A connection sends a batch of `pipeline` requests, waits for all answers, and sends the
 * next batch. Keys are numbers. A value can be computed from its key, so answers can be
 * checked without remembering anything.
 *
 * A client that waits for an answer before it sends the next request does not see how
 * long the requests would have taken that it did not send meanwhile. With `open` it does:
 * their times begin when they were due.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_mode { LOAD_MIX, LOAD_FILL, LOAD_CHECK };

struct dialect;

struct load_options {
    const char *host, *port, *socket; /* socket: path of a UNIX socket, or NULL */
    const char *prefix;               /* of every key */
    unsigned connections, threads, pipeline;
    uint64_t keys;       /* distinct keys */
    uint32_t size;       /* bytes a value */
    unsigned sets, gets; /* the ratio of the two */
    uint64_t ops;        /* 0: run for `seconds` */
    double seconds;
    uint64_t rate; /* most requests a second, all threads together; 0: no limit */
    bool open;     /* a request's time counts from when the rate wanted it to go out */
    const char *speaks;            /* a dialect's name, or NULL: memcached's, checked */
    const struct dialect *dialect; /* of `speaks` */
    uint64_t seed;
    uint64_t generation; /* part of every value */
    uint32_t exptime;
    uint64_t allow_missing; /* check: this many misses are not a failure */
    uint64_t allow_refused; /* this many refused sets are none */
    bool sequential;
    enum load_mode mode;
};

/* If the options are invalid, prints why and ends the program. */
void load_options_parse(struct load_options *o, int argc, char **argv);

/* 64 powers of two of nanoseconds, 16 steps each: the error is at most 6% */
struct histogram {
    uint64_t count[64 * 16];
    uint64_t total, max;
};

void histogram_add(struct histogram *h, uint64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
uint64_t histogram_percentile(const struct histogram *h, double percent);

/* The state that the threads share. */
struct load_run {
    const struct load_options *options;
    atomic_uint_fast64_t next; /* requests handed out so far */
    atomic_bool stop;
    uint64_t limit; /* requests in total; UINT64_MAX: until stop */
};

struct load_counts {
    uint64_t sets, gets, hits, missing, wrong, refused;
    struct histogram latency;
};

struct connection;

/* Blocks until connected. NULL: the reason is on stderr. The caller owns it. */
struct connection *connection_create(struct load_run *run, uint64_t seed);
void connection_destroy(struct connection *c);
int connection_fd(const struct connection *c);

enum connection_result { CONNECTION_BUSY, CONNECTION_IDLE, CONNECTION_FAILED };

/* Composes and sends the next batch, whose time counts from `since`. IDLE: no work is
 * left. */
enum connection_result connection_send(struct connection *c, struct load_counts *counts,
                                       uint64_t since);

/* Reads what has arrived. IDLE: the batch is answered. */
enum connection_result connection_receive(struct connection *c,
                                          struct load_counts *counts);

/* Writes what could not be sent before. */
enum connection_result connection_flush(struct connection *c);
bool connection_wants_write(const struct connection *c);

uint64_t load_now_ns(void);

#endif
