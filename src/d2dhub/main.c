#include "commands.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"init", init_run, "make a hub in a data folder"},
    {"run", run_run, "serve, in the foreground"},
    {"check", check_run, "look at configuration, clock, ports, certificates, disk"},
    {"show", show_run, "names, ports, authority, connection strings"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Letters that have to be put in, taken out or changed. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 31 };
    size_t n = strnlen(a, MOST), m = strnlen(b, MOST), row[MOST + 1];

    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = corner + (a[i - 1] != b[j - 1]);
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            corner = row[j];
            row[j] = change < other ? change : other;
        }
    }
    return row[m];
}

static const char *nearest(const char *name)
{
    size_t best = 0;

    for (size_t i = 1; i < COMMANDS; i++)
        if (distance(name, commands[i].name) < distance(name, commands[best].name))
            best = i;
    return commands[best].name;
}

static void help(void)
{
    puts("d2dhub: a hub of one's own for devices that speak to Azure IoT Hub\n"
         "\n"
         "  d2dhub init --name hub.home.example     make it\n"
         "  d2dhub run                              serve: MQTT 8883, AMQP 5671, HTTPS 443\n"
         "  d2dhub show                             how to reach it, and with which keys\n"
         "\n"
         "commands:");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].summary);
    puts("\n`d2dhub COMMAND --help` tells more. Where it is: --data DIR or D2DHUB_DATA.");
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        help();
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("d2dhub " D2D_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr,
            "d2dhub: there is no command \"%s\"; did you mean `d2dhub %s`? There are init, run, check and show\n",
            argv[1], nearest(argv[1]));
    return 2;
}

int main(int argc, char **argv)
{
    output_open(NULL);
    return output_close("d2dhub", run(argc, argv), false);
}
