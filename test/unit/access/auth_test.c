#include "auth.h"

#include "mqtt_world.h"
#include "text.h"

#include "check.h"

static struct world w;
static struct buf token;

/* A token with any text as `sr` and `skn`, as clients make them that do not escape. */
static struct bytes signed_for(const char *sr, const char *skn, struct bytes key, int64_t expires_s)
{
    struct buf text = buf_max(SAS_LEN_MAX), base64 = buf_max(64);
    uint8_t raw[32];

    buf_printf(&text, "%s\n%lld", sr, (long long)expires_s);
    hmac_sha256(key, buf_bytes(&text), raw);
    buf_put_base64(&base64, bytes_of(raw, sizeof raw));
    buf_clear(&token);
    buf_printf(&token, "SharedAccessSignature sr=%s&sig=", sr);
    buf_put_percent(&token, buf_bytes(&base64));
    buf_printf(&token, "&se=%lld", (long long)expires_s);
    if (skn)
        buf_printf(&token, "&skn=%s", skn);
    buf_free(&text);
    buf_free(&base64);
    return buf_bytes(&token);
}

static struct bytes key_of(const char *id)
{
    static struct device d;
    CHECK_OK(hub_device_get(w.hub, bytes_str(id), &d));
    return bytes_of(d.primary.at, d.primary.len);
}

static struct policy policy_of(const char *name)
{
    struct policy p;
    CHECK_OK(hub_policy_get(w.hub, bytes_str(name), &p));
    return p;
}

#define LATER (WORLD_T0 / 1000 + 60)

static enum err device_with(const char *id, const char *sr, const char *skn)
{
    struct who who;
    return auth_device(&w.env, bytes_str(id), signed_for(sr, skn, key_of(id), LATER), WORLD_T0, &who);
}

static enum err device_by(const char *policy, const char *sr)
{
    struct policy p = policy_of(policy);
    struct who who;
    return auth_device(&w.env, BYTES("d1"), signed_for(sr, policy, bytes_of(p.primary.at, p.primary.len), LATER),
                       WORLD_T0, &who);
}

static void begin(void)
{
    static const char *const aliases[] = {"localhost", "2001:db8::1", NULL};
    w = (struct world){0};
    world_open(&w);
    w.env.aliases = aliases;
    world_device(&w, "d1");
    world_device(&w, "d10");
    world_device(&w, "50%25+");
    world_device(&w, "a:b");
    token = buf_max(SAS_LEN_MAX * 2);
}

static void end(void)
{
    world_close(&w);
    buf_free(&token);
}

TEST(a_device_comes_in_with_every_form_of_its_audience)
{
    begin();
    CHECK_OK(device_with("d1", "hub.test%2Fdevices%2fd1", NULL));
    CHECK_OK(device_with("d1", "HUB.test/devices/d1/", NULL));
    CHECK_OK(device_with("d1", "hub.test/devices/d1/api-version=2016-11-14", NULL));
    CHECK_OK(device_with("d1", "localhost/devices/d1", NULL));
    CHECK_OK(device_with("d1", "hub.test./devices/d1", NULL));
    CHECK_OK(device_with("d1", "[2001:db8::1]/devices/d1", NULL));
    CHECK_OK(device_with("d1", "%5B2001%3Adb8%3A%3A1%5D%3A8883%2Fdevices%2Fd1", NULL));
    CHECK_ERR(device_with("d1", "[2001:db8::2]/devices/d1", NULL), ERR_UNAUTHORIZED);
    CHECK_ERR(device_with("d1", "[/devices/d1", NULL), ERR_UNAUTHORIZED);
    CHECK_OK(device_with("50%25+", "hub.test/devices/50%25+", NULL));
    CHECK_OK(device_with("50%25+", "hub.test%2Fdevices%2F50%2525%2B", NULL));
    CHECK_ERR(device_with("d1", "hub.test/devices/d10", NULL), ERR_UNAUTHORIZED);
    CHECK_ERR(device_with("d10", "hub.test/devices/d1", NULL), ERR_UNAUTHORIZED);
    CHECK_ERR(device_with("d1", "hub.test/devices/D1", NULL), ERR_UNAUTHORIZED);
    CHECK_OK(device_with("d1", "hub.test/devices", NULL)); /* above it: the key says whose token it is */
    CHECK_OK(device_with("d1", "hub.test", NULL));
    CHECK_OK(device_with("d1", "https%3A%2F%2FHUB.test%3A443%2F", NULL));
    CHECK_OK(device_with("d1", "hub.test%2Fd1", NULL)); /* Go */
    CHECK_ERR(device_with("d1", "hub.test/d10", NULL), ERR_UNAUTHORIZED);
    CHECK_ERR(device_with("d1", "hub.test/devices/d10/devices/d1", NULL), ERR_UNAUTHORIZED);
    CHECK_ERR(device_with("d1", "hub.test/messages", NULL), ERR_UNAUTHORIZED);
    CHECK_OK(device_with("a:b", "hub.test%2Fdevices%2Fa:b", NULL));
    CHECK_OK(device_with("a:b", "hub.test%2Fdevices%2Fa%253Ab", NULL));       /* .NET */
    CHECK_OK(device_with("a:b", "hub.test%252Fdevices%252Fa%25253Ab", NULL)); /* Go, of modules */
    CHECK_OK(device_with("50%25+", "hub.test%2Fdevices%2F50%252525%252B", NULL));
    CHECK_ERR(device_with("50%25+", "hub.test%2Fdevices%2F50%25", NULL), ERR_UNAUTHORIZED);
    CHECK_ERR(device_with("d1", "other.test/devices/d1", NULL), ERR_UNAUTHORIZED);
    end();
}

