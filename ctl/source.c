#include "ctl/source.h"

#include <ctype.h>
#include <errno.h>
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
    snprintf(s->why, sizeof(s->why), "%s %s: '%.200s'", s->server.name, what, line);
    return false;
}

static bool fail_as_server(struct source *s)
{
    snprintf(s->why, sizeof(s->why), "%s", s->server.why);
    return false;
}

static bool fail_as_file(struct source *s)
{
    snprintf(s->why, sizeof(s->why), "cannot keep the keys in a temporary file: %s",
             strerror(errno));
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

static bool keep_key(struct source *s, const char *line)
{
    char key[1 + ITEM_KEY_MAX];
    unsigned n = strncmp(line, "key=", 4) == 0 ? decode_key(line + 4, key + 1) : 0;
    if (n == 0)
        return fail(s, "gives no dump of its keys", line);
    key[0] = (char)n;
    s->items++;
    return fwrite(key, 1 + n, 1, s->keys) == 1 || fail_as_file(s);
}

static bool ask(struct source *s, const char *line, size_t n)
{
    return (buffer_append(&s->server.out, line, n) && memcache_send(&s->server)) ||
           fail_as_server(s);
}

static bool read_keys(struct source *s)
{
    static const char dump[] = "lru_crawler metadump hash\r\n";
    const char *line;
    s->keys = tmpfile();
    if (s->keys == NULL)
        return fail_as_file(s);
    if (!ask(s, dump, sizeof(dump) - 1))
        return false;
    while ((line = memcache_line(&s->server)) != NULL) {
        if (strcmp(line, "END") == 0)
            return fflush(s->keys) == 0 || fail_as_file(s);
        if (!keep_key(s, line))
            return false;
    }
    return fail_as_server(s);
}

/* ---- batches */

static void append_request(struct source *s, const char *key, unsigned nkey)
{
    char line[KEY_ENCODED + 32] = "mg ";
    char *end = base64_encode(key, nkey, line + 3);
    memcpy(end, " b v f t c\r\n", 12);
    buffer_append(&s->server.out, line, (size_t)(end + 12 - line));
}

/* Takes keys from the file and asks for their values; an empty batch is the end. */
static bool next_batch(struct source *s, struct batch *b)
{
    int n;
    for (b->n = 0; b->n < BATCH_KEYS && buffer_length(&s->server.out) < BATCH_BYTES;
         b->n++) {
        if ((n = getc(s->keys)) == EOF)
            break;
        b->nkey[b->n] = (unsigned char)n;
        if (fread(b->key[b->n], (size_t)n, 1, s->keys) != 1)
            return fail_as_file(s);
        append_request(s, b->key[b->n], (unsigned)n);
    }
    if (ferror(s->keys))
        return fail_as_file(s);
    return memcache_send(&s->server) || fail_as_server(s);
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
    it->value = memcache_bytes(&s->server, size + 2);
    if (it->value == NULL)
        return fail_as_server(s);
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
        const char *line = memcache_line(&s->server);
        if (line == NULL)
            return fail_as_server(s);
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

static bool pass_batches(struct source *s, struct batch *b,
                         const struct item_taker *taker)
{
    unsigned now = 0;
    if (!next_batch(s, &b[now]))
        return false;
    while (b[now].n > 0) {
        if (!next_batch(s, &b[1 - now]) || !pass_batch(s, &b[now], taker))
            return false;
        now = 1 - now;
    }
    return true;
}

bool source_each(struct source *s, const struct item_taker *taker)
{
    struct batch *b = calloc(2, sizeof(*b));
    rewind(s->keys);
    if (b == NULL)
        snprintf(s->why, sizeof(s->why), "out of memory");
    bool ok = b != NULL && pass_batches(s, b, taker);
    free(b);
    return ok;
}

bool source_open(struct source *s, const char *address, unsigned timeout_ms)
{
    *s = (struct source){ .keys = NULL };
    if (!memcache_open(&s->server, address, timeout_ms))
        return fail_as_server(s);
    return read_keys(s);
}

void source_close(struct source *s)
{
    memcache_close(&s->server);
    if (s->keys != NULL)
        fclose(s->keys);
}
