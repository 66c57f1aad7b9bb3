#include "cli.h"
#include "output.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

volatile int cli_interrupted;

/* In the order in which help and the manual page tell of them. */
static const struct command *const commands[] = {
    &command_send,
    &command_listen,
    &command_call,
    &command_answer,
    &command_events,
    &command_twin_get,
    &command_twin_set,
    &command_twin_watch,
    &command_twin_report,
    &command_device_add,
    &command_device_list,
    &command_device_show,
    &command_device_rm,
    &command_device_key,
    &command_device_auth,
    &command_device_cert,
    &command_device_enable,
    &command_device_disable,
    &command_device_purge,
    &command_device_export,
    &command_device_import,
    &command_module_add,
    &command_module_list,
    &command_module_show,
    &command_module_rm,
    &command_module_key,
    &command_query,
    &command_configuration_add,
    &command_configuration_list,
    &command_configuration_show,
    &command_configuration_rm,
    &command_configuration_apply,
    &command_job_start,
    &command_job_list,
    &command_job_show,
    &command_job_cancel,
    &command_group_add,
    &command_group_list,
    &command_group_rm,
    &command_ca_add,
    &command_ca_verify,
    &command_ca_list,
    &command_ca_rm,
    &command_enroll_add,
    &command_enroll_list,
    &command_enroll_show,
    &command_enroll_key,
    &command_enroll_rm,
    &command_register,
    &command_tpm_status,
    &command_tpm_provision,
    &command_tpm_erase,
    &command_token,
    &command_context_add,
    &command_context_list,
    &command_context_use,
    &command_context_rm,
    &command_check,
    &command_hub_status,
    &command_bench,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct opt_command *told(size_t i)
{
    return i < COMMANDS ? &commands[i]->told : NULL;
}

static const struct opt_program program = {
    .name = "d2d",
    .version = D2D_VERSION,
    .head = "d2d: send, listen and administer, through a hub of your own or an Azure IoT Hub\n"
            "\n"
            "  d2d device add phone                    a new device\n"
            "  d2d device key phone --out phone.cs     its connection string, in a file that only you can read\n"
            "  d2d send --as phone open                a message from it\n"
            "  d2d events --from phone                 what it sends\n"
            "  d2d send --to phone ring                a message for it, which waits until it connects\n"
            "  d2d listen --as phone                   what is sent to it\n",
    .tail = "Exit status: 0 done, 1 failed, 2 usage, 3 not authorised, 4 not found,\n"
            "5 could not connect, 6 timed out, 7 refused, 8 expired, 9 over quota,\n"
            "10 accepted by the hub, but not settled by the device in time,\n"
            "11 imported, except for lines that failed.\n",
    .common = cli_common,
    .common_title = "options of every command",
    .command = told};

static struct d2d_loop *volatile stoppable;
static const char *deed; /* of the command that runs; NULL: it changes nothing */

/* The second Ctrl-C ends at once. */
static void on_signal(int number)
{
    struct d2d_loop *loop = stoppable;

    if (cli_interrupted)
        _exit(INTERRUPTED);
    cli_interrupted = number;
    if (loop)
        d2d_loop_stop(loop);
}

static void on_child(int number)
{
    struct d2d_loop *loop = stoppable;

    (void)number;
    if (loop)
        d2d_loop_stop(loop);
}

void cli_watch_children(void)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP | SA_RESTART};

    sigaction(SIGCHLD, &action, NULL);
}

enum d2d_err cli_loop_new(struct d2d_loop **out)
{
    enum d2d_err e = d2d_loop_new(out);

    if (!e)
        stoppable = *out;
    return e;
}

void cli_loop_free(struct d2d_loop *loop)
{
    stoppable = NULL;
    d2d_loop_free(loop);
}

enum status cli_usage(const struct command *command, const char *format, ...)
{
    struct buf out = buf_max(16 * 1024);
    char why[OPT_WHY_CAP];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    opt_put_misuse(&program, &command->told, why, &out);
    complain_text(buf_str(&out));
    buf_free(&out);
    return USAGE;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    struct cli cli = {0};
    void *values = calloc(1, command->size + 1);
    struct opt_line line;
    struct buf help = buf_max(64 * 1024);
    char why[OPT_WHY_CAP];
    enum status status = DONE;
    bool good;

    if (!values) {
        complain_text("d2d: out of memory\n");
        return FAILED;
    }
    good = opt_scan_command(&program, &command->told, &cli, values, argc, argv, &line, why) && opt_apply(&line, why);
    if (cli.help) {
        opt_put_help(&program, &command->told, &help);
        fputs(buf_str(&help), stdout);
    } else if (!good || !opt_count(&command->told, &line, argv, why) || !cli_take_common(&cli, why)) {
        status = cli_usage(command, "%s", why);
    } else {
        deed = command->told.deed;
        status = command->run(&cli, values, line.n_args, argv);
    }
    buf_free(&help);
    free(values);
    return status;
}

static int obey(int argc, char **argv)
{
    struct buf out = buf_max(1024 * 1024);
    const struct opt_command *found;
    int words = 0, status = DONE;

    if (opt_answer(&program, argc, argv, cli_names, &out, &status)) {
        fputs(buf_str(&out), stdout);
    } else if ((found = opt_find(&program, argc, argv, &words, &out, &status))) {
        for (size_t i = 0; i < COMMANDS; i++)
            if (&commands[i]->told == found)
                status = run(commands[i], argc - words, argv + words);
    } else {
        if (status && argc > 1)
            complain_text(buf_str(&out));
        else
            fputs(buf_str(&out), stdout);
    }
    buf_free(&out);
    return status;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    char done[300];
    int status;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    output_open(&cli_interrupted);
    status = obey(argc, argv);
    cli_tell_deed(deed, done, sizeof done);
    return output_close("d2d", status, out_quiet, done);
}
