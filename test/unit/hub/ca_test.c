#include "hub_ca.h"
#include "hub_world.h"

static struct ca ca_named(const char *name, const char *der, bool verified)
{
    struct ca c = {.verified = verified, .der_len = (uint16_t)strlen(der)};

    snprintf(c.name, sizeof c.name, "%s", name);
    memcpy(c.der, der, strlen(der));
    return c;
}

static const struct match NEW = {.how = MATCH_NONE}, ANY = {.how = MATCH_ANY};

static struct match only(const struct ca *c)
{
    return (struct match){.how = MATCH_ETAG, .etag = bytes_str(c->etag)};
}

static struct ca put(struct world *w, const char *name, const char *der, bool verified, struct match match)
{
    struct ca wanted = ca_named(name, der, verified), made = {0};
    uint64_t at;

    CHECK_OK(hub_ca_put(w->hub, &wanted, match, w->now_ms, &made, &at));
    return made;
}

static void counts(struct world *w, const char *wanted)
{
    struct buf b = buf_max(CAS_MAX * (CA_LEN_MAX + 4)), all = buf_max(1024);

    CHECK_OK(hub_ca_verified(w->hub, &b));
    for (struct rd r = rd_over(buf_bytes(&b)); rd_left(&r);) {
        buf_put(&all, rd_str32(&r));
        buf_puts(&all, " ");
        CHECK(!r.bad);
    }
    CHECK_BYTES(buf_bytes(&all), bytes_str(wanted));
    buf_free(&b);
    buf_free(&all);
}

TEST(a_certificate_counts_once_it_is_verified)
{
    struct world w;
    struct ca made, now;
    uint64_t at;

    world_start(&w, 1);
    made = put(&w, "b", "BBB", false, NEW);
    CHECK(!made.verified && !made.code[0] && made.etag[0] && made.created_ms == w.now_ms);
    counts(&w, "");
    w.now_ms += 1000;
    CHECK_OK(hub_ca_challenge(w.hub, BYTES("B"), ANY, w.now_ms, &now, &at));
    CHECK(strlen(now.code) == CA_CODE_LEN && strspn(now.code, "0123456789ABCDEF") == CA_CODE_LEN);
    CHECK(!now.verified && strcmp(now.etag, made.etag) != 0);
    CHECK(now.created_ms == made.created_ms && now.updated_ms == w.now_ms);
    /* The proof was for what it was before. */
    CHECK_ERR(hub_ca_verify(w.hub, BYTES("b"), only(&made), w.now_ms, &made, &at), ERR_PRECONDITION);
    counts(&w, "");
    CHECK_OK(hub_ca_verify(w.hub, BYTES("b"), only(&now), w.now_ms, &made, &at));
    CHECK(made.verified && strcmp(made.code, now.code) == 0);
    put(&w, "a", "AAA", true, NEW);
    counts(&w, "AAA BBB ");
    /* Asking for a new code takes nothing away. */
    CHECK_OK(hub_ca_challenge(w.hub, BYTES("b"), ANY, w.now_ms, &now, &at));
    CHECK(now.verified && strcmp(now.code, made.code) != 0);
    put(&w, "a", "AAA", false, ANY);
    counts(&w, "BBB ");
    world_end(&w);
}

