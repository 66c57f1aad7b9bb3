/* The log holds what receivers get: it is taken apart here by Proton, not by us. */
#include "hub_world.h"

#include <proton/message.h>

static struct world w;
static struct bell bell;
static struct seat *seat;

static void start(uint64_t seed, const char *id)
{
    world_start(&w, seed);
    world_add(&w, id);
    bell = bell_new();
    seat = world_sit(&w, id, &bell);
}

static void stop(void)
{
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

static struct reader *read_all_of(const char *id)
{
    struct read_options o = {
        .group = BYTES("$Default"), .partition = hub_partition_of(w.hub, bytes_str(id)), .waker = &bell.waker};
    struct reader *r = NULL;

    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    return r;
}

/* Sends, reads back and decodes the first event of the device. */
static pn_message_t *through(const char *id, const struct msg *m, struct event *e)
{
    pn_message_t *decoded = pn_message();
    struct reader *r;
    uint64_t at;

    CHECK_OK(hub_send(seat, m, w.now_ms, &at));
    r = read_all_of(id);
    CHECK_OK(hub_read(r, e));
    CHECK(e->offset == at && e->enqueued_ms == w.now_ms && e->sequence == 0);
    CHECK_BYTES(e->device, bytes_str(id));
    CHECK(pn_message_decode(decoded, (const char *)e->sections.at, e->sections.len) == 0);
    hub_reader_close(r);
    return decoded;
}

/* The value of a key in a map; the types of both are checked. */
static pn_atom_t value_of(pn_data_t *map, pn_type_t key_type, const char *key, pn_type_t type)
{
    pn_data_rewind(map);
    CHECK(pn_data_next(map) && pn_data_type(map) == PN_MAP);
    pn_data_enter(map);
    while (pn_data_next(map)) {
        pn_atom_t k = pn_data_get_atom(map);

        CHECK(k.type == key_type);
        CHECK(pn_data_next(map));
        if (k.u.as_bytes.size == strlen(key) && memcmp(k.u.as_bytes.start, key, k.u.as_bytes.size) == 0) {
            pn_atom_t v = pn_data_get_atom(map);

            if (v.type != type)
                fail_msg("%s is a %s", key, pn_type_name(v.type));
            return v;
        }
    }
    fail_msg("no %s", key);
    return (pn_atom_t){0};
}

static struct bytes bytes_in(pn_bytes_t b)
{
    return bytes_of(b.start, b.size);
}

static struct bytes annotation(pn_message_t *m, const char *key)
{
    return bytes_in(value_of(pn_message_annotations(m), PN_SYMBOL, key, PN_STRING).u.as_bytes);
}

static size_t items_of(pn_data_t *map)
{
    pn_data_rewind(map);
    return pn_data_next(map) ? pn_data_get_map(map) : 0;
}

TEST(every_event_says_who_sent_it_and_when)
{
    struct msg m = {.body = BYTES("on")};
    struct device d;
    struct event e;
    pn_message_t *p;
    char offset[OFFSET_TEXT_CAP];
    pn_data_t *a;

    start(1, "phone");
    p = through("phone", &m, &e);
    a = pn_message_annotations(p);
    CHECK(items_of(a) == 18);
    CHECK(value_of(a, PN_SYMBOL, "x-opt-sequence-number", PN_LONG).u.as_long == 0);
    CHECK(value_of(a, PN_SYMBOL, "x-opt-enqueued-time", PN_TIMESTAMP).u.as_timestamp == w.now_ms);
    CHECK(value_of(a, PN_SYMBOL, "iothub-enqueuedtime", PN_TIMESTAMP).u.as_timestamp == w.now_ms);
    offset_text(e.offset, offset);
    CHECK_BYTES(annotation(p, "x-opt-offset"), bytes_str(offset));
    CHECK_BYTES(annotation(p, "x-opt-partition-key"), BYTES("phone"));
    CHECK_BYTES(annotation(p, "iothub-connection-device-id"), BYTES("phone"));
    CHECK_BYTES(annotation(p, "iothub-message-source"), BYTES("Telemetry"));
    CHECK_BYTES(annotation(p, "iothub-connection-auth-method"),
                BYTES("{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}"));
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &d));
    CHECK_BYTES(annotation(p, "iothub-connection-auth-generation-id"), bytes_str(d.generation));
    CHECK(d.activity_ms == w.now_ms);
    pn_message_free(p);
    stop();
}

