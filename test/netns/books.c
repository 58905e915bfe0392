/* The possible values of each key, and the client's observations.
 *
 * Every write has its own number, which is in the value. A write is acknowledged, refused
 * (it was never sent, or the server refused it), or in doubt: it was sent, and no answer
 * came. So it may have been done, may not, and may still be: a stopped server has it in a
 * buffer. A read must return the last acknowledged write of its key, or a later one in
 * doubt.
 */
#include "base/hash.h"
#include "test/netns/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTED_MAX = 500, TEXTS_MAX = 8, TEXT_ROOM = 120 };
static const double gap_noted_ms = 20;

enum fate { FATE_OPEN, FATE_ACKNOWLEDGED, FATE_REFUSED, FATE_DOUBT };

struct write {
    uint32_t key;
    enum fate fate;
};

struct key {
    uint32_t acknowledged; /* number of the last such write; 0: none */
    uint32_t in_doubt;     /* number of the last such write */
};

/* An observation, with its time. */
struct note {
    double at;
    double ms; /* how long: gaps */
    uint32_t key, got, wanted;
};

struct notes {
    size_t count;
    double last;
    struct note first[NOTED_MAX];
};

struct gap {
    double since; /* the last success */
    double longest, longest_at;
    struct notes notes;
};

struct said {
    char text[TEXT_ROOM];
    size_t count;
    double first, last;
};

struct seen {
    size_t reads, writes, hits;
    double late; /* the longest delay with which the machine woke this process */
    size_t failed[OUTCOME_COUNT];
    double first_failed, last_failed;
    struct gap all, writes_alone;
    struct notes stale, missing, nowhere;
    struct said said[TEXTS_MAX];
};

struct books {
    char prefix[64];
    int half;                /* of all buckets; -1: both */
    uint32_t nkeys, nwrites; /* numbers start at 1 */
    size_t room;
    struct key *keys;
    struct write *writes;
    struct seen *seen;
};

struct books *books_create(const char *prefix, uint32_t nkeys, int half)
{
    struct books *b = calloc(1, sizeof(*b));
    if (b == NULL)
        abort();
    snprintf(b->prefix, sizeof(b->prefix), "%s", prefix);
    b->half = half;
    b->nkeys = nkeys;
    b->room = 1024;
    b->keys = calloc(nkeys, sizeof(*b->keys));
    b->writes = calloc(b->room, sizeof(*b->writes));
    b->seen = calloc(1, sizeof(*b->seen));
    if (b->keys == NULL || b->writes == NULL || b->seen == NULL)
        abort();
    books_reset(b);
    return b;
}

void books_destroy(struct books *b)
{
    free(b->keys);
    free(b->writes);
    free(b->seen);
    free(b);
}

void books_reset(struct books *b)
{
    memset(b->seen, 0, sizeof(*b->seen));
    books_resume(b);
}

void books_resume(struct books *b)
{
    b->seen->all.since = b->seen->writes_alone.since = now_ms();
}

/* A key of a bucket, whose number is the top bits of the hash. */
static int half_of(const char *key)
{
    enum { MAP_BITS = 24 }; /* the default of dirty_bits */
    return (int)(hash_key(key, strlen(key)) >> (64 - MAP_BITS) & 1);
}

void books_key(const struct books *b, uint32_t key, char *text, size_t size)
{
    int n = snprintf(text, size, "%s%u", b->prefix, key);
    for (char more = 'a'; b->half >= 0 && half_of(text) != b->half; more++)
        snprintf(text + n, size - (size_t)n, "%c", more);
}

/* ---- observations */

static void note(struct notes *notes, struct note one)
{
    if (notes->count < NOTED_MAX)
        notes->first[notes->count] = one;
    notes->count++;
    notes->last = one.at;
}

static void note_success(struct gap *gap)
{
    double now = now_ms(), ms = now - gap->since;
    if (ms > gap->longest) {
        gap->longest = ms;
        gap->longest_at = gap->since;
    }
    if (ms > gap_noted_ms)
        note(&gap->notes, (struct note){ .at = gap->since, .ms = ms });
    gap->since = now;
}

static void note_said(struct seen *seen, const char *text)
{
    for (struct said *s = seen->said; s < seen->said + TEXTS_MAX; s++) {
        if (s->count == 0) {
            snprintf(s->text, sizeof(s->text), "%s", text);
            s->first = now_ms();
        }
        if (strncmp(s->text, text, sizeof(s->text) - 1) == 0) {
            s->count++;
            s->last = now_ms();
            return;
        }
    }
}