TEST(a_change_of_a_certificate_names_what_it_changes)
{
    struct world w;
    struct ca made, other = ca_named("a", "other", true);
    uint64_t at;

    world_start(&w, 2);
    CHECK_ERR(hub_ca_put(w.hub, &other, ANY, w.now_ms, &made, &at), ERR_NOT_FOUND);
    made = put(&w, "a", "AAA", true, NEW);
    CHECK_ERR(hub_ca_put(w.hub, &other, NEW, w.now_ms, &other, &at), ERR_EXISTS);
    CHECK_ERR(hub_ca_delete(w.hub, BYTES("a"), NEW, w.now_ms, &at), ERR_PRECONDITION);
    CHECK_ERR(hub_ca_challenge(w.hub, BYTES("a"), NEW, w.now_ms, &other, &at), ERR_PRECONDITION);
    CHECK_ERR(hub_ca_verify(w.hub, BYTES("x"), ANY, w.now_ms, &other, &at), ERR_NOT_FOUND);
    put(&w, "a", "AA2", true, only(&made));
    CHECK_ERR(hub_ca_delete(w.hub, BYTES("a"), only(&made), w.now_ms, &at), ERR_PRECONDITION);
    counts(&w, "AA2 ");
    CHECK_OK(hub_ca_delete(w.hub, BYTES("A"), ANY, w.now_ms, &at));
    CHECK_ERR(hub_ca_delete(w.hub, BYTES("a"), ANY, w.now_ms, &at), ERR_NOT_FOUND);
    CHECK_ERR(hub_ca_get(w.hub, BYTES("a"), &made), ERR_NOT_FOUND);
    counts(&w, "");
    world_end(&w);
}

TEST(there_are_so_many_certificates_and_no_more)
{
    struct world w;
    struct ca c = ca_named("one-more", "x", true), made;
    char name[16];
    uint64_t at;
    int n = 0;

    world_start(&w, 3);
    for (int i = CAS_MAX; i--;) {
        snprintf(name, sizeof name, "c%02d", i);
        put(&w, name, name, true, NEW);
    }
    CHECK_ERR(hub_ca_put(w.hub, &c, NEW, w.now_ms, &made, &at), ERR_LIMIT);
    for (struct bytes after = NO_BYTES; !hub_ca_next(w.hub, after, &made); after = bytes_str(made.name), n++) {
        snprintf(name, sizeof name, "c%02d", n);
        CHECK(strcmp(made.name, name) == 0);
    }
    CHECK(n == CAS_MAX);
    world_end(&w);
}

TEST(names_and_sizes_of_certificates_are_bounded)
{
    static const char *const bad[] = {"", "a/b", "a b", "ä"};
    struct world w;
    struct ca c, made;
    uint64_t at;

    world_start(&w, 4);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        c = ca_named(bad[i], "x", true);
        CHECK_ERR(hub_ca_put(w.hub, &c, NEW, w.now_ms, &made, &at), ERR_ARGUMENT);
    }
    c = ca_named("a", "", true);
    CHECK_ERR(hub_ca_put(w.hub, &c, NEW, w.now_ms, &made, &at), ERR_ARGUMENT);
    c = ca_named("a", "x", true);
    c.der_len = CA_LEN_MAX + 1;
    CHECK_ERR(hub_ca_put(w.hub, &c, NEW, w.now_ms, &made, &at), ERR_ARGUMENT);
    c.der_len = CA_LEN_MAX;
    CHECK_OK(hub_ca_put(w.hub, &c, NEW, w.now_ms, &made, &at));
    CHECK_OK(hub_ca_get(w.hub, BYTES("a"), &made));
    CHECK(made.der_len == CA_LEN_MAX && memcmp(made.der, c.der, CA_LEN_MAX) == 0);
    world_end(&w);
}

static void sync_and_crash(struct world *w)
{
    CHECK_OK(store_sync(w->store, hub_seen(w->hub)));
    world_crash(w);
}

