/* Files of items: what is written is read, and what is not whole is refused. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/dump_file.h"
#include "test/unit/unit.h"

enum { ITEMS = 300 };

static char folder[64], path[128];
static struct dump_file f;
static char bytes[70000];

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/check_dump_file.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/items", folder);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* no temporary file is left */
}

static struct item item_of(unsigned i)
{
    return (struct item){ .key = bytes + i,
                          .nkey = 1 + i % ITEM_KEY_MAX,
                          .value = bytes + 2 * i,
                          .nvalue = i * i % 60000,
                          .flags = UINT32_MAX - i,
                          .expires = i % 2 == 0 ? 0 : UINT64_C(0x123456789) + i,
                          .cas = UINT64_MAX - i };
}

static bool compare(void *context, const struct item *it)
{
    unsigned *i = context;
    struct item want = item_of((*i)++);
    ck_assert_uint_eq(it->nkey, want.nkey);
    ck_assert_uint_eq(it->nvalue, want.nvalue);
    ck_assert_mem_eq(it->key, want.key, want.nkey);
    ck_assert(memcmp(it->value, want.value, want.nvalue) == 0);
    ck_assert_uint_eq(it->flags, want.flags);
    ck_assert_uint_eq(it->expires, want.expires);
    ck_assert_uint_eq(it->cas, want.cas);
    return *i < ITEMS * 2;
}

static void write_items(unsigned n)
{
    ck_assert_msg(dump_file_create(&f, path), "%s", f.why);
    for (unsigned i = 0; i < n; i++) {
        struct item it = item_of(i);
        ck_assert_msg(dump_file_put(&f, &it), "%s", f.why);
    }
    ck_assert_int_ne(access(path, F_OK), 0); /* not before it is complete */
    ck_assert_msg(dump_file_finish(&f), "%s", f.why);
    dump_file_close(&f);
}

START_TEST(what_was_written_is_read)
{
    unsigned i = 0;
    const struct item_taker taker = { compare, &i };
    write_items(ITEMS);
    ck_assert_msg(dump_file_open(&f, path), "%s", f.why);
    ck_assert_uint_eq(f.items, ITEMS);
    ck_assert_msg(dump_file_each(&f, &taker), "%s", f.why);
    ck_assert_uint_eq(i, ITEMS);
    dump_file_close(&f);
}
END_TEST

START_TEST(an_unfinished_file_is_removed)
{
    struct item it = item_of(5);
    ck_assert(dump_file_create(&f, path));
    ck_assert(dump_file_put(&f, &it));
    dump_file_close(&f);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert(!dump_file_create(&f, "/nowhere/items"));
    ck_assert_str_eq(f.why, "/nowhere/items: No such file or directory");
    dump_file_close(&f);
}
END_TEST

static void refuse(const char *content, size_t n)
{
    FILE *file = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(content, 1, n, file), n);
    fclose(file);
    ck_assert(!dump_file_open(&f, path));
    ck_assert_ptr_nonnull(strstr(f.why, path));
    dump_file_close(&f);
}

START_TEST(what_is_not_whole_is_refused)
{
    char whole[2000];
    write_items(3);
    FILE *file = fopen(path, "rb");
    size_t n = fread(whole, 1, sizeof(whole) - 1, file);
    fclose(file);
    ck_assert_uint_lt(n, sizeof(whole) - 1);
    for (size_t i = 0; i < n; i++)
        refuse(whole, i);
    for (size_t i = 0; i < n * 8; i++) {
        whole[i / 8] ^= (char)(1 << i % 8);
        refuse(whole, n);
        whole[i / 8] ^= (char)(1 << i % 8);
    }
    refuse(whole, n + 1);
    refuse(bytes, sizeof(bytes));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { what_was_written_is_read, an_unfinished_file_is_removed,
                             what_is_not_whole_is_refused };
    return unit_run_with("dump_file", setup, teardown, tests, N_ELEMENTS(tests));
}
