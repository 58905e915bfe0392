/* Keys of meta commands may come as base64, so that they can be any bytes. */
#ifndef PROTOCOL_BASE64_H
#define PROTOCOL_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes at most n / 4 * 3 bytes to `to`; false if text is no padded base64. */
bool base64_decode(const char *text, size_t n, char *to, size_t *nto);

/* Writes BASE64_SIZE(n) bytes; the address after them. */
char *base64_encode(const void *bytes, size_t n, char *to);

#endif
