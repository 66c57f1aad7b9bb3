#include "salvage.h"

#include "birth.h"
#include "ca.h"
#include "group.h"
#include "identity.h"
#include "mail_keep.h"
#include "part.h"
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>

enum { REC_LOST = 10 }; /* what a repair put in the place of damaged records: nothing */

enum { VALUE_MAX = 1 << 20, DUES_MAX = 256 << 20 };

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *prefix, *what;
    /* The rest is the name of an identity, which this is, or which it belongs to; begins with one, */
    enum { NO_NAME, IDENTITY, OF_IDENTITY, DEVICE_FIRST } name;
    bool has_sequence; /* and the number of a message ends it */
} keys[] = {
    {"d/", "a device", IDENTITY, false},
    {"mod/", "a module of a device", IDENTITY, false},
    {"m/", "a message in the mailbox of a device", DEVICE_FIRST, true},
    {"t/", "a twin", OF_IDENTITY, false},
    {"b/", "the body of a message to a device", DEVICE_FIRST, false},
    {"x/", "when messages to a device expire", NO_NAME, false},
    {"f/", "feedback", NO_NAME, false},
    {"p/", "an enrollment or a registration", NO_NAME, false},
    {"p/3/", "a configuration", NO_NAME, false},
    {"jh/", "a job", NO_NAME, false},
    {"jr/", "devices of a job, and what became of them", NO_NAME, false},
    {"l/", "that a device is connected", OF_IDENTITY, false},
    {"e/", "what a partition holds", NO_NAME, false},
};

static const struct {
    const char *key, *what;
} single[] = {
    {"birth", "the name of the hub, its partitions and its scope id"},
    {"policies", "the policies and their keys"},
    {"groups", "the consumer groups"},
    {"cas", "the CA certificates"},
    {"ages", "how old the messages are"},
    {"counts", "how many devices there are"},
    {"bond", "to which log the checkpoint belongs"},
};

static void read_rest(size_t i, struct bytes rest, struct key_facts *out)
{
    struct bytes name = keys[i].name == DEVICE_FIRST ? identity_device(rest) : rest;
    uint64_t number;

    if (keys[i].name && !bytes_to_str(name, out->device, sizeof out->device))
        out->device[0] = 0;
    if (keys[i].has_sequence && identity_is_module(rest) && letter_number(rest, &number))
        out->sequence = (int64_t)number;
    if (keys[i].prefix[0] == 'e' && rest.len == 2)
        out->partition = (rest.at[0] - '0') * 10 + rest.at[1] - '0';
}

void key_facts_of(struct bytes key, struct key_facts *out)
{
    *out = (struct key_facts){.what = "a value", .partition = -1, .sequence = -1};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (bytes_eq(key, bytes_str(single[i].key)))
            out->what = single[i].what;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!bytes_starts(key, bytes_str(keys[i].prefix)))
            continue;
        out->what = keys[i].what;
        out->is_device = keys[i].name == IDENTITY;
        read_rest(i, bytes_skip(key, strlen(keys[i].prefix)), out);
    }
}

bool key_is_copied(struct bytes key)
{
    return !bytes_eq(key, BYTES("bond"));
}

/* ---- devices --------------------------------------------------------------------------------------------------- */

struct devices {
    struct state *state;
    uint64_t n, disabled, generation;
    struct buf dues; /* u64 when, u8 length of the id, id */
    enum err e;
};

static bool count_device(void *ctx, struct bytes key, struct bytes value)
{
    struct devices *d = ctx;
    struct identity i;
    uint64_t generation;

    (void)key;
    if ((d->e = identity_decode(value, &i)))
        return false;
    generation = strtoull(i.device.generation, NULL, 10);
    if (generation > d->generation)
        d->generation = generation;
    if (identity_is_module(bytes_str(i.device.id)))
        return true;
    d->n++;
    d->disabled += i.device.disabled;
    if (i.kept_due_ms != INT64_MAX && i.kept_due_ms != DUE_UNKNOWN) {
        buf_put_u64(&d->dues, (uint64_t)i.kept_due_ms);
        put_text(&d->dues, i.device.id);
    }
    return true;
}

static enum err put_dues(struct devices *d)
{
    struct rd r = rd_over(buf_bytes(&d->dues));
    enum err e = buf_check(&d->dues);

    while (!e && rd_left(&r)) {
        int64_t due_ms = (int64_t)rd_u64(&r);
        char key[STATE_KEY_MAX];

        e = state_put(d->state, mail_due_key(key, rd_bytes(&r, rd_u8(&r)), due_ms), BYTES("1"));
    }
    return e;
}

static enum err put_devices(struct state *s)
{
    struct devices d = {.state = s, .dues = buf_max(DUES_MAX)};
    struct buf b = buf_max(64);
    enum err e = state_each(s, BYTES("d/"), NO_BYTES, count_device, &d);

