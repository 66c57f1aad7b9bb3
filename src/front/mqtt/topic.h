/* The topics of MQTT that the hub and its devices send to, and the filters that fit them (device 2.8-2.12, provisioning
 * 1.4). All words that clients write into a topic or a filter stand in the two tables of topic.c; the topic that
 * events go to is d2c_topic_parse()'s (bag.h). */
#pragma once

#include "hub.h"

/* Publications of a device, besides events. */
enum mqtt_topic {
    TOPIC_TWIN_GET,
    TOPIC_TWIN_PATCH,
    TOPIC_CALL_ANSWER,
    TOPIC_REGISTER,
    TOPIC_REGISTER_STATUS,
    TOPICS, /* none of them */
};

/* Takes the words of the topic off; `rest` is what is behind them. */
enum mqtt_topic mqtt_topic_take(struct bytes topic, struct bytes *rest);

/* How much of the topics of one kind a filter takes. */
enum mqtt_fit { FIT_NONE, FIT_SOME, FIT_ALL };

struct mqtt_filter {
    bool exact; /* it is the one that the contract names, for one kind of topic */
    enum mqtt_fit fits[WANTS];
};

/* True if this level of a topic or filter is this id: as it is (with a `+` or `#` of its own), or
 * percent-encoded. */
bool mqtt_level_is(struct bytes level, struct bytes id);
/* A filter of this device or module. ERR_MALFORMED: it is none; ERR_DENIED: it could fit topics of others. What fits
 * nothing that the hub sends is fine. */
enum err mqtt_filter_read(struct bytes filter, struct bytes name, struct mqtt_filter *out) MUST_CHECK;
/* True if a topic is what this filter asks for. */
bool mqtt_filter_takes(struct bytes filter, struct bytes topic);
/* The filter of those who register. */
bool mqtt_filter_is_dps(struct bytes filter);
