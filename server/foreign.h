/*
 * Options of memcached 1.6 that mcd does not have (foreign_option_rows.h): those without
 * a meaning here are accepted, so that command lines that were written for memcached
 * start mcd; those that somebody relies on are refused.
 */
#ifndef SERVER_FOREIGN_H
#define SERVER_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/near.h"
#include "base/option.h"

enum {
    FOREIGN_COUNT = sizeof("" /* and a letter for each row */
#define FOREIGN_OPTION(name, letter, form, verdict, reason) "o"
#define FOREIGN_WORD(name, verdict, reason)                 "w"
#include "server/foreign_option_rows.h"
                           "") -
                    1
};

/* Which of them were given. */
struct foreign_given {
    bool by_row[FOREIGN_COUNT];
};

/* Those of the command line, for base/command_line.h. They have no members. */
extern const struct option_row foreign_option_rows[];
extern const size_t foreign_option_count;

/* One was given: name is that of a row of foreign_option_rows, or any word of -o. *known:
 * there is such a word. False: it is refused, and why has the reason. */
bool foreign_take_option(struct foreign_given *g, const char *name, char *why,
                         size_t nwhy);
bool foreign_take_word(struct foreign_given *g, const char *name, bool *known, char *why,
                       size_t nwhy);

/* Tries the words of -o. */
void foreign_try_words(struct near *n);

/* One line about all that were given and have no effect; empty if there are none. */
void foreign_tell(const struct foreign_given *g, char *line, size_t nline);

/* For --help: the names of all, by verdict. */
void foreign_help(FILE *out);

#endif
