/*
 * The parser of engine configurations, "key=value;key=value". A host offers it to its
 * engines as core->parse_config, so that all of them have the same syntax.
 */
#ifndef MEMCACHED_CONFIG_PARSER_H
#define MEMCACHED_CONFIG_PARSER_H

#ifndef __cplusplus
#include <stdbool.h>
#endif

#include <memcached/visibility.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum config_datatype {
    DT_SIZE,      /* whole number, k, m, g or t for powers of 1024 */
    DT_FLOAT,     /* decimal fraction */
    DT_BOOL,      /* true|on|yes|1, false|off|no|0 */
    DT_STRING,    /* any text; the caller frees the copy with free() */
    DT_CONFIGFILE /* name of a file of key=value lines for the same items; has no value */
};

/* Where the value is stored; use the member of the item's datatype. */
union config_value {
    size_t *dt_size;
    float *dt_float;
    bool *dt_bool;
    char **dt_string;
};

/* One known key. An array of them ends with a row whose key is NULL. */
struct config_item {
    const char *key;
    enum config_datatype datatype;
    union config_value value;
    bool found; /* out: the key was there. Clear it before the call. */
};

/* Parses str (NULL is empty) into items. A backslash takes the next character literally;
 * blanks around keys and values are dropped. Writes messages to error, one line each,
 * unless it is NULL. Any thread; keeps no state.
 *
 *    0  everything was understood
 *    1  everything except some unknown keys, which are named on error
 *   -1  a value does not fit its datatype, or a file cannot be read: items before it are
 *       set, later ones are not */
MEMCACHED_PUBLIC_API int parse_config(const char *str, struct config_item items[],
                                      FILE *error);

#ifdef __cplusplus
}
#endif

#endif
