/* A story: a hub in memory, those who talk to it, and what they hear. */
#pragma once

#include "join.h"
#include "mqtt_world.h"

enum { WORDS_MAX = 16, ACTORS_MAX = 16, LETTERS = 26 };

struct teller; /* a client over HTTP or AMQP */

struct actor {
    char name[64]; /* "d1", "d1/2", "d1:http" */
    char id[64];   /* "d1" */
    struct join join;
    bool open, told_end;
    struct buf told;       /* what it heard while others spoke */
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
    char locks[LETTERS][64]; /* lock tokens, which stories call A, B, … */
    size_t n_locks;
    char operation[80]; /* of the last registration */
};

/* story.c: one more thing that the one whose line it is hears. */
void story_heard(struct story *, const char *format, ...) PRINTF_LIKE(2, 3);
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
/* Words `body name=value …` as a message; `props` has room for WORDS_MAX. */
void story_take_message(const struct story *, char **words, struct prop *props, struct msg *out);

/* story_http.c, story_amqp.c: a line of one of their clients. */
void story_http(struct story *, struct actor *, char **words, size_t n);
void story_amqp(struct story *, struct actor *, char **words, size_t n);
/* Its connection is gone. */
void story_http_free(struct teller *);
void story_amqp_free(struct teller *);
