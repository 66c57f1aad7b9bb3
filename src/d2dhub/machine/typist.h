/* The user who typed the command: with sudo that is not root. */
#pragma once

/* Work in somebody's home, or that leaves files for him, is done as him: with sudo in a process that has become that
 * user, so that no link there leads root anywhere. Gives what `run` gives, which is 0 to 100, or -1. */
int as_typist(int (*run)(void *ctx), void *ctx);
