#include "hub_world.h"
#include "policy.h"

#include <stdlib.h>

static struct world w;

static enum err put(struct device *d, struct match match)
{
    struct device made;
    uint64_t at;
    enum err e = hub_device_put(w.hub, d, match, w.now_ms, &made, &at);

    if (!e)
        *d = made;
    return e;
}

static enum err drop(const char *id, struct match match)
{
    uint64_t at;

    return hub_device_delete(w.hub, bytes_str(id), match, w.now_ms, &at);
}

static const struct match NONE = {.how = MATCH_NONE}, ANY = {.how = MATCH_ANY};

TEST(a_new_device_gets_keys_an_etag_and_a_generation)
{
    struct device d, got;
    uint64_t number;

    world_start(&w, 1);
    d = world_add(&w, "phone");
    CHECK(d.primary.len == 32 && d.secondary.len == 32);
    CHECK(memcmp(d.primary.at, d.secondary.at, 32) != 0);
    CHECK(strlen(d.generation) == 18 && bytes_to_u64(bytes_str(d.generation), &number));
    CHECK(strlen(d.etag) == 12); /* base64 of nine digits */
    CHECK(!d.disabled && !d.connected && d.status_ms == 0 && d.connection_ms == 0);
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &got));
    CHECK(memcmp(&got, &d, sizeof d) == 0);
    CHECK_ERR(hub_device_get(w.hub, BYTES("Phone"), &got), ERR_NOT_FOUND);
    world_end(&w);
}

TEST(keys_that_are_given_stay_and_missing_ones_are_made)
{
    struct device d = device_named("phone"), cert = device_named("cert");

    world_start(&w, 2);
    d.primary.len = 16;
    memset(d.primary.at, 7, 16);
    CHECK_OK(put(&d, NONE));
    CHECK(d.primary.len == 16 && d.primary.at[15] == 7 && d.secondary.len == 32);
    cert.auth = AUTH_SELF_SIGNED;
    memset(cert.thumbprint[0], 'a', 40);
    CHECK_OK(put(&cert, NONE));
    CHECK(cert.primary.len == 0 && cert.secondary.len == 0);
    CHECK(strspn(cert.thumbprint[0], "A") == 40);
    world_end(&w);
}

TEST(what_is_not_valid_is_refused_and_nothing_is_there)
{
    struct device d = device_named("a b"), got;
    uint64_t end;

    world_start(&w, 3);
    end = store_end(w.store);
    CHECK_ERR(put(&d, NONE), ERR_ARGUMENT);
    d = device_named("");
    CHECK_ERR(put(&d, NONE), ERR_ARGUMENT);
    d = device_named("d");
    d.primary.len = 15;
    CHECK_ERR(put(&d, NONE), ERR_ARGUMENT);
    d.primary.len = 0;
    strcpy(d.thumbprint[1], "0123");
    CHECK_ERR(put(&d, NONE), ERR_ARGUMENT);
    memset(d.thumbprint[1], 'G', 40);
    d.thumbprint[1][40] = 0;
    CHECK_ERR(put(&d, NONE), ERR_ARGUMENT);
    CHECK_ERR(hub_device_get(w.hub, BYTES("d"), &got), ERR_NOT_FOUND);
    CHECK(store_end(w.store) == end);
    world_end(&w);
}

TEST(ids_may_hold_what_the_contract_says_and_be_128_long)
{
    char id[ID_LEN_MAX + 2];

    memset(id, 'x', sizeof id);
    CHECK(device_id_valid(bytes_of(id, ID_LEN_MAX)));
    CHECK(!device_id_valid(bytes_of(id, ID_LEN_MAX + 1)));
    CHECK(device_id_valid(BYTES("aZ09-:.+%_#*?!(),=@;$'")));
    CHECK(!device_id_valid(BYTES("a/b")) && !device_id_valid(BYTES("a\0b")) && !device_id_valid(BYTES("\xC3\xA4")));
    CHECK(!device_id_valid(NO_BYTES));
}

