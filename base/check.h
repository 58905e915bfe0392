/*
 * Checks of our own invariants. They are active in every build: a cache that knows it is
 * corrupt must stop, so that the peer takes over. Never use them on bytes from a client,
 * a peer or a file: such errors come from outside and get an error return.
 *
 * An object that is on the heap or is passed as a void pointer starts with an
 * `unsigned magic` of its own; CHECK_OBJ detects a wrong or freed object early.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

_Noreturn void check_failed(const char *what, const char *file, int line);

#define CHECK(cond)                                                                      \
    do {                                                                                 \
        if (__builtin_expect(!(cond), 0))                                                \
            check_failed(#cond, __FILE__, __LINE__);                                     \
    } while (0)

/* Assert zero (the usual success of pthread calls) and non-zero. */
#define AZ(expr) CHECK((expr) == 0)
#define AN(expr) CHECK((expr) != 0)

#define CHECK_OBJ(ptr, type_magic) CHECK((ptr) != NULL && (ptr)->magic == (type_magic))

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#endif
