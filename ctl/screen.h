/*
 * What is drawn again and again. A frame is composed in memory and written in one piece,
 * over the one before: nothing flickers. On standard output that is no terminal, frames
 * follow each other.
 */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

enum tint { TINT_NONE, TINT_GOOD, TINT_WARN, TINT_BAD, TINT_DIM, TINT_HEAD };

struct screen {
    bool is_terminal, has_colour;
    unsigned width; /* columns */
    FILE *frame;    /* what is being composed */
    char *text;
    size_t length;
};

/* Colour only on a terminal, and never with NO_COLOR in the environment. */
void screen_open(struct screen *s);
/* Print text in the colour. */
void screen_tint(const struct screen *s, FILE *out, enum tint tint, const char *text);
/* Compose into s->frame between the two. False: memory is short, or nobody reads. */
bool screen_begin(struct screen *s);
bool screen_end(struct screen *s);
/* The cursor is hidden while frames are drawn. */
void screen_close(struct screen *s);

#endif
