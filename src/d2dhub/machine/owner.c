#include "owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICE_USER "d2dhub"

static void take(struct owner *out, const struct passwd *user)
{
    out->uid = user->pw_uid;
    out->gid = user->pw_gid;
    out->other = user->pw_uid != 0;
    snprintf(out->name, sizeof out->name, "%s", user->pw_name);
}

int owner_of(const struct config *c, const char *command, struct owner *out)
{
    const struct passwd *user;
    struct stat st;

    *out = (struct owner){0};
    if (geteuid() != 0)
        return 0;
    if (c->user[0]) {
        if (!(user = getpwnam(c->user))) {
            fprintf(stderr, "d2dhub %s: user = %s: this user does not exist\n", command, c->user);
            return 2;
        }
        take(out, user);
    } else if (stat(c->data, &st) == 0 && st.st_uid != 0) {
        *out = (struct owner){.other = true, .uid = st.st_uid, .gid = st.st_gid};
        if ((user = getpwuid(st.st_uid)))
            take(out, user);
    } else if (strcmp(c->data, SERVICE_DATA) == 0 && (user = getpwnam(SERVICE_USER))) {
        take(out, user);
    }
    return 0;
}

enum err owner_begin(const struct owner *o)
{
    if (o->other && (setegid(o->gid) || seteuid(o->uid)))
        return ERR_DENIED;
    return OK;
}

void owner_end(const struct owner *o)
{
    /* The rest needs root again: going on as another would fail in ways that nobody understands. */
    if (o->other && (seteuid(0) || setegid(0)))
        abort();
}

enum err owner_take_folder(const struct owner *o, const char *folder)
{
    return o->other && lchown(folder, o->uid, o->gid) ? ERR_IO : OK;
}

static enum err take_below(const struct owner *o, int fd);

/* No link is followed, and no file that has a second name is taken: whoever owns the folder could have put there what
 * is not his. */
static enum err take_one(const struct owner *o, int folder, const char *name)
{
    struct stat st;
    int fd;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? OK : ERR_IO;
    if (S_ISDIR(st.st_mode)) {
        fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return ERR_IO;
        return take_below(o, fd);
    }
    if (st.st_uid == o->uid || !S_ISREG(st.st_mode) || st.st_nlink > 1)
        return OK;
    return fchownat(folder, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) && errno != ENOENT ? ERR_IO : OK;
}

/* `fd` is given. */
static enum err take_below(const struct owner *o, int fd)
{
    enum err e = fchown(fd, o->uid, o->gid) ? ERR_IO : OK;
    DIR *dir = fdopendir(fd);

    if (!dir) {
        close(fd);
        return ERR_IO;
    }
    for (const struct dirent *d; !e && (d = readdir(dir));)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            e = take_one(o, fd, d->d_name);
    closedir(dir);
    return e;
}

enum err owner_take_all(const struct owner *o, const char *folder)
{
    int fd;

    if (!o->other)
        return OK;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? ERR_IO : take_below(o, fd);
}

enum err owner_become(const struct owner *o)
{
    if (!o->other)
        return OK;
    if ((o->name[0] ? initgroups(o->name, o->gid) : setgroups(0, NULL)) || setgid(o->gid) || setuid(o->uid))
        return ERR_DENIED;
    return OK;
}
