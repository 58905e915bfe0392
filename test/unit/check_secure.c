/* Both ends of a link prove themselves, or no byte passes. */
#include <sys/stat.h>
#include <openssl/crypto.h>

#include "test/unit/secure_rig.h"

static void release_nothing(void *context, void *owner)
{
    (void)context, (void)owner;
}

static void meet(const char *dials, const char *accepts)
{
    open_ends(dials, accepts);
    connect_ends();
    shake_hands(NULL);
}

static void part(void)
{
    disconnect_ends();
    close_ends();
}

/* Sends n bytes from one end to the other, and compares them. */
static void pass(int from, size_t n)
{
    struct output out;
    char *got = calloc(1, n), *sent = malloc(n);
    size_t ngot = 0, nsent;
    for (size_t i = 0; i < n; i++)
        sent[i] = (char)(i * 31 + i / 253);
    output_init(&out);
    ck_assert(buffer_append(&out.bytes, sent, n / 3));
    ck_assert(output_reference(&out, sent + n / 3, n - n / 3, NULL));
    while (ngot < n) {
        struct end *a = &ends[from], *b = &ends[1 - from];
        ck_assert_int_ne(
            tunnel_send(&a->tunnel, a->fd, &out, release_nothing, NULL, &nsent),
            OUTPUT_BROKEN);
        carry(from, NULL);
        size_t half = (n - ngot) / 2; /* to two places */
        const struct iovec to[2] = { { got + ngot, half },
                                     { got + ngot + half, n - ngot - half } };
        ssize_t got_now = tunnel_read(&b->tunnel, b->fd, to, 2);
        ck_assert(got_now > 0 || (got_now < 0 && errno == EAGAIN));
        ngot += got_now > 0 ? (size_t)got_now : 0;
    }
    ck_assert(memcmp(got, sent, n) == 0);
    ck_assert(output_empty(&out));
    output_fini(&out);
    free(got);
    free(sent);
}

START_TEST(test_same_secret)
{
    meet(SECRET_A, SECRET_A);
    ck_assert_msg(are_open(), "%s / %s", ends[DIALS].why, ends[ACCEPTS].why);
    pass(DIALS, 100);
    pass(ACCEPTS, 300000);
    pass(DIALS, 300000);
    part();
}
END_TEST

