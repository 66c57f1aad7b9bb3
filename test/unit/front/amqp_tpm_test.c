/* The SASL mechanism TPM: a device proves its chip, registers, and everything that ends it (provisioning 1.5.3). */
#include "amqp_case.h"

#include "soft_tpm.h"

#include <proton/sasl_plugin.h>

static struct soft_tpm chip, other;

/* The device's words in its turn. */
static struct {
    char id[64];
    struct bytes ek, srk;
    struct bytes token; /* instead of a good one */
    struct bytes ready; /* instead of the one byte */
    unsigned turn;
    uint8_t said[1024];
    struct buf blob, key;
} say;

static const char *scope(void)
{
    return hub_birth(w.hub)->scope;
}

static void respond(pn_transport_t *t, struct bytes what, enum pnx_sasl_state state)
{
    memcpy(say.said, what.at, what.len);
    pnx_sasl_set_bytes_out(t, pn_bytes(what.len, (const char *)say.said));
    pnx_sasl_set_desired_state(t, state);
}

static bool process_mechanisms(pn_transport_t *t, const char *mechanisms)
{
    struct buf init = buf_max(1024);

    CHECK(strstr(mechanisms, "TPM"));
    buf_put_u8(&init, 0);
    buf_puts(&init, scope());
    buf_put_u8(&init, 0);
    buf_puts(&init, say.id);
    buf_put_u8(&init, 0);
    buf_put(&init, say.ek);
    pnx_sasl_set_selected_mechanism(t, "TPM");
    respond(t, buf_bytes(&init), SASL_POSTED_INIT);
    buf_free(&init);
    return true;
}

static void open_blob(void)
{
    struct buf uri = buf_max(512);

    if (soft_tpm_open(&chip, buf_bytes(&say.blob), &say.key, &uri))
        CHECK(say.key.len == 32 && !uri.len);
    buf_free(&uri);
}

static void say_token(struct buf *answer)
{
    char resource[256];

    open_blob();
    snprintf(resource, sizeof resource, "%s/registrations/%s", scope(), say.id);
    if (say.token.at)
        buf_put(answer, say.token);
    else
        CHECK_OK(sas_make(bytes_str(resource), BYTES("registration"), T0 / 1000 + 60, buf_bytes(&say.key), answer));
}

static void process_challenge(pn_transport_t *t, const pn_bytes_t *in)
{
    struct bytes challenge = bytes_of(in->start, in->size), control = bytes_first(challenge, 1);
    struct buf answer = buf_max(1024);

    buf_put_u8(&answer, 0);
    switch (say.turn++) {
    case 0:
        CHECK_BYTES(challenge, BYTES("\0"));
        buf_put(&answer, say.srk);
        break;
    case 1:
        CHECK_BYTES(control, BYTES("\x80"));
        CHECK(challenge.len <= 471);
        buf_put(&say.blob, bytes_skip(challenge, 1));
        if (say.ready.at) {
            buf_clear(&answer);
            buf_put(&answer, say.ready);
        }
        break;
    default:
        CHECK(say.turn == 3);
        CHECK_BYTES(control, BYTES("\xC1"));
        buf_put(&say.blob, bytes_skip(challenge, 1));
        say_token(&answer);
        break;
    }
    respond(t, buf_bytes(&answer), SASL_POSTED_RESPONSE);
    buf_free(&answer);
}

static void nothing(pn_transport_t *t)
{
    (void)t;
}

static bool yes(pn_transport_t *t)
{
    (void)t;
    return true;
}

static bool no(pn_transport_t *t)
{
    (void)t;
    return false;
}

static void process_outcome(pn_transport_t *t, const pn_bytes_t *in)
{
    (void)t;
    (void)in;
}

static void prepare(struct client *client)
{
    static const pnx_sasl_implementation plugin = {
        .free = nothing,
        .init_client = yes,
        .prepare_write = nothing,
        .process_mechanisms = process_mechanisms,
        .process_challenge = process_challenge,
        .process_outcome = process_outcome,
        .can_encrypt = no,
    };

    pn_sasl_set_allow_insecure_mechs(pn_sasl(client->proton.driver.transport), true);
    pnx_sasl_set_implementation(client->proton.driver.transport, &plugin, client);
}

