#include "protocol/text.h"

const struct codec text_codec = {
    .name = "text",
    .value_tail = VALUE_TAIL,
    .parse = text_parse,
    .compose_head = text_compose_head,
    .compose_tail = text_compose_tail,
    .compose_end = text_compose_end,
};
