#include "check.h"
#include "properties.h"

TEST(a_name_leads_to_its_property_and_to_no_other)
{
    for (enum property p = 0; p < PROPERTIES; p++)
        for (enum property_form f = 0; f < PROPERTY_FORMS; f++)
            if (property_name(p, f).at)
                CHECK(property_named(f, property_name(p, f)) == p);
    CHECK(property_named(IN_EVENT_TOPIC, BYTES("$.MID")) == PROPERTIES);
    CHECK(property_named(IN_EVENT_TOPIC, BYTES("iothub-ack")) == PROPERTIES);
    CHECK(property_named(IN_HEADER, BYTES("IoTHub-MessageId")) == PROPERTY_MESSAGE_ID);
    CHECK(property_named(IN_HEADER, BYTES("iothub-creation-time-utc")) == PROPERTY_CREATION_TIME);
    CHECK(property_named(IN_HEADER, BYTES("iothub-to")) == PROPERTIES);
    CHECK(property_named(IN_ANNOTATIONS, BYTES("")) == PROPERTIES);
}

TEST(each_property_has_a_place_of_its_own)
{
    struct msg m = {.n_props = 0};

    for (enum property p = 0; p < PROPERTIES; p++) {
        CHECK(!property_of(&m, p).at);
        *property_in(&m, p) = BYTES("x");
        CHECK(property_of(&m, p).len == 1);
    }
    CHECK(msg_size(&m) == PROPERTIES);
}

TESTS(RUN(a_name_leads_to_its_property_and_to_no_other), RUN(each_property_has_a_place_of_its_own))
