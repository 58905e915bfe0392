/* What the files of the text protocol offer each other and the codec in text.c. */
#ifndef PROTOCOL_TEXT_H
#define PROTOCOL_TEXT_H

#include "protocol/codec.h"

enum {
    WORDS_MAX = 8,  /* more than a command takes; meta commands read on by themselves */
    VALUE_TAIL = 2, /* the CRLF after a value */
    VALUE_LIMIT = INT32_MAX - 2 /* for a length on the wire, whatever value_max is */
};

/* A line without the name of its command. */
struct words {
    unsigned n;
    const char *at[WORDS_MAX];
    size_t size[WORDS_MAX];
    const char *end; /* of the line, without its CRLF */
};

typedef enum outcome (*words_handler)(struct parser *p, struct request *req,
                                      const struct words *w);

/* A word with which a line may begin (command_table.h). */
struct text_row {
    const char *name;
    uint8_t nname;
    uint8_t min, max; /* arguments, noreply included */
    bool noreply;     /* takes a noreply as its last argument */
    bool with_cas;
    enum command command;
    words_handler handler; /* NULL: a list of keys */
};

static inline const char *text_skip_spaces(const char *at, const char *end)
{
    while (at < end && *at == ' ')
        at++;
    return at;
}

static inline const char *text_word_end(const char *at, const char *end)
{
    while (at < end && *at != ' ')
        at++;
    return at;
}

static inline enum parse_result text_refuse(struct parser *p, enum outcome why)
{
    p->why = why;
    return PARSE_ERROR;
}

enum parse_result text_parse(struct parser *p, const struct buffer *in,
                             struct request *req);
bool text_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out);
bool text_compose_tail(const struct request *req, const struct response *res,
                       struct buffer *out);
bool text_compose_end(const struct request *req, struct buffer *out);

/* Lists of keys (text_list.c). `at` is behind the command's word. start: the first key
 * of a line that ends at `end`, without its CRLF. start_partial: the first key of a
 * line whose end has not come yet. resume: the next key. */
enum parse_result text_list_start(struct parser *p, const struct text_row *row,
                                  const struct buffer *in, const char *at,
                                  const char *end, struct request *req);
enum parse_result text_list_start_partial(struct parser *p, const struct text_row *row,
                                          const struct buffer *in, const char *at,
                                          struct request *req);
enum parse_result text_list_resume(struct parser *p, const struct buffer *in,
                                   struct request *req);

/* The meta commands (meta_parse.c, meta_flags.c, meta_compose.c). The letters of flags
 * lie within 64 codes; META_LETTER is the index of a letter. */
enum { META_LETTERS = 64 };
#define META_LETTER(letter) ((unsigned char)(letter) % META_LETTERS)

enum outcome meta_parse_get(struct parser *p, struct request *req, const struct words *w);
enum outcome meta_parse_set(struct parser *p, struct request *req, const struct words *w);
enum outcome meta_parse_delete(struct parser *p, struct request *req,
                               const struct words *w);
enum outcome meta_parse_arith(struct parser *p, struct request *req,
                              const struct words *w);
enum outcome meta_parse_noop(struct parser *p, struct request *req,
                             const struct words *w);
enum outcome meta_parse_debug(struct parser *p, struct request *req,
                              const struct words *w);
/* Reads the flags between `at` and `end` (meta_flags.c). command: FOR_GET, and so on. */
enum outcome meta_take_flags(struct parser *p, struct request *req, const char *at,
                             const char *end, uint8_t command);
/* The key came as base64: decodes it into p->key. */
enum outcome meta_take_base64(struct parser *p, struct request *req);
/* False if the outcome is not an answer of meta commands, but an error like any
 * other. */
bool meta_answers(enum outcome outcome);
bool meta_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out);

#endif
