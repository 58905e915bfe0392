/*
 * The options of default_engine, as given with -e: one row each. The row is also the
 * member of struct config.
 *
 *   OPTION(name, type, preset, least, most, form, what it does)
 *   OPTION_UNUSED(name, type, preset, form)   options of other engines: a host passes
 *                                 its own options on to any engine
 *
 * type: see <base/option.h>. most: 0 is no limit. form: how help shows the value.
 */
#ifndef OPTION_UNUSED
#define OPTION_UNUSED(name, type, preset, form)
#endif

OPTION(cache_size, SIZE, "64m", 1 << 20, 0, "BYTES", "the memory limit; at least 1m")
OPTION(item_size_max, SIZE, NULL, 1 << 10, 1 << 30, "BYTES",
       "the largest item, header and key included: from 1k to 1g, at most half of "
       "cache_size; if not given, 1m or half of cache_size, whichever is less")
OPTION(eviction, BOOL, "true", 0, 0, "BOOL",
       "whether items are evicted to make room; if not, a store into a full cache fails")
OPTION(use_cas, BOOL, "true", 0, 0, "BOOL", "whether items have CAS numbers")
OPTION(config_file, FILE, NULL, 0, 0, "FILE",
       "a file of options, key=value, one or more per line; # starts a comment")

OPTION_UNUSED(verbose, SIZE, "0", "N")
OPTION_UNUSED(preallocate, BOOL, "false", "BOOL")
OPTION_UNUSED(factor, FACTOR, "1.25", "FACTOR")
OPTION_UNUSED(chunk_size, SIZE, "48", "BYTES")
OPTION_UNUSED(ignore_vbucket, BOOL, "false", "BOOL")
OPTION_UNUSED(vb0, BOOL, "true", "BOOL")

#undef OPTION
#undef OPTION_UNUSED