TEST(if_match_decides_as_observed)
{
    struct device d = device_named("phone");
    char first_tag[24], generation[24];

    world_start(&w, 4);
    CHECK_ERR(put(&d, ANY), ERR_NOT_FOUND);
    CHECK_ERR(put(&d, (struct match){.how = MATCH_ETAG, .etag = BYTES("x")}), ERR_NOT_FOUND);
    CHECK_OK(put(&d, NONE));
    CHECK_ERR(put(&d, NONE), ERR_EXISTS);
    strcpy(first_tag, d.etag);
    strcpy(generation, d.generation);
    CHECK_OK(put(&d, (struct match){.how = MATCH_ETAG, .etag = bytes_str(first_tag)}));
    CHECK(strcmp(d.etag, first_tag) != 0);
    CHECK(strcmp(d.generation, generation) == 0);
    CHECK_ERR(put(&d, (struct match){.how = MATCH_ETAG, .etag = bytes_str(first_tag)}), ERR_PRECONDITION);
    CHECK_OK(put(&d, ANY));
    CHECK_ERR(drop("phone", NONE), ERR_PRECONDITION);
    CHECK_ERR(drop("phone", (struct match){.how = MATCH_ETAG, .etag = bytes_str(first_tag)}), ERR_PRECONDITION);
    CHECK_OK(drop("phone", (struct match){.how = MATCH_ETAG, .etag = bytes_str(d.etag)}));
    CHECK_ERR(drop("phone", ANY), ERR_NOT_FOUND);
    CHECK_OK(put(&d, NONE));
    CHECK(strcmp(d.generation, generation) != 0);
    world_end(&w);
}

/* The clock of this world stands still: nothing but the record knows which generation was used. */
TEST(a_generation_is_never_given_twice_even_after_a_power_cut)
{
    struct device before, after;

    world_start(&w, 5);
    before = world_add(&w, "phone");
    CHECK_OK(drop("phone", ANY));
    world_crash(&w);
    after = world_add(&w, "phone");
    CHECK(strcmp(before.generation, after.generation) < 0);
    CHECK_OK(drop("phone", ANY));
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_crash(&w);
    before = after;
    after = world_add(&w, "phone");
    CHECK(strcmp(before.generation, after.generation) < 0);
    world_end(&w);
}

TEST(the_time_of_the_status_is_that_of_its_last_change)
{
    struct device d;

    world_start(&w, 6);
    d = world_add(&w, "phone");
    w.now_ms += 1000;
    CHECK_OK(put(&d, ANY));
    CHECK(d.status_ms == 0);
    d.disabled = true;
    CHECK_OK(put(&d, ANY));
    CHECK(d.status_ms == w.now_ms);
    world_restart(&w);
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &d));
    CHECK(d.disabled && d.status_ms == w.now_ms);
    world_end(&w);
}

/* Reads everything page by page. */
static size_t list_all(size_t page, char (*ids)[ID_LEN_MAX + 1], size_t max)
{
    struct device out[16];
    char after[ID_LEN_MAX + 1] = "";
    size_t total = 0, n;

    do {
        CHECK_OK(hub_device_list(w.hub, bytes_str(after), out, page, &n));
        for (size_t i = 0; i < n; i++) {
            CHECK(total < max);
            CHECK(total == 0 || strcmp(ids[total - 1], out[i].id) < 0);
            strcpy(ids[total++], out[i].id);
        }
        if (n)
            strcpy(after, out[n - 1].id);
    } while (n == page);
    return total;
}

