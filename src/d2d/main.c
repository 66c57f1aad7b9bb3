#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

volatile int cli_interrupted;

static const struct command *const commands[] = {
    &command_device_add,    &command_device_list,    &command_device_show, &command_device_rm,   &command_device_purge,
    &command_device_enable, &command_device_disable, &command_device_key,  &command_send,        &command_listen,
    &command_events,        &command_group_add,      &command_group_list,  &command_group_rm,    &command_ca_add,
    &command_ca_verify,     &command_ca_list,        &command_ca_rm,       &command_device_auth, &command_device_cert,
    &command_token,         &command_context_add,    &command_context_ls,  &command_context_use, &command_context_rm,
    &command_check,         &command_hub_status,     &command_bench,       &command_register,    &command_tpm_status,
    &command_tpm_provision, &command_tpm_erase,      &command_enroll_add,  &command_enroll_list, &command_enroll_show,
    &command_enroll_rm,     &command_enroll_key,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static struct d2d_loop *volatile stoppable;

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

static void help(void)
{
    puts("d2d: send, listen and administer, through a hub of your own or an Azure IoT Hub\n"
         "\n"
         "  d2d device add phone                    a new device\n"
         "  d2d device key phone > phone.cs         its connection string\n"
         "  d2d send --as phone open                a message from it\n"
         "  d2d events --from phone                 what it says\n"
         "  d2d send --to phone ring                a message for it, which waits until it is there\n"
         "  d2d listen --as phone                   what is sent to it\n"
         "\n"
         "commands:");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
    puts("\n`d2d COMMAND --help` tells more. Exit status: 0 done, 1 failed, 2 usage, 3 not authorised, 4 not found,\n"
         "5 could not connect, 6 timed out, 7 refused, 8 expired, 9 over quota.");
}

/* Edits between two words: insertions, deletions, substitutions (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 40 };
    size_t row[MOST + 1], len = strlen(b);

    if (strlen(a) > MOST || len > MOST)
        return MOST;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[len];
}

static enum status unknown(const char *said)
{
    const char *nearest = NULL;
    size_t best = 4; /* farther than this is no near miss */

    for (size_t i = 0; i < COMMANDS; i++) {
        size_t d = distance(said, commands[i]->name);

        if (d < best) {
            best = d;
            nearest = commands[i]->name;
        }
    }
    if (nearest)
        fprintf(stderr, "d2d: there is no command \"%s\"; did you mean \"%s\"?\n", said, nearest);
    else
        fprintf(stderr, "d2d: there is no command \"%s\"; `d2d --help` lists them\n", said);
    return USAGE;
}

/* "device add" takes two words of argv, "send" one. */
static const struct command *find(int argc, char **argv, int *words)
{
    char two[80];

    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, argv[1]) == 0) {
            *words = 1;
            return commands[i];
        }
    }
    if (argc < 3 || (size_t)snprintf(two, sizeof two, "%s %s", argv[1], argv[2]) >= sizeof two)
        return NULL;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, two) == 0) {
            *words = 2;
            return commands[i];
        }
    }
    return NULL;
}

/* What begins with the word: "d2d device" lists the commands of devices. */
static bool help_for_group(const char *word)
{
    size_t len = strlen(word);
    bool any = false;

    for (size_t i = 0; i < COMMANDS; i++) {
        if (strncmp(commands[i]->name, word, len) || commands[i]->name[len] != ' ')
            continue;
        fprintf(stderr, "%s%-16s %s\n", any ? "  " : "one of:\n  ", commands[i]->name, commands[i]->summary);
        any = true;
    }
    return any;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    const struct command *command;
    struct cli cli = {0};
    char said[80];
    int words = 0;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        help();
        return USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help();
        return DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("d2d %s\n", d2d_version());
        return DONE;
    }
    command = find(argc, argv, &words);
    if (!command) {
        if (argc == 2 && help_for_group(argv[1]))
            return USAGE;
        snprintf(said, sizeof said, argc > 2 && argv[2][0] != '-' ? "%s %s" : "%s", argv[1], argc > 2 ? argv[2] : "");
        return unknown(said);
    }
    return command->run(&cli, argc - words, argv + words);
}
