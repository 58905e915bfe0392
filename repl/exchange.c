/* Messages with maps: MAP, MERGE, REFILL, REPLACE, END, VERIFIED. */
#include "repl/internal.h"

/* If memory runs out, the port closes the connection, as after any message that could
 * not be composed completely. */
void core_put_maps(struct repl_core *c, enum link_op op, const struct map *const *maps,
                   size_t n)
{
    struct buffer *out = core_out(c);
    size_t begun = link_begin(out, op, c->term);
    bool whole = begun != SIZE_MAX;
    for (size_t i = 0; whole && i < n; i++)
        whole = map_encode(maps[i], c->session.map_bits, out);
    if (whole)
        link_finish(out, begun);
}

bool core_take_maps(struct repl_core *c, const struct link_message *m,
                    struct map *const *maps, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t used =
            map_decode(maps[i], c->session.map_bits, m->rest + at, m->nrest - at);
        if (used == 0)
            return false;
        at += used;
    }
    return at == m->nrest;
}
