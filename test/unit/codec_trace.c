#include "codec_trace.h"

#include <check.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct codec *codec;
    struct parser parser;
    struct buffer in;
    uint64_t swallow; /* bytes of a refused value that are still to come */
    bool closed;
    FILE *out;
};

static const char *const names[] = {
#define COMMAND(NAME, ...) #NAME,
#include "protocol/command_table.h"
};

static void print_bytes(FILE *out, const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)at[i];
        if (c >= ' ' && c < 127)
            fputc(c, out);
        else
            fprintf(out, "\\x%02x", c);
    }
}

static void print_number(FILE *out, const char *name, uint64_t value)
{
    if (value != 0)
        fprintf(out, " %s=%" PRIu64, name, value);
}

static void print_flag(FILE *out, const char *name, bool value)
{
    if (value)
        fprintf(out, " %s", name);
}

static void print_request(FILE *out, const struct request *req)
{
    for (const char *at = names[req->command]; *at != '\0'; at++)
        fputc(tolower((unsigned char)*at), out);
    if (req->nkey > 0) {
        fputc(' ', out);
        print_bytes(out, req->key, req->nkey);
    }
    print_number(out, "flags", req->flags);
    if (req->exptime != 0)
        fprintf(out, " exptime=%" PRId64, req->exptime);
    print_number(out, "cas", req->cas);
    print_number(out, "delta", req->delta);
    print_number(out, "initial", req->initial);
    print_number(out, "level", req->verbosity);
    print_number(out, "vbucket", req->vbucket);
    print_number(out, "packet", req->npacket);
    print_flag(out, "delayed", req->has_exptime);
    print_flag(out, "create", req->create);
    print_flag(out, "with_cas", req->with_cas);
    print_flag(out, "with_key", req->with_key);
    print_flag(out, "last", req->last);
    print_flag(out, "quiet", req->quiet);
    print_flag(out, "no_value", req->no_value);
    if (req->meta != NULL) {
        fputs(" returns=", out);
        print_bytes(out, req->meta->returns, req->meta->nreturns);
        if (req->meta->nopaque > 0)
            fputs(" opaque=", out);
        print_bytes(out, req->meta->opaque, req->meta->nopaque);
    }
}

static void print_answer(struct run *run, const struct request *req)
{
    struct buffer out;
    struct response res = { .outcome = run->parser.why };
    buffer_init(&out);
    ck_assert(run->codec->compose_head(req, &res, &out));
    fputs(" ", run->out);
    print_bytes(run->out, buffer_head(&out), buffer_length(&out));
    buffer_fini(&out);
}

static bool is_store(enum command command)
{
    return command >= COMMAND_SET && command <= COMMAND_CAS;
}

/* Traces a request and its value, if it has one; false if the value is incomplete. */
static bool run_request(struct run *run, const struct request *req)
{
    size_t nvalue = is_store(req->command) ? req->nvalue + run->codec->value_tail : 0;
    if (buffer_length(&run->in) < run->parser.used + nvalue)
        return false;
    print_request(run->out, req);
    if (nvalue > 0) {
        fputs(" value=", run->out);
        print_bytes(run->out, buffer_head(&run->in) + run->parser.used, req->nvalue);
    }
    fputc('\n', run->out);
    buffer_consume(&run->in, run->parser.used + nvalue);
    return true;
}

static void run_refusal(struct run *run, const struct request *req, bool closed)
{
    fputs(closed ? "closed" : "!", run->out);
    if (!closed || run->parser.why != OUTCOME_OK)
        print_answer(run, req);
    fputc('\n', run->out);
    run->closed = closed;
    run->swallow = run->parser.swallow;
    buffer_consume(&run->in, closed ? buffer_length(&run->in) : run->parser.used);
}

/* One step; false if it needs more bytes to continue. */
static bool run_step(struct run *run)
{
    struct request req;
    memset(&req, 0xa5, sizeof(req));
    if (run->swallow > 0) {
        size_t n = buffer_length(&run->in);
        n = n < run->swallow ? n : run->swallow;
        buffer_consume(&run->in, n);
        run->swallow -= n;
        return n > 0;
    }
    struct parser before = run->parser;
    enum parse_result result = run->codec->parse(&run->parser, &run->in, &req);
    if (result == PARSE_MORE) {
        ck_assert(run->parser.want == 0 || run->parser.want > buffer_length(&run->in));
        buffer_consume(&run->in, run->parser.used);
        return false;
    }
    ck_assert_uint_le(run->parser.used, buffer_length(&run->in));
    if (result != PARSE_OK) {
        run_refusal(run, &req, result == PARSE_CLOSE);
        return true;
    }
    if (run_request(run, &req))
        return true;
    run->parser = before;
    return false;
}

static void run_feed(struct run *run, const char *bytes, size_t n)
{
    /* a new buffer each time, so that a read beyond its end is noticed */
    size_t kept = buffer_length(&run->in);
    struct buffer next = { .data = malloc(kept + n + 1), .size = kept + n };
    ck_assert_ptr_nonnull(next.data);
    buffer_append(&next, kept > 0 ? buffer_head(&run->in) : "", kept);
    buffer_append(&next, bytes, n);
    buffer_fini(&run->in);
    run->in = next;
    while (!run->closed && run_step(run))
        ;
}

char *codec_trace(const struct codec *codec, uint32_t value_max, const void *bytes,
                  size_t n, size_t first, size_t step)
{
    char *text = NULL;
    size_t ntext = 0;
    struct run run = { .codec = codec, .parser = { .value_max = value_max } };
    buffer_init(&run.in);
    run.out = open_memstream(&text, &ntext);
    ck_assert_ptr_nonnull(run.out);
    for (size_t at = 0, size = first; at < n && !run.closed; at += size, size = step) {
        if (size > n - at)
            size = n - at;
        run_feed(&run, (const char *)bytes + at, size);
    }
    if (!run.closed && (buffer_length(&run.in) > 0 || run.swallow > 0))
        fputs("more\n", run.out);
    fclose(run.out);
    buffer_fini(&run.in);
    return text;
}

void codec_trace_check(const struct codec *codec, uint32_t value_max, const void *bytes,
                       size_t n, const char *wanted)
{
    char *whole = codec_trace(codec, value_max, bytes, n, n, n);
    ck_assert_str_eq(whole, wanted);
    for (size_t cut = 1; cut < n; cut++) {
        char *halves = codec_trace(codec, value_max, bytes, n, cut, n);
        ck_assert_str_eq(halves, wanted);
        free(halves);
    }
    char *singles = codec_trace(codec, value_max, bytes, n, 1, 1);
    ck_assert_str_eq(singles, wanted);
    free(singles);
    free(whole);
}

char *codec_answer(const struct codec *codec, const struct request *req,
                   const struct response *res, const char *value, bool end)
{
    char *text = NULL;
    size_t ntext = 0;
    struct buffer out;
    buffer_init(&out);
    ck_assert(codec->compose_head(req, res, &out));
    if (value != NULL)
        ck_assert(buffer_append(&out, value, strlen(value)));
    ck_assert(codec->compose_tail(req, res, &out));
    if (end)
        ck_assert(codec->compose_end(req, &out));
    FILE *stream = open_memstream(&text, &ntext);
    ck_assert_ptr_nonnull(stream);
    print_bytes(stream, buffer_head(&out), buffer_length(&out));
    fclose(stream);
    buffer_fini(&out);
    return text;
}
