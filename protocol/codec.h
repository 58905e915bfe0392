/*
 * A client protocol: from bytes to requests, from responses to bytes. Pure: no sockets,
 * no engine, no allocation except by the buffers. There are two protocols, text and
 * binary; the first byte of a connection decides which one it uses.
 *
 * Parsing. The server reads into `in` and calls parse until PARSE_MORE:
 *
 *   PARSE_OK      one request; `used` bytes at the head of `in` belong to it. Pointers
 *                 in the request are valid until the server consumes these bytes. For
 *                 the set family `used` ends before the value: nvalue bytes follow, then
 *                 value_tail bytes (the CRLF of text), which the server itself takes
 *                 from the stream.
 *   PARSE_MORE    not complete yet; `want` is the number of bytes that must be in `in`
 *                 before it makes sense to parse again (0 if unknown). Drop the first
 *                 `used` bytes here too (mostly 0: the part of a very long line that is
 *                 done).
 *   PARSE_ERROR   a bad request that the client is told about: `why` is the answer;
 *                 compose_head with this outcome and the request turns it into bytes
 *                 (or none, for a quiet request). Drop `used` bytes, and `swallow` more
 *                 bytes from the stream (the value of a refused set). With
 *                 OUTCOME_TOO_LARGE the command and key of the request are set, so that
 *                 a stale value can be removed.
 *   PARSE_CLOSE   not our protocol, or beyond repair: close the connection after the
 *                 answer (there is none if `why` is OUTCOME_OK).
 *
 * A key that is too long ends a multi-key get. The keys before it on the line get no
 * answer if the line was complete or shorter than 2 KiB; on a longer line they were
 * answered before the end of the line was seen.
 *
 * compose_* append to `out`; false only if memory runs out.
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
    uint32_t value_max; /* the parser refuses larger values; 0: no limit, which is what
                           mcd uses, because its engine knows the limit */
    /* results beside the request */
    size_t used, want;
    uint64_t swallow;
    enum outcome why;
    /* private to the codec: where a multi-key get stands */
    struct request pending;
    bool in_get, skip_line;
    struct meta meta;  /* of the last meta command */
    char key[KEY_MAX]; /* its key, if the line has it encoded or will be gone */
};

struct codec {
    const char *name;
    unsigned value_tail; /* bytes after a value in a request: 2 for text, 0 for binary */
    enum parse_result (*parse)(struct parser *p, const struct buffer *in,
                               struct request *req);
    /* A whole response without a value, or what precedes the value. Composes nothing if
     * the request is quiet and hides this outcome. */
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
/* Of a client that has to give its password first; then it uses text_codec. */
extern const struct codec auth_codec;

/* The outcome that a status of the binary protocol stands for. */
enum outcome binary_outcome(uint16_t status);

/* The codec for a connection that begins with this byte. */
const struct codec *codec_for_first_byte(uint8_t byte);

#endif
