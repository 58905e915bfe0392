#include "server/machine.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static FILE *open_below(const char *root, const char *path)
{
    char whole[PATH_MAX];
    int n = snprintf(whole, sizeof(whole), "%s%s", root, path);
    return n > 0 && (size_t)n < sizeof(whole) ? fopen(whole, "re") : NULL;
}

static void look_at_machine(const char *root, struct machine_memory *m)
{
    char line[256];
    uint64_t kib;
    FILE *in = open_below(root, "/proc/meminfo");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        if (sscanf(line, "MemTotal: %" SCNu64 " kB", &kib) != 1)
            continue;
        m->bytes = kib << 10;
        snprintf(m->whose, sizeof(m->whose), "this machine");
    }
    if (in != NULL)
        fclose(in);
}

/* The word "max", or a number larger than all memory, means no limit. */
static void look_at_group(const char *root, const char *mount, const char *group,
                          const char *file, struct machine_memory *m)
{
    char path[PATH_MAX];
    uint64_t bytes;
    snprintf(path, sizeof(path), "%s%s/%s", mount, group, file);
    FILE *in = open_below(root, path);
    if (in == NULL)
        return;
    if (fscanf(in, "%" SCNu64, &bytes) == 1 && bytes < m->bytes) {
        m->bytes = bytes;
        snprintf(m->whose, sizeof(m->whose), "the control group %.200s",
                 group[0] != '\0' ? group : "/");
    }
    fclose(in);
}

/* Shortens the path step by step, from the group up to the topmost folder. */
static void look_upwards(const char *root, const char *mount, char *group,
                         const char *file, struct machine_memory *m)
{
    char *slash;
    while ((slash = strrchr(group, '/')) != NULL) {
        if (slash[1] != '\0')
            look_at_group(root, mount, group, file, m);
        *slash = '\0';
    }
    look_at_group(root, mount, "", file, m);
}

/* True if word is in a list separated by commas. */
static bool is_listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (; list != NULL; list = strchr(list, ',')) {
        list += *list == ',';
        if (strncmp(list, word, n) == 0 && (list[n] == '\0' || list[n] == ','))
            return true;
    }
    return false;
}

/* The format is ID:CONTROLLERS:PATH; without controllers it is a version 2 group. */
static void look_at_line(const char *root, char *line, struct machine_memory *m)
{
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL)
        return;
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    if (controllers[1] == '\0')
        look_upwards(root, "/sys/fs/cgroup", path, "memory.max", m);
    else if (is_listed(controllers + 1, "memory"))
        look_upwards(root, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", m);
}

void machine_memory(const char *root, struct machine_memory *m)
{
    char line[PATH_MAX];
    *m = (struct machine_memory){ .bytes = UINT64_MAX };
    look_at_machine(root, m);
    FILE *in = open_below(root, "/proc/self/cgroup");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL)
        look_at_line(root, line, m);
    if (in != NULL)
        fclose(in);
}
