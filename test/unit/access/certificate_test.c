/* Devices that prove who they are by a certificate (device 1.6). */
#include "auth.h"
#include "hub_ca.h"
#include "log.h"
#include "text.h"

#include "mqtt_world.h"

#include "check.h"

#define X509_WORLD_S (WORLD_T0 / 1000)
#include "x509_world.h"

static struct world w;
static char why[512]; /* what the log is told of the last one who was not let in */

static void begin(void)
{
    w = (struct world){0};
    world_open(&w);
    why[0] = 0;
}

static void end(void)
{
    world_close(&w);
}

/* Somebody who shows these, the first of them as his own. The chain lies in `room`. */
static struct peer showing(const struct made *const shown[], struct buf *room)
{
    struct peer peer = {.address = "192.0.2.7:51234", .has_certificate = true};

    *room = made_list(shown);
    peer.chain = buf_bytes(room);
    CHECK(X509_digest(shown[0]->cert, EVP_sha1(), peer.sha1, NULL) == 1);
    CHECK(X509_digest(shown[0]->cert, EVP_sha256(), peer.sha256, NULL) == 1);
    return peer;
}

#define SHOW(room, ...) showing((const struct made *const[]){__VA_ARGS__, NULL}, (room))

static void hex_of(char out[THUMBPRINT_LEN_MAX + 1], const uint8_t *hash, size_t len, bool upper)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, upper ? "%02X" : "%02x", hash[i]);
}

static void put_device(struct device *d, enum auth_type auth)
{
    struct device made;
    uint64_t at;

    d->auth = auth;
    MUST(hub_device_get(w.hub, bytes_str(d->id), &made) == OK
             ? hub_device_put(w.hub, d, (struct match){.how = MATCH_ANY}, WORLD_T0, &made, &at)
             : hub_device_put(w.hub, d, (struct match){.how = MATCH_NONE}, WORLD_T0, &made, &at));
}

static enum err comes(const struct peer *peer, const char *id, struct bytes token, struct who *who)
{
    return auth_peer(&w.env, peer, bytes_str(id), token, WORLD_T0, who);
}

static enum err lets_in(const struct peer *peer, const char *id)
{
    struct who who;
    enum err e = comes(peer, id, NO_BYTES, &who);

    snprintf(why, sizeof why, "%s", e ? who.why : "");
    return e;
}

TEST(each_thumbprint_of_each_kind_lets_its_certificate_in)
{
    struct made leaf = make_leaf("anything", NULL), other = make_leaf("d1", NULL);
    struct buf room, room2;
    struct peer peer = SHOW(&room, &leaf), stranger = SHOW(&room2, &other);
    struct who who;

    begin();
    for (int how = 0; how < 8; how++) {
        struct device d = {.id = "d1"};
        bool is_256 = how & 1;

        hex_of(d.thumbprint[how >> 1 & 1], is_256 ? peer.sha256 : peer.sha1, is_256 ? 32 : 20, how & 4);
        put_device(&d, AUTH_SELF_SIGNED);
        CHECK_OK(comes(&peer, "d1", NO_BYTES, &who));
        CHECK(who.proof == PROOF_X509 && who.rights == RIGHT_DEVICE && who.until_ms == INT64_MAX);
        CHECK(strcmp(who.device, "d1") == 0 && who.generation[0] && strcmp(who.scope, "hub.test/devices/d1") == 0);
        CHECK_ERR(lets_in(&stranger, "d1"), ERR_UNAUTHORIZED);
    }
    buf_free(&room);
    buf_free(&room2);
    made_free(&leaf);
    made_free(&other);
    end();
}

