/* The store when the kernel refuses to give memory, to take it back, or to map more. */
#include <errno.h>
#include <sys/mman.h>

#include "test/unit/store_rig.h"

#define MB ((size_t)1 << 20)
static size_t cache; /* bytes */

/* Mappings that others may create meanwhile, for example a sanitizer. */
#ifdef UNDER_SANITIZER
enum { MAPS_SLACK = 100 };
#else
enum { MAPS_SLACK = 4 };
#endif

/* The linker calls these instead of the C library's functions. */
int __real_madvise(void *at, size_t n, int advice);
int __real_mprotect(void *at, size_t n, int protection);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t n);
int __wrap_madvise(void *at, size_t n, int advice);
int __wrap_mprotect(void *at, size_t n, int protection);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t n);

static struct {
    _Atomic unsigned madvise, mprotect; /* how many of a hundred calls to refuse */
    size_t addresses;                   /* the limit of address space; 0: none */
    _Atomic unsigned calls, refused;
} no;
static size_t mapped;

static bool says_no(unsigned often)
{
    bool refuse = atomic_fetch_add(&no.calls, 1) * 37 % 100 < often;
    atomic_fetch_add(&no.refused, refuse);
    return refuse;
}

int __wrap_madvise(void *at, size_t n, int advice)
{
    if (!says_no(no.madvise))
        return __real_madvise(at, n, advice);
    errno = EINVAL;
    return -1;
}

int __wrap_mprotect(void *at, size_t n, int protection)
{
    if (!says_no(no.mprotect))
        return __real_mprotect(at, n, protection);
    errno = ENOMEM;
    return -1;
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (no.addresses == 0 || mapped + n <= no.addresses) {
        mapped += n;
        return __real_mmap(at, n, protection, flags, fd, offset);
    }
    errno = ENOMEM;
    return MAP_FAILED;
}

int __wrap_munmap(void *at, size_t n)
{
    mapped -= n;
    return __real_munmap(at, n);
}

static void start_with(unsigned mb)
{
    char config[32];
    snprintf(config, sizeof(config), "cache_size=%um", mb);
    cache = mb * MB;
    rig_start(config);
}

static void setup(void)
{
    start_with(16);
}

static struct memory *memory(void)
{
    return &store_of(&engine->interface)->memory;
}

static ENGINE_ERROR_CODE put(const char *name, unsigned i, size_t nvalue)
{
    static char value[MB];
    char key[32];
    snprintf(key, sizeof(key), "%s-%u", name, i);
    memset(value, 'a' + (int)(i % 26), nvalue);
    struct fake_store what = {
        .op = OPERATION_SET, .key = key, .value = value, .nvalue = nvalue
    };
    return fake_store(engine, cookie, &what, NULL);
}

static bool drop(const char *name, unsigned i)
{
    char key[32];
    snprintf(key, sizeof(key), "%s-%u", name, i);
    return fake_delete(engine, cookie, key, 0) == ENGINE_SUCCESS;
}

static unsigned count_maps(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    unsigned n = 0;
    ck_assert_ptr_nonnull(f);
    for (int c; (c = fgetc(f)) != EOF;)
        n += c == '\n';
    fclose(f);
    return n;
}

/* The budget must equal the pages of segments and large items and the warm pages, plus
 * the tables. */
static void check_books(void)
{
    struct store *s = store_of(&engine->interface);
    struct memory *m = &s->memory;
    size_t tables =
        MB / 2 + s->table.bucket_range.charged + s->table.overflow_range.charged;
    AZ(pthread_mutex_lock(&m->lock));
    size_t charged = atomic_load(&m->budget.charged),
           pages = m->pages.runs.bytes[RUN_WARM];
    for (uint32_t id = 0; id < m->large_next; id++) {
        if (m->segments[id].state != SEGMENT_FREE)
            pages += m->segments[id].charged;
    }
    AZ(pthread_mutex_unlock(&m->lock));
    ck_assert_uint_le(pages, charged);
    ck_assert_uint_le(charged, pages + tables);
    ck_assert_uint_le(charged, cache + MB / 4);
}