TEST(what_did_not_fit_is_said_for_the_log)
{
    static const struct {
        const char *id, *sr, *key_of, *why;
        int64_t se;
    } cases[] = {
        {"d1", "hub.test/devices/d1", "d10", "not signed with a key of the device", 60},
        {"d1", "hub.test/devices/d10", "d1", "another resource: hub.test/devices/d10", 60},
        {"d1", "other.test%2Fdevices%2Fd1", "d1", "another host: other.test%2Fdevices%2Fd1", 60},
        {"d1", "hub.test/devices/d1", "d1", "expired 3600 s ago", -3600},
        {"d2", "hub.test/devices/d2", "d1", "this device does not exist", 60},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct who who;
        struct bytes t = signed_for(cases[i].sr, NULL, key_of(cases[i].key_of), WORLD_T0 / 1000 + cases[i].se);

        CHECK(auth_device(&w.env, bytes_str(cases[i].id), t, WORLD_T0, &who));
        if (!strstr(who.why, cases[i].why))
            fail_msg("%s: not %s", who.why, cases[i].why);
    }
    end();
}

TEST(a_policy_name_that_did_not_sign_is_passed_over)
{
    begin();
    CHECK_OK(device_with("d1", "hub.test/devices/d1", ""));
    CHECK_OK(device_with("d1", "hub.test/devices/d1", "d1"));
    CHECK_OK(device_with("d1", "hub.test/devices/d1", "device"));
    end();
}

TEST(a_policy_lets_devices_in_if_it_may)
{
    begin();
    CHECK_OK(device_by("device", "hub.test"));
    CHECK_OK(device_by("device", "hub.test%2fdevices"));
    CHECK_OK(device_by("iothubowner", "hub.test/devices/d1"));
    CHECK_ERR(device_by("service", "hub.test"), ERR_DENIED);
    CHECK_ERR(device_by("device", "hub.test/devices/d"), ERR_DENIED);
    end();
}

