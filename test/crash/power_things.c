#include "hub_ca.h"
#include "hub_power.h"

#include <stdlib.h>

enum { VERSIONS = 400, STATES = 2000, DOCS = 5, GROUPS = 4, CAS = 3 };

/* The values that a thing had, and the places of these changes. 0: it is not there. */
struct version {
    uint64_t at;
    unsigned value;
    char etag[24];
};

struct history {
    struct version versions[VERSIONS];
    size_t n;
};

static struct history devices[DEVICES], sessions[DEVICES], docs[DOCS], groups[GROUPS], cas[CAS];
static struct device states[STATES]; /* a device's value is one more than its index here */
static unsigned n_states, numbers;
static struct seat *seats[DEVICES];
static struct bell bells[DEVICES];
static struct policy policies[16];
static size_t n_policies;
static struct hub_birth birth;

static void change(struct history *h, uint64_t at, unsigned value, const char *etag)
{
    struct version v = {.at = at, .value = value};

    snprintf(v.etag, sizeof v.etag, "%s", etag);
    CHECK(!h->n || at > h->versions[h->n - 1].at);
    CHECK(h->n < VERSIONS);
    h->versions[h->n++] = v;
}

static const struct version *last(const struct history *h)
{
    static const struct version none;

    return h->n ? &h->versions[h->n - 1] : &none;
}

static void forget(struct history *h, size_t n, uint64_t end)
{
    for (size_t i = 0; i < n; i++)
        while (h[i].n && last(&h[i])->at >= end)
            h[i].n--;
}

/* ---- devices --------------------------------------------------------------------------------------------------- */

const char *device_name(unsigned device)
{
    static const char *const names[DEVICES] = {"d0", "d1", "d2", "d3", "d4", "d5"};

    return names[device];
}

static const struct device *device_now(unsigned device)
{
    unsigned value = last(&devices[device])->value;

    return value ? &states[value - 1] : NULL;
}

bool device_is_there(unsigned device)
{
    return device_now(device) != NULL;
}

bool device_is_enabled(unsigned device)
{
    return device_now(device) && !device_now(device)->disabled;
}

uint64_t device_born_at(unsigned device)
{
    const struct history *h = &devices[device];
    size_t i = h->n;

    while (i && h->versions[i - 1].value)
        i--;
    return h->versions[i].at;
}

struct seat *seat_of(unsigned device)
{
    if (!seats[device] && device_is_enabled(device))
        CHECK_OK(hub_attach(hub(), bytes_str(device_name(device)), bytes_str(device_now(device)->generation),
                            PROOF_DEVICE_SAS, &bells[device].waker, now_ms, &seats[device]));
    return seats[device];
}

void seat_leave(unsigned device)
{
    mail_seat_gone(seats[device]);
    twins_seat_gone(seats[device]);
    hub_detach(seats[device], now_ms);
    seats[device] = NULL;
}

void seats_leave(void)
{
    for (unsigned k = 0; k < DEVICES; k++)
        seat_leave(k);
}

/* No two lives of a device have one generation. */
static void check_generation(unsigned device, const struct device *made)
{
    const struct history *h = &devices[device];

    for (size_t i = 0; i < h->n; i++)
        CHECK(!h->versions[i].value || strcmp(states[h->versions[i].value - 1].generation, made->generation) != 0);
}

static void put_device(unsigned device)
{
    const struct device *now = device_now(device);
    struct device wanted = now ? *now : device_named(device_name(device)), out;
    uint64_t at;

    if (n_states == STATES)
        return;
    seat_leave(device);
    wanted.disabled = below(4) == 0;
    if (below(3) == 0)
        wanted.primary.len = 0;
    CHECK_OK(hub_device_put(hub(), &wanted, (struct match){.how = now ? MATCH_ANY : MATCH_NONE}, now_ms, &out, &at));
    if (!now)
        check_generation(device, &out);
    states[n_states++] = out;
    change(&devices[device], at, n_states, out.etag);
}

static void drop_device(unsigned device)
{
    uint64_t at;

    if (!device_is_there(device))
        return;
    seat_leave(device);
    CHECK_OK(hub_device_delete(hub(), bytes_str(device_name(device)), (struct match){.how = MATCH_ANY}, now_ms, &at));
    change(&devices[device], at, 0, "");
    change(&sessions[device], at, 0, "");
}

