/* Two ends of a TLS connection with nothing between them but buffers. */
#pragma once

#include "certs.h"
#include "tls.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

enum { START_MS = 1800000000 };

static const char *const names[] = {"hub.example", "127.0.0.1", NULL};

/* Two ends with nothing between them but these buffers. */
struct end {
    struct tls_conn tls;
    struct buf wire; /* what it has said and the other has not heard */
    bool done;
    enum err e;
    uint8_t plain[64 * 1024];
    size_t n;
};

struct pair {
    struct tls *server_tls, *client_tls;
    struct end server, client;
    int64_t now_ms;
};

static inline void contexts(struct pair *p)
{
    const char *ca = certs_authority(), *cert, *key;
    char why[256];

    *p = (struct pair){.now_ms = START_MS};
    certs_server(names, &cert, &key);
    CHECK_OK(tls_server_new(&(struct tls_pair){cert, key}, 1, &p->server_tls, why));
    CHECK_OK(tls_client_new(ca, &p->client_tls, why));
}

static inline void ends(struct pair *p, const char *name)
{
    memset(&p->server, 0, sizeof p->server);
    memset(&p->client, 0, sizeof p->client);
    p->server.wire = p->client.wire = buf_max(1024 * 1024);
    CHECK_OK(tls_conn_open(&p->server.tls, p->server_tls, NULL, &p->server.wire));
    CHECK_OK(tls_conn_open(&p->client.tls, p->client_tls, name, &p->client.wire));
}

static inline void drop_ends(struct pair *p)
{
    /* OpenSSL does not resume what ended without a goodbye. */
    tls_conn_end(&p->client.tls);
    tls_conn_close(&p->server.tls);
    tls_conn_close(&p->client.tls);
    buf_free(&p->server.wire);
    buf_free(&p->client.wire);
}

static inline void drop(struct pair *p)
{
    drop_ends(p);
    tls_free(p->server_tls);
    tls_free(p->client_tls);
}

/* `to` hears these bytes: its handshake goes on, what is decrypted is kept. */
static inline void hear(struct pair *p, struct end *to, struct bytes in)
{
    size_t n = 0;

    tls_conn_feed(&to->tls, in, p->now_ms);
    if (!to->e && !to->done)
        to->e = tls_conn_handshake(&to->tls, &to->done);
    if (!to->e && to->done) {
        to->e = tls_conn_read(&to->tls, to->plain + to->n, sizeof to->plain - to->n, &n);
        to->n += n;
    }
}

/* All that one said reaches the other, `piece` bytes at a time. */
static inline bool carry(struct pair *p, struct end *from, struct end *to, size_t piece)
{
    struct buf said = from->wire;

    from->wire = buf_max(1024 * 1024);
    for (size_t at = 0; at < said.len; at += piece)
        hear(p, to, bytes_first(bytes_skip(buf_bytes(&said), at), piece));
    buf_free(&said);
    return to->wire.len || from->wire.len;
}

static inline void shake(struct pair *p, size_t piece)
{
    hear(p, &p->client, NO_BYTES);
    for (int i = 0; i < 10 && (p->client.wire.len || p->server.wire.len); i++) {
        carry(p, &p->client, &p->server, piece);
        carry(p, &p->server, &p->client, piece);
    }
}

static inline void say(struct pair *p, struct end *from, struct end *to, struct bytes text)
{
    size_t before = to->n;

    CHECK_OK(tls_conn_write(&from->tls, text));
    carry(p, from, to, 1000);
    CHECK_BYTES(bytes_of(to->plain + before, to->n - before), text);
}

static inline void check_talk(struct pair *p)
{
    CHECK(p->client.done && p->server.done && !p->client.e && !p->server.e);
    say(p, &p->client, &p->server, BYTES("from the client"));
    say(p, &p->server, &p->client, BYTES("from the server"));
}
