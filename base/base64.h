/* Base64: keys of meta commands may be encoded with it, so that they can hold any
 * bytes. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes at most n / 4 * 3 bytes to `to`; false if text is not padded base64. */
bool base64_decode(const char *text, size_t n, char *to, size_t *nto);

/* Writes BASE64_SIZE(n) bytes; returns the address after them. */
char *base64_encode(const void *bytes, size_t n, char *to);

#endif