START_TEST(large_values_need_no_mappings)
{
    ck_assert_int_eq(put("large", 0, 40 << 10), ENGINE_SUCCESS);
    unsigned before = count_maps();
    for (unsigned i = 1; i < 2000; i++) {
        ck_assert_int_eq(put("large", i, (20 + i % 40) << 10), ENGINE_SUCCESS);
        if (i % 3 == 0)
            drop("large", i - 1);
        if (i % 100 == 0)
            ck_assert_uint_le(count_maps(), before + MAPS_SLACK);
    }
    check_books();
}
END_TEST

/* As with locked memory before Linux 5.18: free pages serve other sizes. */
START_TEST(pages_that_are_not_taken_back_serve_others)
{
    no.madvise = 100;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 5000; i++)
            ck_assert_int_eq(put("small", i, 4 << 10), ENGINE_SUCCESS);
        for (unsigned i = 0; i < 100; i++)
            ck_assert_int_eq(put("large", i, 300 << 10), ENGINE_SUCCESS);
        ck_assert_uint_gt(rig_stat("bytes"), cache / 100 * 75);
        check_books();
    }
    ck_assert_uint_gt(no.refused, 0);
}
END_TEST

static void churn(unsigned sets, size_t largest)
{
    uint32_t state = 5;
    for (unsigned i = 0; i < sets; i++) {
        state = state * 1664525u + 1013904223u;
        size_t nvalue = state >> 28 == 0 ? (state >> 4) % largest : (state >> 8) % 20000;
        ENGINE_ERROR_CODE result = put("mixed", i, nvalue);
        ck_assert(result == ENGINE_SUCCESS || result == ENGINE_ENOMEM);
        if (i % 5 == 0)
            drop("mixed", i / 2);
        if (i % 256 == 0)
            check_books();
    }
}

START_TEST(some_pages_are_not_taken_back)
{
    no.madvise = 40;
    churn(3000, MB - 100);
    ck_assert_uint_gt(no.refused, 0);
    no.madvise = 0;
    churn(3000, MB - 100);
    ck_assert_uint_gt(rig_stat("bytes"), cache / 100 * 70);
}
END_TEST

START_TEST(no_more_memory_for_a_while)
{
    ck_assert_int_eq(put("first", 0, 100), ENGINE_SUCCESS);
    no.mprotect = 100;
    churn(3000, MB - 100);
    ck_assert_uint_gt(no.refused, 0);
    no.mprotect = 0;
    churn(3000, MB - 100);
    ck_assert_uint_gt(rig_stat("bytes"), cache / 100 * 70);
}
END_TEST

START_TEST(few_addresses_will_do)
{
    rig_stop();
    no.addresses = 300 * MB;
    start_with(64);
    ck_assert_uint_lt(memory()->pages.runs.pages.size, 2 * cache);
    churn(3000, MB - 100);
    ck_assert_uint_eq(rig_stat("outofmemory"), 0);
    ck_assert_uint_gt(rig_stat("bytes"), cache / 100 * 70);
}
END_TEST

START_TEST(no_addresses_is_an_error)
{
    ENGINE_ERROR_CODE error = ENGINE_SUCCESS;
    no.addresses = 150 * MB;
    ck_assert_ptr_null(
        fake_engine_create(host, store_create_instance, "cache_size=16m", &error));
    ck_assert_int_eq(error, ENGINE_ENOMEM);
}
END_TEST

/* Sizes that do not fit each other: the store uses little more than the cache itself. */
START_TEST(addresses_do_not_run_away)
{
    uint32_t state = 9;
    rig_stop();
    start_with(64);
    for (unsigned i = 0; i < 2000; i++) {
        state = state * 1664525u + 1013904223u;
        ck_assert_int_eq(put("mixed", i, 100000 + (state >> 8) % 900000), ENGINE_SUCCESS);
    }
    ck_assert_uint_gt(rig_stat("bytes"), cache / 100 * 85);
    ck_assert_uint_lt(memory()->pages.runs.top * RUN_PAGE, 2 * cache);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        large_values_need_no_mappings, pages_that_are_not_taken_back_serve_others,
        some_pages_are_not_taken_back, no_more_memory_for_a_while,
        few_addresses_will_do,         no_addresses_is_an_error,
        addresses_do_not_run_away,
    };
    return rig_run("store_pages", setup, tests, N_ELEMENTS(tests));
}
