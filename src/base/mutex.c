#include "mutex.h"

_Thread_local const struct mutex *mutexes_held[RANKS];
