#include "base/output.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"

void output_init(struct output *o)
{
    *o = (struct output){ 0 };
    buffer_init(&o->bytes);
}

void output_fini(struct output *o)
{
    CHECK(o->nrefs == 0);
    buffer_fini(&o->bytes);
    free(o->refs);
    *o = (struct output){ 0 };
}

static struct output_ref *ref_at(const struct output *o, size_t i)
{
    return &o->refs[(o->first + i) & (o->refs_size - 1)];
}

static bool grow(struct output *o)
{
    size_t size = o->refs_size ? 2 * o->refs_size : 16;
    struct output_ref *refs = malloc(size * sizeof(*refs));
    if (refs == NULL)
        return false;
    for (size_t i = 0; i < o->nrefs; i++)
        refs[i] = *ref_at(o, i);
    free(o->refs);
    o->refs = refs;
    o->refs_size = size;
    o->first = 0;
    return true;
}

bool output_reference(struct output *o, const void *data, size_t length, void *owner)
{
    if (o->nrefs == o->refs_size && !grow(o))
        return false;
    *ref_at(o, o->nrefs++) =
        (struct output_ref){ .at = o->sent + buffer_length(&o->bytes),
                             .data = data,
                             .length = length,
                             .owner = owner };
    o->referenced += length;
    return true;
}

size_t output_gather(const struct output *o, struct iovec *pieces, size_t max)
{
    char *bytes = o->bytes.data + o->bytes.head;
    uint64_t at = o->sent;
    size_t n = 0, left = buffer_length(&o->bytes), skip = o->ref_sent, i = 0;
    for (; i < o->nrefs && n + 2 <= max; i++, skip = 0) {
        const struct output_ref *ref = ref_at(o, i);
        size_t run = (size_t)(ref->at - at);
        if (run > 0)
            pieces[n++] = (struct iovec){ bytes, run };
        pieces[n++] = (struct iovec){ (char *)ref->data + skip, ref->length - skip };
        bytes += run;
        left -= run;
        at = ref->at;
    }
    if (i == o->nrefs && n < max && left > 0)
        pieces[n++] = (struct iovec){ bytes, left };
    return n;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void drop_first(struct output *o, output_release release, void *context)
{
    const struct output_ref *ref = ref_at(o, 0);
    void *owner = ref->owner;
    o->referenced -= ref->length - o->ref_sent;
    o->first = (o->first + 1) & (o->refs_size - 1);
    o->nrefs--;
    o->ref_sent = 0;
    if (owner != NULL)
        release(context, owner);
}

/* Consumes n sent bytes up to the end of the last ref that they reach. Returns how many
 * are left, for the bytes behind all refs. */
static size_t pass_refs(struct output *o, size_t n, output_release release, void *context)
{
    while (o->nrefs > 0) {
        const struct output_ref *ref = ref_at(o, 0);
        size_t step = smaller(n, (size_t)(ref->at - o->sent));
        o->sent += step;
        n -= step;
        if (o->sent < ref->at)
            return 0;
        step = smaller(n, ref->length - o->ref_sent);
        o->ref_sent += step;
        o->referenced -= step;
        n -= step;
        if (o->ref_sent < ref->length)
            return 0;
        drop_first(o, release, context);
    }
    return n;
}

void output_advance(struct output *o, size_t n, output_release release, void *context)
{
    uint64_t before = o->sent;
    size_t left = pass_refs(o, n, release, context);
    o->sent += left;
    buffer_consume(&o->bytes, (size_t)(o->sent - before));
}

void output_clear(struct output *o, output_release release, void *context)
{
    while (o->nrefs > 0)
        drop_first(o, release, context);
    o->sent += buffer_length(&o->bytes);
    buffer_consume(&o->bytes, buffer_length(&o->bytes));
}

struct output_mark output_mark(const struct output *o)
{
    return (struct output_mark){ buffer_length(&o->bytes), o->nrefs };
}

void output_truncate(struct output *o, struct output_mark mark, output_release release,
                     void *context)
{
    CHECK(mark.nrefs <= o->nrefs);
    while (o->nrefs > mark.nrefs) {
        const struct output_ref *ref = ref_at(o, --o->nrefs);
        o->referenced -= ref->length;
        if (ref->owner != NULL)
            release(context, ref->owner);
    }
    buffer_truncate(&o->bytes, mark.nbytes);
}

static ssize_t send_pieces(int fd, struct iovec *pieces, size_t n)
{
    if (n == 1)
        return send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = n };
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Cuts pieces off behind n bytes. Returns how many are left. */
static size_t shorten(struct iovec *pieces, size_t npieces, size_t n)
{
    for (size_t i = 0; i < npieces; i++) {
        if (pieces[i].iov_len >= n) {
            pieces[i].iov_len = n;
            return i + 1;
        }
        n -= pieces[i].iov_len;
    }
    return npieces;
}

enum output_result output_send_part(struct output *o, int fd, size_t most,
                                    output_release release, void *context, size_t *nsent)
{
    struct iovec pieces[OUTPUT_PIECES];
    for (*nsent = 0; !output_empty(o);) {
        if (*nsent >= most)
            return OUTPUT_PART;
        size_t npieces = output_gather(o, pieces, OUTPUT_PIECES);
        if (output_length(o) > most - *nsent)
            npieces = shorten(pieces, npieces, most - *nsent);
        ssize_t n = send_pieces(fd, pieces, npieces);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? OUTPUT_BLOCKED : OUTPUT_BROKEN;
        *nsent += (size_t)n;
        output_advance(o, (size_t)n, release, context);
    }
    return OUTPUT_SENT;
}

enum output_result output_send(struct output *o, int fd, output_release release,
                               void *context, size_t *nsent)
{
    return output_send_part(o, fd, SIZE_MAX, release, context, nsent);
}
