/* An event in the log: a head of ours, then the AMQP 1.0 sections that its readers will get, byte for byte.
 *
 *   u8 version | i64 sequence | i64 enqueued, ms | u8 n | n bytes device id | sections
 *
 * Sequence number, offset (the place of the record, 20 digits) and time have a fixed width and are filled in when the
 * record has its place. Every seat keeps the constant beginning of its events ready, so that sending copies and encodes
 * nothing twice. */
#include "event.h"

#include "ceiling.h"
#include "identities.h"
#include "part.h"
#include "partition.h"
#include "sections.h"

#include <assert.h>
#include <stdio.h>

enum {
    HEAD_SEQUENCE = 1,
    HEAD_TIME = 9,
    HEAD_ID = 17,
    OFFSET_DIGITS = OFFSET_TEXT_CAP - 1,
    /* Behind the device id: descriptor (3), map32 code, size and count (9). */
    MAP_AT = 3,
    MAP_HEAD = 12,
};

/* Annotations of fixed width, in this order, straight behind the map's head; `at` is where the value begins. */
#define SEQUENCE_KEY "x-opt-sequence-number"
#define OFFSET_KEY "x-opt-offset"
#define TIME_KEY "x-opt-enqueued-time"
#define ARRIVAL_KEY "iothub-enqueuedtime"
enum {
    KEY = 2, /* code and length of a sym8 */
    SEQUENCE_AT = MAP_HEAD + KEY + sizeof(SEQUENCE_KEY) - 1 + 1,
    OFFSET_AT = SEQUENCE_AT + 8 + KEY + sizeof(OFFSET_KEY) - 1 + 2,
    TIME_AT = OFFSET_AT + OFFSET_DIGITS + KEY + sizeof(TIME_KEY) - 1 + 1,
    ARRIVAL_AT = TIME_AT + 8 + KEY + sizeof(ARRIVAL_KEY) - 1 + 1,
    FIXED_END = ARRIVAL_AT + 8,
    IDENTITY_ANNOTATIONS = 6, /* of any event: those of fixed width, whose it is; of a module one more */
    SEAT_ANNOTATIONS = 3,     /* how that was proved, and what it is */
};

static const char *auth_method(enum proof proof, bool module)
{
    /* device 6.3: exact texts */
    switch (proof) {
    case PROOF_DEVICE_SAS:
    case PROOF_ABOVE_SAS:
        return module ? "{\"scope\":\"module\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}"
                      : "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}";
    case PROOF_POLICY_SAS:
        return "{\"scope\":\"hub\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}";
    case PROOF_X509:
        return module ? "{\"scope\":\"module\",\"type\":\"x509Certificate\",\"issuer\":\"external\","
                        "\"acceptingIpFilterRule\":null}"
                      : "{\"scope\":\"device\",\"type\":\"x509Certificate\",\"issuer\":\"external\","
                        "\"acceptingIpFilterRule\":null}";
    }
    return "";
}

static uint32_t put_annotation(struct buf *b, struct bytes key, struct bytes value)
{
    if (!value.at)
        return 0;
    put_sym(b, key);
    put_str(b, value);
    return 2;
}

/* The beginning of every event: the head of its record, the annotations of fixed width, and whose it is. */
static void put_identity(struct buf *b, struct bytes name)
{
    static const uint8_t zeros[OFFSET_DIGITS];
    struct bytes id = identity_device(name);

    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, 0);
    buf_put_u64(b, 0);
    buf_put_u8(b, (uint8_t)id.len);
    buf_put(b, id);
    section_begin(b, SECTION_MESSAGE_ANNOTATIONS);
    buf_put_u8(b, AMQP_MAP32);
    buf_put_u64(b, 0); /* size and count: when it is sent */
    put_sym(b, BYTES(SEQUENCE_KEY));
    put_long(b, 0);
    put_sym(b, BYTES(OFFSET_KEY));
    put_str(b, bytes_of(zeros, sizeof zeros));
    put_sym(b, BYTES(TIME_KEY));
    put_timestamp(b, 0);
    put_sym(b, BYTES(ARRIVAL_KEY));
    put_timestamp(b, 0);
    assert(b->len == HEAD_ID + 1 + id.len + FIXED_END);
    put_sym(b, BYTES("x-opt-partition-key"));
    put_str(b, id);
    put_sym(b, BYTES("iothub-connection-device-id"));
    put_str(b, id);
}

size_t event_head(const struct device *d, enum proof proof, uint8_t *out, size_t max)
{
    struct bytes name = bytes_str(d->id);
    struct buf b = buf_over(out, max);

    put_identity(&b, name);
    put_sym(&b, BYTES("iothub-connection-auth-method"));
    put_str(&b, bytes_str(auth_method(proof, identity_is_module(name))));
    put_sym(&b, BYTES("iothub-connection-auth-generation-id"));
    put_str(&b, bytes_str(d->generation));
    put_sym(&b, BYTES("iothub-message-source"));
    put_str(&b, BYTES("Telemetry"));
    put_annotation(&b, BYTES("iothub-connection-module-id"), identity_module(name));
    assert(!b.bad && b.len <= EVENT_HEAD_BARE + 3 * name.len); /* the device is named three times, a module once */
    return b.len;
}

