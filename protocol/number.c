#include "protocol/number.h"

#include <string.h>

static bool digits_parse(const char *at, const char *end, uint64_t *value)
{
    /* 19 digits always fit; only longer numbers need the overflow checks. */
    const char *safe = end - at > NUMBER_MAX - 1 ? at + NUMBER_MAX - 1 : end;
    uint64_t v = 0;
    if (at == end)
        return false;
    for (; at < safe; at++) {
        unsigned digit = (unsigned)(unsigned char)*at - '0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    for (; at < end; at++) {
        unsigned digit = (unsigned)(unsigned char)*at - '0';
        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *value = v;
    return true;
}

bool number_parse(const char *text, size_t n, uint64_t *value)
{
    const char *end = text + n;
    if (n > 0 && *text == '+')
        text++;
    return digits_parse(text, end, value);
}

bool number_parse_signed(const char *text, size_t n, int64_t *value)
{
    uint64_t v;
    if (n > 0 && *text == '-') {
        if (!digits_parse(text + 1, text + n, &v) || v > (uint64_t)INT64_MAX + 1)
            return false;
        *value = (int64_t)(0 - v);
        return true;
    }
    if (!number_parse(text, n, &v) || v > INT64_MAX)
        return false;
    *value = (int64_t)v;
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
