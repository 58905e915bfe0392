/*
 * Options declared once. A row carries the name, type, default, range and help text;
 * parsing, defaults, `stats settings` and --help all come from it. The values live in a
 * plain struct of the caller; a row knows the offset of its member.
 *
 *   type             member             accepted text
 *   OPTION_BOOL      bool               true|on|yes|1, false|off|no|0
 *   OPTION_NUMBER    uint64_t           decimal
 *   OPTION_SIZE      uint64_t           decimal with k, m, g, t (powers of 1024)
 *   OPTION_FACTOR    double             decimal fraction
 *   OPTION_STRING    char * (owned)     anything, kept with strdup
 *   OPTION_CHOICE    unsigned           one of choices "a|b|c"; its index
 *
 * Texts of errors are complete sentences for the user and name the option.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
    OPTION_BOOL,
    OPTION_NUMBER,
    OPTION_SIZE,
    OPTION_FACTOR,
    OPTION_STRING,
    OPTION_CHOICE
};

struct option_row {
    const char *name; /* the long name, also the key in key=value */
    char letter;      /* the short name on a command line, 0 if none */
    enum option_type type;
    size_t offset;        /* of the member in the caller's struct */
    const char *preset;   /* default, as the user would write it; NULL for none */
    uint64_t min, max;    /* of numbers and sizes; max 0 means no upper limit */
    const char *choices;  /* "promote|reject" */
    const char *argument; /* what help calls the value: "MB"; NULL for a switch */
    const char *help;
};

enum option_result { OPTION_OK, OPTION_UNKNOWN, OPTION_BAD };

/* Set every member to its preset. The struct must be zeroed before. False: out of memory,
 * as why says; option_free is still due. */
bool option_defaults(const struct option_row *rows, size_t nrows, void *values, char *why,
                     size_t nwhy);

/* Set one by name (option_set) or row (option_put). On OPTION_BAD, why holds the
 * reason; on OPTION_UNKNOWN nothing is written to it. */
enum option_result option_set(const struct option_row *rows, size_t nrows, void *values,
                              const char *name, const char *text, char *why, size_t nwhy);
enum option_result option_put(const struct option_row *row, void *values,
                              const char *text, char *why, size_t nwhy);

/* Parse "key=value;key=value" ('\' quotes the next character). Pairs that no row
 * knows are appended, still quoted and joined with ';', to *rest (malloc'ed, the
 * caller frees; NULL if there are none). False: why holds the reason. */
bool option_parse(const struct option_row *rows, size_t nrows, void *values,
                  const char *config, char **rest, char *why, size_t nwhy);

/* The value as text, as the user would write it. */
void option_format(const struct option_row *row, const void *values, char *text,
                   size_t ntext);

/* One line a row for --help. */
void option_help(const struct option_row *rows, size_t nrows, FILE *out);

/* Free the strings. */
void option_free(const struct option_row *rows, size_t nrows, void *values);

/* "64m" to bytes; "on" to true. False if it is no size, no yes or no. */
bool option_size(const char *text, uint64_t *bytes);
bool option_bool(const char *text, bool *value);

/* Take the first "key=value" of config to room, which has strlen(config) + 2 bytes:
 * the key, terminated, and *value in the same room, NULL if there is no '='. Blanks
 * around both are dropped unless quoted. Returns where it stopped: at the ';' or the end.
 */
const char *option_pair(const char *config, char *room, char **value);

#endif
