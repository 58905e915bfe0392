/*
 * Runs a fuzzer over its seeds, without libFuzzer: each seed as it is, cut at every
 * length, and with each single bit inverted. That is bounded and the same in each run, so
 * make check can include it.
 *
 *   replay_<what>              all of $srcdir/test/fuzz/seeds/<what>
 *   replay_<what> FILE...      these, for instance the findings of libFuzzer
 *   replay_<what> -o DIR       writes the seeds to DIR in libFuzzer's format
 *
 * A seed named *.hex consists of hexadecimal digits, with blanks anywhere and comments
 * from '#' to the end of the line; any other is used as it is.
 */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "test/fuzz/fuzz.h"

enum { CUTS_MAX = 4096 }; /* only the head of a longer seed is cut and changed */

static void read_file(const char *path, struct buffer *b)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "cannot read seed %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    char *room;
    size_t n;
    do {
        room = buffer_reserve(b, 4096);
        AN(room);
        n = fread(room, 1, 4096, file);
        buffer_commit(b, n);
    } while (n > 0);
    fclose(file);
}

static int digit(int c)
{
    return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

static void decode_hex(const struct buffer *in, struct buffer *out)
{
    bool remark = false;
    int high = -1;
    for (size_t i = in->head; i < in->tail; i++) {
        const char *at = &in->data[i];
        remark = *at == '#' || (remark && *at != '\n');
        if (remark || !isxdigit((unsigned char)*at))
            continue;
        if (high >= 0) {
            char byte = (char)(high << 4 | digit(*at));
            CHECK(buffer_append(out, &byte, 1));
        }
        high = high >= 0 ? -1 : digit(*at);
    }
    CHECK(high < 0);
}

static void load_seed(const char *path, struct buffer *seed)
{
    AN(path);
    size_t n = strlen(path);
    struct buffer raw;
    buffer_init(&raw);
    read_file(path, &raw);
    if (n > 4 && strcmp(path + n - 4, ".hex") == 0)
        decode_hex(&raw, seed);
    else
        CHECK(buffer_append(seed, buffer_head(&raw), buffer_length(&raw)));
    buffer_fini(&raw);
}

static size_t replay(const struct buffer *seed)
{
    size_t n = buffer_length(seed), cuts = n < CUTS_MAX ? n : CUTS_MAX;
    uint8_t *bytes = fuzz_exact(buffer_head(seed), n);
    LLVMFuzzerTestOneInput(bytes, n);
    for (size_t cut = 0; cut < cuts; cut++) {
        uint8_t *part = fuzz_exact(bytes, cut);
        LLVMFuzzerTestOneInput(part, cut);
        free(part);
    }
    for (size_t bit = 0; bit < cuts * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        LLVMFuzzerTestOneInput(bytes, n);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bytes);
    return 1 + cuts * 9;
}

static void write_seed(const struct buffer *seed, const char *directory, size_t number)
{
    char path[512];
    (void)mkdir(directory, 0777);
    snprintf(path, sizeof(path), "%s/seed-%zu", directory, number);
    FILE *file = fopen(path, "we");
    size_t n = buffer_length(seed);
    if (file == NULL || fwrite(buffer_head(seed), 1, n, file) != n || fclose(file) != 0) {
        fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void find_seeds(const char *program, glob_t *found)
{
    char pattern[512];
    const char *srcdir = getenv("srcdir"), *what = strrchr(program, '_');
    snprintf(pattern, sizeof(pattern), "%s/test/fuzz/seeds/%s/*",
             srcdir != NULL ? srcdir : ".", what != NULL ? what + 1 : program);
    if (glob(pattern, 0, NULL, found) != 0) {
        fprintf(stderr, "there are no seeds: %s\n", pattern);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    const char *directory = argc == 3 && strcmp(argv[1], "-o") == 0 ? argv[2] : NULL;
    glob_t found = { .gl_pathc = (size_t)argc - 1, .gl_pathv = argv + 1 };
    bool named = argc > 1 && directory == NULL;
    size_t runs = 0;
    if (!named)
        find_seeds(argv[0], &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buffer seed;
        buffer_init(&seed);
        load_seed(found.gl_pathv[i], &seed);
        if (directory != NULL)
            write_seed(&seed, directory, i);
        else
            runs += replay(&seed);
        buffer_fini(&seed);
    }
    printf("%zu seeds, %zu inputs\n", found.gl_pathc, runs);
    if (!named)
        globfree(&found);
    return EXIT_SUCCESS;
}