enum err event_decode(struct bytes body, struct event_facts *out)
{
    struct rd r = rd_over(body);

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    out->sequence = (int64_t)rd_u64(&r);
    out->enqueued_ms = (int64_t)rd_u64(&r);
    out->device = rd_bytes(&r, rd_u8(&r));
    out->sections = rd_rest(&r);
    return r.bad ? ERR_DAMAGED : OK;
}

/* Skips an annotation whose value is a text; NO_BYTES: another one stands there. */
static struct bytes take_annotation(struct bytes *from, struct bytes key)
{
    size_t head = KEY + key.len + 2;
    struct bytes value;

    if (from->len < head || from->at[1] != key.len || !bytes_eq(bytes_first(bytes_skip(*from, KEY), key.len), key))
        return NO_BYTES;
    value = bytes_first(bytes_skip(*from, head), from->at[head - 1]);
    *from = bytes_skip(*from, head + value.len);
    return value;
}

bool event_was_told(const struct event_facts *facts, struct event_told *out)
{
    struct bytes from = bytes_skip(facts->sections, FIXED_END);

    take_annotation(&from, BYTES("x-opt-partition-key"));
    take_annotation(&from, BYTES("iothub-connection-device-id"));
    out->source = take_annotation(&from, BYTES("iothub-message-source"));
    out->module = take_annotation(&from, BYTES("iothub-connection-module-id"));
    out->rest = from;
    return out->source.at != NULL;
}

enum err event_apply(struct hub *h, const struct record *r)
{
    struct event_facts facts;
    struct partition_state *p;
    enum err e = event_decode(r->body, &facts);

    if (e || r->lane >= h->birth.partitions)
        return ERR_DAMAGED;
    p = partition_at(h, r->lane);
    mutex_lock(&p->lock);
    partition_grow(p, facts.sequence, r->at, facts.enqueued_ms);
    mutex_unlock(&p->lock);
    EACH_PART (part)
        if ((*part)->event_replayed)
            (*part)->event_replayed(h, &facts, r->at);
    return OK;
}

static void write_u32(uint8_t *to, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        to[i] = (uint8_t)v;
}

static void write_u64(uint8_t *to, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        to[i] = (uint8_t)v;
}

static void write_digits(uint8_t *to, uint64_t v)
{
    for (int i = OFFSET_DIGITS - 1; i >= 0; i--, v /= 10)
        to[i] = (uint8_t)('0' + v % 10);
}

/* Annotations that belong to the message and not to its sender; gives how many items they are. */
static uint32_t put_message_annotations(struct buf *b, const struct msg *m)
{
    return put_annotation(b, BYTES("dt-dataschema"), m->model_id) + put_annotation(b, BYTES("dt-subject"), m->subject) +
           put_annotation(b, BYTES("iothub-interface-id"), m->interface_id) +
           put_annotation(b, BYTES("Diagnostic-Id"), m->diagnostic_id) +
           put_annotation(b, BYTES("Correlation-Context"), m->correlation_context);
}

struct stamp {
    struct partition_state *partition;
    size_t map_at; /* of the annotations' map in the record */
    int64_t wall_ms;
};

/* Under the tail lock: the record gets its place, and with it its number. */
static void stamp(void *ctx, uint8_t *body, size_t len, uint64_t at)
{
    const struct stamp *s = ctx;
    struct partition_state *p = s->partition;
    uint8_t *map = body + s->map_at;
    int64_t sequence, time_ms;

    assert(s->map_at + FIXED_END <= len);
    mutex_lock(&p->lock);
    assert(at != 0);
    sequence = p->next;
    /* A clock that goes back must not turn the order of times around. */
    time_ms = s->wall_ms > p->last_ms ? s->wall_ms : p->last_ms;
    partition_grow(p, sequence, at, time_ms);
    mutex_unlock(&p->lock);
    write_u64(body + HEAD_SEQUENCE, (uint64_t)sequence);
    write_u64(body + HEAD_TIME, (uint64_t)time_ms);
    write_u64(map + SEQUENCE_AT, (uint64_t)sequence);
    write_digits(map + OFFSET_AT, at);
    write_u64(map + TIME_AT, (uint64_t)time_ms);
    write_u64(map + ARRIVAL_AT, (uint64_t)time_ms);
}

/* Whose message it is, and what stands before each of them. */
struct sender {
    struct partition_state *partition;
    struct bytes name, head;
    uint32_t annotations; /* of its own in there, beside those of the identity */
    enum room room;
};

