/* TLS contexts and TLS without sockets: bytes of the wire in, bytes of the wire out, plain bytes between. */
#pragma once

#include "net.h"
#include "tls_key.h"

#include <openssl/ssl.h>
#include <pthread.h>

/* ---- session tickets (tickets.c) ------------------------------------------------------------------------------- */

enum { TICKET_KEYS = 3 };

struct ticket_key {
    uint8_t name[16], aes[32], mac[32];
    int64_t from_ms; /* when it was made */
    bool made;
};

/* The keys that tickets are sealed with: the first one seals, all of them open. */
struct tickets {
    pthread_mutex_t lock;
    struct ticket_key keys[TICKET_KEYS];
};

void tickets_init(struct tickets *);
void tickets_free(struct tickets *);
/* Makes this context hand out tickets and take them back. Its connections must have been opened by tls_conn_open(). */
bool tickets_use(SSL_CTX *);
#define TICKET_KEY_MS (6LL * 3600 * 1000) /* a key seals for this long and opens for three times this long */

/* ---- contexts (tls.c) ------------------------------------------------------------------------------------------ */

struct tls {
    pthread_mutex_t lock; /* over ctx, which a reload swaps */
    SSL_CTX *ctx;
    bool server;
    struct tls_key tpm_key; /* a client's, when its key is in a TPM; the context uses it */
    struct tickets tickets; /* these outlive reloads */
};

/* A connection of the context as it is now; NULL without memory. */
SSL *tls_ssl_new(struct tls *);

/* The verify callback of clients (tls_doubt.c): keeps what is wrong with the server's certificate. */
int tls_doubt(int good, X509_STORE_CTX *chain);

/* ---- one connection (tls_conn.c) ------------------------------------------------------------------------------- */

struct tls_conn {
    SSL *ssl;
    struct tls *tls;  /* lent */
    struct bytes in;  /* bytes of the wire that were not taken yet; lent */
    struct buf *wire; /* where bytes for the wire go; lent */
    int64_t now_ms;
    bool broken; /* a fatal error: nothing more may be said */
    bool keeps;  /* its record buffers */
    bool showed; /* a server's: the client has sent a certificate */
    struct buf chain;
    enum err doubt; /* a client's: why the server's certificate was not accepted, and the sentence for it */
    char *doubt_text;
};

/* `name`: a client's idea of who the server is, a DNS name or an address. The struct must not move. */
enum err tls_conn_open(struct tls_conn *, struct tls *, const char *name, struct buf *wire) MUST_CHECK;
void tls_conn_close(struct tls_conn *); /* also of a zeroed one */

/* Lends bytes of the wire to the calls below, until they ask for more: they must have taken all before the next feed.
 * Each of them may append to `wire`. */
void tls_conn_feed(struct tls_conn *, struct bytes in, int64_t now_ms);
/* OK without *done: needs more. ERR_TLS: it failed, and `wire` has the alert. A client's first call needs no bytes. */
enum err tls_conn_handshake(struct tls_conn *, bool *done) MUST_CHECK;
/* Fills `out` as far as it goes. *n below cap: needs more bytes of the wire. ERR_CLOSED: the peer said goodbye (*n
 * bytes came before it); ERR_TLS: what came is not TLS. */
enum err tls_conn_read(struct tls_conn *, uint8_t *out, size_t cap, size_t *n) MUST_CHECK;
enum err tls_conn_write(struct tls_conn *, struct bytes plain) MUST_CHECK;
void tls_conn_end(struct tls_conn *); /* says goodbye */

/* The peer's certificate, and the chain of a client, which is lent until tls_conn_close(). */
enum err tls_conn_peer(struct tls_conn *, struct peer *) MUST_CHECK;
/* Why the handshake failed: ERR_TLS, ERR_UNTRUSTED or ERR_CLOCK, and a sentence for people. */
enum err tls_conn_why(const struct tls_conn *, char *out, size_t cap);
/* A busy connection keeps its 33 KB of record buffers; an idle one does without. */
void tls_conn_keep_buffers(struct tls_conn *, bool keep);
