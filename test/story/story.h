/* A story: a hub in memory, those who talk to it, and what they hear. */
#pragma once

#include "join.h"
#include "mqtt_world.h"

enum { WORDS_MAX = 48, ACTORS_MAX = 16, LETTERS = 26 };

struct configurations;
struct job_runner;
struct teller; /* a client over HTTP or AMQP */
struct socket; /* a WebSocket */

struct story;

struct actor {
    struct story *story;
    char name[64]; /* "d1", "d1/2", "d1:http" */
    char id[64];   /* "d1" */
    struct join join;
    bool open, told_end;
    struct buf told;       /* what it heard while others spoke */
    struct socket *socket; /* that it speaks in, or NULL */
    struct teller *teller; /* what speaks for it; NULL: the story itself, over MQTT */
};

struct story {
    struct world world;
    struct reader *reader;
    struct feedback_reader *feedback;
    struct actor actors[ACTORS_MAX];
    size_t n_actors;
    int64_t now_ms;
    struct buf trace, got;
    struct memory_faults faults;
    struct configurations *configurations;
    struct job_runner *jobs;
    char locks[LETTERS][64]; /* lock tokens, which stories call A, B, … */
    size_t n_locks;
    char operation[80]; /* of the last registration */
    uint64_t chance;    /* how often it has begun anew */
    FILE *record;       /* what goes over is written there; NULL: nowhere */
    bool replays;       /* it is a recording */
};

/* story.c: one more thing that the one whose line it is hears. */
void story_heard(struct story *, const char *format, ...) PRINTF_LIKE(2, 3);
struct actor *story_actor(struct story *, const char *name);
/* A new connection to a front: "mqtt", "amqp" or "https". `client` may be NULL: the story itself. */
void story_join(struct story *, struct actor *, struct talk *client, const char *kind);
/* The random numbers of the hub begin anew, with others than before. */
void story_chance(struct story *);
/* Everything that can go over between the actor and its front does; what it hears is kept for its line. */
void story_run(struct story *, struct actor *);
void story_settle_all(struct story *);
/* The value of the word `name=…`, or `otherwise`. */
const char *story_option(char **words, const char *name, const char *otherwise);
/* Ends the test: there is no such line. */
void story_cannot(const char *who, const char *what);

/* story_message.c: topics and addresses as stories write them, `events`, `c2d`, `dps`, in full. */
void story_topic(const struct story *, const char *id, const char *text, struct buf *out);
/* "body" name=value …, with the short names of the system's properties. */
void story_tell_message(struct story *, const struct msg *);
void story_tell_publish(struct story *, const struct mqtt_publish *);
/* The members of JSON that stories tell: status=assigning … */
void story_tell_json(struct story *, struct bytes json);
void story_tell_document(struct story *, struct bytes json);
/* Words `body name=value …` as a message; `props` has room for WORDS_MAX. */
void story_take_message(const struct story *, char **words, struct prop *props, struct msg *out);

/* story_ws.c: a new WebSocket with this in it; NULL: the story itself, which says MQTT. */
void story_ws_open(struct story *, struct actor *, struct talk *inner);
void story_ws_free(struct socket *);
void story_ws_say(struct socket *, struct bytes);
struct buf *story_ws_heard(struct socket *);

/* story_record.c: conversations as bytes. */
void story_record_title(struct story *, const char *title);
void story_record_line(struct story *, const char *line);
void story_record(struct story *, const struct actor *, const char *format, ...) PRINTF_LIKE(3, 4);
void story_tapped(void *actor, bool from_hub, struct bytes said);
/* A line of a recording; false: it is none. */
bool story_replay(struct story *, const char *line, bool *good);
bool story_heard_all(const struct actor *);

/* story_service.c: what a service asks in one word, as a request; `method` is NULL when the word is none of its. */
struct service_ask {
    const char *method;
    char path[200], body[2000];
};
struct service_ask story_service_ask(char **words, size_t n);
/* The answer; false: it is told like any other. */
bool story_service_tell(struct story *, const struct service_ask *, struct bytes json);
/* Configurations and jobs are done as far as there is something to do now. */
void story_work(struct story *);

/* story_chip.c: the TPM of the one that registers. */
void story_chip_enroll(struct story *, const char *id);
void story_chip_show(const char *id, bool another, struct buf *out);
/* The challenge in an answer, by its chip. */
bool story_chip_opens(struct bytes json);
/* Signed with what was in the challenge; false: there was none. */
bool story_chip_token(const struct story *, const char *id, struct buf *out);
void story_chip_free(void);

/* story_http.c, story_amqp.c: a line of one of their clients. */
void story_http(struct story *, struct actor *, char **words, size_t n);
void story_amqp(struct story *, struct actor *, char **words, size_t n);
/* Its connection is gone. */
void story_http_free(struct teller *);
void story_amqp_free(struct teller *);

/* The calls of a client that only hears: it has nothing to say by itself, is never due, and minds no end. */
static inline void story_idle(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
}

static inline int64_t story_never(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
    return INT64_MAX;
}

static inline void story_gone(struct talk *t, enum err why, int64_t now_ms)
{
    (void)t;
    (void)why;
    (void)now_ms;
}