/* Under the lock of the scratch. */
static enum err send_locked(struct hub *h, struct buf *b, const struct sender *from, const struct msg *m,
                            int64_t now_ms, uint64_t *at)
{
    size_t map_at = HEAD_ID + 1 + identity_device(from->name).len, map_end;
    struct stamp s = {.partition = from->partition, .map_at = map_at, .wall_ms = hub_wall_ms(h, now_ms)};
    struct bytes parts[2];
    struct draft d = {.kind = REC_EVENT,
                      .room = from->room,
                      .lane = (uint16_t)from->partition->number,
                      .parts = parts,
                      .n_parts = 2,
                      .stamp = stamp,
                      .ctx = &s};
    uint32_t items;

    buf_clear(b);
    buf_put(b, from->head);
    items =
        2 * (IDENTITY_ANNOTATIONS + from->annotations + identity_is_module(from->name)) + put_message_annotations(b, m);
    map_end = b->len;
    put_properties(b, m);
    put_application_properties(b, m, true);
    put_data_head(b, m->body.len);
    if (b->bad)
        return ERR_TOO_LARGE;
    write_u32(b->at + map_at + MAP_AT + 1, (uint32_t)(map_end - map_at - MAP_AT - 5));
    write_u32(b->at + map_at + MAP_AT + 5, items);
    parts[0] = buf_bytes(b);
    parts[1] = m->body;
    return store_append(h->store, &d, at);
}

static void count_received(struct hub *h, size_t size)
{
    h->received++;
    h->received_bytes += size;
}

/* Under the shard's lock: within the limits of its device, which has done something now. */
static enum err send_within_limits(struct hub *h, struct identity *i, const struct sender *from, const struct msg *m,
                                   int64_t now_ms, uint64_t *at)
{
    size_t size = msg_size(m);
    enum err e = identity_lets(h, i, size, now_ms);

    if (e || (e = send_locked(h, &i->shard->scratch, from, m, now_ms, at)))
        return e;
    i->device.activity_ms = hub_wall_ms(h, now_ms);
    identity_took(h, i, size, now_ms);
    return OK;
}

enum err hub_send(struct seat *seat, const struct msg *m, int64_t now_ms, uint64_t *at)
{
    const struct sender from = {.partition = seat->events.partition,
                                .name = bytes_str(seat->id),
                                .head = bytes_of(seat->events.head, seat->events.head_len),
                                .annotations = SEAT_ANNOTATIONS};
    size_t size = msg_size(m);
    enum err e;

    if (size > MESSAGE_LEN_MAX)
        return ERR_TOO_LARGE;
    mutex_lock(&seat->shard->lock);
    if (!(e = seat_state(seat)))
        e = send_within_limits(seat->hub, seat->identity, &from, m, now_ms, at);
    mutex_unlock(&seat->shard->lock);
    if (!e)
        count_received(seat->hub, size);
    return e;
}

/* Whether it may send without a seat. */
static enum err may_send(struct hub *h, struct shard *s, const struct identity *i, struct bytes generation)
{
    if (identity_disabled(h, s, i))
        return ERR_DISABLED;
    return generation.len && !bytes_eq(generation, bytes_str(i->device.generation)) ? ERR_UNAUTHORIZED : OK;
}

enum err hub_send_seatless(struct hub *h, struct bytes device, struct bytes generation, enum proof proof,
                           const struct msg *m, int64_t now_ms, uint64_t *at)
{
    struct shard *s = shard_of(h, device);
    size_t size = msg_size(m);
    uint8_t head[EVENT_HEAD_MAX];
    struct identity *i;
    enum err e;

    if (size > MESSAGE_LEN_MAX)
        return ERR_TOO_LARGE;
    mutex_lock(&s->lock);
    if (!(e = identity_get(h, s, device, &i)) && !(e = may_send(h, s, i, generation))) {
        const struct sender from = {.partition = partition_at(h, hub_partition_of(h, device)),
                                    .name = device,
                                    .head = bytes_of(head, event_head(&i->device, proof, head, sizeof head)),
                                    .annotations = SEAT_ANNOTATIONS};

        e = send_within_limits(h, i, &from, m, now_ms, at);
    }
    mutex_unlock(&s->lock);
    if (!e)
        count_received(h, size);
    return e;
}

enum err event_tell(struct hub *h, struct buf *scratch, struct bytes name, const char *source, const struct msg *m,
                    enum room room, int64_t now_ms, uint64_t *at)
{
    uint8_t text[EVENT_HEAD_MAX];
    struct buf head = buf_over(text, sizeof text);
    struct sender from = {
        .partition = partition_at(h, hub_partition_of(h, name)), .name = name, .annotations = 1, .room = room};

    put_identity(&head, name);
    put_sym(&head, BYTES("iothub-message-source"));
    put_str(&head, bytes_str(source));
    put_annotation(&head, BYTES("iothub-connection-module-id"), identity_module(name));
    assert(!head.bad);
    from.head = buf_bytes(&head);
    return send_locked(h, scratch, &from, m, now_ms, at);
}
