/*
 * Options declared once. A row has the name, type, default, range and help text; parsing,
 * defaults, `stats settings`, --help and the tables in the documents are made from it.
 * The values are in a plain struct of the caller; a row has the offset of its member.
 * Rows are in a header that is included once for the members and once for the table, such
 * as store/store_option_rows.h.
 *
 * They are read from a command line (base/command_line.h) or from an engine's options,
 * "key=value;key=value".
 *
 *   type             member             accepted text
 *   OPTION_BOOL      bool               true|on|yes|1, false|off|no|0
 *   OPTION_NUMBER    uint64_t           decimal
 *   OPTION_SIZE      uint64_t           decimal with k, m, g, t (powers of 1024)
 *   OPTION_FACTOR    double             decimal fraction
 *   OPTION_STRING    char * (owned)     anything, kept with strdup
 *   OPTION_LIST      char * (owned)     the same; each further text is added behind the
 *                                       row's separator
 *   OPTION_CHOICE    unsigned           one of the words of its form "a|b|c"; its index
 *   OPTION_FILE      bool: one was read   a file of options for the same rows
 *
 * Error texts are complete sentences for the user and name the option.
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
    OPTION_LIST,
    OPTION_CHOICE,
    OPTION_FILE
};

struct option_row {
    const char *name; /* the long name, also the key in key=value */
    char letter;      /* the short name on a command line, 0 if none */
    enum option_type type;
    size_t offset;      /* of the member in the caller's struct */
    const char *preset; /* default, as the user would write it; NULL for none */
    uint64_t min, max;  /* of numbers and sizes; max 0 means no upper limit. A list's min
                         * is its separator, a character */
    const char *form;   /* what help calls the value: "MB", "a|b|c"; NULL for a switch */
    const char *help;
};

#define OPTION_MEMBER_BOOL(name)   bool name;
#define OPTION_MEMBER_NUMBER(name) uint64_t name;
#define OPTION_MEMBER_SIZE(name)   uint64_t name;
#define OPTION_MEMBER_FACTOR(name) double name;
#define OPTION_MEMBER_STRING(name) char *name;
#define OPTION_MEMBER_LIST(name)   char *name;
#define OPTION_MEMBER_CHOICE(name) unsigned name;
#define OPTION_MEMBER_FILE(name)   bool name;

/* A row of a table: name is a string, member is the struct's member. */
#define OPTION_ROW(name, letter, type, values, member, preset, min, max, form, help)     \
    {                                                                                    \
        name, letter, OPTION_##type, offsetof(values, member), preset, min, max, form,   \
            help                                                                         \
    }

/* Used in a table's file, so that a row without a help text does not compile. */
#define OPTION_WHOLE(name, help)                                                         \
    _Static_assert(sizeof("" help) > sizeof("-"), name " has no help");

enum option_result { OPTION_OK, OPTION_BAD };

/* Sets every member to its preset. The struct must be zeroed before. False: out of
 * memory, and why says so; call option_free nevertheless. */
bool option_defaults(const struct option_row *rows, size_t nrows, void *values, char *why,
                     size_t nwhy);

/* The row with this name; NULL if there is none. */
const struct option_row *option_find(const struct option_row *rows, size_t nrows,
                                     const char *name);

/* OPTION_BAD: why has the reason, and the member is unchanged. */
enum option_result option_put(const struct option_row *row, void *values,
                              const char *text, char *why, size_t nwhy);

/* Parses "key=value;key=value" ('\' quotes the next character; blanks around keys and
 * values are dropped unless quoted; if a key comes twice, the last one wins). Pairs
 * without a row are appended, still quoted and joined with ';', to *rest (malloc'ed, the
 * caller frees it; NULL if there are none). config may be NULL. False: why has the
 * reason. */
bool option_parse(const struct option_row *rows, size_t nrows, void *values,
                  const char *config, char **rest, char *why, size_t nwhy);

/* The value in the form in which the user would write it. */
void option_format(const struct option_row *row, const void *values, char *text,
                   size_t ntext);

/* One line per row, for --help. */
void option_help(const struct option_row *rows, size_t nrows, FILE *out);

/* Frees the strings. */
void option_free(const struct option_row *rows, size_t nrows, void *values);

/* "64m" to bytes; "on" to true. False if the text is not a size, or not a boolean. */
bool option_size(const char *text, uint64_t *bytes);
bool option_bool(const char *text, bool *value);

/* The syntax alone: passes each pair to take, until take returns false. */
struct option_pair {
    const char *key, *value; /* unquoted; value NULL: there is no '=' */
    const char *text;        /* the pair as it was written */
    size_t ntext;
};

struct option_reader {
    bool (*take)(void *context, const struct option_pair *pair);
    void *context;
    char *why;
    size_t nwhy;
    unsigned depth; /* files that are being read */
};

/* False: take returned false; or why has the reason. */
bool option_read(struct option_reader *r, const char *config);
/* The same for a file, whose lines are such texts, or comments that begin with '#'. */
bool option_read_file(struct option_reader *r, const char *name);

#endif
