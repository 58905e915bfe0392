/*
 * Extensions: modules that are not engines. They add a thread, a log or a command to
 * the host. Engines need this header for the log, and to replace an extension.
 *
 * A host keeps the extensions of each kind in a list that links their `next` members:
 * an extension must not change its own until it is unregistered. A list may be traversed
 * only while modules are being loaded, when nothing else runs.
 */
#ifndef MEMCACHED_EXTENSION_H
#define MEMCACHED_EXTENSION_H

#ifndef __cplusplus
#include <stdbool.h>
#endif

#include <stddef.h>
#include <stdint.h>

#include <memcached/engine_common.h>
#include <memcached/protocol_binary.h>
#include <memcached/server_api.h>
#include <memcached/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    EXTENSION_SUCCESS = 0x00,
    EXTENSION_FATAL = 0xfe, /* the host has to stop */
    EXTENSION_FAILED = 0xff
} EXTENSION_ERROR_CODE;

/* The kind determines the descriptor that register_extension() gets. */
typedef enum {
    EXTENSION_DAEMON = 0x00,  /* EXTENSION_DAEMON_DESCRIPTOR */
    EXTENSION_LOGGER,         /* EXTENSION_LOGGER_DESCRIPTOR */
    EXTENSION_ASCII_PROTOCOL, /* EXTENSION_ASCII_PROTOCOL_DESCRIPTOR */
    EXTENSION_BINARY_PROTOCOL /* EXTENSION_BINARY_PROTOCOL_DESCRIPTOR */
} extension_type_t;

/* An extension that adds no commands and only runs in the host's process. In all
 * descriptors the name stays valid until the extension is unregistered. */
typedef struct extension_daemon_descriptor {
    const char *(*get_name)(void);
    struct extension_daemon_descriptor *next; /* the host's */
} EXTENSION_DAEMON_DESCRIPTOR;

typedef enum {
    EXTENSION_LOG_DETAIL, /* each step, for debugging a single case */
    EXTENSION_LOG_DEBUG,
    EXTENSION_LOG_INFO,
    EXTENSION_LOG_WARNING /* always shown */
} EXTENSION_LOG_LEVEL;

/* There is one logger: registering another one replaces it. The host filters only its
 * own lines by level, so callers compare with get_level() before they format. */
typedef struct {
    const char *(*get_name)(void);
    /* printf-like. Any thread. client_cookie is NULL if no client is concerned. */
    void (*log)(EXTENSION_LOG_LEVEL severity, const void *client_cookie, const char *fmt,
                ...);
} EXTENSION_LOGGER_DESCRIPTOR;

typedef struct {
    /* Call this for every line: the logger may be replaced. Never NULL. */
    EXTENSION_LOGGER_DESCRIPTOR *(*get_logger)(void);
    /* The lowest level that is shown now. */
    EXTENSION_LOG_LEVEL (*get_level)(void);
    void (*set_level)(EXTENSION_LOG_LEVEL severity);
} SERVER_LOG_API;

/* A word of a text command, in a buffer of the host. Hosts end it with a zero byte, and
 * many extensions rely on that. */
typedef struct {
    char *value;
    size_t length;
} token_t;

/* A command of the text protocol. The host offers lines that it does not know to each of
 * these, in the order of registration, on the worker's thread. If the engine would block,
 * it is offered again. */
typedef struct extension_ascii_protocol_descriptor {
    const char *(*get_name)(const void *cmd_cookie);

    /* True if the extension handles this line. If data follows the line, *ndata is the
     * number of bytes (including CRLF) that the host has to read to *ptr. execute() then
     * gets no words, so keep what it needs of them. */
    bool (*accept)(const void *cmd_cookie, void *cookie, int argc, token_t *argv,
                   size_t *ndata, char **ptr);

    /* Executes it; response_handler queues a copy of nbytes of answer. */
    ENGINE_ERROR_CODE(*execute)
    (const void *cmd_cookie, const void *cookie, int argc, token_t *argv,
     ENGINE_ERROR_CODE (*response_handler)(const void *cookie, int nbytes,
                                           const char *dta));

    /* The client disconnected between accept() and execute(). */
    void (*abort)(const void *cmd_cookie, const void *cookie);

    const void *cookie; /* passed to the calls above as cmd_cookie */
    struct extension_ascii_protocol_descriptor *next; /* the host's */
} EXTENSION_ASCII_PROTOCOL_DESCRIPTOR;

typedef struct extension_binary_protocol_descriptor EXTENSION_BINARY_PROTOCOL_DESCRIPTOR;

/* Handles one opcode, on the worker's thread; otherwise like unknown_command(). */
typedef ENGINE_ERROR_CODE (*BINARY_COMMAND_CALLBACK)(
    EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *descriptor, ENGINE_HANDLE *handle,
    const void *cookie, protocol_binary_request_header *request, ADD_RESPONSE response);

/* Commands of the binary protocol. setup() is called once, at registration, and
 * calls add() for each opcode that it wants. */
struct extension_binary_protocol_descriptor {
    const char *(*get_name)(void);
    void (*setup)(void (*add)(EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *descriptor,
                              uint8_t cmd, BINARY_COMMAND_CALLBACK new_handler));
    struct extension_binary_protocol_descriptor *next; /* the host's */
};

/* The symbol memcached_extensions_initialize of an extension's module: called once
 * while the host starts. config may be NULL. */
typedef EXTENSION_ERROR_CODE (*MEMCACHED_EXTENSIONS_INITIALIZE)(
    const char *config, GET_SERVER_API get_server_api);

typedef struct {
    /* `extension` is the descriptor of that kind. The extension keeps its ownership, and
     * it must stay valid until it is unregistered. False if the host refuses. */
    bool (*register_extension)(extension_type_t type, void *extension);
    void (*unregister_extension)(extension_type_t type, void *extension);
    /* The first descriptor of that kind, NULL if there is none. */
    void *(*get_extension)(extension_type_t type);
} SERVER_EXTENSION_API;

#ifdef __cplusplus
}
#endif

#endif
