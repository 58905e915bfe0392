/*
 * The options of repl_engine, as given with -e. Options that are not known here go to
 * the wrapped engine.
 */
#ifndef ENGINE_REPL_OPTIONS_H
#define ENGINE_REPL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "repl/address_range.h"
#include "repl/node_address.h"

enum lone { LONE_SERVE, LONE_REJECT };
enum on_conflict { ON_CONFLICT_INVALIDATE, ON_CONFLICT_KEEP };

struct repl_options {
#define OPTION(name, type, preset, min, max, form, help) OPTION_MEMBER_##type(name)
#include "engine/repl_option_rows.h"
    char *rest; /* for the wrapped engine; NULL if nothing is left */

    /* derived from the options */
    struct host_port peer_at, listen_at;
    struct address_ranges peers_from;
    uint64_t item_max, memory; /* the wrapped engine's limits in bytes: its options, or
                                * their defaults */
};

extern const struct option_row repl_option_rows[];
extern const size_t repl_option_count;

/* config may be NULL. False: why holds the reason. Call repl_options_free in either
 * case. */
bool repl_options_parse(struct repl_options *o, const char *config, char *why,
                        size_t nwhy);
/* Among the options that were passed on: tells, in text, of one that is near to an option
 * of repl_engine; empty if there is none. */
void repl_options_hint(const struct repl_options *o, char *text, size_t ntext);

void repl_options_free(struct repl_options *o);

#endif
