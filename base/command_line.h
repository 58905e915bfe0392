/*
 * Reads the options of a command line into rows (base/option.h) with getopt: -p 1, -p1,
 * --port=1, --port 1. A number may also be written as -p=1, or as "-p 1" in one word.
 * Rows without a form are switches.
 *
 * getopt's state belongs to the process: one thread at a time.
 */
#ifndef BASE_COMMAND_LINE_H
#define BASE_COMMAND_LINE_H

#include "base/option.h"

struct option_table {
    const struct option_row *rows;
    size_t nrows;
    void *values;
};

struct command_line {
    struct option_table table[2]; /* the second one may be empty */
    bool stops;                   /* at the first word that is not an option */
    bool enough;                  /* set by take: read no further */
    const char *hint;             /* ends messages about unknown options: "see mcd -h" */
    /* Called for each option. text NULL: a switch. If take is NULL: command_line_put. */
    bool (*take)(struct command_line *l, const struct option_row *row, void *values,
                 const char *text, char *why, size_t nwhy);
};

/* Returns the index in argv of the first word that is not an option, argc if there is
 * none. -1: why has the reason. */
int command_line_read(struct command_line *l, int argc, char **argv, char *why,
                      size_t nwhy);

/* Sets the member; a switch is set to true. */
bool command_line_put(struct command_line *l, const struct option_row *row, void *values,
                      const char *text, char *why, size_t nwhy);

#endif
