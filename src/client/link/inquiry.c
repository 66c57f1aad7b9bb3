#include "inquiry.h"

#include "sas.h"
#include "text.h"

#include <stdio.h>

enum { ASK_MS = 5000, TARGET_CAP = 512, HEAD_CAP = 2048, SPAN_CAP = 48 };

/* "3 hours", as people say it. */
static const char *span(int64_t ms, char out[SPAN_CAP])
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t n = (ms + units[i].ms / 2) / units[i].ms;

        if (ms >= units[i].ms) {
            snprintf(out, SPAN_CAP, "%lld %s%s", (long long)n, units[i].unit, n == 1 ? "" : "s");
            return out;
        }
    }
    snprintf(out, SPAN_CAP, "less than a minute");
    return out;
}

/* SharedAccessSignature realm="hub.example" */
static struct bytes realm_of(const struct http_head *head)
{
    struct bytes challenge = http_header(head, BYTES("www-authenticate"));
    size_t at = bytes_find_bytes(challenge, BYTES("realm=\""));

    if (at >= challenge.len)
        return NO_BYTES;
    challenge = bytes_skip(challenge, at + sizeof "realm=\"" - 1);
    return bytes_first(challenge, bytes_find(challenge, '"'));
}

static bool is_of_another_hub(const struct account *a, struct bytes realm)
{
    struct bytes bare = bytes_first(realm, bytes_find(realm, ':'));

    return realm.len && !bytes_eq_nocase(realm, bytes_str(a->host)) && !bytes_eq_nocase(bare, bytes_str(a->host)) &&
           realm.at[0] != '[';
}

/* A token that came with the connection string. */
static enum d2d_err check_ready_token(struct account *a, int64_t wall_ms, enum d2d_err seemed)
{
    char time[ISO_TIME_CAP];
    struct sas sas;

    if (!a->string.signature.at || sas_parse(a->string.signature, &sas) || sas.expires_s >= wall_ms / 1000)
        return seemed;
    iso_time(sas.expires_s * 1000, time);
    return account_fail(a, D2D_EXPIRED, "the token of the connection string has expired at %.19sZ", time);
}

/* A clock that is behind by more than the life of a token makes tokens that are expired when they arrive. Everything
 * else that may be wrong with it does no harm to them. */
enum d2d_err inquiry_clock(struct account *a, const struct http_head *head, enum d2d_err seemed)
{
    int64_t here_ms = net_wall_ms(), there_ms;
    char text[SPAN_CAP], time[ISO_TIME_CAP];

    if (seemed != D2D_NOT_AUTHORISED || !a->key || !http_date(http_header(head, BYTES("date")), &there_ms) ||
        here_ms + a->token_ttl_ms >= there_ms - SKEW_MS)
        return seemed;
    iso_time(there_ms, time);
    return account_fail(a, D2D_CLOCK,
                        "%s: the clock of this computer is %s behind that of the hub (%.19sZ), so that its tokens have "
                        "expired: set it",
                        a->host, span(there_ms - here_ms, text), time);
}

enum d2d_err inquiry_verdict(struct account *a, const struct http_head *head, enum d2d_err seemed)
{
    struct bytes realm = realm_of(head);
    int64_t there_ms;

    if (seemed != D2D_NOT_AUTHORISED || (seemed = inquiry_clock(a, head, seemed)) != D2D_NOT_AUTHORISED)
        return seemed;
    if (is_of_another_hub(a, realm))
        return account_fail(a, D2D_WRONG_HUB,
                            "this hub is called \"%.*s\", and the HostName of the connection string is \"%s\"",
                            BYTES_ARG(realm), a->host);
    if (!http_date(http_header(head, BYTES("date")), &there_ms))
        there_ms = net_wall_ms();
    return check_ready_token(a, there_ms, seemed);
}

static void over(struct inquiry *q, enum d2d_err e)
{
    loop_conn_ended(q->conn);
    q->conn = NULL;
    q->answered(q->ctx, e);
}

static void on_ended(void *ctx, enum err why)
{
    struct inquiry *q = ctx;

    over(q, why ? D2D_NOT_AUTHORISED : inquiry_verdict(q->account, &q->talk.in.head, D2D_NOT_AUTHORISED));
}

/* A hub that cannot be asked leaves it at what it said. */
static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct inquiry *q = ctx;

    account_say(q->account, D2D_LOG_DEBUG, "the hub cannot be asked for the reason: %s: %s", err_text(e), detail);
    over(q, D2D_NOT_AUTHORISED);
}

void inquiry_init(struct inquiry *q, struct account *a, void (*answered)(void *ctx, enum d2d_err e), void *ctx)
{
    *q = (struct inquiry){.account = a, .head = buf_max(HEAD_CAP), .answered = answered, .ctx = ctx};
}

/* A request without a token is answered with a challenge, whatever it asks for. */
static bool put_question(struct inquiry *q)
{
    struct buf host = buf_max(HOST_CAP + 8);

    buf_printf(&host, q->account->https_port == 443 ? "%s" : "%s:%d", q->account->host, q->account->https_port);
    buf_clear(&q->head);
    http_put_request(&q->head, "GET", BYTES("/devices/d2d?api-version=2021-04-12"));
    http_put_header(&q->head, "Host", buf_bytes(&host));
    http_put_header(&q->head, "User-Agent", BYTES("d2d/" D2D_VERSION));
    http_put_header(&q->head, "Connection", BYTES("close"));
    http_put_end(&q->head);
    buf_free(&host);
    return !q->head.bad;
}

bool inquiry_begin(struct inquiry *q, enum d2d_err why)
{
    struct account *a = q->account;
    const struct dial dial = {.host = a->connect,
                              .name = a->name,
                              .port = a->https_port,
                              .tls = a->tls,
                              .timeout_ms = a->timeout_ms < ASK_MS ? a->timeout_ms : ASK_MS,
                              .talk = &q->talk.talk,
                              .failed = on_failed,
                              .ctx = q};

    if (why != D2D_NOT_AUTHORISED || !put_question(q))
        return false;
    http_talk_close(&q->talk);
    q->talk =
        (struct http_talk){.request = buf_bytes(&q->head), .timeout_ms = dial.timeout_ms, .ended = on_ended, .ctx = q};
    http_talk_init(&q->talk);
    return loop_conn_dial(a->loop, &dial, &q->conn) == OK;
}

void inquiry_drop(struct inquiry *q)
{
    loop_conn_drop(q->conn);
    q->conn = NULL;
}

void inquiry_close(struct inquiry *q)
{
    http_talk_close(&q->talk);
    buf_free(&q->head);
}