static void check_device(unsigned device)
{
    const struct device *now = device_now(device);
    struct device got;

    CHECK_ERR(hub_device_get(hub(), bytes_str(device_name(device)), &got), now ? OK : ERR_NOT_FOUND);
    if (!now)
        return;
    CHECK(!strcmp(got.generation, now->generation) && !strcmp(got.etag, now->etag) && got.disabled == now->disabled);
    CHECK(got.primary.len == now->primary.len && !memcmp(got.primary.at, now->primary.at, now->primary.len));
    CHECK(got.secondary.len == now->secondary.len && !memcmp(got.secondary.at, now->secondary.at, now->secondary.len));
}

static struct session session_of(unsigned number)
{
    struct session s = {0};

    for (int w = 0; w < WANTS; w++)
        s.wants[w] = (uint8_t)(number >> 2 * w & 1);
    snprintf(s.part, sizeof s.part, "part/%u", number);
    return s;
}

static void set_session(unsigned device)
{
    struct seat *seat = seat_of(device);
    bool forgets = below(3) == 0;
    struct session s = session_of(++numbers);
    uint64_t at;

    if (!seat || (forgets && !last(&sessions[device])->value))
        return;
    CHECK_OK(hub_session_set(seat, forgets ? NULL : &s, &at));
    change(&sessions[device], at, forgets ? 0 : numbers, "");
}

static void check_session(unsigned device)
{
    unsigned value = last(&sessions[device])->value;
    struct session got, wanted = session_of(value);
    struct seat *seat = seat_of(device);

    if (!seat)
        return;
    CHECK(hub_session_get(seat, &got) == (value != 0));
    CHECK(!value || (!memcmp(got.wants, wanted.wants, sizeof got.wants) && !strcmp(got.part, wanted.part)));
    seat_leave(device);
}

/* ---- what else is kept ------------------------------------------------------------------------------------------ */

static struct bytes named(const char *what, unsigned number, char out[32])
{
    return bytes_of(out, (size_t)snprintf(out, 32, "%s%u", what, number));
}

static enum doc_kind kind_of(unsigned doc)
{
    return (enum doc_kind)(doc % DOC_KINDS);
}

static struct bytes doc_body(unsigned number, char out[400])
{
    memset(out, 'a' + (int)(number % 26), 400);
    return bytes_of(out, (size_t)snprintf(out, 32, "document %u", number) + number * 7919u % 300);
}

static void change_doc(unsigned doc)
{
    bool there = last(&docs[doc])->value != 0;
    struct match match = {.how = there ? MATCH_ANY : MATCH_NONE};
    char name[32], body[400];
    struct bytes id = named("doc", doc, name);
    struct doc out;
    uint64_t at;

    if (there && below(3) == 0) {
        CHECK_OK(hub_doc_delete(hub(), kind_of(doc), id, match, &at));
        change(&docs[doc], at, 0, "");
        return;
    }
    numbers++;
    CHECK_OK(hub_doc_put(hub(), kind_of(doc), id, doc_body(numbers, body), match, now_ms, &out, &at));
    change(&docs[doc], at, numbers, out.etag);
}

static void check_doc(unsigned doc)
{
    const struct version *v = last(&docs[doc]);
    struct buf got = buf_max(1000);
    char name[32], body[400];
    struct doc out;

    CHECK_ERR(hub_doc_get(hub(), kind_of(doc), named("doc", doc, name), &got, &out), v->value ? OK : ERR_NOT_FOUND);
    if (v->value) {
        CHECK_BYTES(buf_bytes(&got), doc_body(v->value, body));
        CHECK(!strcmp(out.etag, v->etag));
    }
    buf_free(&got);
}

static void change_group(unsigned group)
{
    bool there = last(&groups[group])->value != 0;
    char name[32];
    struct bytes id = named("group", group, name);
    uint64_t at;

    CHECK_OK(there ? hub_group_del(hub(), id, &at) : hub_group_add(hub(), id, &at));
    change(&groups[group], at, !there, "");
}

