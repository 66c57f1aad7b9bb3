/* Shared by tests of events of life: a hub that tells of them, and who reads them. */
#pragma once

#include "hub_world.h"

#include "msg.h"
#include "text.h"

static struct world w;
static struct reader *reader;

static inline void begin(unsigned life)
{
    world_make(&w, 1);
    w.birth.name[0] = 0;
    snprintf(w.birth.name, sizeof w.birth.name, "garden.example");
    w.birth.partitions = 1;
    w.options.life = life;
    CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
    CHECK_OK(hub_open(&w.options, &w.hub));
}

static inline void listen(void)
{
    static struct bell bell;
    const struct read_options options = {.group = BYTES("$Default"), .waker = &bell.waker};

    bell = bell_new();
    CHECK_OK(hub_reader_open(w.hub, &options, NULL, &reader));
}

static inline void end(void)
{
    hub_reader_close(reader);
    reader = NULL;
    world_end(&w);
}

/* The next event, as its readers get it. */
static struct event heard;
static struct msg msg;
static struct msg_room room = {.text = {.max = 1 << 16}};

static inline void hear(void)
{
    CHECK_OK(hub_read(reader, &heard));
    CHECK_OK(msg_read(heard.sections, &room, &msg));
}

static inline bool silent(void)
{
    return hub_read(reader, &heard) == ERR_NOT_FOUND;
}

static inline struct bytes property(const char *name)
{
    for (size_t i = 0; i < msg.n_props; i++)
        if (bytes_eq(msg.props[i].name, bytes_str(name)))
            return msg.props[i].value;
    return NO_BYTES;
}

static inline bool has(struct bytes all, const char *text)
{
    return bytes_find_bytes(all, bytes_str(text)) < all.len;
}

/* An annotation that is a text, as it is written: name, code, length, value. */
static inline void check_annotation(const char *name, const char *value)
{
    char both[300];

    snprintf(both, sizeof both, "\xA3%c%s\xA1%c%s", (char)strlen(name), name, (char)strlen(value), value);
    if (!has(heard.sections, both))
        fail_msg("%s is not %s", name, value);
}
