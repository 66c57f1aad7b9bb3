#include "fault_request.h"

#include <assert.h>

static const char *const names[FAULT_KINDS] = {
    [FAULT_NONE] = "",
    [FAULT_KILL_TCP] = "KillTcp",
    [FAULT_KILL_CONNECTION] = "KillAmqpConnection",
    [FAULT_KILL_SESSION] = "KillAmqpSession",
    [FAULT_KILL_CBS_REQUEST] = "KillAmqpCBSLinkReq",
    [FAULT_KILL_CBS_ANSWER] = "KillAmqpCBSLinkResp",
    [FAULT_KILL_D2C] = "KillAmqpD2CLink",
    [FAULT_KILL_C2D] = "KillAmqpC2DLink",
    [FAULT_KILL_TWIN_REQUEST] = "KillAmqpTwinLinkReq",
    [FAULT_KILL_TWIN_ANSWER] = "KillAmqpTwinLinkResp",
    [FAULT_KILL_CALL_REQUEST] = "KillAmqpMethodReqLink",
    [FAULT_KILL_CALL_ANSWER] = "KillAmqpMethodRespLink",
    [FAULT_LEAVE_AMQP] = "ShutDownAmqp",
    [FAULT_LEAVE_MQTT] = "ShutDownMqtt",
    [FAULT_THROTTLE] = "InvokeThrottling",
    [FAULT_QUOTA] = "InvokeMaxMessageQuota",
    [FAULT_DENY] = "InvokeAuthError",
};

const char *fault_name(enum fault_kind kind)
{
    assert(kind < FAULT_KINDS);
    return names[kind];
}

static enum fault_kind kind_of(struct bytes name)
{
    for (int i = FAULT_NONE + 1; i < FAULT_KINDS; i++)
        if (bytes_eq(name, bytes_str(names[i])))
            return (enum fault_kind)i;
    return FAULT_NONE;
}

/* "2" or "2.5": clients write a number of seconds as their language does. No text is 0. */
static enum err seconds(struct bytes text, int64_t *ms)
{
    int64_t whole = 0, thousandths = 0, unit = 100;
    size_t i = 0;

    for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++) {
        whole = 10 * whole + (text.at[i] - '0');
        if (whole > FAULT_SECONDS_MAX)
            return ERR_RANGE;
    }
    if (text.len && !i)
        return ERR_ARGUMENT;
    if (i < text.len && text.at[i] == '.')
        for (i++; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++, unit /= 10)
            thousandths += unit * (text.at[i] - '0');
    if (i < text.len)
        return ERR_ARGUMENT;
    *ms = 1000 * whole + thousandths;
    return OK;
}

/* device 10: what the four properties are called. */
static struct bytes property(const struct msg *m, struct bytes name)
{
    for (size_t i = 0; i < m->n_props; i++)
        if (bytes_eq(m->props[i].name, name))
            return m->props[i].value;
    return NO_BYTES;
}

enum err fault_request_read(const struct msg *m, int64_t now_ms, struct fault_request *out)
{
    struct bytes type = property(m, BYTES("AzIoTHub_FaultOperationType"));
    int64_t delay_ms = 0, duration_ms = 0;
    enum err e;

    *out = (struct fault_request){.kind = FAULT_NONE};
    if (!type.len)
        return OK;
    if ((e = seconds(property(m, BYTES("AzIoTHub_FaultOperationDelayInSecs")), &delay_ms)) ||
        (e = seconds(property(m, BYTES("AzIoTHub_FaultOperationDurationInSecs")), &duration_ms)))
        return e;
    if (!(out->kind = kind_of(type)))
        return ERR_ARGUMENT;
    out->from_ms = now_ms + delay_ms;
    out->until_ms = out->from_ms + duration_ms;
    if (!bytes_to_str(property(m, BYTES("AzIoTHub_FaultOperationCloseReason")), out->reason, sizeof out->reason))
        out->reason[0] = 0; /* a longer one is left out */
    return OK;
}

bool fault_refuses(enum fault_kind kind)
{
    return kind >= FAULT_THROTTLE;
}

enum err fault_refusal(const struct fault_request *f, int64_t now_ms)
{
    if (!fault_refuses(f->kind) || now_ms < f->from_ms || now_ms >= f->until_ms)
        return OK;
    return f->kind == FAULT_THROTTLE ? ERR_BUSY : f->kind == FAULT_QUOTA ? ERR_QUOTA : ERR_UNAUTHORIZED;
}

int64_t fault_due(const struct fault_request *f)
{
    return f->kind == FAULT_NONE || fault_refuses(f->kind) ? INT64_MAX : f->from_ms;
}
