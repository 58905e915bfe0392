/* What the files of the text protocol give to each other and to the codec in text.c. */
#ifndef PROTOCOL_TEXT_H
#define PROTOCOL_TEXT_H

#include "protocol/codec.h"

enum {
    WORDS_MAX = 8, /* more than any command takes; the meta ones look themselves */
    VALUE_LIMIT = INT32_MAX - 2 /* of a length on the wire, whatever value_max says */
};

/* A line without the name of its command. */
struct words {
    unsigned n;
    const char *at[WORDS_MAX];
    size_t size[WORDS_MAX];
    const char *end; /* of the line, without its CRLF */
};

typedef enum outcome (*words_handler)(struct parser *p, struct request *req,
                                      const struct words *w);

const char *text_skip_spaces(const char *at, const char *end);
const char *text_word_end(const char *at, const char *end);

enum parse_result text_parse(struct parser *p, const struct buffer *in,
                             struct request *req);
bool text_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out);
bool text_compose_tail(const struct request *req, const struct response *res,
                       struct buffer *out);
bool text_compose_end(const struct request *req, struct buffer *out);

/* The meta commands: meta_parse.c, meta_compose.c. */
enum outcome meta_parse_get(struct parser *p, struct request *req, const struct words *w);
enum outcome meta_parse_set(struct parser *p, struct request *req, const struct words *w);
enum outcome meta_parse_delete(struct parser *p, struct request *req,
                               const struct words *w);
enum outcome meta_parse_arith(struct parser *p, struct request *req,
                              const struct words *w);
enum outcome meta_parse_noop(struct parser *p, struct request *req,
                             const struct words *w);
/* False if that is no answer of a meta command but an error like any other. */
bool meta_answers(enum outcome outcome);
bool meta_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out);

#endif
