#include <stdbool.h>
#include <stdint.h>

#include <memcached/util.h>

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After strto*: checks that there was a number, with nothing attached to it. */
static bool ends_well(const char *str, const char *end)
{
    return errno == 0 && end != str && (*end == '\0' || isspace((unsigned char)*end));
}

bool safe_strtoull(const char *str, uint64_t *out)
{
    char *end;
    *out = 0;
    errno = 0;
    unsigned long long number = strtoull(str, &end, 10);
    /* strtoull wraps a negative number around instead of rejecting it. */
    if (!ends_well(str, end) || memchr(str, '-', (size_t)(end - str)) != NULL)
        return false;
    *out = number;
    return true;
}

bool safe_strtoll(const char *str, int64_t *out)
{
    char *end;
    *out = 0;
    errno = 0;
    long long number = strtoll(str, &end, 10);
    if (!ends_well(str, end))
        return false;
    *out = number;
    return true;
}

bool safe_strtoul(const char *str, uint32_t *out)
{
    uint64_t number;
    *out = 0;
    if (!safe_strtoull(str, &number) || number > UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

bool safe_strtol(const char *str, int32_t *out)
{
    int64_t number;
    *out = 0;
    if (!safe_strtoll(str, &number) || number > INT32_MAX || number < INT32_MIN)
        return false;
    *out = (int32_t)number;
    return true;
}

bool safe_strtof(const char *str, float *out)
{
    char *end;
    *out = 0;
    errno = 0;
    float number = strtof(str, &end);
    if (!ends_well(str, end))
        return false;
    *out = number;
    return true;
}

uint64_t htonll(uint64_t number)
{
    return htobe64(number);
}

uint64_t ntohll(uint64_t number)
{
    return be64toh(number);
}

void vperror(const char *fmt, ...)
{
    char text[1024];
    int saved = errno;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    errno = saved;
    perror(text);
}