static void change_ca(unsigned ca)
{
    bool there = last(&cas[ca])->value != 0;
    struct match match = {.how = there ? MATCH_ANY : MATCH_NONE};
    struct ca wanted = {.verified = true, .der_len = 40}, out;
    uint64_t at;

    named("ca", ca, wanted.name);
    if (there && below(3) == 0) {
        CHECK_OK(hub_ca_delete(hub(), bytes_str(wanted.name), match, now_ms, &at));
        change(&cas[ca], at, 0, "");
        return;
    }
    memset(wanted.der, (int)(++numbers & 0xFF), wanted.der_len);
    CHECK_OK(hub_ca_put(hub(), &wanted, match, now_ms, &out, &at));
    change(&cas[ca], at, numbers, out.etag);
}

static void check_ca(unsigned ca)
{
    const struct version *v = last(&cas[ca]);
    struct ca got;
    char name[32];

    CHECK_ERR(hub_ca_get(hub(), named("ca", ca, name), &got), v->value ? OK : ERR_NOT_FOUND);
    CHECK(!v->value || (!strcmp(got.etag, v->etag) && got.der_len == 40 && got.der[0] == (v->value & 0xFF)));
}

/* Checks that exactly what is listed is there. */
static void check_lists(uint64_t devices_there)
{
    static struct device page[DEVICES + 1];
    struct buf body = buf_max(1000);
    size_t listed = 0, there = 0;

    CHECK_OK(hub_device_list(hub(), NO_BYTES, page, DEVICES + 1, &listed));
    CHECK(listed == devices_there);
    listed = 0;
    for (int kind = 0; kind < DOC_KINDS; kind++)
        for (struct doc d = {0}; !hub_doc_next(hub(), (enum doc_kind)kind, bytes_str(d.id), &body, &d); listed++)
            buf_clear(&body);
    for (unsigned k = 0; k < DOCS; k++)
        there += last(&docs[k])->value != 0;
    CHECK(listed == there);
    buf_free(&body);
}

static void check_whole(void)
{
    uint64_t there = 0, disabled = 0;
    struct policy got[16];
    struct hub_counts n;

    for (unsigned k = 0; k < DEVICES; k++) {
        there += device_is_there(k);
        disabled += device_is_there(k) && !device_is_enabled(k);
    }
    hub_count(hub(), &n);
    CHECK(n.devices == there && n.disabled == disabled);
    check_lists(there);
    CHECK(hub_policy_list(hub(), got, 16) == n_policies);
    for (size_t i = 0; i < n_policies; i++)
        CHECK(!memcmp(got[i].primary.at, policies[i].primary.at, policies[i].primary.len));
    CHECK(!strcmp(hub_birth(hub())->scope, birth.scope) && !strcmp(hub_birth(hub())->name, birth.name));
}

/* ---- the part --------------------------------------------------------------------------------------------------- */

void things_begin(void)
{
    memset(devices, 0, sizeof devices);
    memset(sessions, 0, sizeof sessions);
    memset(docs, 0, sizeof docs);
    memset(groups, 0, sizeof groups);
    memset(cas, 0, sizeof cas);
    n_states = numbers = 0;
    n_policies = hub_policy_list(hub(), policies, 16);
    birth = *hub_birth(hub());
    for (unsigned k = 0; k < DEVICES; k++) {
        bells[k] = bell_new();
        seats[k] = NULL;
        put_device(k);
    }
}

void things_step(void)
{
    unsigned dice = below(16);

    if (dice < 3)
        put_device(below(DEVICES));
    else if (dice < 5)
        set_session(below(DEVICES));
    else if (dice < 9)
        change_doc(below(DOCS));
    else if (dice < 11)
        change_group(below(GROUPS));
    else if (dice < 13)
        change_ca(below(CAS));
    else if (dice < 15)
        seat_leave(below(DEVICES));
    else
        drop_device(below(DEVICES));
}

void things_forget(uint64_t end)
{
    forget(devices, DEVICES, end);
    forget(sessions, DEVICES, end);
    forget(docs, DOCS, end);
    forget(groups, GROUPS, end);
    forget(cas, CAS, end);
}

void things_check(void)
{
    char name[32];

    for (unsigned k = 0; k < DEVICES; k++)
        check_device(k);
    for (unsigned k = 0; k < DEVICES; k++)
        check_session(k);
    for (unsigned k = 0; k < DOCS; k++)
        check_doc(k);
    for (unsigned k = 0; k < GROUPS; k++)
        CHECK(hub_group_exists(hub(), named("group", k, name)) == (last(&groups[k])->value != 0));
    for (unsigned k = 0; k < CAS; k++)
        check_ca(k);
    check_whole();
}
