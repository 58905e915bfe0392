/* See trace.h. */
#include "bench/trace.h"

#include <math.h>

/* ---- random numbers that depend only on the position in the sequence (SplitMix64) */

static uint64_t scramble(uint64_t bits)
{
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

static uint64_t draw(uint64_t *state)
{
    return scramble(*state += 0x9e3779b97f4a7c15u);
}

/* In [0, 1). */
static double fraction_of(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

/* ---- Zipf's law: W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates
 * from monotone discrete distributions", 1996. Terms that are undefined at exponent 1 use
 * their limit there. */

static double weight(const struct zipf *z, double x)
{
    return exp(-z->exponent * log(x));
}

static double integral(const struct zipf *z, double x)
{
    double power = (1 - z->exponent) * log(x);
    return log(x) * (fabs(power) > 1e-8 ? expm1(power) / power : 1 + power / 2);
}

static double inverse(const struct zipf *z, double y)
{
    double power = fmax((1 - z->exponent) * y, -1);
    return exp(y * (fabs(power) > 1e-8 ? log1p(power) / power : 1 - power / 2));
}

static void zipf_init(struct zipf *z, double exponent, uint64_t items)
{
    *z = (struct zipf){ .exponent = exponent, .items = (double)items };
    z->from = integral(z, 1.5) - 1;
    z->to = integral(z, z->items + 0.5);
    z->sure = 2 - inverse(z, integral(z, 2.5) - weight(z, 2));
}

/* From 1, the most frequent item, to `items`. */
static double zipf_draw(const struct zipf *z, uint64_t *state)
{
    for (;;) {
        double y = z->to + fraction_of(draw(state)) * (z->from - z->to);
        double x = inverse(z, y), rank = fmin(fmax(floor(x + 0.5), 1), z->items);
        if (rank - x <= z->sure || y >= integral(z, rank + 0.5) - weight(z, rank))
            return rank;
    }
}

/* ---- the trace */

void trace_init(struct trace *t, const struct trace_options *options)
{
    t->options = *options;
    zipf_init(&t->zipf, options->exponent, options->keys);
}

struct trace_request trace_request(const struct trace *t, uint64_t number)
{
    const struct trace_options *o = &t->options;
    double passed = floor((double)number * o->passing);
    if (floor((double)(number + 1) * o->passing) > passed) {
        uint64_t passer = (uint64_t)passed;
        return (struct trace_request){
            .key = o->keys + (o->passers ? passer % o->passers : passer), .passes = true
        };
    }
    uint64_t state = scramble(o->seed) ^ number * 0xd1342543de82ef95u;
    return (struct trace_request){ .key = (uint64_t)zipf_draw(&t->zipf, &state) - 1 };
}

uint32_t trace_size(const struct trace *t, uint64_t key)
{
    const struct trace_options *o = &t->options;
    if (o->least_size == o->most_size)
        return (uint32_t)o->least_size;
    double spread = (double)o->most_size / (double)o->least_size;
    return (uint32_t)((double)o->least_size *
                      pow(spread, fraction_of(scramble(key + 1))));
}

uint32_t trace_life(const struct trace *t, uint64_t key)
{
    const struct trace_options *o = &t->options;
    return (uint32_t)(o->least_life +
                      scramble(~key) % (o->most_life - o->least_life + 1));
}
