/* What `mcreplctl help` prints. */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include <stddef.h>
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/options.h"

/* A row has either `run`, for a command that only asks the node, or `own`. */
struct ctl_command {
    const char *name;
    const char *words; /* what stands behind it; empty: nothing */
    int (*run)(struct ask *ask, const char *name);
    int (*own)(struct common_options *common, int argc, char **argv);
    unsigned timeout_ms;        /* the default of --timeout */
    void (*options)(FILE *out); /* prints its own options; NULL: it has none */
    const char *brief, *more;
};

void help_all(FILE *out, const struct ctl_command *commands, size_t n);
void help_one(FILE *out, const struct ctl_command *command);

#endif