TEST(how_the_sender_proved_itself_is_said_in_the_exact_words)
{
    static const struct {
        enum proof proof;
        const char *text;
    } cases[] = {
        {PROOF_POLICY_SAS, "{\"scope\":\"hub\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}"},
        {PROOF_X509, "{\"scope\":\"device\",\"type\":\"x509Certificate\",\"issuer\":\"external\","
                     "\"acceptingIpFilterRule\":null}"},
    };

    for (size_t i = 0; i < 2; i++) {
        struct msg m = {0};
        struct event e;
        pn_message_t *p;

        start(2, "phone");
        hub_detach(seat, w.now_ms);
        CHECK_OK(hub_attach(w.hub, BYTES("phone"), NO_BYTES, cases[i].proof, &bell.waker, w.now_ms, &seat));
        p = through("phone", &m, &e);
        CHECK_BYTES(annotation(p, "iothub-connection-auth-method"), bytes_str(cases[i].text));
        pn_message_free(p);
        stop();
    }
}

static const struct prop PROPS[] = {{BYTES("k"), BYTES("v")}, {BYTES("empty"), BYTES("")}, {BYTES("null"), {NULL, 0}}};

static struct msg full_message(void)
{
    return (struct msg){.message_id = BYTES("m-1"),
                        .correlation_id = BYTES("c-1"),
                        .user_id = BYTES("u\0z"),
                        .to = BYTES("/devices/garage/messages/devicebound"),
                        .content_type = BYTES("application/json"),
                        .content_encoding = BYTES("utf-8"),
                        .creation_time = BYTES("2026-01-01T00:00:00Z"),
                        .interface_id = BYTES("i"),
                        .subject = BYTES("thermostat1"),
                        .schema = BYTES("s"),
                        .diagnostic_id = BYTES("0123abcd"),
                        .correlation_context = BYTES("creationtimeutc=1.5"),
                        .model_id = BYTES("dtmi:com:example:Thermostat;1"),
                        .expiry_ms = 1767225660000,
                        .props = PROPS,
                        .n_props = 3,
                        .body = BYTES("{\"t\":21}")};
}

TEST(what_the_sender_said_arrives_in_the_documented_types)
{
    struct msg m = full_message();
    struct event e;
    pn_message_t *p;
    pn_data_t *props, *body;
    pn_atom_t id;

    start(3, "phone");
    p = through("phone", &m, &e);
    id = pn_message_get_id(p);
    CHECK(id.type == PN_STRING);
    CHECK_BYTES(bytes_in(id.u.as_bytes), BYTES("m-1"));
    id = pn_message_get_correlation_id(p);
    CHECK(id.type == PN_STRING);
    CHECK_BYTES(bytes_in(id.u.as_bytes), BYTES("c-1"));
    CHECK_BYTES(bytes_in(pn_message_get_user_id(p)), BYTES("u\0z"));
    CHECK_BYTES(bytes_str(pn_message_get_address(p)), m.to);
    CHECK_BYTES(bytes_str(pn_message_get_content_type(p)), m.content_type);
    CHECK_BYTES(bytes_str(pn_message_get_content_encoding(p)), m.content_encoding);
    CHECK(pn_message_get_expiry_time(p) == m.expiry_ms);
    props = pn_message_properties(p);
    CHECK(items_of(props) == 10);
    CHECK_BYTES(bytes_in(value_of(props, PN_STRING, "k", PN_STRING).u.as_bytes), BYTES("v"));
    CHECK(value_of(props, PN_STRING, "empty", PN_STRING).u.as_bytes.size == 0);
    value_of(props, PN_STRING, "null", PN_NULL);
    CHECK_BYTES(bytes_in(value_of(props, PN_STRING, "iothub-creation-time-utc", PN_STRING).u.as_bytes),
                m.creation_time);
    CHECK_BYTES(bytes_in(value_of(props, PN_STRING, "iothub-message-schema", PN_STRING).u.as_bytes), m.schema);
    CHECK(items_of(pn_message_annotations(p)) == 28);
    CHECK_BYTES(annotation(p, "dt-dataschema"), m.model_id);
    CHECK_BYTES(annotation(p, "dt-subject"), m.subject);
    CHECK_BYTES(annotation(p, "iothub-interface-id"), m.interface_id);
    CHECK_BYTES(annotation(p, "Diagnostic-Id"), m.diagnostic_id);
    CHECK_BYTES(annotation(p, "Correlation-Context"), m.correlation_context);
    body = pn_message_body(p);
    CHECK(pn_message_is_inferred(p) && pn_data_next(body) && pn_data_type(body) == PN_BINARY);
    CHECK_BYTES(bytes_in(pn_data_get_binary(body)), m.body);
    pn_message_free(p);
    stop();
}

