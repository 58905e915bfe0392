#include "ctl/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"

enum {
    BATCH_ITEMS = 500, /* so few that all answers fit into the socket */
    BATCH_BYTES = 256 * 1024,
    BATCHES = 2,
    RELATIVE_MOST = 30 * 24 * 3600, /* seconds; larger numbers are dates */
    LINE_MOST = 2 * ITEM_KEY_MAX + 160
};

bool target_open(struct target *t, const char *address, unsigned timeout_ms)
{
    *t = (struct target){ 0 };
    return memcache_open(&t->server, address, timeout_ms);
}

void target_close(struct target *t)
{
    memcache_close(&t->server);
}

static void note_refusal(struct target *t, const char *line)
{
    bool lacks_flag = t->with_cas && strcmp(line, "CLIENT_ERROR invalid flag") == 0;
    if (t->refused++ == 0)
        snprintf(t->first_error, sizeof(t->first_error), "%s%s", line,
                 lacks_flag ? ": the server does not know the flag E of ms; "
                              "load without --cas"
                            : "");
}

/* Reads up to the end of the oldest batch. */
static bool take_answers(struct target *t)
{
    const char *line;
    while ((line = memcache_line(&t->server)) != NULL) {
        if (strcmp(line, "MN") == 0) {
            t->open--;
            return true;
        }
        if (strncmp(line, "NS", 2) == 0) {
            t->kept++;
            continue;
        }
        note_refusal(t, line);
    }
    return false;
}

static bool end_batch(struct target *t)
{
    buffer_append(&t->server.out, "mn\r\n", 4);
    t->open++;
    t->in_batch = 0;
    t->batch_bytes = 0;
    return memcache_send(&t->server) && (t->open < BATCHES || take_answers(t));
}

static bool append(struct target *t, const struct item *it, uint64_t ttl)
{
    char line[LINE_MOST] = "ms ", cas[32] = "";
    char *end = base64_encode(it->key, it->nkey, line + 3);
    if (t->with_cas && it->cas != 0)
        snprintf(cas, sizeof(cas), " E%" PRIu64, it->cas);
    end += snprintf(end, sizeof(line) - (size_t)(end - line),
                    " %" PRIu32 " b q F%" PRIu32 " T%" PRIu64 " M%c%s\r\n", it->nvalue,
                    it->flags, ttl, t->replace ? 'S' : 'E', cas);
    struct buffer *out = &t->server.out;
    return buffer_append(out, line, (size_t)(end - line)) &&
           buffer_append(out, it->value, it->nvalue) && buffer_append(out, "\r\n", 2);
}

bool target_put(struct target *t, const struct item *it)
{
    uint64_t now = (uint64_t)time(NULL), ttl = 0;
    if (it->expires != 0 && it->expires <= now) {
        t->expired++;
        return true;
    }
    if (it->expires != 0)
        ttl = it->expires - now <= RELATIVE_MOST ? it->expires - now : it->expires;
    if (!append(t, it, ttl))
        return memcache_send(&t->server); /* which says that memory is short */
    t->sent++;
    t->bytes += it->nkey + it->nvalue;
    t->batch_bytes += it->nkey + it->nvalue;
    if (++t->in_batch < BATCH_ITEMS && t->batch_bytes < BATCH_BYTES)
        return true;
    return end_batch(t);
}

bool target_finish(struct target *t)
{
    if (!end_batch(t))
        return false;
    while (t->open > 0) {
        if (!take_answers(t))
            return false;
    }
    return true;
}