    if (!e && !(e = d.e))
        e = state_each(s, BYTES("mod/"), NO_BYTES, count_device, &d);
    if (!e)
        e = d.e;
    buf_put_u64(&b, d.n);
    buf_put_u64(&b, d.disabled);
    buf_put_u64(&b, d.generation);
    if (!e && !(e = put_dues(&d)))
        e = state_put(s, BYTES("counts"), buf_bytes(&b));
    buf_free(&b);
    buf_free(&d.dues);
    return e;
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

void salvage_see(struct salvage_seen *s, const struct record *r)
{
    s->policies += r->kind == REC_POLICY;
    s->groups += r->kind == REC_GROUPS;
    if (r->kind != REC_BIRTH)
        return;
    buf_clear(&s->birth);
    buf_put(&s->birth, r->body);
}

uint8_t salvage_filler(void)
{
    return REC_LOST;
}

/* ---- what there is one of -------------------------------------------------------------------------------------- */

static enum err is_there(struct state *s, const char *key, bool *out)
{
    struct buf b = buf_max(VALUE_MAX + CAS_VALUE_MAX);
    enum err e = state_get(s, bytes_str(key), &b);

    *out = !e;
    buf_free(&b);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Each gives what it is not as it was, or NULL. */
static const char *make_birth(struct buf *b, const struct salvage_known *k)
{
    if (k->log->birth.len) {
        buf_put(b, buf_bytes(&k->log->birth));
        return NULL;
    }
    put_birth(b, k->facts);
    return "the birth of the hub, which is made again from hub.json: its time is not known, and if it is of a hub that "
           "was made with an early version, events of a device come in another partition from now on";
}

static const char *make_policies(struct buf *b, const struct salvage_known *k)
{
    policies_encode(b, k->said, k->n_said < POLICIES ? k->n_said : POLICIES);
    if (k->replayed && k->log->policies >= POLICIES)
        return NULL;
    return k->n_said ? "the secondary keys of the policies, which are new ones; the primary ones are those of hub.json"
                     : "the policies and their keys, which are new ones: `d2dhub show` prints them";
}

static const char *make_groups(struct buf *b, const struct salvage_known *k)
{
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u8(b, 0);
    return k->replayed && k->log->groups ? NULL : "the consumer groups but $Default";
}

/* Nothing is trimmed too early by it. */
static const char *make_ages(struct buf *b, const struct salvage_known *k)
{
    (void)k;
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, 0);
    buf_put_u32(b, 0);
    return NULL;
}

/* The birth comes last: without it a checkpoint is none. */
static const struct {
    const char *key;
    const char *(*make)(struct buf *, const struct salvage_known *);
} needed[] = {{"policies", make_policies}, {"groups", make_groups}, {"ages", make_ages}, {"birth", make_birth}};

static enum err complete(struct state *s, size_t i, const struct salvage_known *k, salvage_told *told, void *ctx)
{
    struct buf b = buf_max(VALUE_MAX);
    const char *what;
    bool there;
    enum err e = is_there(s, needed[i].key, &there);

    if (!e && !there && needed[i].make == make_birth && !k->log->birth.len && !k->facts) {
        told(ctx,
             "the name of the hub, its partitions and its scope id: neither the checkpoint nor the log nor hub.json "
             "has them");
        e = ERR_NOT_FOUND;
    } else if (!e && !there) {
        if ((what = needed[i].make(&b, k)))
            told(ctx, what);
        e = b.bad ? ERR_MEMORY : state_put(s, bytes_str(needed[i].key), buf_bytes(&b));
    }
    buf_free(&b);
    return e;
}

enum err hub_salvage(struct state *s, const struct salvage_known *k, salvage_told *told, void *ctx)
{
    enum err e = put_devices(s);

    for (size_t i = 0; !e && i < sizeof needed / sizeof *needed; i++)
        e = complete(s, i, k, told, ctx);
    return e;
}

static bool next_of(void *ctx, struct bytes key, struct bytes value)
{
    struct rd r = rd_over(bytes_skip(value, 9));
    uint64_t next = rd_u64(&r), *most = ctx;

    (void)key;
    if (!r.bad && next < INT64_MAX / 2 && next > *most)
        *most = next;
    return true;
}

enum err hub_salvage_next(struct state *s, uint64_t *out)
{
    *out = 0;
    return state_each(s, BYTES("e/"), NO_BYTES, next_of, out);
}

/* ---- its row --------------------------------------------------------------------------------------------------- */

static enum err lost_apply(struct hub *h, const struct record *r)
{
    (void)h;
    (void)r;
    return OK;
}

static const struct record_kind kinds[] = {
    {.number = REC_LOST, .room = ROOM_REGISTRY, .what = "what was lost before", .apply = lost_apply},
};

const struct part salvage_part = {.name = "salvage", .kinds = kinds, .n_kinds = sizeof kinds / sizeof *kinds};
