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

#include "config.h"

#include "libavutil/attributes.h"
#include "libavutil/cpu.h"
#include "libavutil/x86/cpu.h"
#include "libavfilter/equi2multi.h"

void ff_equi2multi_linear_8_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                                 const uint32_t *u, const int32_t *v, int n, uint32_t shift);
void ff_equi2multi_linear_8_wide_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                                      const uint32_t *u, const int32_t *v, int n, uint32_t shift);
void ff_equi2multi_linear_8x2_wide_avx2(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                                        const uint32_t *u, const int32_t *v, int n, uint32_t shift);
void ff_equi2multi_between_avx2(uint16_t *dst, const uint16_t *a, const uint16_t *b, int quarters);
void ff_equi2multi_upsample_avx2(uint16_t *dst, const uint16_t *src, int past_before, int past);
void ff_equi2multi_mix_8_avx2(uint8_t *dst, const uint16_t *y, const uint16_t *u, const uint16_t *v,
                              const Equi2MultiMix *mix, int n);

av_cold void ff_equi2multi_dsp_init_x86(Equi2MultiDSP *dsp)
{
#if ARCH_X86_64 && HAVE_AVX2_EXTERNAL
    if (EXTERNAL_AVX2_FAST(av_get_cpu_flags())) {
        dsp->linear_8        = ff_equi2multi_linear_8_avx2;
        dsp->linear_8_wide   = ff_equi2multi_linear_8_wide_avx2;
        dsp->linear_8x2_wide = ff_equi2multi_linear_8x2_wide_avx2;
        dsp->between         = ff_equi2multi_between_avx2;
        dsp->upsample        = ff_equi2multi_upsample_avx2;
        dsp->mix_8           = ff_equi2multi_mix_8_avx2;
    }
#endif
}