/* What is left in TLS wakes nobody, so the reader is told of it. */
START_TEST(test_more_to_read)
{
    char room[1000], bytes[5000] = { 0 };
    const struct iovec to = { room, sizeof(room) };
    struct end *b = &ends[ACCEPTS];
    struct output out;
    size_t nsent;
    meet(SECRET_A, SECRET_A);
    output_init(&out);
    ck_assert(buffer_append(&out.bytes, bytes, sizeof(bytes)));
    tunnel_send(&ends[DIALS].tunnel, ends[DIALS].fd, &out, release_nothing, NULL, &nsent);
    ck_assert_uint_eq(nsent, sizeof(bytes));
    carry(DIALS, NULL);
    for (size_t n = 0; n < sizeof(bytes); n += sizeof(room)) {
        ck_assert_int_eq(tunnel_read(&b->tunnel, b->fd, &to, 1), sizeof(room));
        ck_assert(b->tunnel.has_more);
    }
    ck_assert_int_eq(tunnel_read(&b->tunnel, b->fd, &to, 1), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert(!b->tunnel.has_more);
    output_fini(&out);
    part();
}
END_TEST

START_TEST(test_plain)
{
    meet(NULL, NULL);
    ck_assert(are_open());
    ck_assert(!secure_is_on(&ends[DIALS].secure));
    pass(DIALS, 300000);
    part();
}
END_TEST

START_TEST(test_wrong_secret)
{
    meet(SECRET_A, SECRET_B);
    ck_assert_int_eq(ends[DIALS].state, TUNNEL_REFUSED);
    ck_assert_int_eq(ends[ACCEPTS].state, TUNNEL_REFUSED);
    ck_assert_msg(strstr(ends[DIALS].why, "does not take the secret") != NULL, "%s",
                  ends[DIALS].why);
    ck_assert_msg(strstr(ends[ACCEPTS].why, SECURE_NO_SECRET) != NULL, "%s",
                  ends[ACCEPTS].why);
    part();
}
END_TEST

/* The name of a secret is no secret. */
static void rename_secret(int from, size_t at, char *bytes, size_t n)
{
    if (from != DIALS || at != 0)
        return;
    char *name = memmem(bytes, n, ends[DIALS].secure.tags[0], SECURE_TAG);
    ck_assert_ptr_nonnull(name);
    memcpy(name, ends[ACCEPTS].secure.tags[0], SECURE_TAG);
}

START_TEST(test_only_the_name)
{
    open_ends(SECRET_B, SECRET_A);
    connect_ends();
    shake_hands(rename_secret);
    ck_assert_int_eq(ends[ACCEPTS].state, TUNNEL_REFUSED);
    ck_assert_msg(strstr(ends[ACCEPTS].why, "not the secret") != NULL, "%s",
                  ends[ACCEPTS].why);
    ck_assert_int_eq(ends[DIALS].state, TUNNEL_REFUSED);
    part();
}
END_TEST

START_TEST(test_one_side_plain)
{
    static const char message[] = "\x80\xe0 as a plain link begins";
    meet(SECRET_A, NULL);
    ck_assert_int_eq(ends[DIALS].state, TUNNEL_WAITS);
    ck_assert(tunnel_is_tls(ends[DIALS].said[0]));
    ck_assert_int_eq(write(ends[ACCEPTS].fd, message, sizeof(message)), sizeof(message));
    carry(ACCEPTS, NULL);
    shake(&ends[DIALS]);
    ck_assert_int_eq(ends[DIALS].state, TUNNEL_REFUSED);
    ck_assert_msg(strstr(ends[DIALS].why, "does not encrypt") != NULL, "%s",
                  ends[DIALS].why);
    part();
    meet(NULL, SECRET_A);
    ck_assert_int_eq(write(ends[DIALS].fd, message, sizeof(message)), sizeof(message));
    carry(DIALS, NULL);
    shake(&ends[ACCEPTS]);
    ck_assert_int_eq(ends[ACCEPTS].state, TUNNEL_REFUSED);
    carry(ACCEPTS, NULL);
    ck_assert(tunnel_is_tls(ends[ACCEPTS].said[0])); /* the plain end is told */
    part();
}
END_TEST

START_TEST(test_rotation)
{
    static const struct {
        const char *dials, *accepts;
        bool meet;
    } steps[] = {
        { SECRET_A, SECRET_A SECRET_B, true },          /* B is added here */
        { SECRET_A SECRET_B, SECRET_A SECRET_B, true }, /* and there */
        { SECRET_B SECRET_A, SECRET_A SECRET_B, true }, /* offered here */
        { SECRET_A SECRET_B, SECRET_B SECRET_A, true },
        { SECRET_B SECRET_A, SECRET_B, true }, /* A is removed */
        { SECRET_B, SECRET_B SECRET_A, true },
        { SECRET_B SECRET_A, SECRET_A, false },
        { SECRET_A, SECRET_B, false },
    };
    for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
        meet(steps[i].dials, steps[i].accepts);
        ck_assert_msg(are_open() == steps[i].meet, "step %zu: %s", i, ends[ACCEPTS].why);
        part();
    }
}
END_TEST

START_TEST(test_renewal)
{
    struct end *e = &ends[ACCEPTS];
    meet(SECRET_A, SECRET_B);
    ck_assert(!are_open());
    disconnect_ends();
    ck_assert(!secure_has_changed(&e->secure));
    write_secrets(e, "no secret at all");
    ck_assert(secure_has_changed(&e->secure));
    ck_assert(!secure_renew(&e->secure, e->why, sizeof(e->why)));
    ck_assert(!secure_has_changed(&e->secure)); /* it is not tried at each connection */
    ck_assert(secure_is_on(&e->secure));
    connect_ends();
    shake_hands(NULL);
    ck_assert(!are_open());
    disconnect_ends();
    write_secrets(e, SECRET_A "\n");
    ck_assert(secure_has_changed(&e->secure));
    ck_assert_msg(secure_renew(&e->secure, e->why, sizeof(e->why)), "%s", e->why);
    connect_ends();
    shake_hands(NULL);
    ck_assert_msg(are_open(), "%s", e->why);
    ck_assert_int_eq(unlink(e->path), 0);
    ck_assert(secure_has_changed(&e->secure));
    ck_assert(!secure_renew(&e->secure, e->why, sizeof(e->why)));
    pass(DIALS, 1000);
    part();
}
END_TEST

/* ---- hostile wires */

static int damaged_end;
static size_t damaged_at;

static void damage(int from, size_t at, char *bytes, size_t n)
{
    if (from == damaged_end && damaged_at >= at && damaged_at < at + n)
        bytes[damaged_at - at] ^= 0x20;
}

/* What a record says of its version means nothing, and is not protected. */
static bool means_nothing(const struct end *e, size_t at)
{
    size_t record = 0, next = 0;
    while (next <= at && next + 5 <= sizeof(e->said)) {
        record = next;
        next += 5 + ((size_t)(unsigned char)e->said[record + 3] << 8) +
                (unsigned char)e->said[record + 4];
    }
    return at == record + 1 || at == record + 2;
}

