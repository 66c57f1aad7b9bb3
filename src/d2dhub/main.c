#include "commands.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {&command_init,   &command_run,     &command_check, &command_show,
                                                 &command_backup, &command_restore, &command_repair};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct opt_command *told(size_t i)
{
    return i < COMMANDS ? &commands[i]->told : NULL;
}

const struct opt_program d2dhub = {
    .name = "d2dhub",
    .version = D2D_VERSION,
    .head = "d2dhub: a hub of your own for devices that speak to Azure IoT Hub\n"
            "\n"
            "  d2dhub init --name hub.home.example     make it\n"
            "  d2dhub run                              serve: MQTT 8883, AMQP 5671, HTTPS 443\n"
            "  d2dhub show                             how to reach it, and with which keys\n",
    .tail = "Data folder: --data DIR or D2DHUB_DATA.\nExit status: 0 done, 1 failed, 2 usage or configuration, 4 there "
            "is no hub in the data folder,\n7 there is one already (init), 130 interrupted.\n",
    .common = config_common,
    .common_title = "options of every command",
    .more_title = "configuration (each is also a key of d2dhub.ini and, as D2DHUB_..., of the environment)",
    .command = told};

static const char *deed = ""; /* of a command that has ended well */

static int run_command(const struct command *command, int argc, char **argv, struct buf *out)
{
    static struct config config;
    int status = config_load(&config, &command->told, argc, argv, out);

    if (status)
        fputs(buf_str(out), stderr);
    if (status)
        return status;
    if (!config.help) {
        status = command->run(&config, argc, argv);
        deed = !status && command->told.deed ? command->told.deed : "";
        return status;
    }
    opt_put_help(&d2dhub, &command->told, out);
    fputs(buf_str(out), stdout);
    return 0;
}

/* There is nothing that only a hub could name. */
static void no_names(enum opt_what what, int argc, char **argv, struct buf *out)
{
    (void)what;
    (void)argc;
    (void)argv;
    (void)out;
}

static int run(int argc, char **argv)
{
    struct buf out = buf_max(256 * 1024);
    const struct opt_command *found;
    int words = 0, status = 0;

    if (opt_answer(&d2dhub, argc, argv, no_names, &out, &status)) {
        fputs(buf_str(&out), stdout);
    } else if ((found = opt_find(&d2dhub, argc, argv, &words, &out, &status))) {
        for (size_t i = 0; i < COMMANDS; i++)
            if (&commands[i]->told == found)
                status = run_command(commands[i], argc - words, argv + words, &out);
    } else {
        fputs(buf_str(&out), status && argc > 1 ? stderr : stdout);
    }
    buf_free(&out);
    return status;
}

int main(int argc, char **argv)
{
    int status;

    output_open(NULL);
    status = run(argc, argv);
    return output_close("d2dhub", status, false, deed);
}
