#include "protocol/number.h"

#include <string.h>

static bool is_white(char c)
{
    return c >= '\t' && c <= '\r';
}

/* More than 9: no digit. */
static unsigned digit_of(char c)
{
    return (unsigned)(unsigned char)c - '0';
}

/* Nearly all flags and many expiries are 0. */
static bool one_digit_parse(const char *text, size_t n, unsigned *digit)
{
    return n == 1 && (*digit = digit_of(*text)) <= 9;
}

/* Digits up to the end, or up to white space: what follows that does not count. */
static bool digits_parse(const char *at, const char *end, uint64_t *value)
{
    /* 19 digits always fit; only longer numbers need the overflow checks. */
    const char *first = at, *safe = end - at > NUMBER_MAX - 1 ? at + NUMBER_MAX - 1 : end;
    uint64_t v = 0;
    unsigned digit;
    for (; at < safe && (digit = digit_of(*at)) <= 9; at++)
        v = v * 10 + digit;
    for (; at < end && (digit = digit_of(*at)) <= 9; at++) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *value = v;
    return at > first && (at == end || is_white(*at));
}

/* Behind white space and a sign; `negative` tells which. */
static const char *sign_parse(const char *at, const char *end, bool *negative)
{
    while (at < end && is_white(*at))
        at++;
    *negative = at < end && *at == '-';
    return at + (*negative || (at < end && *at == '+'));
}

bool number_parse(const char *text, size_t n, uint64_t *value)
{
    bool negative = false;
    unsigned digit;
    const char *end = text + n;
    if (one_digit_parse(text, n, &digit)) {
        *value = digit;
        return true;
    }
    if (n > 0 && *text < '0')
        text = sign_parse(text, end, &negative);
    return digits_parse(text, end, value) && (!negative || *value == 0);
}

bool number_parse_signed(const char *text, size_t n, int64_t *value)
{
    bool negative = false;
    uint64_t v;
    unsigned digit;
    const char *end = text + n;
    if (one_digit_parse(text, n, &digit)) {
        *value = digit;
        return true;
    }
    if (n > 0 && *text < '0')
        text = sign_parse(text, end, &negative);
    if (!digits_parse(text, end, &v) || v > (uint64_t)INT64_MAX + negative)
        return false;
    *value = (int64_t)(negative ? 0 - v : v);
    return true;
}

char *number_format(char *to, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    if (value < 10) {
        *to = (char)('0' + value);
        return to + 1;
    }
    char digits[NUMBER_MAX], *end = digits + sizeof(digits), *at = end;
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (value % 100), 2);
    }
    if (value >= 10) {
        at -= 2;
        memcpy(at, pairs + 2 * value, 2);
    } else {
        *--at = (char)('0' + value);
    }
    memcpy(to, at, (size_t)(end - at));
    return to + (end - at);
}
