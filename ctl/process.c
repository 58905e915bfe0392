#include "ctl/process.h"

#include <glob.h>
#include <stdio.h>

bool process_wants_processor(pid_t pid)
{
    char path[64], state = '?';
    glob_t threads;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/task/*/stat", (int)pid);
    if (glob(path, GLOB_NOSORT, NULL, &threads) != 0)
        return false;
    for (size_t i = 0; i < threads.gl_pathc && !found; i++) {
        FILE *file = fopen(threads.gl_pathv[i], "re");
        found =
            file != NULL && fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'R';
        if (file != NULL)
            fclose(file);
    }
    globfree(&threads);
    return found;
}
