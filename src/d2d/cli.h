/* The command line: what every command gets, and how it ends. One file a command. */
#pragma once

#include "context.h"
#include "out.h"

#include "d2d.h"

#include <getopt.h>

/* Exit statuses (design 10). */
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
    INTERRUPTED = 130,
};

/* The options that every command takes. */
struct cli {
    const char *as, *connection_string_file, *context_name, *ca_file, *cert_file, *key_file;
    const char *transport; /* NULL: D2D_TRANSPORT, or MQTT */
    int mqtts_port, amqps_port, https_port;
    bool has_slot;
    unsigned slot; /* of the TPM */
    enum out_format format;
    int64_t timeout_ms; /* 0: the command's own */
    struct context context;
    bool has_context;
    char connection_string[4096]; /* who I am, once cli_who() said so */
};

struct command {
    const char *name;  /* "device add" */
    const char *usage; /* "DEVICE..." */
    const char *summary;
    const char *examples; /* lines, each with its new line */
    enum status (*run)(struct cli *c, int argc, char **argv);
};

/* An option of one command. `value` NULL: a flag, counted in *flag. Texts are lent from argv. */
struct opt {
    const char *name;     /* "content-type"; a one-letter name is a short option */
    const char *argument; /* for the help; NULL: it takes none */
    const char *help;
    const char **value;
    int *flag;
    bool (*each)(void *ctx, const char *value); /* for what may come again and again */
    void *ctx;
};

/* Takes options of the command (ended by a NULL name) and the common ones, in any order with the arguments, which are moved
 * to the front of argv from 1; *n is how many. USAGE and a message for what is not understood; DONE with *stop for --help. */
enum status cli_options(struct cli *c, const struct command *command, const struct opt *opts, int argc, char **argv,
                        int *n, bool *stop);

/* Settles who I am and where the hub is; says what is missing. `service` wants an operator's or receiver's string. */
enum kind_of_string { STRING_DEVICE, STRING_SERVICE, STRING_EVENTS, STRING_ANY };
enum status cli_who(struct cli *c, enum kind_of_string wanted);

/* The same for a service of which only the name is known; the context's authority and ports if it is of that name. */
enum status cli_service(struct cli *c, const char *host);

/* "mqtt", "mqtt-ws", "amqp", "amqp-ws", "https" */
bool cli_transport_parse(const char *text, enum d2d_transport *out);
/* Fills the library's common options from what cli_who() settled. */
void cli_d2d_options(const struct cli *c, struct d2d_options *out);
/* Why the library would not make a handle with them; "" when it did not say. */
const char *cli_why_not(void);

/* Says "d2d: WHAT: why (detail)" with the remedy where there is one, and gives the exit status. */
enum status cli_failed(const char *what, enum d2d_err e, const char *detail);
enum status cli_usage(const struct command *command, const char *format, ...) PRINTF_LIKE(2, 3);
void cli_help(const struct command *command, const struct opt *opts);

/* Set by SIGINT and SIGTERM; commands that wait look at it. */
extern volatile int cli_interrupted;
/* A loop that these signals stop too; one at a time. */
enum d2d_err cli_loop_new(struct d2d_loop **out);
void cli_loop_free(struct d2d_loop *); /* also NULL */
/* Settles who I am, makes one call of the hub's registry, and says what failed, about `what`. */
typedef enum d2d_err registry_call(struct d2d_registry *registry, void *ctx);
enum status cli_with_registry(struct cli *c, registry_call *call, void *ctx, const char *what);
/* From now on the end of a program stops that loop too. */
void cli_watch_children(void);

extern const struct command command_device_add, command_device_list, command_device_show, command_device_rm,
    command_device_purge, command_device_enable, command_device_disable, command_device_key, command_send,
    command_listen, command_events, command_group_add, command_group_list, command_group_rm, command_ca_add,
    command_ca_verify, command_ca_list, command_ca_rm, command_device_auth, command_device_cert, command_token,
    command_context_add, command_context_ls, command_context_use, command_context_rm, command_check, command_hub_status,
    command_bench, command_register, command_enroll_add, command_enroll_list, command_enroll_show, command_enroll_rm,
    command_enroll_key, command_tpm_status, command_tpm_provision, command_tpm_erase;
