/*
 * Memory that runs out when a fuzzer says so: the linker sends all calls of malloc and
 * its kin through here (-Wl,--wrap=...). One thread.
 */
#ifndef TEST_FUZZ_SCARCE_H
#define TEST_FUZZ_SCARCE_H

#include <stdbool.h>

/* Between on and off the nth allocation from now fails, and no other; 0: none does. */
void scarce_set(unsigned nth);
void scarce_on(void);
void scarce_off(void);

#endif
