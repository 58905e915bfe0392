/* What text_parse.c and text_compose.c give to the codec in text.c. */
#ifndef PROTOCOL_TEXT_H
#define PROTOCOL_TEXT_H

#include "protocol/codec.h"

enum parse_result text_parse(struct parser *p, const struct buffer *in,
                             struct request *req);
bool text_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out);
bool text_compose_tail(const struct request *req, const struct response *res,
                       struct buffer *out);
bool text_compose_end(const struct request *req, struct buffer *out);

#endif
