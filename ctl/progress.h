/* A line that shows how far a transfer is, if standard error is a terminal. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t total; /* items; 0: unknown */
    uint64_t items, bytes;
    uint64_t began, shown; /* microseconds */
    bool visible;
};

void progress_begin(struct progress *p, uint64_t total);
void progress_add(struct progress *p, uint64_t bytes);
/* Removes the line. */
void progress_end(struct progress *p);
double progress_seconds(const struct progress *p);

#endif
