/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/*
 * For LD_PRELOAD: the n-th system call of a class fails, once or from then on, if its path is below
 * $FAIL_BELOW. $FAIL_CLASS is open, write, rename, mkdir, sync or unlink, $FAIL_AT is n (0: none),
 * $FAIL_ERRNO the error, $FAIL_ALWAYS is set if the later ones fail, too. $FAIL_COUNTER is a file of
 * four bytes, which the processes of a test count in.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int *counter;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAIL_COUNTER");
    int fd = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd >= 0) {
        void *p = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        counter = p == MAP_FAILED ? NULL : p;
        close(fd);
    }
}

/** Whether a call has to fail; path may be relative. */
static int fails(const char *class, const char *path)
{
    const char *below = getenv("FAIL_BELOW"), *wanted = getenv("FAIL_CLASS"), *at = getenv("FAIL_AT");
    char here[2 * PATH_MAX];
    int n;

    if (!counter || !below || !wanted || strcmp(wanted, class) || !path)
        return 0;
    if (path[0] != '/') {
        if (!getcwd(here, PATH_MAX))
            return 0;
        strcat(strcat(here, "/"), path);
        path = here;
    }
    if (strncmp(path, below, strlen(below)))
        return 0;
    n = atomic_fetch_add(counter, 1) + 1;
    if (n != atoi(at) && !(getenv("FAIL_ALWAYS") && atoi(at) && n > atoi(at)))
        return 0;
    errno = atoi(getenv("FAIL_ERRNO"));
    return 1;
}

static int fd_fails(const char *class, int fd)
{
    char name[64], path[PATH_MAX];
    const int saved = errno;
    ssize_t len;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    len = readlink(name, path, sizeof(path) - 1);
    errno = saved;
    if (len < 0)
        return 0;
    path[len] = 0;
    return fails(class, path);
}

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...)                  \
    {                                                           \
        mode_t mode;                                            \
        va_list ap;                                             \
                                                                \
        va_start(ap, flags);                                    \
        mode = va_arg(ap, mode_t);                              \
        va_end(ap);                                             \
        return fails("open", path) ? -1 : REAL(name)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *buf, size_t size)
{
    return fd_fails("write", fd) ? -1 : REAL(write)(fd, buf, size);
}

int rename(const char *from, const char *to)
{
    return fails("rename", to) ? -1 : REAL(rename)(from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return fails("rename", to) ? -1 : REAL(renameat2)(from_dir, from, to_dir, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
    return fails("mkdir", path) ? -1 : REAL(mkdir)(path, mode);
}

int unlink(const char *path)
{
    return fails("unlink", path) ? -1 : REAL(unlink)(path);
}

int fsync(int fd)
{
    return fd_fails("sync", fd) ? -1 : REAL(fsync)(fd);
}

int syncfs(int fd)
{
    return fd_fails("sync", fd) ? -1 : REAL(syncfs)(fd);
}
