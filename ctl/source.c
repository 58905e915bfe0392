#include "ctl/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"

enum {
    BATCH_BYTES = MEMCACHE_REQUESTS / 2, /* two batches are on their way */
    BATCH_KEYS = 200,
    KEY_ENCODED = 2 * ITEM_KEY_MAX,
    VALUE_MOST = 1 << 30
};

struct batch {
    unsigned n;
    unsigned char nkey[BATCH_KEYS];
    char key[BATCH_KEYS][ITEM_KEY_MAX];
};

static bool fail(struct source *s, const char *what, const char *line)
{
    snprintf(s->why, sizeof(s->why), "%s %s: '%.200s'", s->keys.name, what, line);
    return false;
}

static bool fail_as(struct source *s, const struct memcache *m)
{
    snprintf(s->why, sizeof(s->why), "%s", m->why);
    return false;
}

/* ---- keys */

static int digit(char c)
{
    return !isxdigit((unsigned char)c) ? -1
           : isdigit((unsigned char)c) ? c - '0'
                                       : (c | 32) - 'a' + 10;
}

/* The text up to a blank, with %XX as bytes. 0: it is no key. */
static unsigned decode_key(const char *text, char *key)
{
    unsigned n = 0;
    for (; *text != '\0' && *text != ' '; text++) {
        if (n == ITEM_KEY_MAX)
            return 0;
        if (*text != '%') {
            key[n++] = *text;
            continue;
        }
        int high = digit(text[1]), low = high < 0 ? -1 : digit(text[2]);
        if (low < 0)
            return 0;
        key[n++] = (char)(high * 16 + low);
        text += 2;
    }
    return n;
}

static bool ask_for_value(struct source *s, const struct batch *b, unsigned i)
{
    char line[KEY_ENCODED + 32] = "mg ";
    char *end = base64_encode(b->key[i], b->nkey[i], line + 3);
    memcpy(end, " b v f t c\r\n", 12);
    return buffer_append(&s->values.out, line, (size_t)(end + 12 - line));
}

enum more { MORE, LAST, FAILED };

/* Reads keys and asks for their values. */
static enum more next_batch(struct source *s, struct batch *b)
{
    enum more more = MORE;
    for (b->n = 0; b->n < BATCH_KEYS && buffer_length(&s->values.out) < BATCH_BYTES;
         b->n++) {
        const char *line = memcache_line(&s->keys);
        if (line == NULL)
            return fail_as(s, &s->keys) ? MORE : FAILED;
        if (strcmp(line, "END") == 0) {
            more = LAST;
            break;
        }
        unsigned n =
            strncmp(line, "key=", 4) == 0 ? decode_key(line + 4, b->key[b->n]) : 0;
        if (n == 0)
            return fail(s, "gives no dump of its keys", line) ? MORE : FAILED;
        b->nkey[b->n] = (unsigned char)n;
        ask_for_value(s, b, b->n);
    }
    return memcache_send(&s->values) || fail_as(s, &s->values) ? more : FAILED;
}

/* ---- values */

/* The facts of "VA <size> f<flags> ...". False: it is stale, so nobody should get it. */
static bool take_facts(const char *line, struct item *it)
{
    bool fresh = true;
    for (const char *at = strchr(line, ' '); at != NULL; at = strchr(at + 1, ' ')) {
        uint64_t number = strtoull(at + 2, NULL, 10);
        switch (at[1]) {
        case 'f':
            it->flags = (uint32_t)number;
            break;
        case 'c':
            it->cas = number;
            break;
        case 't':
            it->expires = at[2] == '-' ? 0 : (uint64_t)time(NULL) + number;
            break;
        case 'X':
            fresh = false;
            break;
        default:
            break;
        }
    }
    return fresh;
}

static bool pass_value(struct source *s, const char *line, struct item *it,
                       const struct item_taker *taker)
{
    char *end;
    unsigned long size = strtoul(line + 3, &end, 10);
    if (!isdigit((unsigned char)line[3]) || (*end != ' ' && *end != '\0') ||
        size > VALUE_MOST)
        return fail(s, "sends an impossible value", line);
    bool fresh = take_facts(end, it);
    it->value = memcache_bytes(&s->values, size + 2);
    if (it->value == NULL)
        return fail_as(s, &s->values);
    if (memcmp(it->value + size, "\r\n", 2) != 0)
        return fail(s, "sends a value that does not end where it should", "VA");
    it->nvalue = (uint32_t)size;
    s->gone += !fresh;
    return !fresh || taker->take(taker->context, it);
}

static bool pass_batch(struct source *s, const struct batch *b,
                       const struct item_taker *taker)
{
    for (unsigned i = 0; i < b->n; i++) {
        struct item it = { .key = b->key[i], .nkey = b->nkey[i] };
        const char *line = memcache_line(&s->values);
        if (line == NULL)
            return fail_as(s, &s->values);
        if (strcmp(line, "EN") == 0) {
            s->gone++;
            continue;
        }
        if (strncmp(line, "VA ", 3) != 0)
            return fail(s, "does not give a value", line);
        if (!pass_value(s, line, &it, taker))
            return false;
    }
    return true;
}

bool source_each(struct source *s, const struct item_taker *taker)
{
    static const char dump[] = "lru_crawler metadump hash\r\n";
    struct batch *b = calloc(2, sizeof(*b));
    enum more more = b != NULL ? MORE : FAILED;
    unsigned now = 0;
    if (b == NULL)
        snprintf(s->why, sizeof(s->why), "out of memory");
    else if (!buffer_append(&s->keys.out, dump, sizeof(dump) - 1) ||
             !memcache_send(&s->keys))
        more = fail_as(s, &s->keys) ? MORE : FAILED;
    while (more == MORE) {
        more = next_batch(s, &b[now]);
        now = 1 - now;
        if (more != FAILED && !pass_batch(s, &b[now], taker))
            more = FAILED;
    }
    bool ok = more == LAST && pass_batch(s, &b[1 - now], taker);
    free(b);
    return ok;
}

/* ---- life */

static bool count_items(struct source *s)
{
    static const char figure[] = "STAT curr_items ";
    const char *line;
    if (!buffer_append(&s->values.out, "stats\r\n", 7) || !memcache_send(&s->values))
        return fail_as(s, &s->values);
    while ((line = memcache_line(&s->values)) != NULL) {
        if (strcmp(line, "END") == 0)
            return true;
        if (strncmp(line, figure, sizeof(figure) - 1) == 0)
            s->items = strtoull(line + sizeof(figure) - 1, NULL, 10);
        if (strncmp(line, "STAT ", 5) != 0)
            return fail(s, "does not understand the text protocol", line);
    }
    return fail_as(s, &s->values);
}

bool source_open(struct source *s, const char *address, unsigned timeout_ms)
{
    *s = (struct source){ .keys.fd = -1, .values.fd = -1 };
    if (!memcache_open(&s->keys, address, timeout_ms))
        return fail_as(s, &s->keys);
    if (!memcache_open(&s->values, address, timeout_ms))
        return fail_as(s, &s->values);
    return count_items(s);
}

void source_close(struct source *s)
{
    memcache_close(&s->keys);
    memcache_close(&s->values);
}