/* device 1.3: a module signs for itself, in each way that clients write its audience. */
TEST(a_module_comes_by_its_own_key_and_as_far_as_its_device_may)
{
    static const char *const fits[] = {"hub.test/devices/d1/modules/m",
                                       "hub.test%2Fdevices%2Fd1%2Fmodules%2Fm",
                                       "HUB.test/devices/d1/modules/m/twin",
                                       "hub.test",
                                       "hub.test/devices/d1",
                                       "hub.test%252Fdevices%252Fd1%252Fmodules%252Fm" /* Go */,
                                       "hub.test/devices/d1/m" /* nanoFramework */};
    static const char *const does_not[] = {"hub.test/devices/d1/modules/M", "hub.test/devices/d2/modules/m",
                                           "hub.test/devices/d1/modules/m2", "other.test/devices/d1/modules/m"};
    struct device d = {.id = "d1", .disabled = true}, made;
    struct who who;
    uint64_t at;

    begin();
    world_device(&w, "d1/m");
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++)
        CHECK_OK(device_with("d1/m", fits[i], NULL));
    for (size_t i = 0; i < sizeof does_not / sizeof *does_not; i++)
        CHECK_ERR(device_with("d1/m", does_not[i], NULL), ERR_UNAUTHORIZED);
    CHECK_OK(auth_device(&w.env, BYTES("d1/m"), signed_for(fits[0], NULL, key_of("d1/m"), LATER), WORLD_T0, &who));
    assert_string_equal(who.device, "d1/m");
    CHECK(auth_covers(&w.env, &who, BYTES("devices/d1/modules/m")) && !auth_covers(&w.env, &who, BYTES("devices/d1")));
    /* No device comes by the key of its module. */
    CHECK_ERR(auth_device(&w.env, BYTES("d1"), signed_for("hub.test", NULL, key_of("d1/m"), LATER), WORLD_T0, &who),
              ERR_UNAUTHORIZED);
    CHECK_ERR(auth_device(&w.env, BYTES("d1/x"), signed_for("hub.test", NULL, key_of("d1"), LATER), WORLD_T0, &who),
              ERR_NOT_FOUND);
    struct policy p = policy_of("device");
    CHECK_OK(auth_device(&w.env, BYTES("d1/m"),
                         signed_for("hub.test", "device", bytes_of(p.primary.at, p.primary.len), LATER), WORLD_T0,
                         &who));
    MUST(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, WORLD_T0, &made, &at));
    CHECK_ERR(device_with("d1/m", fits[0], NULL), ERR_DISABLED);
    end();
}

static enum err by_key_of(const char *signer, const char *module, struct who *who)
{
    char sr[128];

    snprintf(sr, sizeof sr, "hub.test/devices/%.20s", module);
    if (strchr(module, '/'))
        snprintf(sr, sizeof sr, "hub.test/devices/d1/modules/%s", strchr(module, '/') + 1);
    return auth_device(&w.env, bytes_str(module), signed_for(sr, NULL, key_of(signer), LATER), WORLD_T0, who);
}

/* device 1.3 */
TEST(a_module_without_a_certificate_comes_by_the_key_of_its_device)
{
    struct device modules[] = {{.id = "d1/bare", .auth = AUTH_NONE},
                               {.id = "d1/m", .auth = AUTH_SAS},
                               {.id = "d1/card", .auth = AUTH_SELF_SIGNED}},
                  d = {.id = "d1", .auth = AUTH_SELF_SIGNED}, made;
    struct peer stranger = {.address = "192.0.2.1"};
    struct who who;
    uint64_t at;

    begin();
    snprintf(modules[2].thumbprint[0], sizeof modules[2].thumbprint[0], "%040d", 1);
    for (size_t i = 0; i < 3; i++)
        MUST(hub_device_put(w.hub, &modules[i], (struct match){.how = MATCH_NONE}, WORLD_T0, &made, &at));
    for (size_t i = 0; i < 2; i++) {
        struct bytes id = bytes_str(modules[i].id);

        CHECK_OK(by_key_of("d1", modules[i].id, &who));
        assert_string_equal(who.device, modules[i].id);
        CHECK(who.rights == RIGHT_DEVICE && who.proof == PROOF_ABOVE_SAS && auth_still_signs(&w.env, &who));
        struct bytes of_device = signed_for("hub.test/devices/d1", NULL, key_of("d1"), LATER);
        CHECK_OK(auth_device(&w.env, id, of_device, WORLD_T0, &who));
        CHECK_OK(auth_peer(&w.env, &stranger, id, of_device, WORLD_T0, &who));
        /* Nobody else's. */
        CHECK_ERR(by_key_of("d10", modules[i].id, &who), ERR_UNAUTHORIZED);
    }
    CHECK_ERR(by_key_of("d1/m", "d1/bare", &who), ERR_UNAUTHORIZED);
    CHECK_ERR(by_key_of("d1", "d1/card", &who), ERR_UNAUTHORIZED);
    /* The key lets them in for as long as it is the device's. */
    CHECK_OK(by_key_of("d1", "d1/m", &who));
    MUST(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, WORLD_T0, &made, &at));
    CHECK(!auth_still_signs(&w.env, &who));
    for (size_t i = 0; i < 2; i++)
        CHECK_ERR(by_key_of("d1", modules[i].id, &who), ERR_UNAUTHORIZED);
    CHECK_OK(by_key_of("d1/m", "d1/m", &who));
    CHECK(who.proof == PROOF_DEVICE_SAS && auth_still_signs(&w.env, &who));
    end();
}

