/*
 * Decimal numbers as the text protocol writes them, without the C library's locale,
 * errno and format strings, because they are on the path of every request.
 */
#ifndef PROTOCOL_NUMBER_H
#define PROTOCOL_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_MAX = 20 }; /* digits of 2^64 - 1 */

/* White space (but no blank), a sign, digits, and then the end or white space, as
 * memcached reads them. A '-' makes number_parse fail unless the value is 0. False also
 * if it does not fit. */
bool number_parse(const char *text, size_t n, uint64_t *value);
bool number_parse_signed(const char *text, size_t n, int64_t *value);

/* Writes at most NUMBER_MAX bytes, without a NUL; returns the address after them. */
char *number_format(char *to, uint64_t value);

#endif
