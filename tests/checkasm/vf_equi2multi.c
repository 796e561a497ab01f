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

void checkasm_check_vf_equi2multi(void)
{
    LOCAL_ALIGNED_32(uint8_t, src, [W * H]);
    LOCAL_ALIGNED_32(uint8_t, dst_ref, [N + 8]);
    LOCAL_ALIGNED_32(uint8_t, dst_new, [N + 8]);
    LOCAL_ALIGNED_32(uint32_t, u, [N]);
    LOCAL_ALIGNED_32(int32_t,  v, [N]);
    Equi2MultiDSP dsp;

    declare_func(void, uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                 const uint32_t *u, const int32_t *v, int n, uint32_t shift);

    ff_equi2multi_dsp_init(&dsp);
    if (check_func(dsp.linear_8, "equi2multi_linear_8")) {
        // u reaches its place only by wrapping around, as behind the seam
        const uint32_t shift = rnd();

        for (int n = 8; n <= N; n += 8) {
            for (int i = 0; i < W * H; i++)
                src[i] = n & 8 ? rnd() : 255 * (rnd() & 1);
            for (int i = 0; i < N; i++) {
                u[i] = (uint32_t)rnd() % ((W - 3) << EQUI2MULTI_POS_BITS) - shift;
                v[i] = (uint32_t)rnd() % (((H - 1) << EQUI2MULTI_POS_BITS) - 128);
            }
            memset(dst_ref, 0xaa, N + 8);
            memset(dst_new, 0xaa, N + 8);
            call_ref(dst_ref, src, W, u, v, n, shift);
            call_new(dst_new, src, W, u, v, n, shift);
            if (memcmp(dst_ref, dst_new, N + 8))
                fail();
        }
        bench_new(dst_new, src, W, u, v, N, shift);
    }
    report("linear_8");
}
