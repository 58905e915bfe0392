/*
 * The secrets that a pair of nodes shares, and the file that holds them: one secret a
 * line, 64 hexadecimal digits; empty lines and lines that begin with # do not count. The
 * first secret is offered, all are accepted, so a pair can change its secret while it
 * works.
 *
 * In memory they have pages of their own, which are left out of core dumps, stay out of
 * swap if the kernel allows it, and are wiped when they are freed.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_SIZE = 32, SECRETS_MAX = 2, SECRET_TEXT = 2048 };

struct secrets {
    unsigned n; /* at least 1 */
    unsigned char of[SECRETS_MAX][SECRET_SIZE];
    char text[SECRET_TEXT + 1]; /* the file as it is read; wiped afterwards */
};

/* NULL: why has the reason, names the file and never shows its contents. */
struct secrets *secrets_read(const char *path, char *why, size_t nwhy);
void secrets_free(struct secrets *s); /* s may be NULL */

/* Makes a file with one new secret that only its owner can read. A file that exists is
 * left alone: false. */
bool secret_make(const char *path, char *why, size_t nwhy);

/* Can nobody but this process's user and root read or change the open file? */
bool secret_is_private(int fd, const char *path, char *why, size_t nwhy);

#endif
