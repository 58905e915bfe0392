/*
 * The binary interface between hosts and engines. engine-v1-x86_64.txt lists every size,
 * offset and value as in other builds of the interface. Each of its rows must be known
 * here, and each row here must be in it, so that neither can lose one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <memcached/engine.h>

#include "test/unit/unit.h"

struct fact {
    const char *name;
    unsigned long number;
};

#define SIZE(type)           "sizeof " #type, sizeof(type)
#define OFFSET(type, member) "offsetof " #type " " #member, offsetof(type, member)
#define VALUE(name)          "value " #name, name

static const struct fact facts[] = {
    { SIZE(ENGINE_HANDLE_V1) },
    { OFFSET(ENGINE_HANDLE_V1, interface) },
    { OFFSET(ENGINE_HANDLE_V1, get_info) },
    { OFFSET(ENGINE_HANDLE_V1, initialize) },
    { OFFSET(ENGINE_HANDLE_V1, destroy) },
    { OFFSET(ENGINE_HANDLE_V1, allocate) },
    { OFFSET(ENGINE_HANDLE_V1, remove) },
    { OFFSET(ENGINE_HANDLE_V1, release) },
    { OFFSET(ENGINE_HANDLE_V1, get) },
    { OFFSET(ENGINE_HANDLE_V1, store) },
    { OFFSET(ENGINE_HANDLE_V1, arithmetic) },
    { OFFSET(ENGINE_HANDLE_V1, flush) },
    { OFFSET(ENGINE_HANDLE_V1, get_stats) },
    { OFFSET(ENGINE_HANDLE_V1, reset_stats) },
    { OFFSET(ENGINE_HANDLE_V1, get_stats_struct) },
    { OFFSET(ENGINE_HANDLE_V1, aggregate_stats) },
    { OFFSET(ENGINE_HANDLE_V1, unknown_command) },
    { OFFSET(ENGINE_HANDLE_V1, tap_notify) },
    { OFFSET(ENGINE_HANDLE_V1, get_tap_iterator) },
    { OFFSET(ENGINE_HANDLE_V1, item_set_cas) },
    { OFFSET(ENGINE_HANDLE_V1, get_item_info) },
    { OFFSET(ENGINE_HANDLE_V1, errinfo) },
    { SIZE(SERVER_HANDLE_V1) },
    { OFFSET(SERVER_HANDLE_V1, interface) },
    { OFFSET(SERVER_HANDLE_V1, core) },
    { OFFSET(SERVER_HANDLE_V1, stat) },
    { OFFSET(SERVER_HANDLE_V1, extension) },
    { OFFSET(SERVER_HANDLE_V1, callback) },
    { OFFSET(SERVER_HANDLE_V1, engine) },
    { OFFSET(SERVER_HANDLE_V1, log) },
    { OFFSET(SERVER_HANDLE_V1, cookie) },
    { SIZE(SERVER_CORE_API) },
    { OFFSET(SERVER_CORE_API, get_current_time) },
    { OFFSET(SERVER_CORE_API, realtime) },
    { OFFSET(SERVER_CORE_API, abstime) },
    { OFFSET(SERVER_CORE_API, server_version) },
    { OFFSET(SERVER_CORE_API, hash) },
    { OFFSET(SERVER_CORE_API, parse_config) },
    { OFFSET(SERVER_CORE_API, shutdown) },
    { OFFSET(SERVER_CORE_API, get_config) },
    { SIZE(SERVER_STAT_API) },
    { OFFSET(SERVER_STAT_API, new_stats) },
    { OFFSET(SERVER_STAT_API, release_stats) },
    { OFFSET(SERVER_STAT_API, evicting) },
    { SIZE(SERVER_COOKIE_API) },
    { OFFSET(SERVER_COOKIE_API, get_socket_fd) },
    { OFFSET(SERVER_COOKIE_API, get_auth_data) },
    { OFFSET(SERVER_COOKIE_API, store_engine_specific) },
    { OFFSET(SERVER_COOKIE_API, get_engine_specific) },
    { OFFSET(SERVER_COOKIE_API, notify_io_complete) },
    { OFFSET(SERVER_COOKIE_API, reserve) },
    { OFFSET(SERVER_COOKIE_API, release) },
    { SIZE(SERVER_CALLBACK_API) },
    { OFFSET(SERVER_CALLBACK_API, register_callback) },
    { OFFSET(SERVER_CALLBACK_API, perform_callbacks) },
    { SIZE(SERVER_LOG_API) },
    { OFFSET(SERVER_LOG_API, get_logger) },
    { OFFSET(SERVER_LOG_API, get_level) },
    { OFFSET(SERVER_LOG_API, set_level) },
    { SIZE(SERVER_EXTENSION_API) },
    { OFFSET(SERVER_EXTENSION_API, register_extension) },
    { OFFSET(SERVER_EXTENSION_API, unregister_extension) },
    { OFFSET(SERVER_EXTENSION_API, get_extension) },
    { SIZE(EXTENSION_LOGGER_DESCRIPTOR) },
    { OFFSET(EXTENSION_LOGGER_DESCRIPTOR, get_name) },
    { OFFSET(EXTENSION_LOGGER_DESCRIPTOR, log) },
    { SIZE(item_info) },
    { OFFSET(item_info, cas) },
    { OFFSET(item_info, exptime) },
    { OFFSET(item_info, nbytes) },
    { OFFSET(item_info, flags) },
    { OFFSET(item_info, clsid) },
    { OFFSET(item_info, nkey) },
    { OFFSET(item_info, nvalue) },
    { OFFSET(item_info, key) },
    { OFFSET(item_info, value) },
    { SIZE(engine_info) },
    { OFFSET(engine_info, description) },
    { OFFSET(engine_info, num_features) },
    { OFFSET(engine_info, features) },
    { SIZE(feature_info) },
    { OFFSET(feature_info, feature) },
    { OFFSET(feature_info, description) },
    { SIZE(auth_data_t) },
    { OFFSET(auth_data_t, username) },
    { OFFSET(auth_data_t, config) },
    { SIZE(struct config_item) },
    { OFFSET(struct config_item, key) },
    { OFFSET(struct config_item, datatype) },
    { OFFSET(struct config_item, value) },
    { OFFSET(struct config_item, found) },
    { SIZE(protocol_binary_request_header) },
    { VALUE(ENGINE_SUCCESS) },
    { VALUE(ENGINE_KEY_ENOENT) },
    { VALUE(ENGINE_KEY_EEXISTS) },
    { VALUE(ENGINE_ENOMEM) },
    { VALUE(ENGINE_NOT_STORED) },
    { VALUE(ENGINE_EINVAL) },
    { VALUE(ENGINE_ENOTSUP) },
    { VALUE(ENGINE_EWOULDBLOCK) },
    { VALUE(ENGINE_E2BIG) },
    { VALUE(ENGINE_WANT_MORE) },
    { VALUE(ENGINE_DISCONNECT) },
    { VALUE(ENGINE_EACCESS) },
    { VALUE(ENGINE_NOT_MY_VBUCKET) },
    { VALUE(ENGINE_TMPFAIL) },
    { VALUE(ENGINE_ERANGE) },
    { VALUE(ENGINE_FAILED) },
    { VALUE(OPERATION_ADD) },
    { VALUE(OPERATION_SET) },
    { VALUE(OPERATION_REPLACE) },
    { VALUE(OPERATION_APPEND) },
    { VALUE(OPERATION_PREPEND) },
    { VALUE(OPERATION_CAS) },
    { VALUE(TAP_MUTATION) },
    { VALUE(TAP_DELETION) },
    { VALUE(TAP_FLUSH) },
    { VALUE(TAP_OPAQUE) },
    { VALUE(TAP_VBUCKET_SET) },
    { VALUE(TAP_ACK) },
    { VALUE(TAP_DISCONNECT) },
    { VALUE(TAP_NOOP) },
    { VALUE(TAP_PAUSE) },
    { VALUE(TAP_CHECKPOINT_START) },
    { VALUE(TAP_CHECKPOINT_END) },
    { VALUE(ENGINE_FEATURE_CAS) },
    { VALUE(ENGINE_FEATURE_PERSISTENT_STORAGE) },
    { VALUE(ENGINE_FEATURE_SECONDARY_ENGINE) },
    { VALUE(ENGINE_FEATURE_ACCESS_CONTROL) },
    { VALUE(ENGINE_FEATURE_MULTI_TENANCY) },
    { VALUE(ENGINE_FEATURE_LRU) },
    { VALUE(ENGINE_FEATURE_VBUCKET) },
    { VALUE(ON_CONNECT) },
    { VALUE(ON_DISCONNECT) },
    { VALUE(ON_AUTH) },
    { VALUE(ON_SWITCH_CONN) },
    { VALUE(ON_LOG_LEVEL) },
    { VALUE(DT_SIZE) },
    { VALUE(DT_FLOAT) },
    { VALUE(DT_BOOL) },
    { VALUE(DT_STRING) },
    { VALUE(DT_CONFIGFILE) },
    { VALUE(EXTENSION_DAEMON) },
    { VALUE(EXTENSION_LOGGER) },
    { VALUE(EXTENSION_ASCII_PROTOCOL) },
    { VALUE(EXTENSION_SUCCESS) },
    { VALUE(EXTENSION_FATAL) },
    { VALUE(EXTENSION_LOG_DETAIL) },
    { VALUE(EXTENSION_LOG_DEBUG) },
    { VALUE(EXTENSION_LOG_INFO) },
    { VALUE(EXTENSION_LOG_WARNING) },
};

enum { LISTED_MAX = 1024, NAME_MAX_LENGTH = 128 };

static struct listed {
    char name[NAME_MAX_LENGTH];
    unsigned long number;
} listed[LISTED_MAX];
static size_t nlisted;

/* A row is a name of several words, a blank, and the number. */
static void read_list(void)
{
    char line[NAME_MAX_LENGTH];
    FILE *file = unit_open("engine-v1-x86_64.txt");
    nlisted = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *blank = strrchr(line, ' '), *end;
        ck_assert_msg(blank != NULL && nlisted < LISTED_MAX, "bad row: %s", line);
        struct listed *row = &listed[nlisted++];
        row->number = strtoul(blank + 1, &end, 10);
        ck_assert_msg(end > blank + 1 && *end == '\n', "bad row: %s", line);
        *blank = '\0';
        strcpy(row->name, line);
    }
    fclose(file);
    ck_assert_uint_gt(nlisted, 0);
}

