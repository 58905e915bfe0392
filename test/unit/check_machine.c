/* The amount of memory, from files in the kernel's format. */
#include "server/machine.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/unit/unit.h"

#define MB (UINT64_C(1) << 20)

static char root[64];

static void setup(void)
{
    snprintf(root, sizeof(root), "/tmp/mcd-check-machine-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void teardown(void)
{
    ck_assert_int_eq(nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *c = whole + strlen(root) + 1; (c = strchr(c, '/')) != NULL; c++) {
        *c = '\0';
        mkdir(whole, 0700);
        *c = '/';
    }
    FILE *out = fopen(whole, "we");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    ck_assert_int_eq(fclose(out), 0);
}

static void put_machine(void)
{
    put("/proc/meminfo", "MemTotal:        2097152 kB\nMemFree:  1 kB\n");
}

static void expect(uint64_t bytes, const char *whose)
{
    struct machine_memory m;
    machine_memory(root, &m);
    ck_assert_uint_eq(m.bytes, bytes);
    ck_assert_str_eq(m.whose, whose);
}

START_TEST(test_nothing_is_known)
{
    expect(UINT64_MAX, "");
}
END_TEST

START_TEST(test_a_machine_without_limits)
{
    put_machine();
    put("/proc/self/cgroup", "0::/user.slice\n");
    put("/sys/fs/cgroup/user.slice/memory.max", "max\n");
    expect(2048 * MB, "this machine");
}
END_TEST

START_TEST(test_a_group)
{
    put_machine();
    put("/proc/self/cgroup", "0::/a.slice/b.service\n");
    put("/sys/fs/cgroup/a.slice/b.service/memory.max", "104857600\n");
    expect(100 * MB, "the control group /a.slice/b.service");
}
END_TEST

/* The smallest limit counts, at any level. */
START_TEST(test_a_group_above)
{
    put_machine();
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
    put("/sys/fs/cgroup/a/b/memory.max", "209715200\n");
    put("/sys/fs/cgroup/a/memory.max", "314572800\n");
    expect(200 * MB, "the control group /a/b");
    put("/sys/fs/cgroup/a/memory.max", "104857600\n");
    expect(100 * MB, "the control group /a");
}
END_TEST

START_TEST(test_a_group_of_the_first_version)
{
    put_machine();
    put("/proc/self/cgroup", "9:name=systemd:/x\n5:cpu,memory:/docker/1\n0::/\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "104857600\n");
    expect(100 * MB, "the control group /docker/1");
}
END_TEST

/* The path is the host's; only the container's own part is mounted here. */
START_TEST(test_a_container)
{
    put_machine();
    put("/proc/self/cgroup", "5:memory:/docker/1\n0::/docker/1\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
    expect(100 * MB, "the control group /");
}
END_TEST

START_TEST(test_a_limit_beyond_the_machine)
{
    put_machine();
    put("/proc/self/cgroup", "0::/a\n");
    put("/sys/fs/cgroup/a/memory.max", "9999999999999\n");
    expect(2048 * MB, "this machine");
}
END_TEST

START_TEST(test_nonsense)
{
    put_machine();
    put("/proc/self/cgroup", "\n:\n::\n0:\n0::\nmemory\n5:memoryless:/a\n");
    put("/sys/fs/cgroup/memory.max", "plenty\n");
    put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1\n");
    expect(2048 * MB, "this machine");
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_nothing_is_known,
        test_a_machine_without_limits,
        test_a_group,
        test_a_group_above,
        test_a_group_of_the_first_version,
        test_a_container,
        test_a_limit_beyond_the_machine,
        test_nonsense,
    };
    return unit_run_with("machine", setup, teardown, tests, N_ELEMENTS(tests));
}
