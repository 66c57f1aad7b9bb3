#include "loop_peer.h"

static void check_failure(struct loop_world *w, struct party *p, enum err why, const char *says)
{
    RUN_UNTIL(w, p->failed);
    CHECK(!p->open && p->why == why);
    if (!strstr(p->detail, says))
        fail_msg("\"%s\" does not say \"%s\"", p->detail, says);
}

/* A port that takes connections and never answers. */
static int silent_port(int *fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(*fd, (struct sockaddr *)&a, len) == 0 && listen(*fd, 1) == 0);
    CHECK(getsockname(*fd, (struct sockaddr *)&a, &len) == 0);
    return ntohs(a.sin_port);
}

TEST(nobody_listens)
{
    struct loop_world w;
    int fd, port = silent_port(&fd);

    world_open(&w, NULL);
    close(fd);
    check_failure(&w, party_connect_to(&w, "127.0.0.1", port, NULL), ERR_UNREACHABLE, "connection refused");
    world_close(&w);
}

TEST(there_is_no_such_host)
{
    struct loop_world w;

    world_open(&w, NULL);
    check_failure(&w, party_connect_to(&w, "no such host", w.port, NULL), ERR_UNREACHABLE,
                  "the host name does not resolve");
    world_close(&w);
}

TEST(the_certificate_is_for_another_name)
{
    struct loop_world w;

    world_open(&w, NULL);
    check_failure(
        &w, party_connect_to(&w, "127.0.0.1", w.port, "hub.example"), ERR_UNTRUSTED,
        "the certificate is for localhost, 127.0.0.1, and not for \"hub.example\"; the host name must be one of these");
    CHECK(!w.server);
    world_close(&w);
}

TEST(a_name_may_stand_for_the_address)
{
    struct loop_world w;
    struct party *c;

    world_open(&w, NULL);
    c = party_connect_to(&w, "127.0.0.1", w.port, "localhost");
    RUN_UNTIL(&w, c->open);
    world_close(&w);
}

TEST(the_authority_is_not_trusted)
{
    static const char *const names[] = {"x", NULL};
    const char *cert, *key;
    struct loop_world w;
    char why[256];

    world_open(&w, NULL);
    tls_free(w.client_tls);
    certs_server(names, &cert, &key);
    CHECK_OK(tls_client_new(cert, &w.client_tls, why));
    check_failure(&w, party_connect(&w), ERR_UNTRUSTED, "not trusted");
    world_close(&w);
}

TEST(a_silent_server_is_given_up)
{
    struct loop_world w;
    struct party *p;
    int fd, port = silent_port(&fd);

    world_open(&w, &(struct net_loop_options){.handshake_ms = 60});
    p = party_connect_to(&w, "127.0.0.1", port, NULL);
    check_failure(&w, p, ERR_TIMEOUT, "too long");
    world_close(&w);
    world_open(&w, NULL);
    p = party_new(&w);
    CHECK_OK(net_connect(w.loop, &(struct net_connect_options){.host = "127.0.0.1",
                                                               .port = port,
                                                               .tls = w.client_tls,
                                                               .accept = on_client_accept,
                                                               .accept_ctx = p,
                                                               .failed = on_client_failed,
                                                               .timeout_ms = 60}));
    check_failure(&w, p, ERR_TIMEOUT, "in time");
    world_close(&w);
    close(fd);
}

TEST(a_stop_ends_what_is_being_tried)
{
    struct loop_world w;
    struct party *p;
    int fd, port = silent_port(&fd);

    world_open(&w, NULL);
    p = party_connect_to(&w, "127.0.0.1", port, NULL);
    world_turn(&w);
    net_loop_stop(w.loop, 1000);
    net_loop_run(w.loop);
    CHECK(p->failed && p->why == ERR_SHUTDOWN);
    world_close(&w);
    world_open(&w, NULL);
    p = party_connect_to(&w, "127.0.0.1", port, NULL);
    net_loop_close(w.loop);
    CHECK(p->failed && p->why == ERR_SHUTDOWN);
    CHECK_OK(net_loop_open(&w.options, &w.loop));
    world_close(&w);
    close(fd);
}

TEST(bad_arguments_are_said_at_once)
{
    struct loop_world w;

    world_open(&w, NULL);
    CHECK_ERR(net_connect(w.loop, &(struct net_connect_options){.host = "localhost", .port = 0}), ERR_ARGUMENT);
    CHECK_ERR(net_connect(w.loop, &(struct net_connect_options){.host = "localhost", .port = 65536}), ERR_ARGUMENT);
    world_close(&w);
}

CERT_TESTS(RUN(nobody_listens), RUN(there_is_no_such_host), RUN(the_certificate_is_for_another_name),
           RUN(a_name_may_stand_for_the_address), RUN(the_authority_is_not_trusted), RUN(a_silent_server_is_given_up),
           RUN(a_stop_ends_what_is_being_tried), RUN(bad_arguments_are_said_at_once))
