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
 * Pinhole views of an equirectangular panorama, on the GPU. The arithmetic is
 * that of vf_equi2multi.c.
 */

#include "vf_equi2multi_cuda.h"

/** Interpolate pixels of some components, which an integer T holds. */
template<typename T, int comps>
static __inline__ __device__ T blend(T a, T b, T c, T d, unsigned fx, unsigned fy, int low_bits)
{
    const int bits = sizeof(T) * 8 / comps;
    const unsigned mask = (1u << bits) - 1;
    const int low = bits == 8 ? 0 : low_bits;
    T pixel = 0;

    for (int k = 0; k < comps * bits; k += bits)
        pixel |= equi2multi_bilinear((a >> k & mask) >> low, (b >> k & mask) >> low,
                                     (c >> k & mask) >> low, (d >> k & mask) >> low,
                                     fx, fy) << low << k;
    return pixel;
}

/** The pixel at column 0 .. w - 1 + w / 2, row -h .. 2 h - 1 of the sphere. */
template<typename T>
static __inline__ __device__ T sphere(const Equi2MultiPlane &src, int x, int y)
{
    equi2multi_onto_plane(&x, &y, src.w, src.h);
    return ((const T *)(src.data + (long long)y * src.linesize))[x];
}

/**
 * Render one pixel of every view of a grid: the position is read once, and
 * what follows from it but for the heading is computed once.
 */
template<typename T, int comps, bool linear>
static __inline__ __device__ void render(const Equi2MultiCUDALaunch &launch)
{
    const Equi2MultiPlane &src = launch.src;
    const Equi2MultiCUDAGrid &grid = launch.grid[blockIdx.z];
    const int x = blockIdx.x * EQUI2MULTI_CUDA_BLOCK_W + threadIdx.x;
    const int y = blockIdx.y * EQUI2MULTI_CUDA_BLOCK_H + threadIdx.y;

    if (x >= grid.w || y >= grid.h)
        return;

    const unsigned u = grid.u[y * grid.w + x];
    const int v = grid.v[y * grid.w + x] + equi2multi_rounding(linear);
    const int row = v >> EQUI2MULTI_POS_BITS;
    const unsigned fy = equi2multi_weight(v);
    const int inner_w = row >= 0 && row + 1 < src.h ? src.w - 1 : 0;
    const unsigned char *line = src.data + (long long)row * src.linesize;

    for (int i = grid.first; i < grid.end; i++) {
        const Equi2MultiCUDAView &view = launch.view[i];
        T *out = (T *)(view.data + (long long)y * view.linesize) + x;
        unsigned pos = u + view.shift;

        pos = pos >= src.wrap ? pos - src.wrap : pos;
        const int column = pos >> EQUI2MULTI_POS_BITS;
        unsigned fx = equi2multi_weight(pos);

        if (!linear) {
            *out = sphere<T>(src, column, row);
        } else if (column < inner_w) {
            const T *a = (const T *)line + column;
            const T *c = (const T *)(line + src.linesize) + column;

            *out = blend<T, comps>(a[0], a[1], c[0], c[1], fx, fy, src.low_bits);
        } else {
            if (src.half_gap && column == src.w - 1)
                fx *= 2;
            *out = blend<T, comps>(sphere<T>(src, column,     row),
                                   sphere<T>(src, column + 1, row),
                                   sphere<T>(src, column,     row + 1),
                                   sphere<T>(src, column + 1, row + 1),
                                   fx, fy, src.low_bits);
        }
    }
}

#define KERNELS(type, comps, format)                                              \
__global__ void equi2multi_nearest_ ## format(Equi2MultiCUDALaunch launch)        \
{                                                                                 \
    render<type, comps, false>(launch);                                           \
}                                                                                 \
                                                                                  \
__global__ void equi2multi_linear_ ## format(Equi2MultiCUDALaunch launch)         \
{                                                                                 \
    render<type, comps, true>(launch);                                            \
}

extern "C" {

/* bytes of a sample x samples of a pixel */
KERNELS(unsigned char,  1, 1x1)
KERNELS(unsigned short, 2, 1x2)
KERNELS(unsigned int,   4, 1x4)
KERNELS(unsigned short, 1, 2x1)
KERNELS(unsigned int,   2, 2x2)

}