TEST(the_list_is_in_order_and_merges_memory_with_the_checkpoint)
{
    static char ids[256][ID_LEN_MAX + 1];

    world_start(&w, 7);
    for (int i = 0; i < 200; i++) {
        char id[16];

        snprintf(id, sizeof id, "d%03d", (i * 37) % 200);
        world_add(&w, id);
        if (i == 80)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    }
    for (int i = 0; i < 200; i += 2) {
        char id[16];

        snprintf(id, sizeof id, "d%03d", i);
        CHECK_OK(drop(id, ANY));
    }
    for (size_t page = 1; page <= 16; page += 5) {
        CHECK(list_all(page, ids, 256) == 100);
        for (int i = 0; i < 100; i++)
            CHECK(atoi(ids[i] + 1) == 2 * i + 1);
    }
    world_end(&w);
}

TEST(counts_are_exact_through_checkpoints_and_power_cuts)
{
    struct hub_counts n;
    struct device d;

    world_start(&w, 8);
    for (int i = 0; i < 30; i++) {
        char id[16];

        snprintf(id, sizeof id, "d%d", i);
        d = world_add(&w, id);
        d.disabled = i % 3 == 0;
        CHECK_OK(put(&d, ANY));
        if (i % 7 == 0)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        if (i % 5 == 0)
            world_crash(&w);
    }
    CHECK_OK(drop("d0", ANY));
    CHECK_OK(drop("d1", ANY));
    for (int i = 0; i < 3; i++) {
        hub_count(w.hub, &n);
        CHECK(n.devices == 28 && n.disabled == 9);
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        world_crash(&w);
    }
    world_end(&w);
}

/* Idle devices stay in the checkpoint: what is asked for in between takes a bounded place in memory. */
TEST(thousands_of_idle_devices_come_and_go_through_a_small_cache)
{
    enum { MANY = 40000 };
    struct device d;
    struct bell bell = bell_new();
    struct seat *seat;
    size_t in_memory = 0;
    char id[16];

    world_start(&w, 9);
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "d%05d", i);
        world_add(&w, id);
        if (i % 10000 == 9999)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    }
    world_restart(&w);
    seat = world_sit(&w, "d00007", &bell);
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "d%05d", i);
        CHECK_OK(hub_device_get(w.hub, bytes_str(id), &d));
        CHECK(strcmp(d.id, id) == 0);
    }
    for (size_t k = 0; k < SHARDS; k++)
        in_memory += w.hub->shards[k].identities.n;
    CHECK(in_memory <= SHARDS * SHARD_IDLE_MAX);
    world_send(&w, seat, "still here");
    CHECK_OK(hub_device_get(w.hub, BYTES("d00007"), &d));
    CHECK(d.connected);
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

TEST(a_full_disk_is_told_and_nothing_is_half_there)
{
    struct device d = device_named("phone"), got;
    struct hub_counts n;

    world_start(&w, 10);
    world_add(&w, "garage");
    memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL});
    CHECK_ERR(put(&d, NONE), ERR_DISK_FULL);
    CHECK_ERR(hub_device_get(w.hub, BYTES("phone"), &got), ERR_NOT_FOUND);
    CHECK_ERR(drop("garage", ANY), ERR_DISK_FULL);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &got));
    got.disabled = true;
    CHECK_ERR(put(&got, ANY), ERR_DISK_FULL);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &got));
    CHECK(!got.disabled);
    hub_count(w.hub, &n);
    CHECK(n.devices == 1 && n.disabled == 0);
    memory_store_faults(w.store, &(struct memory_faults){0});
    CHECK_OK(put(&d, NONE));
    world_end(&w);
}

