#include "address.h"
#include "check.h"

static const struct front_env env = {.host = "hub.test", .entity = "hub"};
static struct address a;

static void check_events(const char *text, const char *path)
{
    address_parse(&env, bytes_str(text), &a);
    if (a.kind != ADDRESS_EVENTS)
        fail_msg("%s is kind %d", text, a.kind);
    CHECK_BYTES(bytes_str(a.path), bytes_str(path));
    CHECK(bytes_eq_nocase(a.group, BYTES("$Default")));
    CHECK_BYTES(a.partition, BYTES("3"));
}

static void check_kind(const char *text, enum address_kind kind)
{
    address_parse(&env, bytes_str(text), &a);
    if (a.kind != kind)
        fail_msg("%s is kind %d, not %d", text, a.kind, kind);
}

static void check_redirect(const char *text, const char *rest)
{
    check_kind(text, ADDRESS_REDIRECT);
    CHECK_BYTES(a.rest, bytes_str(rest));
}

TEST(a_partition_is_found_in_every_spelling)
{
    const char *path = "hub/ConsumerGroups/$Default/Partitions/3";
    check_events("hub/ConsumerGroups/$Default/Partitions/3", path);
    check_events("/hub/ConsumerGroups/$Default/Partitions/3", path);
    check_events("/hub/ConsumerGroups/%24Default/Partitions/3", path);
    check_events("//hub//ConsumerGroups/%24Default//Partitions/3/", path);
    check_events("amqps://hub.test/hub/ConsumerGroups/$Default/Partitions/3", path);
    check_events("amqps://hub.test:5671/hub/ConsumerGroups/$Default/Partitions/3", path);
    check_events("amqp://hub.test/hub/ConsumerGroups/$Default/Partitions/3", path);
    check_events("sb://hub.test/hub/ConsumerGroups/$Default/Partitions/3", path);
    check_events("HUB/consumergroups/$default/partitions/3", "HUB/consumergroups/$default/partitions/3");
}

TEST(nodes_and_the_entity_are_told_apart)
{
    check_kind("$cbs", ADDRESS_CBS);
    check_kind("$CBS", ADDRESS_CBS);
    check_kind("$management", ADDRESS_MANAGEMENT);
    check_kind("hub/$management", ADDRESS_MANAGEMENT);
    check_kind("amqps://hub.test/hub/$management", ADDRESS_MANAGEMENT);
    check_kind("hub/ConsumerGroups/$Default/Partitions/3/$management", ADDRESS_MANAGEMENT);
    check_kind("hub", ADDRESS_ENTITY);
    check_kind("/hub/", ADDRESS_ENTITY);
    check_kind("hub/Partitions/1", ADDRESS_ENTITY);
    check_kind("hub/Publishers/a", ADDRESS_ENTITY);
}

TEST(a_device_has_four_addresses_and_so_has_a_module)
{
    check_kind("/devices/d1/messages/events", ADDRESS_DEVICE_EVENTS);
    check_kind("amqps://hub.test:5671/devices/d1/messages/deviceBound/", ADDRESS_DEVICEBOUND);
    check_kind("amqps://hub.test/devices/d1/twin", ADDRESS_TWIN);
    check_kind("/devices/d1/methods/devicebound", ADDRESS_METHODS);
    CHECK_BYTES(a.device, BYTES("d1"));
    check_kind("/devices/d1/modules/m/messages/events", ADDRESS_MODULE_EVENTS);
    check_kind("/devices/d1/modules/m/messages/deviceBound", ADDRESS_DEVICEBOUND);
    check_kind("/devices/d1/modules/m/twin", ADDRESS_TWIN);
    check_kind("/devices/d1/modules/m/methods/deviceBound", ADDRESS_METHODS);
    CHECK_BYTES(a.device, BYTES("d1/m"));
    check_kind("/devices/d1/modules/m", ADDRESS_UNKNOWN);
    check_kind("/devices/d1/twin/x", ADDRESS_UNKNOWN);
    check_kind("/devices/d1", ADDRESS_UNKNOWN);
    check_kind("messages/deviceBound", ADDRESS_SERVICE_DEVICEBOUND);
    check_kind("/messages/serviceBound/feedback", ADDRESS_FEEDBACK);
    check_kind("/messages/serviceBound/fileNotifications", ADDRESS_FILE_NOTIFICATIONS);
    check_kind("0ne00000001/registrations/d1", ADDRESS_DPS);
}

TEST(what_is_on_the_hub_is_redirected_with_its_rest)
{
    check_redirect("messages/events", "");
    check_redirect("messages/events/", "/");
    check_redirect("/messages/events/$management", "/$management");
    check_redirect("/messages/events//ConsumerGroups/$Default/Partitions/1", "/ConsumerGroups/$Default/Partitions/1");
    check_redirect("amqps://hub.test/Messages/Events/ConsumerGroups/g/Partitions/1", "/ConsumerGroups/g/Partitions/1");
}

TEST(anything_else_is_unknown)
{
    static char long_one[ADDRESS_LEN_MAX + 8];
    static const char *const texts[] = {"",
                                        "/",
                                        "hubs",
                                        "other/ConsumerGroups/g/Partitions/1",
                                        "hub/ConsumerGroups/g",
                                        "hub/ConsumerGroups//Partitions/1",
                                        "hub/ConsumerGroups/g/Partitions/",
                                        "hub/ConsumerGroups/g/Partitions/1/2",
                                        "hub/ConsumerGroups/g/Partition/1",
                                        "messages/eventsx",
                                        "amqps://hub.test",
                                        "hub%2",
                                        "hub%00",
                                        long_one};
    memset(long_one, 'a', sizeof long_one - 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_kind(texts[i], ADDRESS_UNKNOWN);
}

TESTS(RUN(a_partition_is_found_in_every_spelling), RUN(nodes_and_the_entity_are_told_apart),
      RUN(a_device_has_four_addresses_and_so_has_a_module), RUN(what_is_on_the_hub_is_redirected_with_its_rest),
      RUN(anything_else_is_unknown))
