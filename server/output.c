#include "server/output.h"

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

bool output_reference(struct output *o, const void *data, size_t length, void *owner)
{
    if (o->nrefs == o->refs_size) {
        size_t size = o->refs_size ? 2 * o->refs_size : 16;
        struct output_ref *refs = realloc(o->refs, size * sizeof(*refs));
        if (refs == NULL)
            return false;
        o->refs = refs;
        o->refs_size = size;
    }
    o->refs[o->nrefs++] = (struct output_ref){ o->bytes.tail, data, length, owner };
    o->referenced += length;
    return true;
}

size_t output_gather(const struct output *o, struct iovec *pieces, size_t max)
{
    size_t n = 0, from = o->sent, skip = o->next_sent, i = o->next;
    for (; i < o->nrefs && n + 2 <= max; i++, skip = 0) {
        const struct output_ref *ref = &o->refs[i];
        if (ref->at > from)
            pieces[n++] = (struct iovec){ o->bytes.data + from, ref->at - from };
        pieces[n++] = (struct iovec){ (char *)ref->data + skip, ref->length - skip };
        from = ref->at;
    }
    if (i == o->nrefs && n < max && o->bytes.tail > from)
        pieces[n++] = (struct iovec){ o->bytes.data + from, o->bytes.tail - from };
    return n;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Everything is sent: start anew at offset 0. */
static void output_reset(struct output *o)
{
    if (o->bytes.tail > 0)
        buffer_consume(&o->bytes, o->bytes.tail);
    o->nrefs = o->next = o->next_sent = 0;
    o->sent = o->referenced = 0;
}

void output_advance(struct output *o, size_t n, output_release release, void *context)
{
    while (o->next < o->nrefs) {
        struct output_ref *ref = &o->refs[o->next];
        size_t step = smaller(n, ref->at - o->sent);
        o->sent += step;
        n -= step;
        if (o->sent < ref->at)
            return;
        step = smaller(n, ref->length - o->next_sent);
        o->next_sent += step;
        n -= step;
        if (o->next_sent < ref->length)
            return;
        if (ref->owner != NULL)
            release(context, ref->owner);
        o->next++;
        o->next_sent = 0;
    }
    CHECK(n <= o->bytes.tail - o->sent);
    o->sent += n;
    if (o->sent == o->bytes.tail)
        output_reset(o);
}

void output_truncate(struct output *o, size_t nbytes, size_t nrefs,
                     output_release release, void *context)
{
    CHECK(nbytes <= o->bytes.tail && nrefs <= o->nrefs && o->next <= nrefs);
    while (o->nrefs > nrefs) {
        struct output_ref *ref = &o->refs[--o->nrefs];
        o->referenced -= ref->length;
        if (ref->owner != NULL)
            release(context, ref->owner);
    }
    o->bytes.tail = nbytes;
}

void output_clear(struct output *o, output_release release, void *context)
{
    for (size_t i = o->next; i < o->nrefs; i++) {
        if (o->refs[i].owner != NULL)
            release(context, o->refs[i].owner);
    }
    output_reset(o);
}

static ssize_t send_pieces(int fd, struct iovec *pieces, size_t n)
{
    if (n == 1)
        return send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = n };
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

enum output_result output_send(struct output *o, int fd, output_release release,
                               void *context, size_t *nsent)
{
    struct iovec pieces[OUTPUT_PIECES];
    *nsent = 0;
    while (!output_empty(o)) {
        ssize_t n = send_pieces(fd, pieces, output_gather(o, pieces, OUTPUT_PIECES));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? OUTPUT_BLOCKED : OUTPUT_BROKEN;
        *nsent += (size_t)n;
        output_advance(o, (size_t)n, release, context);
    }
    return OUTPUT_SENT;
}