TEST(the_log_has_the_thumbprints_that_differ)
{
    struct made leaf = make_leaf("d1", NULL);
    struct device d = {.id = "d1"};
    struct buf room;
    struct peer peer = SHOW(&room, &leaf), nobody = {.address = "192.0.2.8:1"};
    char text[THUMBPRINT_LEN_MAX + 1];

    begin();
    memset(d.thumbprint[0], 'A', 40);
    put_device(&d, AUTH_SELF_SIGNED);
    CHECK_ERR(lets_in(&peer, "d1"), ERR_UNAUTHORIZED);
    CHECK(strstr(why, "Thumbprint does not match configuration: SHA1Hash "));
    CHECK(strstr(why, "PrimaryThumbprint AAAA") && strstr(why, "SecondaryThumbprint "));
    hex_of(text, peer.sha1, 20, false);
    CHECK(strstr(why, text));
    hex_of(text, peer.sha256, 32, false);
    CHECK(strstr(why, text));
    CHECK_ERR(lets_in(&nobody, "d1"), ERR_UNAUTHORIZED);
    CHECK(strstr(why, "must authenticate by certificate"));
    CHECK_ERR(lets_in(&peer, "nobody"), ERR_NOT_FOUND);
    d.disabled = true;
    hex_of(d.thumbprint[1], peer.sha1, 20, false);
    put_device(&d, AUTH_SELF_SIGNED);
    CHECK_ERR(lets_in(&peer, "d1"), ERR_DISABLED);
    CHECK(strstr(why, "disabled"));
    /* No thumbprint is no thumbprint of nothing. */
    d = (struct device){.id = "d1"};
    put_device(&d, AUTH_SELF_SIGNED);
    CHECK_ERR(lets_in(&peer, "d1"), ERR_UNAUTHORIZED);
    buf_free(&room);
    made_free(&leaf);
    end();
}

TEST(what_is_registered_decides_between_token_and_certificate)
{
    struct made leaf = make_leaf("by-key", NULL);
    struct buf room, token = buf_max(SAS_LEN_MAX);
    struct peer peer = SHOW(&room, &leaf), nobody = {.address = "192.0.2.8:1"};
    struct device d = {.id = "by-hash"};
    struct who who;

    begin();
    world_device(&w, "by-key");
    world_token(&w, "by-key", false, WORLD_T0 + 60000, &token);
    CHECK_OK(comes(&peer, "by-key", buf_bytes(&token), &who));
    CHECK(who.proof == PROOF_DEVICE_SAS);
    CHECK_ERR(lets_in(&peer, "by-key"), ERR_UNAUTHORIZED);
    hex_of(d.thumbprint[0], peer.sha1, 20, false);
    put_device(&d, AUTH_SELF_SIGNED);
    CHECK_OK(comes(&peer, "by-hash", buf_bytes(&token), &who));
    CHECK(who.proof == PROOF_X509);
    CHECK_ERR(comes(&nobody, "by-hash", buf_bytes(&token), &who), ERR_UNAUTHORIZED);
    buf_free(&token);
    buf_free(&room);
    made_free(&leaf);
    end();
}

static void put_ca(const char *name, const struct made *ca, bool verified)
{
    struct ca wanted = {.verified = verified}, made;
    struct buf der = buf_max(CA_LEN_MAX);
    struct match match = {.how = hub_ca_get(w.hub, bytes_str(name), &made) ? MATCH_NONE : MATCH_ANY};
    uint64_t at;

    made_der(&der, ca);
    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    memcpy(wanted.der, der.at, der.len);
    wanted.der_len = (uint16_t)der.len;
    MUST(hub_ca_put(w.hub, &wanted, match, WORLD_T0, &made, &at));
    buf_free(&der);
}

static void drop_ca(const char *name)
{
    uint64_t at;

    MUST(hub_ca_delete(w.hub, bytes_str(name), (struct match){.how = MATCH_ANY}, WORLD_T0, &at));
}