static void enroll(const char *id, const struct soft_tpm *t, const char *status)
{
    struct buf text = buf_max(2048);
    struct doc d;
    uint64_t at;

    buf_printf(&text,
               "{\"registrationId\":\"%s\",\"provisioningStatus\":\"%s\",\"attestation\":{\"type\":\"tpm\",\"tpm\":"
               "{\"endorsementKey\":\"",
               id, status);
    buf_put_base64(&text, bytes_of(t->ek, sizeof t->ek));
    buf_puts(&text, "\"}}}");
    CHECK_OK(hub_doc_put(w.hub, DOC_ENROLLMENT, bytes_str(id), buf_bytes(&text), (struct match){.how = MATCH_NONE}, T0,
                         &d, &at));
    buf_free(&text);
}

static int start(void **state)
{
    client_start(state);
    memset(&say, 0, sizeof say);
    snprintf(say.id, sizeof say.id, "dev-1");
    say.ek = bytes_of(chip.ek, sizeof chip.ek);
    say.srk = bytes_of(chip.srk, sizeof chip.srk);
    say.blob = buf_max(ATTEST_BLOB_MAX);
    say.key = buf_max(64);
    enroll("dev-1", &chip, "enabled");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_close(&c);
    buf_free(&say.blob);
    buf_free(&say.key);
    world_close();
    return 0;
}

static bool login(void)
{
    c.prepare = prepare;
    client_open(&c, SASL, NULL, NULL);
    return pn_connection_state(c.conn) & PN_REMOTE_ACTIVE;
}

static const char *address(void)
{
    static char text[256];

    snprintf(text, sizeof text, "%s/registrations/%s", scope(), say.id);
    return text;
}

static void ask(pn_link_t *to, const char *type, const char *operation)
{
    pn_message_t *m = new_message("");
    pn_data_t *p = pn_message_properties(m);

    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "iotdps-operation-type", type);
    if (operation)
        put_property(p, "iotdps-operation-id", operation);
    check_accepted(send_message(&c, to, m));
}

TEST(a_device_proves_its_chip_registers_and_gets_its_key)
{
    char operation[64];
    struct buf uri = buf_max(512);
    struct device d;

    CHECK(login() && say.turn == 3 && say.blob.len == 766);
    pn_link_t *in = receive_from(&c, address(), NULL, 10);
    pn_link_t *out = attach_to(&c, c.session, "out", true, address());
    ask(out, "iotdps-register", NULL);
    CHECK(hear(&c, in));
    struct bytes rest = bytes_skip(bytes_str(heard_body(&c)), strlen("{\"operationId\":\""));
    CHECK(bytes_to_str(bytes_cut(&rest, '"'), operation, sizeof operation));
    ask(out, "iotdps-get-operationstatus", operation);
    CHECK(hear(&c, in));
    const char *body = strstr(heard_body(&c), "\"authenticationKey\":\"");
    CHECK(body != NULL);
    rest = bytes_str(body + strlen("\"authenticationKey\":\""));
    uint8_t blob[ATTEST_BLOB_MAX];
    size_t len;
    CHECK_OK(base64_decode(bytes_cut(&rest, '"'), blob, sizeof blob, &len));
    buf_clear(&say.key);
    CHECK(soft_tpm_open(&chip, bytes_of(blob, len), &say.key, &uri));
    CHECK_OK(hub_device_get(w.hub, BYTES("dev-1"), &d));
    CHECK(bytes_eq(bytes_of(d.primary.at, d.primary.len), buf_bytes(&say.key)));
    buf_free(&uri);
}

static void refused(unsigned turns)
{
    CHECK(!login() && say.turn == turns);
    CHECK(pn_sasl_outcome(pn_sasl(c.proton.driver.transport)) == PN_SASL_AUTH);
    CHECK(strstr(w.log, "login-failed registration="));
}

