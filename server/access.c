/* Also the commands about it: auth, which auth_codec reads, and refresh_certs. */
#include "server/access.h"

#include "server/answer.h"
#include "server/handlers.h"
#include "server/log.h"
#include "server/server.h"
#include "server/tls.h"

enum { WHY_MAX = 1024 };

void access_init(struct server *server)
{
    passwords_init(&server->passwords);
    certificates_init(&server->certificates);
}

bool access_load(struct server *server, char *why, size_t nwhy)
{
    const struct settings *s = &server->settings;
    if (s->auth_file != NULL &&
        !passwords_load(&server->passwords, s->auth_file, why, nwhy))
        return false;
    return !s->enable_ssl ||
           (tls_start(why, nwhy) &&
            certificates_load(&server->certificates, s, tls_count_session, why, nwhy));
}

void access_fini(struct server *server)
{
    passwords_fini(&server->passwords);
    certificates_fini(&server->certificates);
}

static void reload_passwords(struct server *server)
{
    char why[WHY_MAX];
    if (passwords_load(&server->passwords, server->settings.auth_file, why, sizeof(why)))
        log_info("the passwords of -Y were loaded again");
    else
        log_warning("%s; the former passwords stay", why);
}

static bool reload_certificates(struct server *server)
{
    char why[WHY_MAX];
    bool ok = certificates_load(&server->certificates, &server->settings,
                                tls_count_session, why, sizeof(why));
    if (ok)
        log_info("TLS: the certificates were loaded again");
    else
        log_warning("%s; the former certificates stay", why);
    return ok;
}

void access_reload(struct server *server)
{
    const struct settings *s = &server->settings;
    if (s->auth_file != NULL)
        reload_passwords(server);
    if (s->enable_ssl)
        reload_certificates(server);
    if (s->auth_file == NULL && !s->enable_ssl)
        log_info("SIGHUP ignored: there are no passwords (-Y) nor certificates (-Z)");
}

enum verdict command_run_refresh_certs(struct connection *c)
{
    struct server *server = c->worker->server;
    struct response res = { .outcome = OUTCOME_NO_TLS };
    if (server->settings.enable_ssl)
        res.outcome = reload_certificates(server) ? OUTCOME_OK : OUTCOME_BAD_CERTIFICATES;
    return command_answer(c, &res);
}

enum verdict command_run_auth(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    struct response res = { 0 };
    count(&w->counters.auth_cmds);
    if (passwords_accept(&w->server->passwords, req->key, req->nkey, req->packet,
                         req->npacket)) {
        c->codec = &text_codec;
    } else {
        count(&w->counters.auth_errors);
        res.outcome = OUTCOME_AUTH_FAILED;
    }
    return command_answer(c, &res);
}
