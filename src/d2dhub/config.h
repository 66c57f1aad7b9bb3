/* The configuration of a hub: defaults, then d2dhub.ini in its data folder, then D2DHUB_… in the environment, then
 * flags. An unknown key is an error. Each key has one name: "mqtts_port" in the file, D2DHUB_MQTTS_PORT, --mqtts-port.
 * */
#pragma once

#include "ceilings.h"
#include "err.h"
#include "log.h"
#include "program.h"

/* The data folder of root's hub, and of the service's. */
#define SERVICE_DATA "/var/lib/d2dhub"

enum { PATH_CAP = 4096, NAMES_CAP = 32, VALUE_CAP = 1024 };

struct config {
    char data[PATH_CAP];
    char file[PATH_CAP + 16]; /* the ini file, for messages */
    char name[HOST_LEN_MAX + 1];
    char listen[64];
    int mqtts_port, amqps_port, https_port;
    int loops; /* 0: one a core, at most 8 */
    enum log_level log_level;
    int log_json;
    char cert_file[PATH_CAP], key_file[PATH_CAP];             /* "": what init made */
    char other_cert_file[PATH_CAP], other_key_file[PATH_CAP]; /* beside them, of another kind of key; "": none */
    char names[VALUE_CAP];                                    /* further host names, with blanks between */
    int64_t retention_ms, clock_wait;
    uint64_t retention_size, segment_size; /* 0: by the disk (room.h) */
    int device_messages_per_second, hub_messages_per_second;
    uint64_t device_bytes_per_day, hub_bytes_per_day;
    char user[64];
    int partitions;
    char linked_hubs_file[PATH_CAP], outside_ca_file[PATH_CAP]; /* of the provisioning service; "": none */
    int c2d_depth, c2d_deliveries, feedback_deliveries, twin_size;
    int64_t c2d_ttl, feedback_ttl;                                                          /* ms */
    int connections, connections_per_address, unauthenticated, unauthenticated_per_address; /* 0: by the system */
    int fault_injection;                                                                    /* 0: off, 1: on */
    int lifecycle_events, connection_events, twin_events, job_events;
    uint64_t memory_limit; /* 0: the system's */
    /* Options that are no keys. */
    int json, no_context, help, ca, replace, list, verify, deep;
    const char *policy, *out;
    bool data_given;
    struct opt_list also, groups;
};

/* The keys as options, and the options that every command takes; they land in struct config. */
extern const struct opt config_keys[], config_common[];
/* The program, for its help and its messages. */
extern const struct opt_program d2dhub;

/* Reads everything. `argv` begins with the subcommand. On failure a message is in `said` and the exit status is given;
 * 0 else. With --help nothing but that is read. */
int config_load(struct config *c, const struct opt_command *command, int argc, char **argv, struct buf *said);

/* DATA/BELOW */
void config_path(const struct config *c, const char *below, char out[PATH_CAP]);

/* The names that the hub answers to besides its own, one string each, NULL at the end; they lie in `text`. */
size_t config_names(const struct config *c, char text[VALUE_CAP], const char *out[NAMES_CAP + 1]);
/* The name up to its first dot, in lower case: the event hub's name (service 2.1). */
void config_entity(const struct config *c, char out[HOST_LEN_MAX + 1]);
/* Writes the ini file of a new hub. */
enum err config_write(const struct config *c) MUST_CHECK;