/* Each property alone and in pairs: the length of the list of properties depends on the last that is there. */
TEST(any_of_the_properties_may_be_missing)
{
    for (unsigned set = 0; set < 128; set++) {
        struct msg m = full_message();
        struct event e;
        pn_message_t *p;

        m.message_id = set & 1 ? m.message_id : NO_BYTES;
        m.user_id = set & 2 ? m.user_id : NO_BYTES;
        m.to = set & 4 ? m.to : NO_BYTES;
        m.correlation_id = set & 8 ? m.correlation_id : NO_BYTES;
        m.content_type = set & 16 ? m.content_type : NO_BYTES;
        m.content_encoding = set & 32 ? m.content_encoding : NO_BYTES;
        m.expiry_ms = set & 64 ? m.expiry_ms : 0;
        start(set, "phone");
        p = through("phone", &m, &e);
        CHECK(pn_message_get_id(p).type == (set & 1 ? PN_STRING : PN_NULL));
        CHECK(pn_message_get_user_id(p).size == (set & 2 ? 3 : 0));
        CHECK((pn_message_get_address(p) != NULL) == ((set & 4) != 0));
        CHECK(pn_message_get_correlation_id(p).type == (set & 8 ? PN_STRING : PN_NULL));
        CHECK((pn_message_get_content_type(p) != NULL) == ((set & 16) != 0));
        CHECK((pn_message_get_content_encoding(p) != NULL) == ((set & 32) != 0));
        CHECK(pn_message_get_expiry_time(p) == m.expiry_ms);
        CHECK_BYTES(event_body(&e), m.body);
        pn_message_free(p);
        stop();
    }
}

/* Strings change their form at 256 bytes. */
TEST(texts_and_bodies_of_every_length_arrive_whole)
{
    static char text[70000];
    static const size_t lengths[] = {0, 1, 254, 255, 256, 257, 65535, 65536, 70000};

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct bytes long_text = bytes_of(text, lengths[i]);
        struct prop prop = {BYTES("k"), long_text};
        struct msg m = {.message_id = bytes_first(long_text, 300), .props = &prop, .n_props = 1, .body = long_text};
        char id[ID_LEN_MAX + 1] = "";
        struct event e;
        pn_message_t *p;

        memset(id, 'd', ID_LEN_MAX);
        start(i, id);
        p = through(id, &m, &e);
        CHECK_BYTES(bytes_in(value_of(pn_message_properties(p), PN_STRING, "k", PN_STRING).u.as_bytes), long_text);
        CHECK_BYTES(event_body(&e), long_text);
        CHECK_BYTES(annotation(p, "x-opt-partition-key"), bytes_str(id));
        pn_message_free(p);
        stop();
    }
}

