#include "cli.h"

#include <stdio.h>
#include <string.h>

/* How the things that commands are about are called, and what lists them. */
static const struct {
    const char *word, *list;
} kinds[] = {[A_DEVICE] = {"device", "d2d device list"},
             [A_CONSUMER_GROUP] = {"consumer group", "d2d group list"},
             [A_PARTITION] = {"partition", "d2d hub status"},
             [AN_ENROLLMENT] = {"enrollment", "d2d enroll list"},
             [AN_ENROLLMENT_GROUP] = {"enrollment group", "d2d enroll list --groups"},
             [A_CA] = {"CA", "d2d ca list"},
             [A_MODULE] = {"module", "d2d module list DEVICE"},
             [A_CONFIGURATION] = {"configuration", "d2d configuration list"},
             [A_JOB] = {"job", "d2d job list"}};

enum status cli_status(enum d2d_err e)
{
    static const enum status statuses[] = {
        [D2D_OK] = DONE,
        [D2D_FAILED] = FAILED,
        [D2D_ARGUMENT] = USAGE,
        [D2D_NOT_AUTHORISED] = NOT_AUTHORISED,
        [D2D_NOT_FOUND] = NOT_FOUND,
        [D2D_NO_CONNECTION] = NO_CONNECTION,
        [D2D_TIMED_OUT] = TIMED_OUT,
        [D2D_REFUSED] = REFUSED,
        [D2D_EXPIRED] = EXPIRED,
        [D2D_OVER_QUOTA] = OVER_QUOTA,
        [D2D_EXISTS] = REFUSED,
        [D2D_CHANGED] = REFUSED,
        [D2D_CLOSED] = NO_CONNECTION,
        [D2D_NO_MEMORY] = FAILED,
        [D2D_STOPPED] = INTERRUPTED,
        [D2D_UNSUPPORTED] = FAILED,
        [D2D_UNTRUSTED] = NO_CONNECTION,
        [D2D_CLOCK] = NO_CONNECTION,
        [D2D_WRONG_HUB] = NOT_AUTHORISED,
        [D2D_TAKEN_OVER] = REFUSED,
        [D2D_IN_CALLBACK] = FAILED,
    };

    return (size_t)e < sizeof statuses / sizeof *statuses ? statuses[e] : FAILED;
}

/* The certificate is told of in words; what is to be done depends on what is wrong with it. */
static const char *certificate_remedy(const char *detail)
{
    if (strstr(detail, "the certificate is for "))
        return "use one of these as HostName, or add yours on the hub: names = NAME in d2dhub.ini, and a restart";
    if (strstr(detail, "certificate expired"))
        return "set the clock of this computer if it is wrong; `d2dhub check` on the hub looks at its certificates";
    return "give --ca-file the CA certificate of your hub: `d2dhub show` names the file";
}

/* Rights are a policy's; a device has its key. */
static const char *access_remedy(const char *detail)
{
    if (strstr(detail, "policy") || strstr(detail, "claim(s)"))
        return "`d2dhub show` on the hub prints the connection strings of its policies: use one that has this right";
    return "`d2d device key DEVICE` prints the connection string of a device as it is now";
}

const char *cli_remedy(enum d2d_err e, const char *detail)
{
    switch (e) {
    case D2D_NO_CONNECTION:
        return "is the hub running, and are host name and port right? `d2dhub check` tests the hub on its own computer";
    case D2D_UNTRUSTED:
        return certificate_remedy(detail);
    case D2D_CLOSED:
        return "is the port right, and does the hub still run? `d2d check` tries each way to the hub";
    case D2D_CLOCK:
        return "set the clock of this computer: timedatectl set-ntp true";
    case D2D_WRONG_HUB:
        return "the host name of the connection string must be one of the hub's: `d2dhub show` names them";
    case D2D_NOT_AUTHORISED:
        return access_remedy(detail);
    case D2D_TAKEN_OVER:
        return "a device has one connection: stop the other program, or give it a device of its own";
    case D2D_TIMED_OUT:
        return "does a firewall block the connection? `d2d check` tries each way to the hub; --timeout T waits longer";
    case D2D_OK:
    case D2D_FAILED:
    case D2D_ARGUMENT:
    case D2D_NOT_FOUND:
    case D2D_REFUSED:
    case D2D_EXPIRED:
    case D2D_OVER_QUOTA:
    case D2D_EXISTS:
    case D2D_CHANGED:
    case D2D_NO_MEMORY:
    case D2D_STOPPED:
    case D2D_UNSUPPORTED:
    case D2D_IN_CALLBACK:
        break;
    }
    return "";
}

