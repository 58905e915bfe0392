#include "server/dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/base64.h"
#include "protocol/number.h"
#include "server/answer.h"
#include "server/clock.h"
#include "server/dump_state.h"
#include "server/item_view.h"
#include "server/server.h"
#include "server/uri.h"

enum {
    SLICE_STEPS = 512,       /* of the scan, each of a few buckets */
    SLICE_BYTES = 64 * 1024, /* of output */
    DUMPS_MAX = 4,           /* at the same time */
    LINE_MOST = 3 * KEY_MAX + 200
};

/* ---- lines */

static char *put_text(char *to, const char *text)
{
    size_t n = strlen(text);
    memcpy(to, text, n);
    return to + n;
}

/* Can the key stand in a line of the text protocol? */
static bool is_plain(const unsigned char *key, size_t nkey)
{
    for (size_t i = 0; i < nkey; i++) {
        if (key[i] <= ' ' || key[i] == 0x7f)
            return false;
    }
    return true;
}

/* What the engine does not tell: no use is known (-1, as for no expiry); the size is at
 * least that of key and value. */
static char *line_meta(char *to, const item_info *info, const struct admin_facts *facts)
{
    int64_t exp = info->exptime != 0 ? clock_abstime(info->exptime) : -1;
    int64_t used = facts->knows_idle ? clock_date() - facts->idle : -1;
    uint64_t size = facts->size > 0 ? facts->size : (uint64_t)info->nkey + info->nbytes;
    to = uri_encode(put_text(to, "key="), info->key, info->nkey);
    return to + sprintf(to,
                        " exp=%" PRId64 " la=%" PRId64 " cas=%" PRIu64
                        " fetch=%s cls=%u size=%" PRIu64 "\n",
                        exp, used, info->cas, facts->read ? "yes" : "no", info->clsid,
                        size);
}

static char *line_mg(char *to, const item_info *info, const struct admin_facts *facts)
{
    (void)facts;
    bool plain = is_plain(info->key, info->nkey);
    to = put_text(to, "mg ");
    if (plain) {
        memcpy(to, info->key, info->nkey);
        to += info->nkey;
    } else {
        to = put_text(base64_encode(info->key, info->nkey, to), " b");
    }
    return put_text(to, "\r\n");
}

static char *line_cache(char *to, const item_info *info, const struct admin_facts *facts)
{
    (void)facts;
    uint64_t exp = info->exptime != 0 ? (uint64_t)clock_abstime(info->exptime) : 0;
    if (!is_plain(info->key, info->nkey))
        return to; /* it cannot be told apart from what follows */
    to = put_text(to, "ITEM ");
    memcpy(to, info->key, info->nkey);
    return to + info->nkey +
           sprintf(to + info->nkey, " [%u b; %" PRIu64 " s]\r\n", info->nbytes, exp);
}

static const struct {
    char *(*line)(char *to, const item_info *info, const struct admin_facts *facts);
    const char *end, *no_class, *refused;
} kinds[] = {
    [DUMP_META] = { line_meta, "END", "BADCLASS invalid class id",
                    "ERROR metadump not allowed" },
    [DUMP_MG] = { line_mg, "EN", "BADCLASS invalid class id",
                  "ERROR mgdump not allowed" },
    [DUMP_CACHE] = { line_cache, "END", "CLIENT_ERROR Illegal slab id",
                     "CLIENT_ERROR stats cachedump not allowed" },
};

/* ---- slices */

static enum verdict say(struct connection *c, const char *line)
{
    struct response res = { .text = line, .ntext = (uint32_t)strlen(line) };
    return command_answer(c, &res);
}

static enum verdict finish(struct connection *c, const char *line)
{
    dump_drop(c->dump);
    c->dump = NULL;
    return say(c, line);
}

static bool is_wanted(const struct dump *d, const item_info *info)
{
    unsigned id = info->clsid;
    bool expired = info->exptime != 0 && info->exptime <= clock_now();
    return !expired && (d->classes[id / 64] >> id % 64 & 1) != 0;
}