TEST(certificates_outlive_restarts_with_and_without_a_checkpoint)
{
    struct world w;
    struct ca made, now;
    uint64_t at;

    world_start(&w, 5);
    put(&w, "a", "AAA", true, NEW);
    put(&w, "gone", "GGG", true, NEW);
    put(&w, "b", "BBB", false, NEW);
    CHECK_OK(hub_ca_challenge(w.hub, BYTES("b"), ANY, w.now_ms, &made, &at));
    CHECK_OK(hub_ca_delete(w.hub, BYTES("gone"), ANY, w.now_ms, &at));
    sync_and_crash(&w);
    CHECK_OK(hub_ca_get(w.hub, BYTES("b"), &now));
    CHECK(memcmp(&now, &made, sizeof now) == 0);
    counts(&w, "AAA ");
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(hub_ca_delete(w.hub, BYTES("a"), ANY, w.now_ms, &at));
    CHECK_OK(hub_ca_verify(w.hub, BYTES("b"), ANY, w.now_ms, &now, &at));
    sync_and_crash(&w);
    CHECK_OK(hub_ca_get(w.hub, BYTES("b"), &made));
    CHECK(memcmp(&now, &made, sizeof now) == 0);
    CHECK_ERR(hub_ca_get(w.hub, BYTES("a"), &made), ERR_NOT_FOUND);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    CHECK_OK(hub_ca_get(w.hub, BYTES("b"), &made));
    CHECK(memcmp(&now, &made, sizeof now) == 0);
    counts(&w, "BBB ");
    world_end(&w);
}

struct sitting {
    struct waker waker;
    struct seat *seat;
    int wakes;
};

static void waken(struct waker *w)
{
    ((struct sitting *)(void *)w)->wakes++;
}

static void sit(struct world *w, struct sitting *s, const char *id, enum auth_type auth)
{
    struct device d = device_named(id), made;
    uint64_t at;

    d.auth = auth;
    *s = (struct sitting){.waker.wake = waken};
    if (hub_device_get(w->hub, bytes_str(id), &made))
        CHECK_OK(hub_device_put(w->hub, &d, NEW, w->now_ms, &made, &at));
    CHECK_OK(hub_attach(w->hub, bytes_str(id), NO_BYTES, auth == AUTH_SAS ? PROOF_DEVICE_SAS : PROOF_X509, &s->waker,
                        w->now_ms, &s->seat));
}

static void leave(struct world *w, struct sitting s[3], enum err wanted)
{
    CHECK(seat_state(s[0].seat) == OK && seat_state(s[1].seat) == OK);
    CHECK(seat_state(s[2].seat) == wanted && s[2].wakes == (wanted != OK));
    for (int i = 0; i < 3; i++)
        hub_detach(s[i].seat, w->now_ms);
}

TEST(a_certificate_that_counts_no_more_ends_the_seats_that_came_by_one)
{
    enum { DELETE, UNVERIFY, REPLACE, KEEP, CHALLENGE, OTHERS };
    struct world w;

    world_start(&w, 6);
    put(&w, "other", "OOO", false, NEW);
    for (int how = DELETE; how <= OTHERS; how++) {
        struct sitting s[3];
        struct ca made;
        uint64_t at;

        put(&w, "a", "AAA", true, how <= UNVERIFY ? NEW : ANY);
        sit(&w, &s[0], "by-key", AUTH_SAS);
        sit(&w, &s[1], "by-thumbprint", AUTH_SELF_SIGNED);
        sit(&w, &s[2], "by-authority", AUTH_CA);
        if (how == DELETE)
            CHECK_OK(hub_ca_delete(w.hub, BYTES("a"), ANY, w.now_ms, &at));
        else if (how == CHALLENGE)
            CHECK_OK(hub_ca_challenge(w.hub, BYTES("a"), ANY, w.now_ms, &made, &at));
        else if (how == OTHERS)
            CHECK_OK(hub_ca_delete(w.hub, BYTES("other"), ANY, w.now_ms, &at));
        else
            put(&w, "a", how == REPLACE ? "AA2" : "AAA", how != UNVERIFY, ANY);
        leave(&w, s, how <= REPLACE ? ERR_UNAUTHORIZED : OK);
    }
    world_end(&w);
}

TESTS(RUN(a_certificate_counts_once_it_is_verified), RUN(a_change_of_a_certificate_names_what_it_changes),
      RUN(there_are_so_many_certificates_and_no_more), RUN(names_and_sizes_of_certificates_are_bounded),
      RUN(certificates_outlive_restarts_with_and_without_a_checkpoint),
      RUN(a_certificate_that_counts_no_more_ends_the_seats_that_came_by_one))
