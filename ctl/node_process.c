#include "ctl/node_process.h"

#include <glob.h>
#include <stdio.h>

/* Two of a thread's flags in /proc, named as in the kernel's include/linux/sched.h. */
enum { PF_EXITING = 0x4, PF_SIGNALED = 0x400 };

static bool read_stat(const char *path, char *state, unsigned *flags)
{
    FILE *file = fopen(path, "re");
    bool ok = file != NULL &&
              fscanf(file, "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %u", state, flags) == 2;
    if (file != NULL)
        fclose(file);
    return ok;
}

bool process_wants_processor(pid_t pid)
{
    char path[64], state;
    unsigned flags;
    glob_t threads;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/task/*/stat", (int)pid);
    if (glob(path, GLOB_NOSORT, NULL, &threads) != 0)
        return false;
    for (size_t i = 0; i < threads.gl_pathc && !found; i++)
        found = read_stat(threads.gl_pathv[i], &state, &flags) && state == 'R';
    globfree(&threads);
    return found;
}

bool process_is_dying(pid_t pid)
{
    char path[64], state;
    unsigned flags;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid); /* for its first thread */
    return read_stat(path, &state, &flags) && (flags & (PF_EXITING | PF_SIGNALED)) != 0;
}