static const struct fact *find_fact(const char *name)
{
    for (size_t i = 0; i < N_ELEMENTS(facts); i++) {
        if (strcmp(facts[i].name, name) == 0)
            return &facts[i];
    }
    return NULL;
}

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < nlisted; i++) {
        if (strcmp(listed[i].name, name) == 0)
            return true;
    }
    return false;
}

START_TEST(test_rows_agree_with_compiler)
{
    read_list();
    for (size_t i = 0; i < nlisted; i++) {
        const struct fact *fact = find_fact(listed[i].name);
        ck_assert_msg(fact != NULL, "nothing here checks: %s", listed[i].name);
        ck_assert_msg(fact->number == listed[i].number, "%s is %lu, must be %lu",
                      fact->name, fact->number, listed[i].number);
    }
}
END_TEST

START_TEST(test_no_row_is_missing)
{
    read_list();
    for (size_t i = 0; i < N_ELEMENTS(facts); i++)
        ck_assert_msg(is_listed(facts[i].name), "not in the list: %s", facts[i].name);
    ck_assert_uint_eq(nlisted, N_ELEMENTS(facts));
}
END_TEST

/* Not in the list, but modules rely on them: the packets' bytes are those on the wire. */
START_TEST(test_packets_have_size_of_wire)
{
    ck_assert_uint_eq(sizeof(((protocol_binary_request_set *)0)->bytes), 32);
    ck_assert_uint_eq(sizeof(((protocol_binary_request_incr *)0)->bytes), 44);
    ck_assert_uint_eq(sizeof(((protocol_binary_request_touch *)0)->bytes), 28);
    ck_assert_uint_eq(sizeof(((protocol_binary_request_gatq *)0)->bytes), 28);
    ck_assert_uint_eq(sizeof(((protocol_binary_response_gat *)0)->bytes), 28);
    ck_assert_uint_eq(sizeof(((protocol_binary_request_tap_mutation *)0)->bytes), 40);
    ck_assert_uint_eq(PROTOCOL_BINARY_CMD_TOUCH, 0x1c);
    ck_assert_uint_eq(PROTOCOL_BINARY_CMD_GAT, 0x1d);
    ck_assert_uint_eq(PROTOCOL_BINARY_CMD_GATQ, 0x1e);
}
END_TEST

int main(void)
{
#ifndef __LP64__
    printf("the list is for 64-bit pointers, which this machine does not have\n");
    return 77; /* automake's SKIP */
#endif
    const TTest *tests[] = { test_rows_agree_with_compiler, test_no_row_is_missing,
                             test_packets_have_size_of_wire };
    return unit_run("abi", tests, N_ELEMENTS(tests));
}