TEST(a_message_without_a_body_has_an_empty_data_section)
{
    struct msg m = {0};
    struct event e;
    pn_message_t *p;

    start(4, "phone");
    p = through("phone", &m, &e);
    CHECK(e.sections.len > 8 && memcmp(e.sections.at + e.sections.len - 8, "\0\x53\x75\xB0\0\0\0\0", 8) == 0);
    CHECK(items_of(pn_message_properties(p)) == 0);
    pn_message_free(p);
    stop();
}

TEST(the_size_limit_counts_body_values_and_application_properties)
{
    static char big[MESSAGE_LEN_MAX + 1];
    struct prop prop = {BYTES("name"), BYTES("value")};
    struct msg m = {.message_id = BYTES("id"), .props = &prop, .n_props = 1, .model_id = BYTES("dtmi:a;1")};
    uint64_t at, end;

    start(5, "phone");
    m.body = bytes_of(big, MESSAGE_LEN_MAX - 11);
    CHECK(msg_size(&m) == MESSAGE_LEN_MAX);
    CHECK_OK(hub_send(seat, &m, w.now_ms, &at));
    end = store_end(w.store);
    m.body.len++;
    CHECK_ERR(hub_send(seat, &m, w.now_ms, &at), ERR_TOO_LARGE);
    CHECK(store_end(w.store) == end);
    stop();
}

TEST(a_disk_that_is_full_takes_no_sequence_number)
{
    struct msg m = {.body = BYTES("x")};
    struct partition p;
    struct hub_counts n;
    uint64_t at;

    start(6, "phone");
    world_send(&w, seat, "one");
    memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL});
    CHECK_ERR(hub_send(seat, &m, w.now_ms, &at), ERR_DISK_FULL);
    memory_store_faults(w.store, &(struct memory_faults){0});
    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("phone")), &p));
    CHECK(p.last_sequence == 0);
    world_send(&w, seat, "two");
    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("phone")), &p));
    CHECK(p.last_sequence == 1);
    hub_count(w.hub, &n);
    CHECK(n.received == 2 && n.received_bytes == 6);
    stop();
}

TEST(times_of_a_partition_never_go_back)
{
    struct partition p;
    int64_t late = 0;

    start(7, "phone");
    world_send(&w, seat, "one");
    late = w.now_ms;
    w.now_ms -= 5000;
    world_send(&w, seat, "two");
    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("phone")), &p));
    CHECK(p.last_enqueued_ms == late && p.last_sequence == 1);
    stop();
}

TEST(a_partition_knows_its_ends_and_devices_keep_theirs)
{
    unsigned used[4] = {0}, of[400];
    struct partition p;

    start(8, "phone");
    CHECK_OK(hub_partition(w.hub, 0, &p));
    CHECK(p.empty && p.first_sequence == 0 && p.last_sequence == -1);
    CHECK_ERR(hub_partition(w.hub, 4, &p), ERR_NOT_FOUND);
    for (int i = 0; i < 400; i++) {
        char id[16];

        snprintf(id, sizeof id, "d%d", i);
        of[i] = hub_partition_of(w.hub, bytes_str(id));
        CHECK(of[i] < 4);
        used[of[i]]++;
    }
    for (int i = 0; i < 4; i++)
        CHECK(used[i] > 50);
    stop();
    /* Another process with other random numbers finds the device's events where they are. */
    start(9, "phone");
    for (int i = 0; i < 400; i++) {
        char id[16];

        snprintf(id, sizeof id, "d%d", i);
        CHECK(hub_partition_of(w.hub, bytes_str(id)) == of[i]);
    }
    stop();
}

TESTS(RUN(every_event_says_who_sent_it_and_when), RUN(how_the_sender_proved_itself_is_said_in_the_exact_words),
      RUN(what_the_sender_said_arrives_in_the_documented_types), RUN(any_of_the_properties_may_be_missing),
      RUN(texts_and_bodies_of_every_length_arrive_whole), RUN(a_message_without_a_body_has_an_empty_data_section),
      RUN(the_size_limit_counts_body_values_and_application_properties),
      RUN(a_disk_that_is_full_takes_no_sequence_number), RUN(times_of_a_partition_never_go_back),
      RUN(a_partition_knows_its_ends_and_devices_keep_theirs))
