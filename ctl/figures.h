/* The figures of a node: names and values, in the order in which they came. */
#ifndef CTL_FIGURES_H
#define CTL_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/ask.h"

enum { FIGURES_MAX = 128 };

struct figures {
    unsigned n;
    struct {
        char name[32], value[180];
    } of[FIGURES_MAX];
};

enum answer figures_read(struct ask *ask, struct figures *f, const char **text);
const char *figures_text(const struct figures *f, const char *name); /* "" if unknown */
uint64_t figures_number(const struct figures *f, const char *name);

/* By how much it grows each second. */
double figures_rate(const struct figures *now, const struct figures *before,
                    double seconds, const char *name);

/* Print lines "name value unit". before: the figures of `seconds` ago, for rates; NULL if
 * there are none. */
void figures_print(FILE *out, const struct figures *f, const struct figures *before,
                   double seconds);
void figures_print_json(FILE *out, const struct figures *f);

#endif