static void note_failure(struct seen *seen, enum outcome outcome, const char *text)
{
    seen->last_failed = now_ms();
    if (seen->first_failed == 0)
        seen->first_failed = seen->last_failed;
    seen->failed[outcome]++;
    if (outcome == OUTCOME_SAID)
        note_said(seen, text);
}

void books_late(struct books *b, double ms)
{
    if (ms > b->seen->late)
        b->seen->late = ms;
}

/* ---- writes */

void books_begin_write(struct books *b, uint32_t key, char *value, size_t size)
{
    b->nwrites++;
    if (b->nwrites >= b->room) {
        b->room *= 2;
        b->writes = realloc(b->writes, b->room * sizeof(*b->writes));
        if (b->writes == NULL)
            abort();
    }
    b->writes[b->nwrites] = (struct write){ .key = key };
    snprintf(value, size, "%s%u is write %u", b->prefix, key, b->nwrites);
}

void books_end_write(struct books *b, enum outcome outcome, bool is_sent,
                     const char *text)
{
    struct write *write = &b->writes[b->nwrites];
    struct key *key = &b->keys[write->key];
    b->seen->writes++;
    if (outcome == OUTCOME_DONE) {
        write->fate = FATE_ACKNOWLEDGED;
        key->acknowledged = b->nwrites;
        note_success(&b->seen->all);
        note_success(&b->seen->writes_alone);
        return;
    }
    note_failure(b->seen, outcome, text);
    if (is_sent && outcome != OUTCOME_SAID) {
        write->fate = FATE_DOUBT;
        key->in_doubt = b->nwrites;
    } else {
        write->fate = FATE_REFUSED;
    }
}

/* ---- reads */

enum verdict { GOOD, STALE, MISSING, NOWHERE };

static enum verdict judge(const struct books *b, uint32_t key, enum outcome outcome,
                          const char *text, uint32_t *got)
{
    char wanted[160];
    const char *number = strrchr(text, ' ');
    *got = 0;
    if (outcome == OUTCOME_MISS)
        return b->keys[key].acknowledged != 0 ? MISSING : GOOD;
    *got = number != NULL ? (uint32_t)strtoul(number + 1, NULL, 10) : 0;
    snprintf(wanted, sizeof(wanted), "%s%u is write %u", b->prefix, key, *got);
    if (strcmp(text, wanted) != 0 || *got == 0 || *got > b->nwrites ||
        b->writes[*got].key != key || b->writes[*got].fate == FATE_REFUSED)
        return NOWHERE;
    return *got < b->keys[key].acknowledged ? STALE : GOOD;
}

void books_end_read(struct books *b, uint32_t key, enum outcome outcome, const char *text)
{
    struct note one = { .at = now_ms(), .key = key };
    struct seen *seen = b->seen;
    seen->reads++;
    if (outcome != OUTCOME_DONE && outcome != OUTCOME_MISS) {
        note_failure(seen, outcome, text);
        return;
    }
    note_success(&seen->all);
    seen->hits += outcome == OUTCOME_DONE;
    enum verdict verdict = judge(b, key, outcome, text, &one.got);
    one.wanted = b->keys[key].acknowledged;
    if (verdict == STALE)
        note(&seen->stale, one);
    else if (verdict == MISSING)
        note(&seen->missing, one);
    else if (verdict == NOWHERE)
        note(&seen->nowhere, one);
}

/* ---- as JSON */

static json_t *json_of_notes(const struct notes *notes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < notes->count && i < NOTED_MAX; i++) {
        const struct note *n = &notes->first[i];
        json_array_append_new(
            list, json_pack("{s:f,s:I,s:I,s:I}", "at", n->at, "key", (json_int_t)n->key,
                            "got", (json_int_t)n->got, "wanted", (json_int_t)n->wanted));
    }
    return json_pack("{s:I,s:f,s:o}", "count", (json_int_t)notes->count, "last",
                     notes->last, "first", list);
}

