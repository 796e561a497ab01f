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

/**
 * @file
 * Let every single allocation fail that a test makes while inside is set. For
 * programs linked with --wrap for malloc(), realloc(), posix_memalign() and
 * free().
 */

#ifndef TESTS_SCRIPTS_FAILING_MALLOC_H
#define TESTS_SCRIPTS_FAILING_MALLOC_H

#include <stddef.h>
#include <stdio.h>

void *__real_malloc(size_t size);
void *__real_realloc(void *ptr, size_t size);
int   __real_posix_memalign(void **ptr, size_t align, size_t size);
void  __real_free(void *ptr);

static int inside;      ///< what is tested is running
static int countdown;   ///< allocations until the failing one
static int persistent;  ///< fail from there on
static int failures;
static long live;       ///< blocks allocated and not freed

static int fails(void)
{
    if (!inside)
        return 0;
    if (countdown > 0)
        countdown--;
    if (countdown || (failures && !persistent))
        return 0;
    failures++;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    void *ptr = fails() ? NULL : __real_malloc(size);
    live += !!ptr;
    return ptr;
}

void *__wrap_realloc(void *old, size_t size)
{
    void *ptr = fails() ? NULL : __real_realloc(old, size);
    live += ptr && !old;
    return ptr;
}

int __wrap_posix_memalign(void **ptr, size_t align, size_t size)
{
    int ret = fails() ? 12 : __real_posix_memalign(ptr, align, size);
    live += !ret;
    return ret;
}

void __wrap_free(void *ptr)
{
    live -= !!ptr;
    __real_free(ptr);
}

/**
 * Run again and again, and let another allocation fail each time, once or from
 * then on, until a run meets no failure.
 *
 * @param least  allocations that there must be at the least
 * @param step   from one failing allocation to the next
 * @return whether something leaked, or a failure was not reported
 */
static int fail_each(const char *name, int least, int step, int (*run)(void *arg), void *arg)
{
    int bad = 0;

    countdown = -1;
    run(arg);       // whatever is allocated once and for all
    for (persistent = 0; persistent < 2; persistent++)
        for (int n = 1; ; n += step) {
            const long before = live;
            int ret;

            countdown = n;
            failures  = 0;
            ret = run(arg);
            if (live != before) {
                printf("%s: allocation %d fails%s: %ld blocks leak\n", name,
                       n, persistent ? " and all after it" : "", live - before);
                bad = 1;
            }
            if (!failures) {
                printf("%s: %d allocations failed %s; then a run without failure returned %d\n",
                       name, (n - 1) / step, persistent ? "for good" : "once", ret);
                bad |= ret < 0 || n < least;
                break;
            }
            if (persistent && ret >= 0) {
                printf("%s: allocation %d and all after it fail, and nobody says so\n", name, n);
                bad = 1;
            }
        }

    return bad;
}

#endif /* TESTS_SCRIPTS_FAILING_MALLOC_H */
