/*
 * A trace: the key of each request of a load, the size of the key's value and how long it
 * lives. All of it is computed from the number of the request or of the key. So servers
 * that are compared get the same requests, however fast they answer, and a load can
 * continue where it stopped. Pure functions; threads may share a trace.
 *
 *   request  0    1    2    3    4    5    6    7    8    9   10
 *            |    |    |  passer  |    |  passer  |    |  passer  |      passing = 0.3
 *            regular keys 0 .. keys-1; lower ones are more frequent, by Zipf's law
 *
 * Passers-by are keys that do not return, or only after all other passers-by: no cache
 * can hit them, so hit ratios leave them out.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct trace_options {
    uint64_t keys;    /* regular ones */
    double exponent;  /* of Zipf's law; 0: all keys are equally frequent */
    double passing;   /* the share of requests for passers-by, from 0 to below 1 */
    uint64_t passers; /* distinct passers-by, which come in turn; 0: unlimited */
    uint64_t least_size, most_size; /* bytes of a value; the logarithm is uniform */
    uint64_t least_life, most_life; /* seconds; 0: they live for ever */
    uint64_t seed;
};

/* Zipf's law by rejection-inversion: exact, without a table, for any exponent >= 0. Only
 * trace.c uses the members. */
struct zipf {
    double exponent, items;
    double from, to; /* bounds of the integral, between which a draw falls */
    double sure;     /* this close to an integer nothing has to be rejected */
};

struct trace {
    struct trace_options options;
    struct zipf zipf;
};

struct trace_request {
    uint64_t key;
    bool passes; /* it is a passer-by */
};

void trace_init(struct trace *t, const struct trace_options *options);
struct trace_request trace_request(const struct trace *t, uint64_t number);
uint32_t trace_size(const struct trace *t, uint64_t key);
uint32_t trace_life(const struct trace *t, uint64_t key);

#endif