/* Java asks the chip for up to 60 s before it signs. */
TEST(a_chip_may_take_its_time)
{
    struct buf b = buf_max(1024);

    c.join.now_ms = T0;
    client_front(&c);
    client_input(&c, BYTES("AMQP\x03\x01\x00\x00"));
    size_t len = 1 + strlen(scope()) + 1 + strlen(say.id) + 1 + say.ek.len;
    /* sasl-init: TPM, and its response as vbin32 in a list32 */
    buf_put_u32(&b, (uint32_t)(8 + 3 + 9 + 5 + 5 + len));
    buf_put(&b, BYTES("\x02\x01\x00\x00\x00\x53\x41\xd0"));
    buf_put_u32(&b, (uint32_t)(4 + 5 + 5 + len));
    buf_put(&b, BYTES("\x00\x00\x00\x02\xa3\x03TPM\xb0"));
    buf_put_u32(&b, (uint32_t)len);
    buf_put_u8(&b, 0);
    buf_puts(&b, scope());
    buf_put_u8(&b, 0);
    buf_puts(&b, say.id);
    buf_put_u8(&b, 0);
    buf_put(&b, say.ek);
    client_input(&c, buf_bytes(&b));
    CHECK(!c.join.hub.talk->over &&
          bytes_find_bytes(buf_bytes(&c.join.hub.out), BYTES("\x00\x53\x42")) < c.join.hub.out.len); /* a challenge */
    c.join.hub.talk->ops->tick(c.join.hub.talk, T0 + TPM_MS - 1);
    CHECK(!c.join.hub.talk->over);
    c.join.hub.talk->ops->tick(c.join.hub.talk, T0 + TPM_MS);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_TIMEOUT);
    buf_free(&b);
}

/* Before anything is said that would cost it the key that it has. */
TEST(another_chip_gets_no_blob)
{
    say.ek = bytes_of(other.ek, sizeof other.ek);
    refused(1);
}

TEST(an_id_without_an_enrollment_gets_no_blob)
{
    snprintf(say.id, sizeof say.id, "dev-2");
    refused(1);
}

TEST(a_disabled_enrollment_gets_no_blob)
{
    snprintf(say.id, sizeof say.id, "dev-2");
    say.ek = bytes_of(other.ek, sizeof other.ek);
    enroll("dev-2", &other, "disabled");
    refused(1);
}

TEST(a_storage_key_in_software_gets_no_blob)
{
    static uint8_t soft[ATTEST_SRK_LEN];

    memcpy(soft, chip.srk, sizeof soft);
    memcpy(soft + 6, "\x00\x02\x00\x40", 4);
    say.srk = bytes_of(soft, sizeof soft);
    refused(1);
}

TEST(an_init_that_is_not_complete_ends_it)
{
    say.ek = bytes_first(say.ek, 315);
    refused(0);
}

TEST(a_response_that_does_not_begin_with_nothing_ends_it)
{
    say.ready = BYTES("\1");
    refused(2);
}

TEST(a_chip_that_cannot_open_the_blob_cannot_sign)
{
    say.token = BYTES("SharedAccessSignature sr=a&sig=b&se=1");
    refused(3);
}

TEST(the_challenge_of_another_connection_is_none_of_this_one)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    char resource[256];

    CHECK(login());
    snprintf(resource, sizeof resource, "%s/registrations/dev-1", scope());
    CHECK_OK(sas_make(bytes_str(resource), BYTES("registration"), T0 / 1000 + 60, buf_bytes(&say.key), &token));
    client_close(&c);
    memset(&c, 0, sizeof c);
    say.turn = 0;
    buf_clear(&say.blob);
    buf_clear(&say.key);
    say.token = buf_bytes(&token);
    refused(3);
    buf_free(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_proves_its_chip_registers_and_gets_its_key, start, stop),
        cmocka_unit_test_setup_teardown(a_chip_may_take_its_time, start, stop),
        cmocka_unit_test_setup_teardown(another_chip_gets_no_blob, start, stop),
        cmocka_unit_test_setup_teardown(an_id_without_an_enrollment_gets_no_blob, start, stop),
        cmocka_unit_test_setup_teardown(a_disabled_enrollment_gets_no_blob, start, stop),
        cmocka_unit_test_setup_teardown(a_storage_key_in_software_gets_no_blob, start, stop),
        cmocka_unit_test_setup_teardown(an_init_that_is_not_complete_ends_it, start, stop),
        cmocka_unit_test_setup_teardown(a_response_that_does_not_begin_with_nothing_ends_it, start, stop),
        cmocka_unit_test_setup_teardown(a_chip_that_cannot_open_the_blob_cannot_sign, start, stop),
        cmocka_unit_test_setup_teardown(the_challenge_of_another_connection_is_none_of_this_one, start, stop),
    };

    soft_tpm_make(&chip);
    soft_tpm_make(&other);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    soft_tpm_free(&chip);
    soft_tpm_free(&other);
    return failed;
}
