/*
 * A random schedule: clients of all kinds on either node, messages one at a time, and now
 * and then what may befall nodes, link and VIP; in phases, each of which comes to rest.
 * All of it follows from the seed.
 */
#ifndef TEST_SIM_SCHEDULE_H
#define TEST_SIM_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: why says what did not hold. steps grows by the events there were. */
bool schedule_run(uint64_t seed, uint64_t *steps, char *why, size_t nwhy);

#endif
