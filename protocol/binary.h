/* The functions of binary_parse.c and binary_compose.c for the codec in binary.c. */
#ifndef PROTOCOL_BINARY_H
#define PROTOCOL_BINARY_H

#include "protocol/codec.h"

enum parse_result binary_parse(struct parser *p, const struct buffer *in,
                               struct request *req);
bool binary_compose_head(const struct request *req, const struct response *res,
                         struct buffer *out);
bool binary_compose_tail(const struct request *req, const struct response *res,
                         struct buffer *out);
bool binary_compose_end(const struct request *req, struct buffer *out);

#endif
