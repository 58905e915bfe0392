/*
 * A random schedule: clients of all kinds on either node, messages one at a time, and
 * now and then a fault of a node, the link or the VIP. It runs in phases, each of which
 * comes to rest. The seed determines all of it.
 */
#ifndef TEST_SIM_SCHEDULE_H
#define TEST_SIM_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: why says what did not hold. *steps grows by the number of events. */
bool schedule_run(uint64_t seed, uint64_t *steps, char *why, size_t nwhy);

#endif