TEST(the_policies_are_there_with_their_rights_and_keys)
{
    static const struct {
        const char *name;
        unsigned rights;
    } wanted[] = {{"iothubowner", 255}, {"service", 4},           {"device", 8},
                  {"registryRead", 1},  {"registryReadWrite", 3}, {"provisioningserviceowner", 240}};
    struct policy p, again, all[8];

    world_start(&w, 11);
    CHECK(hub_policy_list(w.hub, all, 8) == 6);
    for (size_t i = 0; i < 6; i++) {
        CHECK_OK(hub_policy_get(w.hub, bytes_str(wanted[i].name), &p));
        CHECK(p.rights == wanted[i].rights);
        CHECK(p.primary.len == 32 && p.secondary.len == 32 && memcmp(p.primary.at, p.secondary.at, 32) != 0);
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        world_crash(&w);
        CHECK_OK(hub_policy_get(w.hub, bytes_str(wanted[i].name), &again));
        CHECK(memcmp(&p, &again, sizeof p) == 0);
    }
    CHECK_ERR(hub_policy_get(w.hub, BYTES("Device"), &p), ERR_NOT_FOUND);
    world_end(&w);
}

/* As an earlier version has made it. */
TEST(a_hub_gets_the_policies_that_it_lacks)
{
    struct policy old, now;

    world_start(&w, 13);
    CHECK_OK(hub_policy_get(w.hub, BYTES("iothubowner"), &old));
    w.hub->policies->n = 5;
    w.hub->policies->kept.known = false;
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_ERR(hub_policy_get(w.hub, BYTES("provisioningserviceowner"), &now), ERR_NOT_FOUND);
    CHECK_OK(hub_policies_complete(w.hub));
    CHECK_OK(hub_policy_get(w.hub, BYTES("provisioningserviceowner"), &old));
    world_crash(&w);
    CHECK_OK(hub_policy_get(w.hub, BYTES("provisioningserviceowner"), &now));
    CHECK(memcmp(&old, &now, sizeof old) == 0 && now.rights == 240);
    CHECK_OK(hub_policies_complete(w.hub));
    CHECK_OK(hub_policy_get(w.hub, BYTES("provisioningserviceowner"), &now));
    CHECK(memcmp(&old, &now, sizeof old) == 0);
    world_end(&w);
}

/* The power may go at any record of the birth: then there is no hub, and it can be made again. */
TEST(a_hub_is_born_whole_or_not_at_all)
{
    for (uint64_t after = 0;; after++) {
        enum err e;

        world_make(&w, 12);
        memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL, .fail_after = after});
        e = hub_init(&w.options, &w.birth, w.now_ms);
        memory_store_faults(w.store, &(struct memory_faults){0});
        if (!e) {
            CHECK_ERR(hub_init(&w.options, &w.birth, w.now_ms), ERR_EXISTS);
            world_end(&w);
            break;
        }
        CHECK_ERR(e, ERR_DISK_FULL);
        CHECK_ERR(hub_open(&w.options, &w.hub), ERR_NOT_FOUND);
        CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
        CHECK_OK(hub_open(&w.options, &w.hub));
        CHECK(hub_policy_list(w.hub, (struct policy[8]){0}, 8) == 6);
        CHECK(strncmp(hub_birth(w.hub)->scope, "0ne", 3) == 0 && hub_partitions(w.hub) == 4);
        world_end(&w);
        CHECK(after < 10);
    }
}

TESTS(RUN(a_new_device_gets_keys_an_etag_and_a_generation), RUN(keys_that_are_given_stay_and_missing_ones_are_made),
      RUN(what_is_not_valid_is_refused_and_nothing_is_there), RUN(ids_may_hold_what_the_contract_says_and_be_128_long),
      RUN(if_match_decides_as_observed), RUN(a_generation_is_never_given_twice_even_after_a_power_cut),
      RUN(the_time_of_the_status_is_that_of_its_last_change),
      RUN(the_list_is_in_order_and_merges_memory_with_the_checkpoint),
      RUN(counts_are_exact_through_checkpoints_and_power_cuts),
      RUN(thousands_of_idle_devices_come_and_go_through_a_small_cache),
      RUN(a_full_disk_is_told_and_nothing_is_half_there), RUN(the_policies_are_there_with_their_rights_and_keys),
      RUN(a_hub_gets_the_policies_that_it_lacks), RUN(a_hub_is_born_whole_or_not_at_all))
