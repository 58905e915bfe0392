/*
 * A file of items. Numbers are big-endian.
 *
 *   "mcd dump 1\n"
 *   for each item   "I", key length 2, flags 4, expires 8, CAS 8, value length 4, key,
 * value at the end      "E", number of items 8, check sum 8
 *
 * The check sum covers all records before it. A file is written under a temporary name
 * and renamed when it is complete and on the disk; a reader checks all of it before it
 * shows the first item. If a function fails, `why` has the reason.
 */
#ifndef CTL_DUMP_FILE_H
#define CTL_DUMP_FILE_H

#include <stdio.h>

#include "ctl/item.h"

struct dump_file {
    FILE *stream;
    const char *path;
    char temporary[4096];
    uint64_t items, sum;
    char *room; /* for a record that is read */
    size_t nroom;
    char why[4400];
};

bool dump_file_create(struct dump_file *f, const char *path);
bool dump_file_put(struct dump_file *f, const struct item *it);
/* Completes the file. */
bool dump_file_finish(struct dump_file *f);

/* Opens a file and checks it; then `items` tells how many there are. */
bool dump_file_open(struct dump_file *f, const char *path);
/* Passes all items on. False: the file cannot be read (any more), or, with an empty
 * `why`, the taker wants no more. */
bool dump_file_each(struct dump_file *f, const struct item_taker *taker);

/* In any case. An unfinished new file is removed. */
void dump_file_close(struct dump_file *f);

#endif
