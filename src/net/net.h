/* Loops, connections, TLS and listeners. A connection carries a conversation (talk.h): it knows nothing of what is said
 * in it. One loop is one thread; a connection lives and dies on one loop. */
#pragma once

#include "buf.h"
#include "ceilings.h"
#include "talk.h"

struct net_loop;
struct net_conn;
struct tls;

/* Called on the loop of a new connection after the TLS handshake: gives it the conversation that it carries, which is
 * lent `out` and `waker` and started then. An error: there is none, and the connection is closed. */
typedef enum err net_accept(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                            struct talk **talk);

/* The open half of the output. The address stays the same for the life of the connection. */
struct buf *net_conn_out(struct net_conn *);
/* From any thread, any number of times: has wake() called on the connection's loop. Valid until close() has returned.
 */
void net_conn_wake(struct net_conn *);
/* The conversation is called no more, not even inside of one of its calls: what it said leaves, then it is over. On the
 * loop's own thread, before its close(). */
void net_conn_drop(struct net_conn *);

/* The two clocks of the program. The steady one is one for the whole process: it began with what the wall clock said
 * then, goes on while the machine sleeps, and nobody can set it. Every now_ms is of it, so that durations are right.
 * The wall clock is asked only for what others read: the expiry of a token, a certificate's days. It may jump. */
int64_t net_steady_ms(void);
int64_t net_wall_ms(void);

struct net_loop_options {
    /* Everything below this place is durable. NULL: output never waits (clients). */
    uint64_t (*durable)(void *ctx);
    void *durable_ctx;
    /* Milliseconds; 0: HANDSHAKE_MS, FLUSH_MS, LINGER_MS, WARM_MS. */
    int64_t handshake_ms, flush_ms, linger_ms, warm_ms;
};

enum err net_loop_open(const struct net_loop_options *, struct net_loop **out) MUST_CHECK;
/* Runs until net_loop_stop(). Then every connection is closed with ERR_SHUTDOWN after its durable output has left (for
 * at most `grace_ms`). */
void net_loop_run(struct net_loop *);
void net_loop_stop(struct net_loop *, int64_t grace_ms); /* from any thread, also a signal handler's thread */
void net_loop_close(struct net_loop *);
/* `durable` grew: sealed outputs are looked at again. From any thread, cheap when there is nothing to do. */
void net_loop_grew(struct net_loop *);
/* How many turns it has made; asks it for another one. From any thread: a loop that gives the same number some time
 * later is stuck. */
uint64_t net_loop_turns(struct net_loop *);
int64_t net_loop_now_ms(struct net_loop *); /* net_steady_ms(), read once a turn */

/* For programs with an event loop of their own: a descriptor that becomes readable, the time to wait at most, one turn.
 */
int net_loop_fd(struct net_loop *);
int net_loop_timeout_ms(struct net_loop *);
void net_loop_turn(struct net_loop *); /* does what is due, does not wait */
void net_loop_wake(struct net_loop *); /* the next wait for it ends at once; from any thread */

struct net_stats {
    uint64_t connections, accepted, handshakes_failed, refused;
    uint64_t reads, writes; /* system calls on connections */
    uint64_t bytes_in, bytes_out;
};

void net_loop_stats(struct net_loop *, struct net_stats *out); /* from any thread */

/* ---- the gate --------------------------------------------------------------------------------------------------- */

/* How many connections there may be, of all listeners and loops that share it. Whoever is over a ceiling is closed
 * before TLS. An address is one of IPv4, or the first 64 bits of one of IPv6. */
struct net_gate;

struct net_gate_options {
    unsigned connections, per_address;       /* in all, and of one address */
    unsigned unproved, unproved_per_address; /* of these, whose peers have not shown who they are */
    /* Whether there is memory for one more. NULL: always. From any thread. */
    bool (*may_take)(void *ctx, size_t bytes);
    void *may_take_ctx;
};

struct net_gate_stats {
    uint64_t connections, unproved, refused; /* the last since the start */
};

enum err net_gate_new(uint64_t seed, const struct net_gate_options *, struct net_gate **out) MUST_CHECK;
void net_gate_free(struct net_gate *); /* when the loops are closed */
/* Once a second or so: the log says when refusals are over, and how many there were. */
void net_gate_tick(struct net_gate *, int64_t now_ms);
void net_gate_stats(struct net_gate *, struct net_gate_stats *out);

/* ---- servers --------------------------------------------------------------------------------------------------- */

struct net_listen_options {
    const char *address; /* "0.0.0.0", "::", "127.0.0.1" */
    int port;            /* 0: any free one */
    struct tls *tls;     /* lent */
    net_accept *accept;
    void *accept_ctx;
    struct net_gate *gate; /* lent; NULL: no limits */
    bool first;            /* no loop of ours has this port yet: ERR_BUSY too if another program would share it */
};

/* SO_REUSEPORT: each loop opens its own on the same port. *port is the real one. ERR_DENIED (not permitted to use the
 * port), ERR_BUSY (in use), ERR_ARGUMENT (not an address). */
enum err net_listen(struct net_loop *, const struct net_listen_options *, int *port) MUST_CHECK;

/* ---- clients --------------------------------------------------------------------------------------------------- */

struct net_connect_options {
    const char *host; /* TCP goes here; name or address, an IPv6 one with or without brackets */
    int port;
    const char *name; /* SNI and what the certificate must be for, a dot at its end or not; NULL: host */
    struct tls *tls;
    net_accept *accept; /* called when the handshake is done */
    void *accept_ctx;
    /* Instead of accept, when it could not be done: ERR_UNREACHABLE, ERR_TLS, ERR_UNTRUSTED, ERR_CLOCK,
     * ERR_TIMEOUT; `detail` is for people. */
    void (*failed)(void *ctx, enum err, const char *detail);
    int64_t timeout_ms;
};

/* Answers later, by accept or failed. */
enum err net_connect(struct net_loop *, const struct net_connect_options *) MUST_CHECK;

/* ---- TLS ------------------------------------------------------------------------------------------------------- */

/* PEM files: a certificate with what stands above it, and its key. */
struct tls_pair {
    const char *cert_file, *key_file;
};

/* 1.2 and 1.3. A server has a certificate of each kind of key that it is given, and each client gets the first that it
 * can verify: ECDSA before RSA. It asks for a client certificate, takes any or none (device 1.6), and hands out session
 * tickets whose keys rotate; who showed a certificate gets none and shows it each time. `why` is for people. */
enum err tls_server_new(const struct tls_pair *, size_t n, struct tls **out, char why[256]) MUST_CHECK;
/* Takes the files anew for connections that come; those that are open stay. On failure everything stays as it was. */
enum err tls_server_reload(struct tls *, const struct tls_pair *, size_t n, char why[256]) MUST_CHECK;
/* Checks the server against a CA file (NULL: the system's). */
enum err tls_client_new(const char *ca_file, struct tls **out, char why[256]) MUST_CHECK;
/* A client shows this certificate, with what follows it in its file, to servers that ask for one. Before the first
 * connection; after a failure there is only tls_free(). The key is a file, or "handle:0x81000200" in a TPM (tls_key.h).
 */
enum err tls_client_use(struct tls *, const char *cert_file, const char *key_file, char why[256]) MUST_CHECK;
void tls_free(struct tls *);