/* The hub's words, without what is for programs: the code of HTTP, the code of the error, ids for its log. */
static const char *tidy(const char *detail, char out[512])
{
    const char *json = strchr(detail, '{');
    json_t *object = json ? json_loads(json, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    const char *message = json_string_value(json_object_get(object, "message"));
    const char *code;

    if (!message)
        message = json_string_value(json_object_get(object, "Message"));
    snprintf(out, 512, "%s", message ? message : detail);
    json_decref(object);
    if (strncmp(out, "HTTP ", 5) == 0 && strstr(out, ": "))
        memmove(out, strstr(out, ": ") + 2, strlen(strstr(out, ": ") + 2) + 1);
    if ((code = strstr(out, "ErrorCode:")) && strchr(code, ';'))
        memmove(out + (code - out), strchr(code, ';') + 1, strlen(strchr(code, ';') + 1) + 1);
    out[strstr(out, " TrackingId:") ? (size_t)(strstr(out, " TrackingId:") - out) : strlen(out)] = 0;
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return out;
}

/* Of "garage/camera" the hub says the module and the device each by itself. */
static const char *own_name(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? slash + 1 : name;
}

/* The hub's words about a module whose device does not exist either. */
static bool is_without_device(enum subject kind, enum d2d_err e, const char *given)
{
    return kind == A_MODULE && e == D2D_NOT_FOUND && given &&
           (strstr(given, "ErrorCode:DeviceNotFound") || strstr(given, "404001"));
}

/* `device "phone"`, shortened where it is long. */
static void put_subject(enum subject kind, const char *name, char *out, size_t cap)
{
    char shown[100];

    if (kind == A_THING)
        snprintf(out, cap, "%s", name);
    else
        snprintf(out, cap, "%s \"%s\"", kinds[kind].word, opt_shown(name, shown));
}

static char done[200];

void cli_done(enum subject kind, const char *name)
{
    put_subject(kind, name, done, sizeof done);
}

void cli_tell_deed(const char *deed, char *out, size_t cap)
{
    out[0] = 0;
    if (deed && done[0])
        snprintf(out, cap, "%s %s", done, deed);
}

enum status cli_failed_about(enum subject kind, const char *name, enum d2d_err e, const char *given)
{
    enum status status = cli_status(e);
    char what[200], text[512], device[200];
    const char *detail = tidy(given ? given : "", text);
    bool says_both; /* the hub's words begin with ours */

    if (status == INTERRUPTED)
        return status;
    if (is_without_device(kind, e, given)) {
        snprintf(device, sizeof device, "%.*s", (int)strcspn(name, "/"), name);
        return cli_failed_about(A_DEVICE, device, e, given);
    }
    put_subject(kind, name, what, sizeof what);
    if (strcmp(detail, d2d_err_text(e)) == 0)
        detail = "";
    says_both = strncmp(detail, d2d_err_text(e), strlen(d2d_err_text(e))) == 0;
    if (e == D2D_EXISTS && kind != A_THING && (!*detail || strstr(detail, own_name(name))))
        complain("%s already exists", what);
    else if (e == D2D_NOT_FOUND && kind != A_THING)
        complain("%s does not exist; `%s` shows those that do", what, kinds[kind].list);
    else if (says_both || (e == D2D_ARGUMENT && *detail))
        complain("%s: %s", what, detail);
    else
        complain("%s: %s%s%s%s", what, d2d_err_text(e), *detail ? " (" : "", detail, *detail ? ")" : "");
    if (*cli_remedy(e, detail))
        advise("%s", cli_remedy(e, detail));
    return status;
}

enum status cli_failed(const char *what, enum d2d_err e, const char *detail)
{
    return cli_failed_about(A_THING, what, e, detail);
}

void cli_is_away(enum d2d_err *away, enum d2d_err why, const char *detail)
{
    char text[512];

    if (*away != why)
        say("d2d: %s (%s); trying again", d2d_err_text(why), tidy(detail, text));
    *away = why;
}
