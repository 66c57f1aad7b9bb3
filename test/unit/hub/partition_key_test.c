/* The partition of a device's events: as the cloud's tools compute it, and in a hub of before as it began. */
#include "birth.h"
#include "hub_world.h"
#include "partition_key.h"

static struct world w;

TEST(a_device_is_where_official_tools_look_for_it)
{
    static const struct {
        const char *id;
        unsigned logical, of_2, of_4, of_32;
    } cases[] = {
        {"phone", 28614, 1, 3, 27}, {"garage-door", 29760, 1, 3, 29}, {"d2d", 2661, 0, 0, 2},
        {"a", 9517, 0, 1, 9},       {"device-0001", 32246, 1, 3, 31}, {"Device-0001", 32246, 1, 3, 31},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes id = bytes_str(cases[i].id);

        if (partition_logical(id) != cases[i].logical)
            fail_msg("%s: %u, not %u", cases[i].id, partition_logical(id), cases[i].logical);
        CHECK(partition_by_id(id, 1) == 0 && partition_by_id(id, 2) == cases[i].of_2);
        CHECK(partition_by_id(id, 4) == cases[i].of_4 && partition_by_id(id, 32) == cases[i].of_32);
    }
}

TEST(every_partition_gets_its_share)
{
    static unsigned counts[PARTITIONS_MAX];

    for (unsigned n = 1; n <= PARTITIONS_MAX; n++) {
        memset(counts, 0, sizeof counts);
        for (int i = 0; i < 3200; i++) {
            char id[ID_LEN_MAX + 1];

            snprintf(id, sizeof id, "device with a name longer than two blocks %d", i);
            unsigned p = partition_by_id(bytes_str(id), n);
            CHECK(p < n);
            counts[p]++;
        }
        for (unsigned p = 0; p < n; p++)
            CHECK(counts[p] > 3200 / n / 3 && counts[p] < 3 * 3200 / n);
    }
    memset(counts, 'x', sizeof counts);
    CHECK(partition_by_id(bytes_of(counts, ID_LEN_MAX), 32) < 32);
}

static unsigned old_way(const char *id, unsigned n)
{
    return (unsigned)(bytes_hash(bytes_str(id), 0) % n);
}

TEST(a_new_hub_places_by_id_and_one_of_before_goes_on_as_it_began)
{
    struct hub_birth birth;
    struct buf body = buf_max(256);
    bool differs = false;

    world_start(&w, 1);
    birth = *hub_birth(w.hub);
    CHECK(birth.placed == PLACED_BY_ID);
    CHECK(hub_partition_of(w.hub, BYTES("phone")) == partition_by_id(BYTES("phone"), birth.partitions));
    /* The record that older ones wrote: version 1, and nothing behind the time. */
    birth.placed = PLACED_OUR_WAY;
    put_birth(&body, &birth);
    CHECK(body.at[0] == 1 && body.len == 1 + 1 + strlen(birth.name) + 1 + 1 + strlen(birth.scope) + 8);
    CHECK_OK(hub_apply(w.hub, &(struct record){.kind = REC_BIRTH, .body = buf_bytes(&body), .at = 1}));
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    for (int i = 0; i < 20; i++) {
        char id[16];

        snprintf(id, sizeof id, "d%d", i);
        CHECK(hub_partition_of(w.hub, bytes_str(id)) == old_way(id, birth.partitions));
        differs |= old_way(id, birth.partitions) != partition_by_id(bytes_str(id), birth.partitions);
    }
    CHECK(differs);
    buf_free(&body);
    world_end(&w);
}

TESTS(RUN(a_device_is_where_official_tools_look_for_it), RUN(every_partition_gets_its_share),
      RUN(a_new_hub_places_by_id_and_one_of_before_goes_on_as_it_began))
