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
 *                 before it makes sense to parse again (0 if unknown). Here too the
 *                 first *used bytes are to be dropped (mostly 0: the part of a very
 *                 long line that is done with).
 *   PARSE_ERROR   a bad request that the client is told about: `why` is the answer;
 *                 compose_head with this outcome and the request puts it into bytes
 *                 (or none, for a quiet request). *used bytes are to be dropped, and
 *                 `swallow` bytes more from the stream (the value of a refused set).
 *                 With OUTCOME_TOO_LARGE command and key of the request are set, so
 *                 that a stale value can be removed.
 *   PARSE_CLOSE   not our protocol, or beyond repair: after the answer (if `why` is
 *                 not OUTCOME_OK) the connection is closed.
 *
 * A key that is too long for a request ends a multi-key get. The keys before it on
 * the line have no answer, as long as the line was whole or shorter than 2 KiB; on a
 * longer one they were answered before the end of the line was seen.
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
    uint32_t value_max; /* larger values are refused here already; 0 for no limit: so
                           does mcd, whose engine knows its limit and says so */
    /* results beside the request */
    size_t used, want;
    uint64_t swallow;
    enum outcome why;
    /* private to the codec: where a multi-key get stands */
    struct request pending;
    bool in_get, skip_line;
    struct meta meta;  /* of the last meta command */
    char key[KEY_MAX]; /* its key, where the line has it encoded or will be gone */
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
    /* What follows the value: "\r\n" in text, nothing in binary. */
    bool (*compose_tail)(const struct request *req, const struct response *res,
                         struct buffer *out);
    /* The end of a list: END of get and stats in text; the empty stat in binary.
     * Call it after the answer to a request that is `last`, and after all stats. */
    bool (*compose_end)(const struct request *req, struct buffer *out);
};

extern const struct codec text_codec;
extern const struct codec binary_codec;

/* What a status of the binary protocol means. */
enum outcome binary_outcome(uint16_t status);

/* The protocol of a connection whose first byte is this one. */
const struct codec *codec_for_first_byte(uint8_t byte);

#endif