/* A byte is changed on its way: the end that gets it must not open. */
START_TEST(test_every_byte_counts)
{
    open_ends(SECRET_A, SECRET_A);
    for (damaged_end = DIALS; damaged_end < ENDS; damaged_end++) {
        size_t n = 1; /* bytes that it says if only the first one is damaged */
        for (damaged_at = 0; damaged_at < n; damaged_at++) {
            connect_ends();
            shake_hands(damage);
            n = damaged_at == 0 ? ends[damaged_end].nsaid : n;
            bool opened = ends[1 - damaged_end].state == TUNNEL_OPEN;
            ck_assert_msg(!opened || damaged_at >= ends[damaged_end].nsaid ||
                              means_nothing(&ends[damaged_end], damaged_at),
                          "byte %zu of end %d", damaged_at, damaged_end);
            disconnect_ends();
        }
        ck_assert_uint_gt(n, 100);
    }
    close_ends();
}
END_TEST

START_TEST(test_truncated)
{
    meet(SECRET_A, SECRET_A);
    size_t whole = ends[DIALS].nsaid;
    char said[CARRY_MAX];
    memcpy(said, ends[DIALS].said, whole);
    disconnect_ends();
    for (size_t n = 0; n <= whole; n++) {
        struct end *e = &ends[ACCEPTS];
        connect_ends();
        ck_assert_int_eq(write(e->wire, said, n), (ssize_t)n);
        shake(e);
        ck_assert_int_ne(e->state, TUNNEL_OPEN); /* nor by a replay of the whole */
        shutdown(e->wire, SHUT_WR);
        shake(e);
        ck_assert_int_eq(e->state, n > 0 ? TUNNEL_REFUSED : TUNNEL_UNHEARD);
        disconnect_ends();
    }
    close_ends();
}
END_TEST

START_TEST(test_garbage)
{
    struct end *e = &ends[ACCEPTS];
    char bytes[500];
    open_ends(SECRET_A, SECRET_A);
    srandom(7);
    for (int round = 0; round < 500; round++) {
        connect_ends();
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)random();
        memcpy(bytes, "\x16\x03\x01\x01\x00\x01", (size_t)(round % 7));
        ck_assert_int_eq(write(e->wire, bytes, sizeof(bytes)), sizeof(bytes));
        shake(e);
        ck_assert_int_ne(e->state, TUNNEL_OPEN);
        disconnect_ends();
    }
    close_ends();
}
END_TEST

START_TEST(test_next_key)
{
    open_ends(SECRET_A, SECRET_A);
    ends[DIALS].secure.rekey_bytes = ends[ACCEPTS].secure.rekey_bytes = 1000;
    connect_ends();
    shake_hands(NULL);
    ck_assert(are_open());
    for (int round = 0; round < 20; round++) {
        pass(DIALS, 5000);
        ck_assert_uint_eq(ends[DIALS].tunnel.sent, 5000);
        pass(ACCEPTS, 70000);
    }
    part();
}
END_TEST

/* ---- failing allocations */

static long allocations_left;

static void *scarce_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return n > 0 && allocations_left-- > 0 ? malloc(n) : NULL;
}

static void *scarce_realloc(void *at, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return allocations_left-- > 0 ? realloc(at, n) : NULL;
}

static void scarce_free(void *at, const char *file, int line)
{
    (void)file, (void)line;
    free(at);
}

/* One handshake, in which OpenSSL gets only so much memory. */
static bool try_with(long allocations)
{
    bool begun = true;
    allocations_left = LONG_MAX;
    connect_ends();
    disconnect_ends();
    allocations_left = allocations;
    for (int i = 0; i < ENDS; i++) {
        int fds[2];
        struct end *e = &ends[i];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        e->fd = fds[0];
        e->wire = fds[1];
        e->nsaid = 0;
        e->state = TUNNEL_WAITS;
        begun = tunnel_begin(&e->tunnel, &e->secure, e->fd, i == DIALS) && begun;
    }
    if (begun)
        shake_hands(NULL);
    bool opened = begun && are_open();
    allocations_left = LONG_MAX;
    if (opened)
        pass(DIALS, 1000);
    disconnect_ends();
    return opened;
}

START_TEST(test_scarce_memory)
{
    ck_assert_int_eq(CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free),
                     1);
    allocations_left = LONG_MAX;
    open_ends(SECRET_A, SECRET_A);
    ck_assert(try_with(LONG_MAX));
    long n = 0;
    while (!try_with(n))
        n += n < 400 ? 1 : 7;
    ck_assert_int_gt(n, 50);
    close_ends();
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_same_secret,       test_more_to_read,   test_plain,    test_wrong_secret,
        test_only_the_name,     test_one_side_plain, test_rotation, test_renewal,
        test_every_byte_counts, test_truncated,      test_garbage,  test_next_key,
        test_scarce_memory
    };
    return unit_run("secure", tests, N_ELEMENTS(tests));
}
