#include "protocol/binary.h"

const struct codec binary_codec = {
    .name = "binary",
    .value_tail = 0,
    .parse = binary_parse,
    .compose_head = binary_compose_head,
    .compose_tail = binary_compose_tail,
    .compose_end = binary_compose_end,
};