TEST(an_authority_lets_devices_in_once_it_is_verified)
{
    struct made root = make_ca("root", NULL), lower = make_ca("lower", &root), leaf = make_leaf("d1", &lower);
    struct made brief = make((struct wish){.cn = "d1", .to_s = X509_WORLD_S + 60}, &root);
    struct made old = make((struct wish){.cn = "d1", .to_s = X509_WORLD_S - 60}, &root);
    struct made module = make_leaf("d1/m", &root);
    struct device d = {.id = "d1"}, d2 = {.id = "d2"}, m = {.id = "d1/m"};
    struct buf rooms[5];
    struct peer peer = SHOW(&rooms[0], &leaf, &lower), alone = SHOW(&rooms[1], &leaf), until = SHOW(&rooms[2], &brief),
                late = SHOW(&rooms[3], &old), part = SHOW(&rooms[4], &module);
    struct who who;

    begin();
    put_device(&d, AUTH_CA);
    put_device(&d2, AUTH_CA);
    CHECK_ERR(lets_in(&peer, "d1"), ERR_UNAUTHORIZED);
    put_ca("ours", &root, false);
    CHECK_ERR(lets_in(&peer, "d1"), ERR_UNAUTHORIZED);
    CHECK(strstr(why, "no verified CA certificate"));
    put_ca("ours", &root, true);
    CHECK_OK(comes(&peer, "d1", NO_BYTES, &who));
    CHECK(who.proof == PROOF_X509 && who.until_ms == WORLD_T0 + 86400 * 1000);
    CHECK_OK(comes(&until, "d1", NO_BYTES, &who));
    CHECK(who.until_ms == WORLD_T0 + 60000);
    CHECK_ERR(lets_in(&late, "d1"), ERR_EXPIRED);
    CHECK_ERR(lets_in(&peer, "d2"), ERR_UNAUTHORIZED);
    CHECK(strstr(why, "common name"));
    CHECK_ERR(lets_in(&part, "d1"), ERR_UNAUTHORIZED);
    put_device(&m, AUTH_CA);
    CHECK_OK(lets_in(&part, "d1/m"));
    CHECK_ERR(lets_in(&peer, "d1/m"), ERR_UNAUTHORIZED);
    CHECK_ERR(lets_in(&alone, "d1"), ERR_UNAUTHORIZED);
    put_ca("lower", &lower, true);
    CHECK_OK(lets_in(&alone, "d1"));
    drop_ca("ours");
    CHECK_OK(lets_in(&peer, "d1"));
    drop_ca("lower");
    CHECK_ERR(lets_in(&peer, "d1"), ERR_UNAUTHORIZED);
    for (int i = 0; i < 5; i++)
        buf_free(&rooms[i]);
    made_free(&root);
    made_free(&lower);
    made_free(&leaf);
    made_free(&brief);
    made_free(&old);
    made_free(&module);
    end();
}

/* ---- over MQTT ------------------------------------------------------------------------------------------------- */

static void connect_with(struct join *c, const struct peer *peer, const char *id, struct bytes password)
{
    struct buf packet = buf_max(4096);
    char user[300];

    world_join_mqtt(&w, c, peer, WORLD_T0);
    snprintf(user, sizeof user, WORLD_HOST "/%s/?api-version=2021-04-12", id);
    mqtt_put_connect(&packet, &(struct mqtt_connect){.clean = true,
                                                     .keep_alive_s = 60,
                                                     .client_id = bytes_str(id),
                                                     .user = bytes_str(user),
                                                     .password = password});
    join_say_at(c, buf_bytes(&packet), WORLD_T0);
    buf_free(&packet);
}

static void is_accepted(const struct join *c)
{
    CHECK_BYTES(buf_bytes(&c->client.in), BYTES("\x20\2\0\0"));
    CHECK(c->hub.talk);
}

static void is_refused(struct join *c)
{
    CHECK_BYTES(buf_bytes(&c->client.in), BYTES("\x20\2\0\5"));
    CHECK(!c->hub.talk);
    join_close(c);
}

TEST(a_password_is_absent_or_empty_beside_a_certificate)
{
    struct made leaf = make_leaf("d1", NULL);
    struct device d = {.id = "d1"};
    struct buf room;
    struct peer peer = SHOW(&room, &leaf), nobody = {.address = "192.0.2.8:1"};
    struct join c;

    begin();
    hex_of(d.thumbprint[0], peer.sha256, 32, false);
    put_device(&d, AUTH_SELF_SIGNED);
    connect_with(&c, &peer, "d1", NO_BYTES);
    is_accepted(&c);
    join_close(&c);
    connect_with(&c, &peer, "d1", BYTES(""));
    is_accepted(&c);
    join_close(&c);
    connect_with(&c, &nobody, "d1", NO_BYTES);
    is_refused(&c);
    connect_with(&c, &nobody, "d1", BYTES("SharedAccessSignature sr=a&sig=b&se=1"));
    is_refused(&c);
    buf_free(&room);
    made_free(&leaf);
    end();
}

