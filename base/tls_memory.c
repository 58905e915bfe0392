#include "base/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

static _Thread_local int64_t taken;

static void give(void *at, const char *file, int line)
{
    (void)file, (void)line;
    taken -= (int64_t)malloc_usable_size(at);
    free(at);
}

static void *take(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    void *at = n > 0 ? malloc(n) : NULL;
    taken += (int64_t)malloc_usable_size(at);
    return at;
}

static void *take_again(void *at, size_t n, const char *file, int line)
{
    int64_t before = (int64_t)malloc_usable_size(at);
    if (n == 0) {
        give(at, file, line);
        return NULL;
    }
    void *now = realloc(at, n);
    if (now != NULL)
        taken += (int64_t)malloc_usable_size(now) - before;
    return now;
}

bool tls_memory_count(void)
{
    return CRYPTO_set_mem_functions(take, take_again, give) == 1;
}

int64_t tls_memory_taken(void)
{
    return taken;
}
