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

#include <string.h>

#include "checkasm.h"
#include "libavfilter/equi2multi.h"
#include "libavutil/mem_internal.h"

#define W 128
#define H 16
#define N EQUI2MULTI_SPAN

typedef void Linear(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                    const uint32_t *u, const int32_t *v, int n, uint32_t shift);

static void check_linear(Linear *linear, const char *name, int comps)
{
    // of a wide one, pairs of words
    enum { SIZE = 2 * N * sizeof(uint16_t) + 8 };
    LOCAL_ALIGNED_32(uint8_t, src, [W * H]);
    LOCAL_ALIGNED_32(uint8_t, dst_ref, [SIZE]);
    LOCAL_ALIGNED_32(uint8_t, dst_new, [SIZE]);
    LOCAL_ALIGNED_32(uint32_t, u, [N]);
    LOCAL_ALIGNED_32(int32_t,  v, [N]);

    declare_func(void, uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                 const uint32_t *u, const int32_t *v, int n, uint32_t shift);

    if (check_func(linear, "equi2multi_%s", name)) {
        // u reaches its place only by wrapping around, as behind the seam
        const uint32_t shift = rnd();

        for (int n = 8; n <= N; n += 8) {
            for (int i = 0; i < W * H; i++)
                src[i] = n & 8 ? rnd() : 255 * (rnd() & 1);
            for (int i = 0; i < N; i++) {
                u[i] = (uint32_t)rnd() % ((W / comps - 3) << EQUI2MULTI_POS_BITS) - shift;
                v[i] = (uint32_t)rnd() % (((H - 1) << EQUI2MULTI_POS_BITS) - 128);
            }
            memset(dst_ref, 0xaa, SIZE);
            memset(dst_new, 0xaa, SIZE);
            call_ref(dst_ref, src, W, u, v, n, shift);
            call_new(dst_new, src, W, u, v, n, shift);
            if (memcmp(dst_ref, dst_new, SIZE))
                fail();
        }
        bench_new(dst_new, src, W, u, v, N, shift);
    }
    report("%s", name);
}

/* What an odd or even sample of chroma, in any siting, asks for, and rows that are not aligned. */
static void check_between(Equi2MultiDSP *dsp)
{
    LOCAL_ALIGNED_32(uint16_t, src, [2 * N + 2]);
    LOCAL_ALIGNED_32(uint16_t, dst_ref, [N + 8]);
    LOCAL_ALIGNED_32(uint16_t, dst_new, [N + 8]);
    const int max = (1 << EQUI2MULTI_WIDE_BITS) - 1;

    for (int i = 0; i < 2 * N + 2; i++)
        src[i] = i & 8 ? rnd() & max : max * (rnd() & 1);

    if (check_func(dsp->between, "equi2multi_between")) {
        declare_func(void, uint16_t *dst, const uint16_t *a, const uint16_t *b, int quarters);

        for (int quarters = 0; quarters < 4; quarters++) {
            memset(dst_ref, 0xaa, 2 * N + 16);
            memset(dst_new, 0xaa, 2 * N + 16);
            call_ref(dst_ref, src + 1, src + 1 + N, quarters);
            call_new(dst_new, src + 1, src + 1 + N, quarters);
            if (memcmp(dst_ref, dst_new, 2 * N + 16))
                fail();
        }
        bench_new(dst_new, src + 1, src + 1 + N, 3);
    }
    report("between");

    if (check_func(dsp->upsample, "equi2multi_upsample")) {
        declare_func(void, uint16_t *dst, const uint16_t *src, int past_before, int past);

        for (int offset = 0; offset < 3; offset++) {
            memset(dst_ref, 0xaa, 2 * N + 16);
            memset(dst_new, 0xaa, 2 * N + 16);
            call_ref(dst_ref, src + 1, 4 - offset, 2 - offset);
            call_new(dst_new, src + 1, 4 - offset, 2 - offset);
            if (memcmp(dst_ref, dst_new, 2 * N + 16))
                fail();
        }
        bench_new(dst_new, src + 1, 3, 1);
    }
    report("upsample");
}

static void check_mix(Equi2MultiDSP *dsp)
{
    LOCAL_ALIGNED_32(uint16_t, yuv, [3 * N]);
    LOCAL_ALIGNED_32(uint8_t, dst_ref, [N + 8]);
    LOCAL_ALIGNED_32(uint8_t, dst_new, [N + 8]);
    const int max = (1 << EQUI2MULTI_WIDE_BITS) - 1;

    declare_func(void, uint8_t *dst, const uint16_t *y, const uint16_t *u, const uint16_t *v,
                 const Equi2MultiMix *mix, int n);

    if (check_func(dsp->mix_8, "equi2multi_mix_8")) {
        for (int n = 16; n <= N; n += 16) {
            // somewhat more than any two matrices and ranges can take
            Equi2MultiMix mix = { .k = (int)(rnd() % (1 << 27)) - (1 << 26) };

            for (int i = 0; i < 3; i++)
                mix.c[i] = (int)(rnd() % 40000) - 20000;
            for (int i = 0; i < 3 * N; i++)
                yuv[i] = n & 16 ? rnd() & max : max * (rnd() & 1);
            memset(dst_ref, 0xaa, N + 8);
            memset(dst_new, 0xaa, N + 8);
            call_ref(dst_ref, yuv, yuv + N, yuv + 2 * N, &mix, n);
            call_new(dst_new, yuv, yuv + N, yuv + 2 * N, &mix, n);
            if (memcmp(dst_ref, dst_new, N + 8))
                fail();
            if (n == N)
                bench_new(dst_new, yuv, yuv + N, yuv + 2 * N, &mix, n);
        }
    }
    report("mix_8");
}

void checkasm_check_vf_equi2multi(void)
{
    Equi2MultiDSP dsp;

    ff_equi2multi_dsp_init(&dsp);
    check_linear(dsp.linear_8,        "linear_8",        1);
    check_linear(dsp.linear_8_wide,   "linear_8_wide",   1);
    check_linear(dsp.linear_8x2_wide, "linear_8x2_wide", 2);
    check_between(&dsp);
    check_mix(&dsp);
}
