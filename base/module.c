#include "base/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_path(int n, size_t npath)
{
    return n >= 0 && (size_t)n < npath;
}

/* A program that is not installed finds what was built with it: libtool keeps modules in
 * the folder .libs beside the program. */
static bool built_path(const char *name, char *path, size_t npath)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (n <= 0)
        return false;
    program[n] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return is_path(snprintf(path, npath, "%s/.libs/%s", program, name), npath) &&
           access(path, R_OK) == 0;
}

static bool module_path(const char *name, const char *directory, char *path, size_t npath)
{
    if (strchr(name, '/') != NULL)
        return is_path(snprintf(path, npath, "%s", name), npath);
    return built_path(name, path, npath) ||
           is_path(snprintf(path, npath, "%s/%s", directory, name), npath);
}

void *module_open(const char *what, const char *name, const char *directory, char *why,
                  size_t nwhy)
{
    char path[PATH_MAX];
    if (!module_path(name, directory, path, sizeof(path))) {
        snprintf(why, nwhy, "the name of the %s is too long: %s", what, name);
        return NULL;
    }
    if (access(path, R_OK) != 0) {
        snprintf(why, nwhy,
                 "cannot read the %s %s: %s. A name without a slash is looked up in %s; "
                 "give a path to load another file",
                 what, path, strerror(errno), directory);
        return NULL;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        snprintf(why, nwhy, "cannot load the %s %s: %s", what, path, dlerror());
    return library;
}
