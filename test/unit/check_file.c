#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "test/unit/unit.h"

static char folder[] = "/tmp/check-file-XXXXXX", path[64], beside[80], other[64];

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/number", folder);
    snprintf(beside, sizeof(beside), "%s.new", path);
    snprintf(other, sizeof(other), "%s/other", folder);
}

static void remove_folder(void)
{
    unlink(path);
    unlink(beside);
    rmdir(beside);
    unlink(other);
    ck_assert_int_eq(rmdir(folder), 0);
    memcpy(strrchr(folder, '-'), "-XXXXXX", sizeof("-XXXXXX"));
}

static bool is_link(const char *name)
{
    struct stat found;
    return lstat(name, &found) == 0 && S_ISLNK(found.st_mode);
}

START_TEST(test_written_and_read)
{
    long n = 0;
    ck_assert(!file_read_number(path, &n));
    ck_assert(file_replace(path, "-254\n"));
    ck_assert(file_read_number(path, &n) && n == -254);
    ck_assert(file_replace(path, "7\n"));
    ck_assert(file_read_number(path, &n) && n == 7);
    ck_assert_int_ne(access(beside, F_OK), 0);
}
END_TEST

START_TEST(test_links_are_replaced)
{
    long n = 0;
    ck_assert(file_replace(other, "5\n"));
    ck_assert_int_eq(symlink(other, path), 0);
    ck_assert_int_eq(symlink(other, beside), 0);
    ck_assert(!file_read_number(path, &n));
    ck_assert(file_replace(path, "7\n"));
    ck_assert(!is_link(path));
    ck_assert(file_read_number(other, &n) && n == 5);
    ck_assert(file_read_number(path, &n) && n == 7);
}
END_TEST

START_TEST(test_not_a_number)
{
    long n = 3;
    ck_assert(file_replace(path, "a word\n"));
    ck_assert(!file_read_number(path, &n));
    ck_assert(file_replace(path, ""));
    ck_assert(!file_read_number(path, &n) && errno == ENOENT && n == 3);
    ck_assert_int_eq(mkfifo(other, 0600), 0);
    ck_assert(!file_read_number(other, &n)); /* and it does not wait for a writer */
    ck_assert(!file_read_number(folder, &n) && errno != ENOENT); /* it cannot be read */
}
END_TEST

START_TEST(test_what_stood_stays)
{
    long n;
    char longest[5000];
    ck_assert(file_replace(path, "5\n"));
    ck_assert_int_eq(mkdir(beside, 0700), 0);
    ck_assert(!file_replace(path, "7\n"));
    ck_assert(file_read_number(path, &n) && n == 5);
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ck_assert(!file_replace(longest, "7\n") && errno == ENAMETOOLONG);
}
END_TEST

/* Whoever names /dev/null means it. */
START_TEST(test_a_device_stays)
{
    struct stat found;
    if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) != 0)
        return; /* only root may make one */
    ck_assert(!file_replace(path, "7\n"));
    ck_assert_int_eq(errno, EPERM);
    ck_assert(lstat(path, &found) == 0 && S_ISCHR(found.st_mode));
    ck_assert_int_ne(access(beside, F_OK), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_written_and_read, test_links_are_replaced,
                             test_not_a_number, test_what_stood_stays,
                             test_a_device_stays };
    return unit_run_with("file", make_folder, remove_folder, tests, N_ELEMENTS(tests));
}
