/* MQTT 3.1.1 packets, both ways and for both sides. Decoding gives views into the input; encoding appends to a buffer
 * whose stickiness says whether it fitted. Section numbers are those of the OASIS standard. */
#pragma once

#include "buf.h"

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
};

/* Return codes of CONNACK (3.2.2.3). */
enum mqtt_code {
    MQTT_ACCEPTED,
    MQTT_BAD_LEVEL,
    MQTT_BAD_CLIENT_ID,
    MQTT_UNAVAILABLE,
    MQTT_BAD_PASSWORD,
    MQTT_NOT_AUTHORIZED,
};

struct mqtt_connect {
    uint8_t level; /* 4; with any other one nothing below is filled in: the answer is MQTT_BAD_LEVEL */
    bool clean;
    uint16_t keep_alive_s;
    struct bytes client_id;  /* may be empty */
    struct bytes user;       /* at == NULL: none */
    struct bytes password;   /* at == NULL: none; any bytes */
    struct bytes will_topic; /* at == NULL: there is no will */
    struct bytes will_body;
    uint8_t will_qos;
    bool will_retain;
};

struct mqtt_publish {
    struct bytes topic, body;
    uint16_t id; /* 0 with QoS 0 */
    uint8_t qos;
    bool dup, retain;
};

/* SUBSCRIBE and UNSUBSCRIBE: walk `list` with mqtt_next_filter(). SUBACK: `list` is one byte a filter. */
struct mqtt_filters {
    uint16_t id;
    struct bytes list;
};

struct mqtt_packet {
    enum mqtt_type type;
    union {
        struct mqtt_connect connect;
        struct {
            bool session_present;
            uint8_t code;
        } connack;
        struct mqtt_publish publish;
        struct mqtt_filters filters; /* SUBSCRIBE, SUBACK, UNSUBSCRIBE */
        uint16_t id;                 /* PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK */
    };
};

enum mqtt_answer {
    MQTT_MORE,      /* not all of it is here */
    MQTT_PACKET,    /* one packet in *out, *used bytes long */
    MQTT_MALFORMED, /* no MQTT 3.1.1 packet begins like this */
    MQTT_TOO_LARGE, /* it is, or will be, longer than max */
};

/* Views in *out lie in `in`. *out and *used are set by MQTT_PACKET only. */
enum mqtt_answer mqtt_decode(struct bytes in, size_t max, struct mqtt_packet *out, size_t *used) MUST_CHECK;

/* The next filter of a decoded packet; false at the end. *qos is 0 for UNSUBSCRIBE. */
bool mqtt_next_filter(enum mqtt_type, struct bytes *list, struct bytes *filter, uint8_t *qos);

/* A string that does not fit 16 bits, or a packet over the remaining length that MQTT has, makes the buffer bad. */
void mqtt_put_connect(struct buf *, const struct mqtt_connect *); /* level is taken as 4 */
void mqtt_put_connack(struct buf *, bool session_present, enum mqtt_code);
void mqtt_put_publish(struct buf *, const struct mqtt_publish *);
void mqtt_put_ack(struct buf *, enum mqtt_type, uint16_t id); /* PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK */
void mqtt_put_subscribe(struct buf *, uint16_t id, struct bytes filter, uint8_t qos);
void mqtt_put_suback(struct buf *, uint16_t id, const uint8_t *codes, size_t n);
void mqtt_put_unsubscribe(struct buf *, uint16_t id, struct bytes filter);
void mqtt_put_empty(struct buf *, enum mqtt_type); /* PINGREQ, PINGRESP, DISCONNECT */

/* A DISCONNECT of the server with a reason, which MQTT 5 has and 3.1.1 has not: only for clients that have said that
 * they know it. */
enum { MQTT_TAKEN_OVER = 0x8E };
void mqtt_put_reason(struct buf *, uint8_t reason);
/* MQTT_PACKET, MQTT_MORE, or MQTT_MALFORMED: it is something else. */
enum mqtt_answer mqtt_decode_reason(struct bytes in, uint8_t *reason, size_t *used);
