#include "typist.h"

#include "bytes.h"
#include "text.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_DONE = 255 };

/* Root by sudo: who asked for it. NULL: whoever we are. */
static const struct passwd *behind_sudo(void)
{
    const char *text = getenv("SUDO_UID");
    uint64_t uid;

    if (geteuid() != 0 || !text || !bytes_to_u64(bytes_str(text), &uid) || uid == 0 || uid > UINT32_MAX)
        return NULL;
    return getpwuid((uid_t)uid);
}

/* The environment that sudo leaves is root's, unless it was told to keep it. */
static bool become(const struct passwd *user)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    struct stat st;

    if (initgroups(user->pw_name, user->pw_gid) || setgid(user->pw_gid) || setuid(user->pw_uid) || setuid(0) == 0)
        return false;
    if (config && (stat(config, &st) || st.st_uid != user->pw_uid))
        unsetenv("XDG_CONFIG_HOME");
    return setenv("HOME", user->pw_dir, 1) == 0;
}

int as_typist(int (*run)(void *ctx), void *ctx)
{
    const struct passwd *user = behind_sudo();
    int status;
    pid_t child;

    if (!user)
        return run(ctx);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        umask(077);
        status = become(user) ? run(ctx) : -1;
        fflush(stderr);
        _exit(status < 0 ? NOT_DONE : status);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) != NOT_DONE ? WEXITSTATUS(status) : -1;
}
