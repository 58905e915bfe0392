/*
 * Runs a codec as the server does, with input that arrives at once and then again in
 * small pieces. Both must give the same requests and answers, and no request may point
 * outside of the bytes that it was made from.
 */
#ifndef TEST_FUZZ_FUZZ_CODEC_H
#define TEST_FUZZ_FUZZ_CODEC_H

#include "protocol/codec.h"
#include "test/fuzz/fuzz.h"

/* A longer line of the text protocol may be answered before its end has arrived, and then
 * the result depends on how it is cut. */
enum { FUZZ_SAME_UP_TO = 2048, FUZZ_VALUE_MAX = 1000 };

struct fuzz_run {
    const struct codec *codec;
    struct parser parser;
    const uint8_t *bytes; /* the whole input */
    size_t n, taken, arrived;
    bool closed;
    struct buffer trace; /* requests and answers, to compare */
};

static inline void fuzz_note(struct fuzz_run *run, const void *bytes, size_t n)
{
    CHECK(buffer_append(&run->trace, bytes, n));
}

/* The request must point into `in` (the key of a meta command may be a copy), and all its
 * members must be within their limits. */
static inline void fuzz_check_request(const struct request *req, const struct buffer *in,
                                      const struct parser *p)
{
    const char *end = in->data + in->tail;
    CHECK((unsigned)req->command < COMMAND_COUNT);
    CHECK(req->nkey == 0 || (req->meta != NULL && req->key == p->key) ||
          (req->key >= in->data && req->key + req->nkey <= end));
    CHECK(req->command == COMMAND_ENGINE || req->nkey <= KEY_MAX);
    CHECK(req->npacket == 0 ||
          (req->packet >= in->data && req->packet + req->npacket <= end));
    CHECK(req->nvalue <= p->value_max);
}

static inline void fuzz_answer(struct fuzz_run *run, const struct request *req,
                               enum outcome outcome)
{
    static const char text[] = "text";
    struct response res = { .outcome = outcome,
                            .flags = UINT32_MAX,
                            .cas = UINT64_MAX,
                            .number = UINT64_MAX,
                            .text = text,
                            .ntext = sizeof(text) - 1 };
    CHECK(run->codec->compose_head(req, &res, &run->trace));
    CHECK(run->codec->compose_tail(req, &res, &run->trace));
    if (req->last)
        CHECK(run->codec->compose_end(req, &run->trace));
}

static inline void fuzz_note_request(struct fuzz_run *run, const struct request *req)
{
    fuzz_note(run, &req->command, sizeof(req->command));
    fuzz_note(run, req->key, req->nkey);
    fuzz_note(run, req->packet, req->npacket);
    fuzz_note(run, &req->nvalue, sizeof(req->nvalue));
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        fuzz_answer(run, req, (enum outcome)outcome);
}

/* Skips the value, or the rest of it. */
static inline void fuzz_skip(struct fuzz_run *run, uint64_t n)
{
    run->taken = n < run->n - run->taken ? run->taken + (size_t)n : run->n;
    if (run->arrived < run->taken)
        run->arrived = run->taken;
}

/* Calls parse once on what has arrived; false if it needs more. */
static inline bool fuzz_step(struct fuzz_run *run)
{
    struct parser *p = &run->parser;
    struct request req = { 0 };
    size_t n = run->arrived - run->taken;
    struct buffer in = { .data = fuzz_exact(run->bytes + run->taken, n),
                         .tail = n,
                         .size = n };
    enum parse_result result = run->codec->parse(p, &in, &req);
    CHECK(p->used <= n);
    if (result == PARSE_OK) {
        fuzz_check_request(&req, &in, p);
        fuzz_note_request(run, &req);
        fuzz_skip(run, p->used + (uint64_t)req.nvalue +
                           (req.command >= COMMAND_SET && req.command <= COMMAND_CAS
                                ? run->codec->value_tail
                                : 0));
    } else if (result == PARSE_ERROR) {
        CHECK((unsigned)p->why < OUTCOME_COUNT && p->why != OUTCOME_OK);
        fuzz_answer(run, &req, p->why);
        fuzz_skip(run, p->used + p->swallow);
    } else if (result == PARSE_MORE) {
        CHECK(p->want == 0 || p->want > n - p->used);
        run->taken += p->used;
    }
    CHECK(result == PARSE_MORE || result == PARSE_CLOSE || p->used > 0);
    run->closed = result == PARSE_CLOSE;
    free(in.data);
    return result == PARSE_OK || result == PARSE_ERROR;
}

static inline void fuzz_run_codec(struct fuzz_run *run, const struct codec *codec,
                                  const uint8_t *bytes, size_t n, size_t piece)
{
    *run = (struct fuzz_run){ .codec = codec, .bytes = bytes, .n = n };
    run->parser.value_max = FUZZ_VALUE_MAX;
    buffer_init(&run->trace);
    do {
        run->arrived = piece < n - run->arrived ? run->arrived + piece : n;
        while (run->arrived > run->taken && fuzz_step(run))
            ;
    } while (run->arrived < n && !run->closed);
    fuzz_note(run, &run->closed, sizeof(run->closed));
}

static inline void fuzz_codec(const struct codec *codec, const uint8_t *bytes, size_t n)
{
    struct fuzz_run whole, pieces;
    fuzz_run_codec(&whole, codec, bytes, n, n);
    fuzz_run_codec(&pieces, codec, bytes, n, 7);
    if (n <= FUZZ_SAME_UP_TO) {
        CHECK(buffer_length(&whole.trace) == buffer_length(&pieces.trace));
        AZ(memcmp(buffer_head(&whole.trace), buffer_head(&pieces.trace),
                  buffer_length(&whole.trace)));
    }
    buffer_fini(&whole.trace);
    buffer_fini(&pieces.trace);
}

#endif
