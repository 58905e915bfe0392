/*
 * Writes a document with its tables made from the rows of the code:
 *
 *   doc/tables DOCUMENT
 *
 * A table stands between two lines, <!-- rows of NAME --> and <!-- end of rows -->. In a
 * script they are "# rows of NAME" and "# end of rows", and the words KEY=FORM stand
 * between them. `make tables` brings all up to date; test/check-tables finds one that is
 * not.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* As it is unless configure is told otherwise. */
#undef RUN_DIR
#define RUN_DIR "/run/mcd"
#undef ENGINE_DIR
#define ENGINE_DIR "/usr/local/lib/memcached"

static void head(const char *columns)
{
    printf("| %s |\n|", columns);
    for (const char *c = columns; c != NULL; c = strchr(c + 1, '|'))
        fputs(" --- |", stdout);
    putchar('\n');
}

/* In a cell a bar is quoted. */
static void put_quoted(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            putchar('\\');
        putchar(*text);
    }
}

static void option(const char *name, const char *form, const char *preset,
                   const char *help)
{
    printf("| `%s=", name);
    put_quoted(form);
    printf(preset != NULL ? "` | `%s` | " : "` | %s | ",
           preset != NULL ? preset : "none");
    put_quoted(help);
    puts(" |");
}

/* -p, --port */
static void put_names(const char *name, char letter)
{
    if (letter != 0)
        printf("`-%c`, ", letter);
    printf("`--%s`", name);
}

static void mcd_option(const char *name, char letter, const char *help)
{
    fputs("| ", stdout);
    put_names(name, letter);
    fputs(" | ", stdout);
    put_quoted(help);
    puts(" |");
}

static void foreign_option(const char *name, char letter, const char *verdict,
                           const char *reason)
{
    fputs("| ", stdout);
    put_names(name, letter);
    printf(" | %s | %s |\n", verdict, reason);
}

static void foreign_word(const char *name, const char *verdict, const char *reason)
{
    fputs("| `-o ", stdout);
    for (; *name != '\0'; name++)
        putchar(*name == '-' ? '_' : *name);
    printf("` | %s | %s |\n", verdict, reason);
}

static void figure(const char *prefix, const char *name, const char *mark,
                   const char *help)
{
    printf("| `%s%s`%s | ", prefix, name, mark);
    put_quoted(help);
    puts(" |");
}

static void print_repl_options(void)
{
    head("option | default | meaning");
#define OPTION(name, type, preset, min, max, form, help)                                 \
    option(#name, form, preset, help);
#include "engine/repl_option_rows.h"
}

static void print_store_options(void)
{
    head("option | default | meaning");
#define OPTION(name, type, preset, min, max, form, help)                                 \
    option(#name, form, preset, help);
#include "store/store_option_rows.h"
}

static void print_mcd_options(void)
{
    head("option | meaning");
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    mcd_option(name, letter, help);
#include "server/mcd_option_rows.h"
}

static void print_foreign_options(void)
{
    head("option of memcached | here | why");
#define IGNORED "accepted"
#define REFUSED "refused"
#define FOREIGN_OPTION(name, letter, form, verdict, reason)                              \
    foreign_option(name, letter, verdict, reason);
#define FOREIGN_WORD(name, verdict, reason) foreign_word(name, verdict, reason);
#include "server/foreign_option_rows.h"
}

#define MARK_FULL  ""
#define MARK_BRIEF " *"

static void print_repl_stats(void)
{
    head("name | meaning");
#define STAT_COUNTER(name, extent, help)      figure("repl_", #name, MARK_##extent, help);
#define STAT_FIGURE(kind, name, extent, help) figure("repl_", #name, MARK_##extent, help);
#define STAT_INNER(kind, name, help)          figure("repl_", #name, " **", help);
#include "repl/repl_stat_rows.h"
}

static void print_store_stats(void)
{
    head("name | meaning");
#define STAT_COUNTER(name, help)      figure("", #name, "", help);
#define STAT_FIGURE(kind, name, help) figure("", #name, "", help);
#include "store/store_stat_rows.h"
}

static void print_repl_words(void)
{
#define OPTION(name, type, preset, min, max, form, help) puts(#name "=" form);
#include "engine/repl_option_rows.h"
}

static void print_store_words(void)
{
#define OPTION(name, type, preset, min, max, form, help) puts(#name "=" form);
#include "store/store_option_rows.h"
}

static const struct {
    const char *name;
    void (*print)(void);
    void (*print_words)(void); /* in a script */
} tables[] = {
    { "engine/repl_option_rows.h", print_repl_options, print_repl_words },
    { "server/mcd_option_rows.h", print_mcd_options, NULL },
    { "server/foreign_option_rows.h", print_foreign_options, NULL },
    { "store/store_option_rows.h", print_store_options, print_store_words },
    { "repl/repl_stat_rows.h", print_repl_stats, NULL },
    { "store/store_stat_rows.h", print_store_stats, NULL },
};

static void print_table(const char *name, bool is_script)
{
    for (size_t i = 0; i < N_ELEMENTS(tables); i++) {
        void (*print)(void) = is_script ? tables[i].print_words : tables[i].print;
        if (print != NULL && strcmp(tables[i].name, name) == 0) {
            print();
            return;
        }
    }
    fprintf(stderr, "there are no rows of %s\n", name);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    FILE *in = argc == 2 ? fopen(argv[1], "re") : NULL;
    char line[4096], name[64];
    bool in_table = false;
    if (in == NULL) {
        fprintf(stderr, "usage: tables DOCUMENT\n");
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof(line), in) != NULL) {
        in_table = in_table && strcmp(line, "<!-- end of rows -->\n") != 0 &&
                   strcmp(line, "# end of rows\n") != 0;
        if (!in_table)
            fputs(line, stdout);
        bool is_script = sscanf(line, "# rows of %63s", name) == 1;
        if (is_script || sscanf(line, "<!-- rows of %63s", name) == 1) {
            in_table = true;
            print_table(name, is_script);
        }
    }
    fclose(in);
    return in_table ? EXIT_FAILURE : EXIT_SUCCESS;
}
