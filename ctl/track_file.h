/*
 * A file with one number that keepalived tracks (track_file). keepalived sees every
 * change at once, by inotify, and never half a number: it is written beside and moved
 * into place.
 */
#ifndef CTL_TRACK_FILE_H
#define CTL_TRACK_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct track_file {
    char path[512];
    int number;   /* as it stands in the file */
    bool failing; /* the last try to write it failed */
};

/* What a guard before this one has written stays; where nothing is, `first` is written.
 * False: errno says why it cannot be. */
bool track_file_open(struct track_file *f, const char *directory, const char *name,
                     int first);
/* No-op if it stands there already. */
bool track_file_write(struct track_file *f, int number);

#endif
