#include "ctl/track_file.h"

#include <errno.h>
#include <stdio.h>

#include "base/file.h"

static bool put(const struct track_file *f, int number)
{
    char text[16];
    snprintf(text, sizeof(text), "%d\n", number);
    return file_replace(f->path, text);
}

bool track_file_write(struct track_file *f, int number)
{
    if (number == f->number)
        return true;
    if (!put(f, number))
        return false;
    f->number = number;
    return true;
}

bool track_file_open(struct track_file *f, const char *directory, const char *name,
                     int first)
{
    int n = snprintf(f->path, sizeof(f->path), "%s/%s", directory, name);
    if (n < 0 || (size_t)n >= sizeof(f->path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    long stands = first;
    if (!file_read_number(f->path, &stands) && errno != ENOENT)
        return false; /* unreadable, or not a number: do not overwrite it */
    f->number = (int)stands;
    return put(f, f->number); /* also shows now whether the file can be written */
}