TEST(the_identities_that_an_audience_names_are_devices_and_modules)
{
    char names[AUTH_NAMED_MAX][IDENTITY_LEN_MAX + 1];

    CHECK(auth_named_devices(BYTES("hub.test%2Fdevices%2Fd%2Fmodules%2Fm"), names, 0) == 1);
    assert_string_equal(names[0], "d/m");
    CHECK(auth_named_devices(BYTES("hub.test/devices/d/modules/$m/messages/events"), names, 0) == 1);
    assert_string_equal(names[0], "d/$m");
    CHECK(auth_named_devices(BYTES("hub.test/devices/d/modules"), names, 0) == 1);
    assert_string_equal(names[0], "d");
}

TEST(skew_is_five_minutes)
{
    struct who who;
    begin();
    struct bytes t = signed_for("hub.test/devices/d1", NULL, key_of("d1"), WORLD_T0 / 1000);
    CHECK_OK(auth_device(&w.env, BYTES("d1"), t, WORLD_T0 + SKEW_MS, &who));
    CHECK(who.until_ms == WORLD_T0 && who.proof == PROOF_DEVICE_SAS && who.rights == RIGHT_DEVICE);
    CHECK_ERR(auth_device(&w.env, BYTES("d1"), t, WORLD_T0 + SKEW_MS + 1, &who), ERR_EXPIRED);
    CHECK_ERR(auth_device(&w.env, BYTES("nobody"), t, WORLD_T0, &who), ERR_NOT_FOUND);
    end();
}

TEST(policy_tokens_are_signed_with_either_form_of_either_key)
{
    begin();
    struct policy p = policy_of("service");
    struct buf text = buf_max(128);
    struct who who;
    struct bytes raw = bytes_of(p.secondary.at, p.secondary.len);

    buf_put_base64(&text, raw);
    CHECK_OK(auth_policy_token(&w.env, signed_for("sb%3A%2F%2Fhub.test%3A5671%2Fhub%2F", "service", raw, LATER),
                               WORLD_T0, &who));
    assert_string_equal(who.scope, "hub.test/hub");
    CHECK(auth_covers(&w.env, &who, BYTES("hub/ConsumerGroups/$Default/Partitions/0")));
    CHECK(auth_covers(&w.env, &who, BYTES("HUB")) && !auth_covers(&w.env, &who, BYTES("hubs")));
    CHECK(!auth_covers(&w.env, &who, BYTES("messages/events")));
    CHECK_OK(auth_policy_token(&w.env, signed_for("hub.test", "service", buf_bytes(&text), LATER), WORLD_T0, &who));
    CHECK(auth_covers(&w.env, &who, BYTES("messages/events")));
    CHECK_ERR(auth_policy_token(&w.env, signed_for("hub.test", "nobody", raw, LATER), WORLD_T0, &who),
              ERR_UNAUTHORIZED);
    CHECK_OK(auth_policy_key(&w.env, BYTES("service"), buf_bytes(&text), &who));
    text.len--; /* service 1.1: without its padding */
    CHECK_OK(auth_policy_key(&w.env, BYTES("service"), buf_bytes(&text), &who));
    CHECK_ERR(auth_policy_key(&w.env, BYTES("device"), buf_bytes(&text), &who), ERR_UNAUTHORIZED);
    buf_free(&text);
    end();
}

static void expect_why(struct bytes given, enum err e, const char *why)
{
    struct who who;

    CHECK_ERR(auth_device(&w.env, BYTES("d1"), given, WORLD_T0 + SKEW_MS + 2000, &who), e);
    CHECK(strstr(who.why, why) && !who.rights && !who.device[0] && !who.until_ms);
}

