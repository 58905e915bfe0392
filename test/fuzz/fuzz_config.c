/*
 * Option strings. They come from an operator, so nobody attacks through them. But every
 * engine and the host parse the same text, and the rest that the outer engine passes on
 * must mean the same to the inner one.
 */
#include <stdbool.h>

#include <memcached/config_parser.h>

#include "base/near.h"
#include "base/option.h"
#include "test/fuzz/fuzz.h"

struct values {
    bool flag;
    uint64_t number, size;
    double factor;
    char *text, *list;
    unsigned choice;
};

#define ROW(member, option)                                                              \
    .name = #member, .type = (option), .offset = offsetof(struct values, member)

static const struct option_row rows[] = {
    { ROW(flag, OPTION_BOOL), .preset = "off" },
    { ROW(number, OPTION_NUMBER), .preset = "1", .min = 1, .max = 100 },
    { ROW(size, OPTION_SIZE), .preset = "64m" },
    { ROW(factor, OPTION_FACTOR), .preset = "1.25", .min = 1 },
    { ROW(text, OPTION_STRING) },
    { ROW(list, OPTION_LIST), .min = ',' },
    { ROW(choice, OPTION_CHOICE), .preset = "one", .form = "one|two|three" },
};

/* No row of type DT_CONFIGFILE: it would open any file that is named. */
static void parse_as_engine(const char *config)
{
    size_t size = 0;
    float factor = 0;
    bool flag = false;
    char *text = NULL;
    struct config_item items[] = {
        { .key = "size", .datatype = DT_SIZE, .value.dt_size = &size },
        { .key = "factor", .datatype = DT_FLOAT, .value.dt_float = &factor },
        { .key = "flag", .datatype = DT_BOOL, .value.dt_bool = &flag },
        { .key = "text", .datatype = DT_STRING, .value.dt_string = &text },
        { .key = NULL },
    };
    int result = parse_config(config, items, NULL);
    CHECK(result == 0 || result == 1 || result == -1);
    CHECK((text != NULL) == items[3].found);
    free(text);
}

/* Nobody here knows the options in the rest, so parsing it again must not change it. */
static void check_rest(const char *rest)
{
    char *again, why[160];
    CHECK(option_parse(NULL, 0, NULL, rest, &again, why, sizeof(why)));
    CHECK(again != NULL && strcmp(rest, again) == 0);
    free(again);
}

static void look_for_what_is_near(const char *config)
{
    struct near near;
    char key[16], hint[NEAR_HINT];
    bool found = near_find_pair(&near, config, rows, N_ELEMENTS(rows), key, sizeof(key));
    CHECK(found == (near_hint(&near, "--", hint, sizeof(hint))[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct values values = { 0 };
    char *config = fuzz_text(bytes, n), *rest, why[160] = "", shown[64];
    parse_as_engine(config);
    look_for_what_is_near(config);
    CHECK(option_defaults(rows, N_ELEMENTS(rows), &values, why, sizeof(why)));
    bool ok =
        option_parse(rows, N_ELEMENTS(rows), &values, config, &rest, why, sizeof(why));
    CHECK(ok == (why[0] == '\0') && (ok || rest == NULL));
    CHECK(values.number >= 1 && values.number <= 100 && values.choice < 3);
    CHECK(values.factor >= 1);
    for (size_t i = 0; i < N_ELEMENTS(rows); i++)
        option_format(&rows[i], &values, shown, sizeof(shown));
    if (rest != NULL)
        check_rest(rest);
    free(rest);
    option_free(rows, N_ELEMENTS(rows), &values);
    free(config);
    return 0;
}
