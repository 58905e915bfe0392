#include "ctl/track_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool put(const struct track_file *f, int number)
{
    char beside[sizeof(f->path) + 8];
    snprintf(beside, sizeof(beside), "%s.new", f->path);
    FILE *file = fopen(beside, "we");
    if (file == NULL)
        return false;
    bool ok = fprintf(file, "%d\n", number) > 0;
    ok = fclose(file) == 0 && ok;
    return ok && rename(beside, f->path) == 0;
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
    FILE *file = fopen(f->path, "re");
    if (file == NULL && errno != ENOENT)
        return false; /* what it says is not ours to forget */
    bool stands = file != NULL && fscanf(file, "%d", &f->number) == 1;
    if (file != NULL)
        fclose(file);
    if (!stands)
        f->number = first;
    return put(f, f->number); /* also to learn now whether it can be written */
}
