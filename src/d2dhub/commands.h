/* The subcommands. Each gets argv beginning with its own name and gives the exit status. */
#pragma once

int init_run(int argc, char **argv);
int run_run(int argc, char **argv);
int check_run(int argc, char **argv);
int show_run(int argc, char **argv);
