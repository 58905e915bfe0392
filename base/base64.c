#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                             "0123456789+/";

static bool digit_value(char c, uint32_t *value)
{
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    if (at != NULL)
        *value = (uint32_t)(at - digits);
    return at != NULL;
}

/* Four characters, of which the last `pad` are '='. */
static bool quad_decode(const char *text, unsigned pad, char *to)
{
    uint32_t bits = 0, value;
    for (unsigned i = 0; i < 4; i++) {
        value = 0;
        if (i < 4 - pad && !digit_value(text[i], &value))
            return false;
        bits = bits << 6 | value;
    }
    for (unsigned i = 0; i < 3 - pad; i++)
        to[i] = (char)(bits >> (16 - 8 * i));
    return (bits & ((1u << (8 * pad)) - 1)) == 0;
}

bool base64_decode(const char *text, size_t n, char *to, size_t *nto)
{
    unsigned pad = 0;
    if (n == 0 || n % 4 != 0)
        return false;
    while (pad < 2 && text[n - 1 - pad] == '=')
        pad++;
    *nto = n / 4 * 3 - pad;
    for (size_t i = 0; i < n; i += 4, to += 3) {
        if (!quad_decode(text + i, i + 4 == n ? pad : 0, to))
            return false;
    }
    return true;
}

char *base64_encode(const void *bytes, size_t n, char *to)
{
    const uint8_t *at = bytes;
    for (; n > 0; at += 3) {
        size_t take = n < 3 ? n : 3;
        uint32_t bits = (uint32_t)at[0] << 16;
        bits |= take > 1 ? (uint32_t)at[1] << 8 : 0;
        bits |= take > 2 ? at[2] : 0;
        for (unsigned i = 0; i < 4; i++)
            *to++ = i <= take ? digits[bits >> (18 - 6 * i) & 63] : '=';
        n -= take;
    }
    return to;
}