/* For the log; the peer is not told. */
TEST(why_a_device_is_not_let_in_is_said)
{
    static const uint8_t other[32] = {1};
    struct device d, made;
    struct who who;
    uint64_t at;

    begin();
    expect_why(BYTES("SharedAccessSignature"), ERR_UNAUTHORIZED, "not a shared access signature");
    expect_why(signed_for("hub.test/devices/d1", NULL, bytes_of(other, sizeof other), LATER + 600), ERR_UNAUTHORIZED,
               "not signed with a key of the device");
    expect_why(signed_for("hub.test/devices/d10", NULL, key_of("d1"), LATER + 600), ERR_UNAUTHORIZED,
               "for another resource: hub.test/devices/d10");
    expect_why(signed_for("hub.test/devices/d1", NULL, key_of("d1"), WORLD_T0 / 1000), ERR_EXPIRED,
               "expired 302 s ago");
    CHECK_ERR(auth_device(&w.env, BYTES("d99"), signed_for("hub.test/devices/d99", NULL, key_of("d1"), LATER), WORLD_T0,
                          &who),
              ERR_NOT_FOUND);
    CHECK(strstr(who.why, "device does not exist"));
    CHECK_OK(hub_device_get(w.hub, BYTES("d1"), &d));
    d.disabled = true;
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, WORLD_T0, &made, &at));
    expect_why(signed_for("hub.test/devices/d1", NULL, key_of("d1"), LATER + 600), ERR_DISABLED, "disabled");
    end();
}

TEST(why_a_service_is_not_let_in_is_said)
{
    struct policy p;
    struct who who;

    begin();
    p = policy_of("service");
    CHECK(auth_policy_token(&w.env, signed_for("hub.test", "nobody", key_of("d1"), LATER), WORLD_T0, &who) &&
          strstr(who.why, "no policy"));
    CHECK(auth_policy_token(&w.env, signed_for("hub.test", "service", key_of("d1"), LATER), WORLD_T0, &who) &&
          strstr(who.why, "not signed with a key of the policy"));
    CHECK(auth_policy_token(&w.env, signed_for("hub.test", "service", bytes_of(p.primary.at, p.primary.len), 1),
                            WORLD_T0, &who) == ERR_EXPIRED &&
          strstr(who.why, "expired"));
    CHECK(auth_policy_key(&w.env, BYTES("nobody"), BYTES("AAAA"), &who) && strstr(who.why, "policy does not exist"));
    CHECK(auth_policy_key(&w.env, BYTES("service"), BYTES("AAAA"), &who) && strstr(who.why, "not a key of the policy"));
    end();
}

/* A clock that jumped to what is wrong locks nobody out; one that was set right lets everybody in. */
TEST(a_token_is_valid_by_one_of_two_clocks_that_differ)
{
    static const int64_t jumps[] = {7200000, -7200000, -1700000000000, 20000LL * 86400000};
    struct who who;

    begin();
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        for (int believed = 0; believed < 2; believed++) {
            struct hub_clock c = {.ahead_ms = believed ? jumps[i] : 0, .doubt_ms = believed ? -jumps[i] : jumps[i]};
            struct bytes right = signed_for("hub.test", NULL, key_of("d1"), LATER);

            hub_clock_set(w.env.hub, &c);
            CHECK_OK(auth_device(&w.env, BYTES("d1"), right, WORLD_T0, &who));
            CHECK(who.until_ms == LATER * 1000 - (jumps[i] < 0 ? jumps[i] : 0));
            right = signed_for("hub.test", NULL, key_of("d1"), LATER + jumps[i] / 1000);
            CHECK_OK(auth_device(&w.env, BYTES("d1"), right, WORLD_T0, &who));
            right = signed_for("hub.test", NULL, key_of("d1"), LATER + (jumps[i] < 0 ? jumps[i] / 1000 : 0) - 3600);
            CHECK_ERR(auth_device(&w.env, BYTES("d1"), right, WORLD_T0, &who), ERR_EXPIRED);
        }
    }
    end();
}

TESTS(RUN(a_device_comes_in_with_every_form_of_its_audience), RUN(what_did_not_fit_is_said_for_the_log),
      RUN(a_policy_name_that_did_not_sign_is_passed_over), RUN(a_policy_lets_devices_in_if_it_may),
      RUN(a_module_comes_by_its_own_key_and_as_far_as_its_device_may),
      RUN(a_module_without_a_certificate_comes_by_the_key_of_its_device),
      RUN(the_identities_that_an_audience_names_are_devices_and_modules), RUN(skew_is_five_minutes),
      RUN(policy_tokens_are_signed_with_either_form_of_either_key), RUN(why_a_device_is_not_let_in_is_said),
      RUN(why_a_service_is_not_let_in_is_said), RUN(a_token_is_valid_by_one_of_two_clocks_that_differ))