/* False: there is no memory for the line, or the engine does not show the item. */
static bool show(struct connection *c, struct dump *d, item *it,
                 const struct admin_facts *facts)
{
    union item_view view;
    struct buffer *out = &c->io->out.bytes;
    char *start = buffer_reserve(out, LINE_MOST);
    if (start == NULL || !item_view_get(c, it, &view))
        return false;
    if (!is_wanted(d, &view.info) || d->left == 0 || view.info.nkey > KEY_MAX)
        return true;
    size_t n = (size_t)(kinds[d->kind].line(start, &view.info, facts) - start);
    buffer_commit(out, n);
    d->left -= n > 0;
    return true;
}

/* Each step shows an item, or none. */
static enum scan_step step(struct connection *c, struct dump *d)
{
    item *it = NULL;
    struct admin_facts facts;
    enum scan_step s = scan_next(&d->scan, &it, &facts);
    if (s != SCAN_ITEM)
        return s;
    bool ok = show(c, d, it, &facts);
    c->worker->api->release(c->worker->handle, c, it);
    return ok ? SCAN_ITEM : SCAN_FAILED;
}

enum verdict dump_go_on(struct connection *c)
{
    struct dump *d = c->dump;
    enum scan_step s = SCAN_NOTHING;
    for (int i = 0; i < SLICE_STEPS && output_length(&c->io->out) < SLICE_BYTES; i++) {
        s = d->left > 0 ? step(c, d) : SCAN_END;
        if (s == SCAN_END)
            return finish(c, kinds[d->kind].end);
        if (s == SCAN_FAILED)
            return finish(c, "SERVER_ERROR out of memory in the middle of a dump");
    }
    return VERDICT_AGAIN;
}

/* ---- the beginning */

static bool add_class(struct dump *d, const char *at, size_t n)
{
    uint64_t id;
    if (!number_parse(at, n, &id) || id > DUMP_CLASS_LAST ||
        (id == 0 && d->kind != DUMP_CACHE))
        return false;
    d->classes[id / 64] |= UINT64_C(1) << id % 64;
    return true;
}

static bool take_classes(struct dump *d, const char *at, size_t n)
{
    const char *end = at + n;
    if ((n == 3 && memcmp(at, "all", 3) == 0) || (n == 4 && memcmp(at, "hash", 4) == 0)) {
        memset(d->classes, 0xff, sizeof(d->classes));
        return true;
    }
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        if (stop > at && !add_class(d, at, (size_t)(stop - at)))
            return false;
        at = stop + 1;
    }
    return true;
}

static const char *start(struct connection *c, struct dump *d)
{
    struct server *s = c->worker->server;
    if (c->udp != NULL)
        return "SERVER_ERROR a dump is too long for UDP; ask over TCP";
    if (!dump_enter(d, &s->dumps, DUMPS_MAX))
        return "BUSY currently processing crawler request";
    if (!scan_begin(&d->scan, c->worker->handle, s->admin, c)) {
        dump_leave(d);
        return "SERVER_ERROR the engine gives no scan now, or has none";
    }
    return NULL;
}

enum verdict dump_begin(struct connection *c, enum dump_kind kind, const char *classes,
                        size_t nclasses, uint64_t most)
{
    struct dump d = { .kind = kind, .left = most > 0 ? most : UINT64_MAX };
    const char *why = NULL;
    if (c->worker->server->settings.disable_dumping)
        why = kinds[kind].refused;
    else if (!take_classes(&d, classes, nclasses))
        why = kinds[kind].no_class;
    else
        why = start(c, &d);
    if (why != NULL)
        return say(c, why);
    c->dump = dump_keep(&d);
    if (c->dump != NULL)
        return dump_go_on(c);
    return say(c, "SERVER_ERROR out of memory");
}
