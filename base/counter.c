#include "base/counter.h"

#include <ctype.h>
#include <string.h>

enum { DIGITS_MAX = 20, END = -1 };

struct cursor {
    const struct iovec *piece;
    size_t n, at; /* pieces left; position in the first of them */
};

static int next(struct cursor *c)
{
    for (; c->n > 0; c->piece++, c->n--, c->at = 0) {
        if (c->at < c->piece->iov_len)
            return ((const unsigned char *)c->piece->iov_base)[c->at++];
    }
    return END;
}

static size_t length_of(const struct iovec *pieces, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        length += pieces[i].iov_len;
    return length;
}

bool counter_read(const struct iovec *pieces, size_t n, uint64_t *number)
{
    struct cursor cursor = { pieces, n, 0 };
    uint64_t value = 0;
    size_t digits = 0;
    int c = next(&cursor);
    while (isspace(c))
        c = next(&cursor);
    if (c == '+')
        c = next(&cursor);
    for (; isdigit(c); c = next(&cursor), digits++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (unsigned)(c - '0'), &value))
            return false;
    }
    *number = value;
    return digits > 0 && (c == END || isspace(c)) &&
           length_of(pieces, n) <= COUNTER_VALUE_MAX;
}

uint64_t counter_change(uint64_t number, bool increment, uint64_t delta)
{
    if (increment)
        return number + delta;
    return number > delta ? number - delta : 0;
}

/* Writes the digits right-aligned into room; returns how many. */
static size_t to_digits(uint64_t number, char room[DIGITS_MAX])
{
    size_t n = 0;
    do
        room[DIGITS_MAX - ++n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return n;
}

size_t counter_length(uint64_t number, size_t former)
{
    char room[DIGITS_MAX];
    size_t digits = to_digits(number, room);
    return digits > former ? digits : former;
}

bool counter_write(const struct iovec *pieces, size_t n, uint64_t number)
{
    char room[DIGITS_MAX];
    size_t left = to_digits(number, room);
    for (size_t i = 0; i < n; i++) {
        size_t length = pieces[i].iov_len, part = length < left ? length : left;
        memcpy(pieces[i].iov_base, room + DIGITS_MAX - left, part);
        memset((char *)pieces[i].iov_base + part, ' ', length - part);
        left -= part;
    }
    return left == 0;
}
