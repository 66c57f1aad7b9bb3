/* The account that every handle is made from: the options' common part with its texts copied, the connection string
 * taken apart, the key, and what is told about the last failure. */
#pragma once

#include "connstr.h"
#include "key.h"
#include "loop.h"
#include "tpm.h"

enum { TIMEOUT_MS = 30000, TOKEN_TTL_MS = 3600 * 1000, DETAIL_CAP = 512, HOST_CAP = 254 };

struct handle_kind;

struct account {
    struct d2d_loop *loop;
    char *text; /* the connection string, into which `string` looks */
    struct connstr string;
    struct key *key;        /* NULL: a ready token, or none */
    struct tpm *tpm;        /* that has the key, or NULL */
    char host[HOST_CAP];    /* who the hub is: resource of tokens, user names */
    char name[HOST_CAP];    /* who answers there, itself or its gateway: TLS name, host of URLs */
    char connect[HOST_CAP]; /* where TCP goes */
    enum d2d_transport transport;
    int mqtts_port, amqps_port, https_port;
    int64_t timeout_ms, token_ttl_ms;
    struct tls *tls; /* lent by the loop */
    void (*log)(void *ctx, enum d2d_log_level level, const char *line);
    void *log_ctx;
    char detail[DETAIL_CAP];        /* of the last failure */
    bool given;                     /* the program has the handle: before that, failures are told through the loop */
    const struct handle_kind *kind; /* of the handle that it begins (handle.h) */
    struct grave grave;
    bool gone; /* the program has freed the handle: it hears no more of it */
};

/* `needs` says what kinds of strings will do, 1u << CONNSTR_…. What fails has its reason in the log. */
enum d2d_err account_open(struct account *, struct d2d_loop *, const struct d2d_options *, unsigned needs);
/* Without a connection string: a host, and the key (given, also when this fails; may be NULL) that signs for a device,
 * or the certificate of the options. It stays where it is afterwards. */
enum d2d_err account_open_host(struct account *, struct d2d_loop *, const struct d2d_options *, const char *host,
                               bool by_certificate, struct key *);
void account_close(struct account *);
bool account_speaks_amqp(const struct account *); /* of a device; all others do */
bool account_on_websocket(const struct account *);
void account_say(struct account *, enum d2d_log_level level, const char *format, ...) PRINTF_LIKE(3, 4);
/* Sets the detail, and logs it. Gives back e. */
enum d2d_err account_fail(struct account *, enum d2d_err e, const char *format, ...) PRINTF_LIKE(3, 4);

/* D2D_ARGUMENT: no device can have this id (device 1.1). */
enum d2d_err account_check_id(struct account *, const char *id);
/* D2D_IN_CALLBACK inside of a callback: to be asked by whatever waits, before it does anything. */
enum d2d_err account_may_wait(struct account *);

/* The errors of callers that stand for our own. */
enum d2d_err err_of(enum err);

/* The key that a string with Tpm=SLOT names, and the TPM that it needs. `why` has TPM_WHY_CAP bytes. */
enum err account_open_tpm(const struct connstr *, const char *tcti, struct tpm **, struct key **, char *why) MUST_CHECK;

/* Appends a token for a resource, signed by the key, or the ready one that the string has. ERR_BUSY: the key answers
 * later, which nothing here can wait for. */
enum err account_token(struct account *, struct bytes resource, struct buf *out) MUST_CHECK;
/* When a token that is made now expires, by the wall clock of this moment. */
int64_t account_expires_s(const struct account *);
/* The same with a key of its own. */
enum err token_put(struct key *, struct bytes resource, struct bytes policy, int64_t expires_s,
                   struct buf *out) MUST_CHECK;