/* A gap that is still open counts up to now. */
static json_t *json_of_gap(const struct gap *gap)
{
    json_t *list = json_array();
    double open = now_ms() - gap->since;
    bool is_longest = open > gap->longest;
    for (size_t i = 0; i < gap->notes.count && i < NOTED_MAX; i++)
        json_array_append_new(list, json_pack("{s:f,s:f}", "at", gap->notes.first[i].at,
                                              "ms", gap->notes.first[i].ms));
    return json_pack("{s:f,s:f,s:f,s:o}", "longest", is_longest ? open : gap->longest,
                     "at", is_longest ? gap->since : gap->longest_at, "last_success",
                     gap->since, "gaps", list);
}

static json_t *json_of_failures(const struct seen *seen)
{
    json_t *kinds = json_object(), *said = json_array();
    for (enum outcome o = OUTCOME_TIMEOUT; o < OUTCOME_COUNT; o++)
        json_object_set_new(kinds, outcome_name(o),
                            json_integer((json_int_t)seen->failed[o]));
    for (const struct said *s = seen->said; s < seen->said + TEXTS_MAX && s->count > 0;
         s++)
        json_array_append_new(said, json_pack("{s:s,s:I,s:f,s:f}", "text", s->text,
                                              "count", (json_int_t)s->count, "at",
                                              s->first, "last", s->last));
    return json_pack("{s:o,s:o,s:f,s:f}", "kinds", kinds, "said", said, "at",
                     seen->first_failed, "last", seen->last_failed);
}

json_t *books_report(const struct books *b)
{
    const struct seen *seen = b->seen;
    return json_pack(
        "{s:f,s:I,s:I,s:I,s:f,s:o,s:o,s:o,s:o,s:o,s:o}", "now", now_ms(), "reads",
        (json_int_t)seen->reads, "writes", (json_int_t)seen->writes, "hits",
        (json_int_t)seen->hits, "late", seen->late, "gap", json_of_gap(&seen->all),
        "write_gap", json_of_gap(&seen->writes_alone), "failures", json_of_failures(seen),
        "stale", json_of_notes(&seen->stale), "missing", json_of_notes(&seen->missing),
        "nowhere", json_of_notes(&seen->nowhere));
}

/* ---- all keys, at the end */

/* Adds to the digest what a key holds, or that it is absent. */
static void digest(uint64_t *sum, uint32_t key, uint32_t got)
{
    *sum = (*sum ^ ((uint64_t)key << 32 | got)) * 0x9e3779b97f4a7c15u;
    *sum ^= *sum >> 29;
}

static void note_bad(json_t *bad, const struct books *b, uint32_t k, uint32_t got)
{
    const struct key *key = &b->keys[k];
    char number[24];
    snprintf(number, sizeof(number), "%u", k);
    if (json_array_size(bad) < NOTED_MAX)
        json_array_append_new(bad, json_pack("{s:s,s:I,s:I,s:I}", "key", number, "got",
                                             (json_int_t)got, "wanted",
                                             (json_int_t)key->acknowledged, "doubt",
                                             (json_int_t)key->in_doubt));
}

json_t *books_read_back(const struct books *b, struct connection *from, double timeout_ms)
{
    struct {
        json_int_t present, lost, in_doubt, old, nowhere, unread;
    } n = { 0 };
    uint64_t sum = 1;
    json_t *bad = json_array();
    for (uint32_t k = 0; k < b->nkeys; k++) {
        char key[80], text[256];
        uint32_t got = 0;
        books_key(b, k, key, sizeof(key));
        enum outcome outcome =
            connection_get(from, key, now_ms() + timeout_ms, text, sizeof(text));
        if (outcome != OUTCOME_DONE && outcome != OUTCOME_MISS) {
            n.unread++;
            continue;
        }
        enum verdict verdict = judge(b, k, outcome, text, &got);
        bool has_doubt = b->keys[k].in_doubt != 0;
        n.present += outcome == OUTCOME_DONE;
        n.old += verdict == STALE;
        n.nowhere += verdict == NOWHERE;
        /* A write in doubt may have been done on the other node: then the key was changed
         * on both nodes, and a miss is the promised result. */
        n.in_doubt += verdict == MISSING && has_doubt;
        n.lost += verdict == MISSING && !has_doubt;
        digest(&sum, k, verdict == NOWHERE ? UINT32_MAX : got);
        if (verdict != GOOD)
            note_bad(bad, b, k, got);
    }
    char hex[24];
    snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)sum);
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "keys",
                     (json_int_t)b->nkeys, "present", n.present, "lost", n.lost,
                     "in_doubt", n.in_doubt, "old", n.old, "nowhere", n.nowhere, "unread",
                     n.unread, "digest", hex, "bad", bad);
}
