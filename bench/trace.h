/*
 * A trace: which key each request of a load is about, how large the key's value is and
 * how long it lives. All of it is computed from the number of the request or of the key,
 * so that servers that are to be compared are asked the same, however fast they answer,
 * and a load goes on where it stopped. Pure; a trace may be shared by threads.
 *
 *   request  0    1    2    3    4    5    6    7    8    9   10
 *            |    |    |  passer  |    |  passer  |    |  passer  |      passing = 0.3
 *            regular keys 0 .. keys-1, the lower the more often, as Zipf's law has it
 *
 * Passers-by are keys that do not come back, or only after all the other ones: no cache
 * can hit them, and so hit ratios leave them out.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct trace_options {
    uint64_t keys;    /* regular ones */
    double exponent;  /* of Zipf's law; 0: all keys come equally often */
    double passing;   /* the share of requests that are passers-by, 0 to below 1 */
    uint64_t passers; /* different passers-by, which come in turn; 0: no end of them */
    uint64_t least_size, most_size; /* bytes a value; the logarithm is spread evenly */
    uint64_t least_life, most_life; /* seconds; 0: they live for ever */
    uint64_t seed;
};

/* Zipf's law by rejection-inversion: exact, without a table, for any exponent >= 0. The
 * members are of use to trace.c only. */
struct zipf {
    double exponent, items;
    double from, to; /* the integral's ends, between which a draw falls */
    double sure;     /* so near to an integer nothing has to be rejected */
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
