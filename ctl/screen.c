#include "ctl/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_USUAL = 80, WIDTH_LEAST = 50, WIDTH_MOST = 140 };

static unsigned measure(void)
{
    struct winsize size;
    const char *given = getenv("COLUMNS");
    unsigned width = WIDTH_USUAL;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width = size.ws_col;
    else if (given != NULL && atoi(given) > 0)
        width = (unsigned)atoi(given);
    return width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
}

void screen_open(struct screen *s)
{
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
    *s = (struct screen){ .is_terminal = isatty(STDOUT_FILENO), .width = measure() };
    s->has_colour = s->is_terminal && (none == NULL || none[0] == '\0') &&
                    terminal != NULL && strcmp(terminal, "dumb") != 0;
}

void screen_tint(const struct screen *s, FILE *out, enum tint tint, const char *text)
{
    static const char *const codes[] = { [TINT_GOOD] = "32",
                                         [TINT_WARN] = "33",
                                         [TINT_BAD] = "31",
                                         [TINT_DIM] = "2",
                                         [TINT_HEAD] = "1" };
    if (s->has_colour && tint != TINT_NONE)
        fprintf(out, "\033[%sm%s\033[0m", codes[tint], text);
    else
        fputs(text, out);
}

bool screen_begin(struct screen *s)
{
    s->width = measure(); /* the window may have another size by now */
    s->frame = open_memstream(&s->text, &s->length);
    return s->frame != NULL;
}

/* Over the frame before: each line clears what is left of the older one behind it. */
static void draw_over(const char *text)
{
    fputs("\033[?25l\033[H", stdout);
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        printf("%.*s\033[K\n", (int)(end - text), text);
    printf("%s\033[J", text);
}

bool screen_end(struct screen *s)
{
    bool ok = fclose(s->frame) == 0;
    if (ok && s->is_terminal)
        draw_over(s->text);
    else if (ok)
        fputs(s->text, stdout);
    free(s->text);
    s->text = NULL;
    return fflush(stdout) == 0 && ok;
}

void screen_close(struct screen *s)
{
    if (s->is_terminal)
        fputs("\033[?25h", stdout);
    fflush(stdout);
}