TEST(a_new_thumbprint_ends_the_connection_and_keeps_it_from_coming_back)
{
    struct made leaf = make_leaf("d1", NULL), other = make_leaf("d1", NULL);
    struct device d = {.id = "d1"};
    struct buf room, room2;
    struct peer peer = SHOW(&room, &leaf), next = SHOW(&room2, &other);
    struct join c;

    begin();
    hex_of(d.thumbprint[0], peer.sha256, 32, false);
    put_device(&d, AUTH_SELF_SIGNED);
    connect_with(&c, &peer, "d1", NO_BYTES);
    is_accepted(&c);
    hex_of(d.thumbprint[0], next.sha256, 32, false);
    put_device(&d, AUTH_SELF_SIGNED);
    CHECK(c.hub.woken);
    join_run_at(&c, WORLD_T0);
    CHECK(!c.hub.talk && c.hub.why == ERR_UNAUTHORIZED);
    join_close(&c);
    connect_with(&c, &peer, "d1", NO_BYTES);
    is_refused(&c);
    connect_with(&c, &next, "d1", NO_BYTES);
    is_accepted(&c);
    join_close(&c);
    buf_free(&room);
    buf_free(&room2);
    made_free(&leaf);
    made_free(&other);
    end();
}

/* As with a token: the connection outlives it by the grace, and does not come back. */
TEST(a_connection_ends_with_the_certificate_that_let_it_in)
{
    struct made root = make_ca("root", NULL);
    struct made brief = make((struct wish){.cn = "d1", .to_s = X509_WORLD_S + 10}, &root);
    struct device d = {.id = "d1"};
    struct buf room;
    struct peer peer = SHOW(&room, &brief);
    int64_t end_ms = WORLD_T0 + 10000 + TOKEN_GRACE_MS;
    struct join c;

    begin();
    put_device(&d, AUTH_CA);
    put_ca("root", &root, true);
    connect_with(&c, &peer, "d1", NO_BYTES);
    is_accepted(&c);
    for (int64_t now_ms = WORLD_T0; now_ms < end_ms; now_ms += 30000) {
        join_say_at(&c, BYTES("\xc0\0"), now_ms); /* it is not silent */
        c.hub.talk->ops->tick(c.hub.talk, now_ms);
        join_run_at(&c, now_ms);
        CHECK(c.hub.talk);
    }
    c.hub.talk->ops->tick(c.hub.talk, end_ms);
    join_run_at(&c, end_ms);
    CHECK(!c.hub.talk && c.hub.why == ERR_EXPIRED);
    join_close(&c);
    buf_free(&room);
    made_free(&root);
    made_free(&brief);
    end();
}

TEST(an_authority_that_goes_ends_the_connections_of_its_devices)
{
    struct made one = make_ca("one", NULL), two = make_ca("two", NULL);
    struct made leaf = make_leaf("d1", &one), leaf2 = make_leaf("d2", &two);
    struct device d = {.id = "d1"}, d2 = {.id = "d2"};
    struct buf room, room2;
    struct peer peer = SHOW(&room, &leaf), other = SHOW(&room2, &leaf2);
    struct join c, c2;

    begin();
    put_device(&d, AUTH_CA);
    put_device(&d2, AUTH_CA);
    put_ca("one", &one, true);
    put_ca("two", &two, true);
    connect_with(&c, &peer, "d1", NO_BYTES);
    is_accepted(&c);
    connect_with(&c2, &other, "d2", NO_BYTES);
    is_accepted(&c2);
    drop_ca("one");
    join_run_at(&c, WORLD_T0);
    join_run_at(&c2, WORLD_T0);
    CHECK(!c.hub.talk && c.hub.why == ERR_UNAUTHORIZED && !c2.hub.talk);
    join_close(&c);
    join_close(&c2);
    connect_with(&c, &peer, "d1", NO_BYTES);
    is_refused(&c);
    connect_with(&c2, &other, "d2", NO_BYTES); /* its authority still counts */
    is_accepted(&c2);
    join_close(&c2);
    buf_free(&room);
    buf_free(&room2);
    made_free(&one);
    made_free(&two);
    made_free(&leaf);
    made_free(&leaf2);
    end();
}

TESTS(RUN(each_thumbprint_of_each_kind_lets_its_certificate_in), RUN(the_log_has_the_thumbprints_that_differ),
      RUN(what_is_registered_decides_between_token_and_certificate),
      RUN(an_authority_lets_devices_in_once_it_is_verified), RUN(a_password_is_absent_or_empty_beside_a_certificate),
      RUN(a_new_thumbprint_ends_the_connection_and_keeps_it_from_coming_back),
      RUN(a_connection_ends_with_the_certificate_that_let_it_in),
      RUN(an_authority_that_goes_ends_the_connections_of_its_devices))
