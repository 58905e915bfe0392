/*
 * Memory that runs out when a fuzzer decides it: the linker redirects all calls of malloc
 * and related functions to here (-Wl,--wrap=...). One thread.
 */
#ifndef TEST_FUZZ_SCARCE_H
#define TEST_FUZZ_SCARCE_H

#include <stdbool.h>

/* Between on and off, only the nth allocation from now fails; 0: none does. */
void scarce_set(unsigned nth);
void scarce_on(void);
void scarce_off(void);

#endif
