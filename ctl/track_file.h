/*
 * A file with one number that keepalived tracks (track_file). keepalived sees every
 * change at once, by inotify, and never half a number: the number is written to a file
 * beside it, which is then moved into place.
 */
#ifndef CTL_TRACK_FILE_H
#define CTL_TRACK_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct track_file {
    char path[512];
    int number;   /* the number in the file */
    bool failing; /* the last try to write it failed */
};

/* The number that an earlier guard has written stays; if there is no file, `first` is
 * written. False: errno says why it failed. */
bool track_file_open(struct track_file *f, const char *directory, const char *name,
                     int first);
/* No-op if the file has this number already. */
bool track_file_write(struct track_file *f, int number);

#endif
