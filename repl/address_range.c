#include "repl/address_range.h"

#include <stdio.h>
#include <string.h>

#include "protocol/number.h"

/* The host alone, without brackets; false if there is none, or too much of it. */
static bool take_host(const char *text, size_t n, char host[HOST_ROOM])
{
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= HOST_ROOM)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    return true;
}

/* Of the n bytes of text. */
static bool parse_one(const char *text, size_t n, struct address_range *out)
{
    char host[HOST_ROOM];
    const char *slash = memchr(text, '/', n);
    size_t nhost = slash != NULL ? (size_t)(slash - text) : n;
    uint64_t bits;
    if (!take_host(text, nhost, host) || !address_numeric(host, 0, &out->base))
        return false;
    uint64_t most = out->base.any.sa_family == AF_INET6 ? 128 : 32;
    if (slash == NULL)
        bits = most;
    else if (!number_parse(slash + 1, n - nhost - 1, &bits) || bits > most)
        return false;
    out->bits = (unsigned)(128 - most + bits);
    return true;
}

bool address_ranges_parse(const char *text, struct address_ranges *out, char *why,
                          size_t nwhy)
{
    out->n = 0;
    for (const char *end;; text = end + 1) {
        end = strchrnul(text, ',');
        if (out->n == ADDRESS_RANGES) {
            snprintf(why, nwhy, "option 'peer_from' has more than %d addresses",
                     ADDRESS_RANGES);
            return false;
        }
        if (!parse_one(text, (size_t)(end - text), &out->range[out->n])) {
            snprintf(why, nwhy,
                     "option 'peer_from' is a list of addresses, or networks as "
                     "10.0.0.0/24, with commas between them; this is none: '%.*s'",
                     (int)(end - text < 60 ? end - text : 60), text);
            return false;
        }
        out->n++;
        if (*end == '\0')
            return true;
    }
}

static bool has(const struct address_range *range, const uint8_t bytes[ADDRESS_BYTES])
{
    uint8_t base[ADDRESS_BYTES];
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    address_bytes(&range->base, base);
    if (memcmp(base, bytes, whole) != 0)
        return false;
    return rest == 0 || ((base[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

bool address_ranges_have(const struct address_ranges *ranges, const struct address *a)
{
    uint8_t bytes[ADDRESS_BYTES];
    address_bytes(a, bytes);
    for (unsigned i = 0; i < ranges->n; i++) {
        if (has(&ranges->range[i], bytes))
            return true;
    }
    return false;
}
