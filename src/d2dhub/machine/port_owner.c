#include "port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TCP_LISTEN_STATE = 0x0A, LINK_CAP = 64, COMM_CAP = 64 };

/* The inode of the listening socket, from a table like /proc/net/tcp; 0 when there is none. */
static unsigned long listening_inode(const char *table, int port)
{
    FILE *f = fopen(table, "re");
    char line[512];
    unsigned long found = 0;

    if (!f)
        return 0;
    while (!found && fgets(line, sizeof line, f)) {
        unsigned local, state;
        unsigned long inode;

        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &local, &state,
                   &inode) == 3 &&
            local == (unsigned)port && state == TCP_LISTEN_STATE)
            found = inode;
    }
    fclose(f);
    return found;
}

static bool process_has(const char *pid, const char *wanted)
{
    char folder[300], link[LINK_CAP];
    struct dirent *entry;
    bool has = false;
    DIR *fds;

    snprintf(folder, sizeof folder, "/proc/%s/fd", pid);
    fds = opendir(folder);
    if (!fds)
        return false;
    while (!has && (entry = readdir(fds))) {
        ssize_t n = readlinkat(dirfd(fds), entry->d_name, link, sizeof link - 1);

        if (n > 0) {
            link[n] = 0;
            has = strcmp(link, wanted) == 0;
        }
    }
    closedir(fds);
    return has;
}

static void describe(const char *pid, char *out, size_t cap)
{
    char path[300], name[COMM_CAP] = "a program";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    f = fopen(path, "re");
    if (f) {
        if (fgets(name, sizeof name, f))
            name[strcspn(name, "\n")] = 0;
        fclose(f);
    }
    snprintf(out, cap, "%s (process %s)", name, pid);
}

bool port_owner(int port, char *out, size_t cap)
{
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    struct dirent *entry;
    char wanted[LINK_CAP];
    bool found = false;
    DIR *processes;

    if (!inode)
        inode = listening_inode("/proc/net/tcp6", port);
    processes = inode ? opendir("/proc") : NULL;
    if (!processes)
        return false;
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    while (!found && (entry = readdir(processes))) {
        found = isdigit((unsigned char)entry->d_name[0]) && process_has(entry->d_name, wanted);
        if (found)
            describe(entry->d_name, out, cap);
    }
    closedir(processes);
    return found;
}
