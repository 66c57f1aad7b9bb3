#include "topic.h"

#include "text.h"

#include <assert.h>

/* Topics that devices publish to, up to where names begin. */
static const struct {
    const char *words;
    enum mqtt_topic topic;
} published[] = {
    {"$iothub/twin/GET/", TOPIC_TWIN_GET},
    {"$iothub/twin/PATCH/properties/reported/", TOPIC_TWIN_PATCH},
    {"$iothub/methods/res/", TOPIC_CALL_ANSWER},
    {"$dps/registrations/PUT/iotdps-register/?$rid=", TOPIC_REGISTER},
    {"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=", TOPIC_REGISTER_STATUS},
};

/* Topics that the hub publishes to, behind the tree that each stands in; `+` is a level of any text. `exact` is the
 * filter that the contract names; others that are seen: $iothub/twin/# and $iothub/methods/# (nanoFramework,
 * CircuitPython), $iothub/twin/res/200/# (CircuitPython), devices/{d}/# and devices/+/messages/devicebound/#. */
static const struct {
    bool of_device; /* behind devices/{d}/, else behind $iothub/ */
    const char *topics, *exact;
} heard[WANTS] = {
    [WANT_C2D] = {true, "messages/devicebound/+", "messages/devicebound/#"},
    [WANT_CALLS] = {false, "methods/POST/+/+", "methods/POST/#"},
    [WANT_TWIN_ANSWERS] = {false, "twin/res/+/+", "twin/res/#"},
    [WANT_DESIRED] = {false, "twin/PATCH/properties/desired/+", "twin/PATCH/properties/desired/#"},
};

enum mqtt_topic mqtt_topic_take(struct bytes topic, struct bytes *rest)
{
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        struct bytes words = bytes_str(published[i].words);

        if (!bytes_starts(topic, words))
            continue;
        *rest = bytes_skip(topic, words.len);
        return published[i].topic;
    }
    return TOPICS;
}

bool mqtt_filter_is_dps(struct bytes filter)
{
    return bytes_eq(filter, BYTES("$dps/registrations/res/#"));
}

/* MQTT 3.1.1, 4.7.1: `#` is the last level, and both wildcards are whole levels. */
static bool is_filter(struct bytes filter)
{
    while (filter.at) {
        struct bytes level = bytes_cut(&filter, '/');
        bool wild = bytes_find(level, '#') < level.len || bytes_find(level, '+') < level.len;

        if (wild && (level.len > 1 || (level.at[0] == '#' && filter.at)))
            return false;
    }
    return true;
}

/* A filter laid over topics in which `+` is a level of any text. */
static enum mqtt_fit fit_of(struct bytes filter, struct bytes topics)
{
    enum mqtt_fit fit = FIT_ALL;

    for (;;) {
        if (bytes_eq(filter, BYTES("#")))
            return fit;
        if (!filter.at || !topics.at)
            return !filter.at && !topics.at ? fit : FIT_NONE;
        struct bytes wanted = bytes_cut(&filter, '/'), level = bytes_cut(&topics, '/');
        if (bytes_eq(wanted, BYTES("+")) || bytes_eq(wanted, level))
            continue;
        if (!bytes_eq(level, BYTES("+")))
            return FIT_NONE;
        fit = FIT_SOME;
    }
}

bool mqtt_filter_takes(struct bytes filter, struct bytes topic)
{
    return fit_of(filter, topic) == FIT_ALL;
}

bool mqtt_level_is(struct bytes level, struct bytes id)
{
    uint8_t text[ID_LEN_MAX];
    size_t len;

    return bytes_eq(level, id) ||
           (!percent_decode(level, text, sizeof text, &len) && bytes_eq(bytes_of(text, len), id));
}

/* device 2.10: the tree of a module is modules/{m} in that of its device; nanoFramework leaves the word out. Takes it
 * off. */
static bool take_module(struct bytes *rest, struct bytes module)
{
    struct bytes level = bytes_cut(rest, '/');

    if (bytes_eq(level, BYTES("modules")) && rest->at)
        level = bytes_cut(rest, '/');
    return mqtt_level_is(level, module);
}

enum err mqtt_filter_read(struct bytes filter, struct bytes name, struct mqtt_filter *out)
{
    struct bytes rest = filter, tree = bytes_cut(&rest, '/'), id = NO_BYTES;
    bool of_device = bytes_eq(tree, BYTES("devices")), is_own;

    assert(name.len > 0);
    *out = (struct mqtt_filter){.exact = false};
    if (of_device)
        id = bytes_cut(&rest, '/'); /* which may hold a `+` or `#` of its own */
    if (!rest.at || (!of_device && !bytes_eq(tree, BYTES("$iothub"))))
        return ERR_DENIED;
    if (!is_filter(rest))
        return ERR_MALFORMED;
    /* device 2.10: `+` for the id means its own, in the one place where clients write it. */
    is_own = !of_device || mqtt_level_is(id, identity_device(name)) ||
             (bytes_eq(id, BYTES("+")) && bytes_eq(rest, bytes_str(heard[WANT_C2D].exact)));
    if (of_device && is_own && identity_is_module(name) && !bytes_eq(id, BYTES("+")))
        is_own = take_module(&rest, identity_module(name)) && rest.at;
    if (!is_own)
        return ERR_DENIED;
    for (int w = 0; w < WANTS; w++) {
        if (heard[w].of_device != of_device)
            continue;
        out->fits[w] = fit_of(rest, bytes_str(heard[w].topics));
        out->exact |= bytes_eq(rest, bytes_str(heard[w].exact));
    }
    return OK;
}
