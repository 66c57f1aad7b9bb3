/* Faults that a device asks for, to see what becomes of it then (device 10): a message with certain properties breaks
 * the connection that it came on, or a part of it, or has the messages of its device refused for a while. Only where
 * front_env.faults says so. */
#pragma once

#include "msg.h"

enum fault_kind {
    FAULT_NONE,
    /* These break something, once: */
    FAULT_KILL_TCP,
    FAULT_KILL_CONNECTION, /* from here on: of AMQP, which alone has them */
    FAULT_KILL_SESSION,
    FAULT_KILL_CBS_REQUEST,
    FAULT_KILL_CBS_ANSWER,
    FAULT_KILL_D2C,
    FAULT_KILL_C2D,
    FAULT_KILL_TWIN_REQUEST,
    FAULT_KILL_TWIN_ANSWER,
    FAULT_KILL_CALL_REQUEST,
    FAULT_KILL_CALL_ANSWER,
    FAULT_LEAVE_AMQP,
    FAULT_LEAVE_MQTT,
    /* These refuse, as long as they last: */
    FAULT_THROTTLE,
    FAULT_QUOTA,
    FAULT_DENY,
    FAULT_KINDS
};

struct fault_request {
    enum fault_kind kind;
    int64_t from_ms, until_ms; /* a refusal lasts from one to before the other; what breaks does so at from_ms */
    char reason[FAULT_REASON_MAX + 1];
};

/* The fault that a message asks for; kind FAULT_NONE: none. ERR_ARGUMENT: a type that there is not, or a time that is
 * no number of seconds; ERR_RANGE: one over FAULT_SECONDS_MAX. */
enum err fault_request_read(const struct msg *, int64_t now_ms, struct fault_request *out) MUST_CHECK;
/* The field's word for it: "KillTcp". */
const char *fault_name(enum fault_kind);
bool fault_refuses(enum fault_kind);
/* The error that a message is refused with at this time, or OK: ERR_BUSY, ERR_QUOTA or ERR_UNAUTHORIZED. */
enum err fault_refusal(const struct fault_request *, int64_t now_ms) MUST_CHECK;
/* When something is to be broken; INT64_MAX: nothing is. */
int64_t fault_due(const struct fault_request *);
