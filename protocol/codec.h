/*
 * A client protocol: bytes to requests, responses to bytes. Pure: no socket, no
 * engine, no allocation but the buffers' own. Two of them, told apart by the first
 * byte of a connection.
 *
 * Parsing. The server reads into `in` and calls parse until PARSE_MORE:
 *
 *   PARSE_OK      one request; *used bytes at the head of `in` belong to it. Pointers
 *                 in the request are valid until the server consumes them. For the
 *                 set family *used ends before the value: nvalue bytes follow, then
 *                 value_tail bytes (the CRLF of text), which the server itself
 *                 takes from the stream.
 *   PARSE_MORE    not complete yet; *want is the number of bytes that must be in `in`
 *                 before it makes sense to parse again (0 if unknown).
 *   PARSE_ERROR   a bad request that the client is told about: `why` is the answer.
 *                 *used bytes are to be dropped, and `swallow` bytes more from the
 *                 stream (the value of a refused set).
 *   PARSE_CLOSE   not our protocol, or beyond repair: after the answer (if `why` is
 *                 not OUTCOME_OK) the connection is closed.
 *
 * compose_* append to `out`; false only when memory is out.
 */
#ifndef PROTOCOL_CODEC_H
#define PROTOCOL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "protocol/request.h"
#include "protocol/response.h"

enum parse_result { PARSE_OK, PARSE_MORE, PARSE_ERROR, PARSE_CLOSE };

struct parser {
    /* limits, set once by the server */
    uint32_t value_max; /* item_size_max: larger values are refused here already */
    /* results beside the request */
    size_t used, want;
    uint64_t swallow;
    enum outcome why;
    /* private to the codec: where a multi-key get stands */
    struct request pending;
    bool in_get;
};

struct codec {
    const char *name;
    unsigned value_tail; /* bytes after a value in a request: 2 for text, 0 for binary */
    enum parse_result (*parse)(struct parser *p, const struct buffer *in,
                               struct request *req);
    /* A whole response without value, or what precedes the value. Composes nothing
     * where the request is quiet and the outcome is one that quiet forms hide. */
    bool (*compose_head)(const struct request *req, const struct response *res,
                         struct buffer *out);
    /* What follows the value, NULL-safe: "\r\n" in text, nothing in binary. */
    bool (*compose_tail)(const struct request *req, const struct response *res,
                         struct buffer *out);
    /* The end of a list: END of get and stats in text; the empty stat in binary. */
    bool (*compose_end)(const struct request *req, struct buffer *out);
};

extern const struct codec text_codec;
extern const struct codec binary_codec;

#endif
