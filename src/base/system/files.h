/* Small files: read whole, written beside and renamed. */
#pragma once

#include "buf.h"

enum err file_read(const char *path, struct buf *out) MUST_CHECK; /* ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE */
/* A reader sees the old one or the new one; the new one is on disk when this returns. */
enum err file_write(const char *path, struct bytes text, unsigned mode) MUST_CHECK;
/* All of it, and it is on the disk. False: errno tells. */
bool file_write_to(int fd, struct bytes text) MUST_CHECK;
/* The name of this file, or that there is none, is on the disk. */
void file_sync_folder(const char *path);
/* The folder and those above it; new ones get this mode. */
enum err folder_make(const char *path, unsigned mode) MUST_CHECK;
