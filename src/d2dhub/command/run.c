#include "commands.h"
#include "output.h"
#include "owner.h"
#include "pulse.h"
#include "report.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* After the ports are open nothing needs root any more: what init and the start wrote as root becomes the user's. */
static int become(const struct owner *owner, const char *data)
{
    if (owner_take_all(owner, data)) {
        fprintf(stderr, "d2dhub run: %s cannot be given to the user %s: %m\n", data, owner->name);
        return 1;
    }
    if (owner_become(owner)) {
        fprintf(stderr, "d2dhub run: this program cannot become the user %s: %m\n", owner->name);
        return 1;
    }
    if (owner->other)
        log_event(LOG_INFO, "root-given-up", KVS("user", owner->name), KVN("uid", owner->uid));
    return 0;
}

/* Signals are taken here, by the main thread, and nowhere else. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* The second one does not wait for anybody. */
static void *end_at_once(void *ctx)
{
    int number;

    while (sigwait(ctx, &number) || number == SIGHUP) {
        /* certificates do not matter any more */
    }
    _exit(128 + number);
}

static void serve(struct server *s, sigset_t *set)
{
    int number = SIGHUP;
    pthread_t second;

    while (sigwait(set, &number) || number == SIGHUP)
        server_reload(s);
    log_event(LOG_INFO, "stopping", KVN("signal", number));
    report_notify("STOPPING=1");
    if (pthread_create(&second, NULL, end_at_once, set) == 0)
        pthread_detach(second);
}

static int run_run(struct config *c, int argc, char **argv)
{
    static struct server s; /* the second signal's thread may outlive main() */
    static sigset_t set;
    struct pulse pulse;
    struct owner owner;
    int status;

    s.config = *c;
    s.argc = argc;
    s.argv = argv;
    block_signals(&set);
    if (!report_open(&s.config)) {
        fprintf(stderr, "d2dhub run: a thread cannot be made\n");
        return 1;
    }
    log_event(LOG_INFO, "starting", KVS("version", D2D_VERSION), KVS("data", s.config.data));
    pulse_begin(&pulse);
    if (!(status = owner_of(&s.config, "run", &owner)) && !(status = server_open(&s)) &&
        !(status = server_listen(&s)) && !(status = become(&owner, s.config.data)) && !(status = server_start(&s))) {
        puts(s.config.json ? "{\"event\":\"ready\"}" : "ready");
        if (output_flush()) {
            report_notify("READY=1");
            pulse_serve(&pulse, &s);
            log_event(LOG_INFO, "ready", KVS("hub", s.config.name), KVN("loops", s.n_loops));
            if (s.config.fault_injection)
                log_event(LOG_WARN, "fault-injection",
                          KVS("detail",
                              "devices may break their own connections: for tests only; fault_injection = off "
                              "in d2dhub.ini ends it"));
            serve(&s, &set);
        } else {
            status = 1; /* whoever waits for that line would wait for ever; main() says why */
        }
    }
    pulse_end(&pulse);
    server_close(&s);
    log_event(LOG_INFO, "stopped", KVN("status", status));
    report_close();
    return status;
}

const struct command command_run = {
    {.name = "run",
     .usage = "[--data DIR]",
     .summary = "serve, in the foreground",
     .examples = "d2dhub run                                     # what `d2dhub init` made\n"
                 "d2dhub run --data DIR --mqtts-port 0 -o json   # any free port\n"
                 "kill -HUP PROCESS                              # certificates and log level again\n",
     .more = config_keys},
    run_run};
