/* The command line: what every command gets, and how it ends. One file a command. */
#pragma once

#include "context_file.h"
#include "out.h"

#include "d2d.h"
#include "program.h"

/* Exit statuses (doc/d2d.1.in). */
enum status {
    DONE = 0,
    FAILED = 1,
    USAGE = 2,
    NOT_AUTHORISED = 3,
    NOT_FOUND = 4,
    NO_CONNECTION = 5,
    TIMED_OUT = 6,
    REFUSED = 7,
    EXPIRED = 8,
    OVER_QUOTA = 9,
    ACCEPTED = 10, /* by the hub; what became of it was not known in time */
    PARTLY = 11,   /* some lines of an import failed */
    INTERRUPTED = 130,
};

/* Options that every command takes. */
struct cli {
    const char *as, *connection_string_file, *context_name, *ca_file, *cert_file, *key_file, *tcti;
    const char *address; /* where TCP goes */
    int transport;       /* 0: D2D_TRANSPORT, or MQTT; else 1 and the enum d2d_transport */
    int mqtts_port, amqps_port, https_port;
    int slot_given; /* 0: none; else 1 and the slot */
    bool has_slot;
    unsigned slot; /* of the TPM */
    enum out_format format;
    int64_t timeout_ms; /* 0: the command's own */
    int quiet, help;
    struct context context;
    bool has_context;
    char connection_string[4096]; /* CONNECTION_STRING_CAP; the identity that cli_choose_identity() settled */
};

/* A command: what is told of it, and what it does. Its options were taken into `values`, a struct of `size` bytes that
 * was all zero, and its arguments, as many as it takes, are argv[1] to argv[n]. */
struct command {
    struct opt_command told;
    enum status (*run)(struct cli *c, void *values, int n, char **argv);
    size_t size; /* 0: it has no options of its own */
};

/* The options that every command takes; they land in struct cli. */
extern const struct opt cli_common[];
/* Takes what those say that is more than a value. False: `why` tells. */
bool cli_take_common(struct cli *c, char why[OPT_WHY_CAP]);
/* Whether a file that `name` stands for has certificates; NULL: there is none to look at. */
bool cli_ca_is_pem(const char *name, const char *path, char why[OPT_WHY_CAP]);

/* Settles the identity and where the hub is; says what is missing. `service` wants an operator's or receiver's string.
 */
enum kind_of_string { STRING_DEVICE, STRING_SERVICE, STRING_EVENTS, STRING_ANY };
enum status cli_choose_identity(struct cli *c, enum kind_of_string wanted);

/* The same for a service of which only the name is known; the context's authority and ports if it is of that name. */
enum status cli_service(struct cli *c, const char *host);

/* Whether a device of the settled identity speaks AMQP; otherwise it is MQTT. */
bool cli_speaks_amqp(const struct cli *c);
/* Fills the library's common options from what cli_choose_identity() settled. */
void cli_fill_options(const struct cli *c, struct d2d_options *out);
/* Why the library would not make a handle with them; "" when it did not say. */
const char *cli_why_not(void);

/* The subject of an error: a thing that has a name of its own, or words of the command ("the events"). */
enum subject {
    A_THING,
    A_DEVICE,
    A_CONSUMER_GROUP,
    A_PARTITION,
    AN_ENROLLMENT,
    AN_ENROLLMENT_GROUP,
    A_CA,
    A_MODULE,
    A_CONFIGURATION,
    A_JOB,
};
/* Says `device "phone" already exists`, or "WHAT: why (detail)", with the remedy where there is one; gives the exit
 * status. */
enum status cli_failed_about(enum subject kind, const char *name, enum d2d_err e, const char *detail);
enum status cli_failed(const char *what, enum d2d_err e, const char *detail); /* about A_THING */
/* This was done last: if it is a command with a deed, the output that is lost tells of this. */
void cli_done(enum subject kind, const char *name);
/* The change that stands although its output is lost: `device "phone" was added`; "" when there is none. */
void cli_tell_deed(const char *deed, char *out, size_t cap);
/* There is no connection, and it is tried again: said once for each reason. *away is D2D_OK while there is one. */
void cli_is_away(enum d2d_err *away, enum d2d_err why, const char *detail);
/* The exit status for an error of the library. */
enum status cli_status(enum d2d_err);
/* The remedy; "" when that depends. */
const char *cli_remedy(enum d2d_err e, const char *detail);
enum status cli_usage(const struct command *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Set by SIGINT and SIGTERM; commands that wait look at it. */
extern volatile int cli_interrupted;
/* A loop that these signals stop too; one at a time. */
enum d2d_err cli_loop_new(struct d2d_loop **out);
void cli_loop_free(struct d2d_loop *); /* also NULL */
/* Settles the identity, makes one call of the hub's registry, and says what failed, about that subject. */
typedef enum d2d_err registry_call(struct d2d_registry *registry, void *ctx);
enum status cli_with_registry(struct cli *c, registry_call *call, void *ctx, enum subject kind, const char *name);
/* From now on the end of a program stops that loop too. */
void cli_watch_children(void);

/* Ids of devices and names of contexts, a line each, for completion: silent, and within a second or not at all. */
opt_names cli_names;

extern const struct command command_answer, command_bench, command_ca_add, command_ca_list, command_ca_rm,
    command_ca_verify, command_call, command_check, command_configuration_add, command_configuration_apply,
    command_configuration_list, command_configuration_rm, command_configuration_show, command_context_add,
    command_context_list, command_context_rm, command_context_use, command_device_add, command_device_auth,
    command_device_cert, command_device_disable, command_device_enable, command_device_key, command_device_list,
    command_device_purge, command_device_export, command_device_import, command_device_rm, command_device_show,
    command_enroll_add, command_enroll_key, command_enroll_list, command_enroll_rm, command_enroll_show, command_events,
    command_group_add, command_group_list, command_group_rm, command_hub_status, command_job_cancel, command_job_list,
    command_job_show, command_job_start, command_listen, command_module_add, command_module_key, command_module_list,
    command_module_rm, command_module_show, command_query, command_register, command_send, command_token,
    command_tpm_erase, command_tpm_provision, command_tpm_status, command_twin_get, command_twin_report,
    command_twin_set, command_twin_watch;
