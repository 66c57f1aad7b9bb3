#include "outcome.h"

#include "amqp_output.h"
#include "device_error.h"

#include <assert.h>

/* device 3.10, service 3.1: conditions, and the numbers of device 7.4 that go with them */
static const struct {
    enum err e;
    const char *condition;
    unsigned code;
} conditions[] = {
    {ERR_MALFORMED, "amqp:decode-error", 400012},
    {ERR_PROTOCOL, "amqp:not-allowed", 400003},
    {ERR_UNSUPPORTED, "amqp:not-implemented", 400003},
    {ERR_ARGUMENT, "com.microsoft:argument-error", 400004},
    {ERR_RANGE, "com.microsoft:argument-out-of-range", 403009},
    {ERR_TOO_LARGE, "amqp:link:message-size-exceeded", 413001},
    {ERR_LIMIT, "amqp:resource-limit-exceeded", 403005},
    {ERR_FULL, "amqp:resource-limit-exceeded", 403004},
    {ERR_QUOTA, "amqp:resource-limit-exceeded", 403002},
    {ERR_UNAUTHORIZED, "amqp:unauthorized-access", 401002},
    {ERR_EXPIRED, "amqp:unauthorized-access", 401003},
    {ERR_DENIED, "amqp:unauthorized-access", 401002},
    {ERR_DISABLED, "amqp:unauthorized-access", 403012},
    {ERR_NOT_FOUND, "amqp:not-found", 404001},
    {ERR_STOLEN, "amqp:link:stolen", 400027},
    {ERR_LOCK_LOST, "com.microsoft:message-lock-lost", 412002},
    {ERR_BUSY, "com.microsoft:device-container-throttled", 429001},
    {ERR_SHUTDOWN, "amqp:link:detach-forced", 503001},
    {ERR_DISK_FULL, "amqp:internal-error", 503001},
};

static size_t index_of(enum err e)
{
    size_t i = 0;

    while (i < sizeof conditions / sizeof *conditions && conditions[i].e != e)
        i++;
    return i;
}

const char *amqp_condition(enum err e)
{
    size_t i = index_of(e);

    return i < sizeof conditions / sizeof *conditions ? conditions[i].condition : "amqp:internal-error";
}

unsigned amqp_code(enum err e)
{
    size_t i = index_of(e);

    return i < sizeof conditions / sizeof *conditions ? conditions[i].code : 500001;
}

unsigned amqp_code_of(const char *condition)
{
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        if (strcmp(conditions[i].condition, condition) == 0)
            return conditions[i].code;
    return strcmp(condition, "amqp:link:transfer-limit-exceeded") == 0 ? 400003 : 500001;
}

static void put_error_text(struct amqp *c, struct buf *b, unsigned code, const char *text)
{
    device_error_put(c->env, b, code, bytes_str(text), c->now_ms);
}

static void put_error(struct amqp *c, struct buf *b, enum err e)
{
    assert(e);
    put_error_text(c, b, amqp_code(e), err_text(e));
}

static void set_condition(struct amqp *c, pn_delivery_t *d, const char *condition, enum err e)
{
    pn_condition_t *error = pn_disposition_condition(pn_delivery_local(d));
    struct buf text = buf_max(512);

    assert(condition && e);
    put_error(c, &text, e);
    pn_condition_set_name(error, condition);
    pn_condition_set_description(error, buf_str(&text));
    buf_free(&text);
}

void amqp_answer(struct amqp *c, pn_delivery_t *d, enum err e)
{
    amqp_answer_as(c, d, e, amqp_condition(e));
}

void amqp_answer_as(struct amqp *c, pn_delivery_t *d, enum err e, const char *condition)
{
    if (e) {
        amqp_log_refusal(c, condition, err_text(e));
        set_condition(c, d, condition, e);
    }
    pn_delivery_update(d, e ? PN_REJECTED : PN_ACCEPTED);
    pn_delivery_settle(d);
}

bool amqp_outcome_of(pn_delivery_t *d, enum outcome *how)
{
    if (!pn_delivery_updated(d))
        return false;
    pn_delivery_clear(d);
    switch (pn_delivery_remote_state(d)) {
    case PN_ACCEPTED:
        *how = OUTCOME_COMPLETE;
        return true;
    case PN_REJECTED:
        *how = OUTCOME_REJECT;
        return true;
    case PN_RELEASED:
    case PN_MODIFIED:
        *how = OUTCOME_ABANDON;
        return true;
    default: /* settled without saying how: it did not take it */
        *how = OUTCOME_ABANDON;
        return pn_delivery_settled(d);
    }
}

void amqp_confirm(struct amqp *c, pn_delivery_t *d, enum err e)
{
    /* device 3.7: a late outcome is rejected as not found */
    if (e)
        set_condition(c, d, e == ERR_LOCK_LOST ? "amqp:not-found" : amqp_condition(e), e);
    pn_delivery_update(d, e ? PN_REJECTED : PN_ACCEPTED);
    pn_delivery_settle(d);
}
