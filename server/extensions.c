#include "server/extensions.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <memcached/extension.h>

#include "base/check.h"
#include "base/module.h"
#include "server/log.h"

bool extension_load(const char *text, const char *directory,
                    GET_SERVER_API get_server_api, char *why, size_t nwhy)
{
    MEMCACHED_EXTENSIONS_INITIALIZE initialize;
    char name[PATH_MAX];
    const char *comma = strchrnul(text, ',');
    snprintf(name, sizeof(name), "%.*s", (int)(comma - text), text);
    void *library = module_open("extension", name, directory, why, nwhy);
    if (library == NULL)
        return false;
    void *symbol = dlsym(library, "memcached_extensions_initialize");
    if (symbol == NULL) {
        snprintf(why, nwhy,
                 "%s is not an extension: it does not export the function "
                 "'memcached_extensions_initialize'",
                 name);
        dlclose(library);
        return false;
    }
    memcpy(&initialize, &symbol, sizeof(initialize));
    if (initialize(*comma == ',' ? comma + 1 : NULL, get_server_api) == EXTENSION_SUCCESS)
        return true;
    snprintf(why, nwhy, "the extension %s failed to start", text);
    return false;
}

/* ---- what is registered ---- */

/* In the order of registration. The descriptors of each kind have their own place for the
 * next one. */
static struct list {
    void *first;
    size_t next;
} lists[] = {
    [EXTENSION_DAEMON] = { NULL, offsetof(EXTENSION_DAEMON_DESCRIPTOR, next) },
    [EXTENSION_ASCII_PROTOCOL] = { NULL,
                                   offsetof(EXTENSION_ASCII_PROTOCOL_DESCRIPTOR, next) },
    [EXTENSION_BINARY_PROTOCOL] = { NULL, offsetof(EXTENSION_BINARY_PROTOCOL_DESCRIPTOR,
                                                   next) },
};

/* The pointer behind `at`: to the first one if that is NULL. */
static void *next_of(const struct list *l, const void *at)
{
    void *next = l->first;
    if (at != NULL)
        memcpy(&next, (const char *)at + l->next, sizeof(next));
    return next;
}

static void set_next(struct list *l, void *at, void *next)
{
    if (at != NULL)
        memcpy((char *)at + l->next, &next, sizeof(next));
    else
        l->first = next;
}

/* The one before `extension`, or the last one; NULL: that is the head of the list. */
static void *find_before(const struct list *l, const void *extension)
{
    void *before = NULL, *at;
    while ((at = next_of(l, before)) != NULL && at != extension)
        before = at;
    return before;
}

static struct opcode_row {
    BINARY_COMMAND_CALLBACK handler;
    EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *descriptor;
} opcode_rows[256];

static void add_opcode(EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *descriptor, uint8_t opcode,
                       BINARY_COMMAND_CALLBACK handler)
{
    opcode_rows[opcode] = (struct opcode_row){ handler, descriptor };
}

static void drop_opcodes(const void *descriptor)
{
    for (size_t i = 0; i < N_ELEMENTS(opcode_rows); i++) {
        if (opcode_rows[i].descriptor == descriptor)
            opcode_rows[i] = (struct opcode_row){ 0 };
    }
}

static bool is_usable(extension_type_t type, const void *extension)
{
    const EXTENSION_ASCII_PROTOCOL_DESCRIPTOR *text = extension;
    const EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *binary = extension;
    if (extension == NULL || (size_t)type >= N_ELEMENTS(lists))
        return false;
    if (type == EXTENSION_ASCII_PROTOCOL)
        return text->accept != NULL && text->execute != NULL;
    return type != EXTENSION_BINARY_PROTOCOL || binary->setup != NULL;
}

bool extension_register(extension_type_t type, void *extension)
{
    if (!is_usable(type, extension))
        return false;
    if (type == EXTENSION_LOGGER) {
        log_set_logger(extension);
        return true;
    }
    struct list *l = &lists[type];
    set_next(l, extension, NULL);
    set_next(l, find_before(l, NULL), extension);
    if (type == EXTENSION_BINARY_PROTOCOL)
        ((EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *)extension)->setup(add_opcode);
    return true;
}

void extension_unregister(extension_type_t type, void *extension)
{
    if (type == EXTENSION_LOGGER && log_get_logger() == extension)
        log_set_logger(NULL);
    if (type == EXTENSION_LOGGER || extension == NULL ||
        (size_t)type >= N_ELEMENTS(lists))
        return;
    struct list *l = &lists[type];
    void *before = find_before(l, extension);
    if (next_of(l, before) == extension)
        set_next(l, before, next_of(l, extension));
    if (type == EXTENSION_BINARY_PROTOCOL)
        drop_opcodes(extension);
}

void *extension_get(extension_type_t type)
{
    if (type == EXTENSION_LOGGER)
        return log_get_logger();
    return (size_t)type < N_ELEMENTS(lists) ? lists[type].first : NULL;
}

BINARY_COMMAND_CALLBACK
extension_of_opcode(uint8_t opcode, EXTENSION_BINARY_PROTOCOL_DESCRIPTOR **descriptor)
{
    *descriptor = opcode_rows[opcode].descriptor;
    return opcode_rows[opcode].handler;
}

EXTENSION_ASCII_PROTOCOL_DESCRIPTOR *extension_first_text(void)
{
    return lists[EXTENSION_ASCII_PROTOCOL].first;
}
