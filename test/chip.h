/* A software TPM in a folder of its own, for one test. */
#pragma once

#include "check.h"
#include "tpm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    char folder[64], tcti[128];
    pid_t pid;
    struct tpm *tpm;
} chip;

/* The arguments end with NULL. Gives the exit status. */
static inline int chip_run(const char *const *arguments)
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (!pid) {
        execvp(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static inline void chip_launch(void)
{
    char state[128], server[128], control[128];

    snprintf(state, sizeof state, "dir=%s,mode=0600", chip.folder);
    snprintf(server, sizeof server, "type=unixio,path=%s/t.sock", chip.folder);
    snprintf(control, sizeof control, "type=unixio,path=%s/t.sock.ctrl", chip.folder);
    chip.pid = fork();
    CHECK(chip.pid >= 0);
    if (!chip.pid) {
        /* It tells of each connection; and it goes when the test does. */
        if (!freopen("/dev/null", "w", stderr) || prctl(PR_SET_PDEATHSIG, SIGTERM))
            _exit(126);
        /* An emulated processor has no filter of system calls. */
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", control,
               "--flags", "not-need-init,startup-clear", "--seccomp", "action=none", (char *)NULL);
        _exit(127);
    }
}

/* A new TPM that listens, and chip.tpm opened. */
static int chip_start(void **state)
{
    char why[TPM_WHY_CAP];
    enum err e = ERR_TIMEOUT;

    (void)state;
    snprintf(chip.folder, sizeof chip.folder, "/tmp/d2d-tpm-XXXXXX");
    CHECK(mkdtemp(chip.folder));
    snprintf(chip.tcti, sizeof chip.tcti, "swtpm:path=%s/t.sock", chip.folder);
    chip_launch();
    for (int i = 0; i < 500 && e; i++) {
        e = tpm_open(chip.tcti, &chip.tpm, why);
        if (e)
            usleep(10000);
    }
    CHECK_OK(e);
    return 0;
}

static int chip_stop(void **state)
{
    const char *const remove[] = {"rm", "-rf", chip.folder, NULL};

    (void)state;
    tpm_close(chip.tpm);
    chip.tpm = NULL;
    kill(chip.pid, SIGTERM);
    waitpid(chip.pid, NULL, 0);
    return chip_run(remove);
}

#define WITH_CHIP(name) cmocka_unit_test_setup_teardown(name, chip_start, chip_stop)
