/* Direct methods (device 2.11, service 4.7). It is a part of hub.h. */
#pragma once

struct call;

/* A caller's question to a device. The payload is JSON that the hub does not look into; at == NULL: none. */
struct call_question {
    struct bytes device, method, payload;
    int64_t connect_ms;  /* so long the device may take to come; 0: it must be there */
    int64_t response_ms; /* and so long to answer, from when it gets it */
    struct waker *waker; /* called when there is something to look at, until hub_call_close() */
};

struct call_answer {
    int64_t status; /* the device's own */
    struct bytes payload;
};

/* Nothing of it is on disk: it is gone with its caller, and with the hub. ERR_NOT_FOUND: no such device;
 * ERR_UNREACHABLE: it does not listen; ERR_FULL: CALLS_OF_DEVICE_MAX are open; ERR_LIMIT: the hub's memory for calls is
 * used up; ERR_ARGUMENT: the name; ERR_TOO_LARGE: CALL_PAYLOAD_MAX; ERR_RANGE: a time. */
enum err hub_call_open(struct hub *, const struct call_question *, int64_t now_ms, struct call **out) MUST_CHECK;
/* OK: answered; what `out` has is lent until the call is closed. ERR_BUSY: it is open; look again at *until_ms, and
 * when woken. ERR_UNREACHABLE: the device did not come in time; ERR_TIMEOUT: it did not answer; ERR_CLOSED: it went
 * while it was to answer; ERR_REJECTED: it would not take the question; ERR_MALFORMED: its answer is larger than
 * CALL_PAYLOAD_MAX; ERR_NOT_FOUND: it was deleted. */
enum err hub_call_look(struct call *, int64_t now_ms, struct call_answer *out, int64_t *until_ms) MUST_CHECK;
/* NULL is fine. The waker is not called any more after this returns. */
void hub_call_close(struct call *);

/* The question as the device gets it. */
struct call_request {
    uint64_t id;     /* for its answer */
    uint32_t number; /* among those that this seat was asked, from 1 */
    struct bytes method, payload;
};

/* The device listens to calls from now on, or does not: then it may still answer what it got. */
void hub_calls_take(struct seat *, bool takes, int64_t now_ms);
/* The next call for who sits here; `room`, which has to hold a name and a payload, is where `out` looks into.
 * ERR_NOT_FOUND: none, the waker will tell. Cheap when there is none. */
enum err hub_call_next(struct seat *, int64_t now_ms, struct buf *room, struct call_request *out) MUST_CHECK;
/* The id of the call that this seat was asked under that number and has not answered; 0: there is none. */
uint64_t hub_call_numbered(struct seat *, uint32_t number) MUST_CHECK;
/* ERR_NOT_FOUND: nobody waits for it any more, or it was never asked of this seat. ERR_TOO_LARGE: the caller is
 * told. */
enum err hub_call_answer(struct seat *, uint64_t id, int64_t status, struct bytes payload) MUST_CHECK;
/* The device will not answer this call: its caller hears why. Nothing where nobody waits for it any more. */
void hub_call_fail(struct seat *, uint64_t id, enum err why);
/* The device cannot answer any more what it got: its callers hear ERR_CLOSED. */
void hub_calls_lost(struct seat *);
