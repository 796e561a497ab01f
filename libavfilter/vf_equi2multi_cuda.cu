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

#define TILE      EQUI2MULTI_CUDA_TILE
#define THREADS_Y EQUI2MULTI_CUDA_TILE_THREADS_Y
#define PIXELS    (TILE / THREADS_Y)    ///< of a thread
#define BOX       (2 * TILE)            ///< columns and rows of the source that a tile may need
#define LINES     4                     ///< that a thread copies in one go

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
static __inline__ __device__ void render_pixel(const Equi2MultiCUDALaunch &launch,
                                               const Equi2MultiCUDAGrid &grid, int x, int y)
{
    const Equi2MultiPlane &src = launch.src;
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

/** A pixel a thread. */
template<typename T, int comps, bool linear>
static __inline__ __device__ void render(const Equi2MultiCUDALaunch &launch)
{
    const Equi2MultiCUDAGrid &grid = launch.grid[blockIdx.z];
    const int x = blockIdx.x * EQUI2MULTI_CUDA_BLOCK_W + threadIdx.x;
    const int y = blockIdx.y * EQUI2MULTI_CUDA_BLOCK_H + threadIdx.y;

    if (x < grid.w && y < grid.h)
        render_pixel<T, comps, linear>(launch, grid, x, y);
}

/** An integer for two pixels, one below the other: the samples of both in turn. */
template<int size> struct Column;
template<> struct Column<1> { typedef unsigned short type; };
template<> struct Column<2> { typedef unsigned int type; };

// without these two instructions, which no compiler finds, it takes half as long again
#if defined(__CUDACC__) || defined(__CUDA__)
/** The bytes of a and b, 0 to 3 and 4 to 7, that the digits of a selector name. */
#define PERMUTE(out, a, b, selector) asm("prmt.b32 %0, %1, %2, " #selector ";" : "=r"(out) : "r"(a), "r"(b))
/** The lower half of a times the lowest byte of b, plus the upper half times the next one. */
#define DOT(out, a, b) asm("dp2a.lo.u32.u32 %0, %1, %2, 0;" : "=r"(out) : "r"(a), "r"(b))
#endif

/** The columns of two words of pixels. */
template<int bits>
static __inline__ __device__ unsigned long long columns(unsigned a, unsigned b)
{
    unsigned low, high;

    if (bits == 8) {
        PERMUTE(low,  a, b, 0x5140);
        PERMUTE(high, a, b, 0x7362);
    } else {
        low  = (a & 0xffff) | b << 16;
        high = a >> 16 | (b & 0xffff0000);
    }
    return low | (unsigned long long)high << 32;
}

/**
 * Interpolate between the lower two samples of a column; their weights are the
 * halves of an integer. Nothing is rounded, so this comes to what
 * equi2multi_bilinear() does, in another order.
 */
template<int bits>
static __inline__ __device__ unsigned blend_column(unsigned column, unsigned weights, int low_bits)
{
    unsigned sum;

    if (bits == 8)
        DOT(sum, weights, column);
    else
        sum = ((column & 0xffff) >> low_bits) * (weights & 0xffff) +
              (column >> 16 >> low_bits) * (weights >> 16);
    return sum;
}

/**
 * Load the words of a thread from the box whose left edge is at a position. The
 * box begins with a whole word; return where in it the edge is.
 */
template<typename T, int passes>
static __inline__ __device__ unsigned load(unsigned (&words)[passes][LINES + 1],
                                           const Equi2MultiPlane &src, unsigned pos,
                                           const unsigned char *lines, int word, int rows)
{
    const int src_words = src.w * sizeof(T) / 4;

    pos = pos >= src.wrap ? pos - src.wrap : pos;
    word += (pos >> EQUI2MULTI_POS_BITS) * sizeof(T) / 4;
    lines += 4 * (word >= src_words ? word - src_words : word);

#pragma unroll
    for (int j = 0; j < passes; j++, lines += BOX / passes * (long long)src.linesize) {
        if (j * BOX / passes < rows) {
#pragma unroll
            for (int k = 0; k <= LINES; k++)
                words[j][k] = *(const unsigned *)(lines + k * (long long)src.linesize);
        }
    }

    return pos & ((4 / sizeof(T) << EQUI2MULTI_POS_BITS) - 1);
}

/**
 * A square of pixels a block, for pixels of up to two bytes.
 *
 * The rows of a view are curves in the panorama, so what a warp reads is
 * scattered over many lines. Hence a block copies the box that its tile needs
 * to shared memory first, and reads it there, two rows at once. While it renders
 * a view, the box of the next one is on its way.
 */
template<typename T, int comps, bool linear>
static __inline__ __device__ void render_tile(const Equi2MultiCUDALaunch &launch)
{
    typedef typename Column<sizeof(T)>::type Col;
    const int bits = sizeof(T) * 8 / comps;
    const int row_words = BOX * sizeof(T) / 4;
    const int passes = BOX * row_words / (TILE * THREADS_Y * LINES);
    static __attribute__((shared)) unsigned long long box[BOX][row_words];

    const Equi2MultiPlane &src = launch.src;
    const Equi2MultiCUDAGrid &grid = launch.grid[blockIdx.z];
    const int left = blockIdx.x * TILE, top = blockIdx.y * TILE;

    if (left >= grid.w || top >= grid.h)
        return;

    // the last tiles overlap those before them
    const int x = max(min(left, grid.w - TILE), 0) + threadIdx.x;
    const int y = max(min(top,  grid.h - TILE), 0) + threadIdx.y;
    const Equi2MultiExtent tile = grid.tile[blockIdx.y * ((grid.w + TILE - 1) / TILE) + blockIdx.x];
    const int box_y = (tile.v[0] + equi2multi_rounding(linear)) >> EQUI2MULTI_POS_BITS;
    const int box_h = ((tile.v[1] + equi2multi_rounding(linear)) >> EQUI2MULTI_POS_BITS) - box_y + 1;
    const int box_w = ((tile.u[1] - tile.u[0]) >> EQUI2MULTI_POS_BITS) + 2 + 4 / sizeof(T);
    const int box_words = (box_w * sizeof(T) + 3) / 4;

    // what is copied are whole words, of rows that wrap around, and some rows more than needed
    if (grid.w < TILE || grid.h < TILE || box_w > BOX || box_w > src.w || box_h > BOX ||
        box_y < 0 || box_y + box_h + LINES > src.h ||
        ((unsigned long long)src.data | src.linesize | src.w * sizeof(T)) % 4 ||
        src.wrap != (unsigned)src.w << EQUI2MULTI_POS_BITS) {
        for (int k = 0; k < PIXELS && x < grid.w && y + k * THREADS_Y < grid.h; k++)
            render_pixel<T, comps, linear>(launch, grid, x, y + k * THREADS_Y);
        return;
    }

    unsigned u[PIXELS], weights[PIXELS];

#pragma unroll
    for (int k = 0; k < PIXELS; k++) {
        const int at = (y + k * THREADS_Y) * grid.w + x;
        const int v = grid.v[at] + equi2multi_rounding(linear);
        const int row = (v >> EQUI2MULTI_POS_BITS) - box_y;

        // so that the integer part becomes an index into the box
        u[k] = grid.u[at] - tile.u[0] + (row * BOX << EQUI2MULTI_POS_BITS);
        weights[k] = (EQUI2MULTI_WEIGHT_ONE - equi2multi_weight(v)) | equi2multi_weight(v) << 16;
    }

    // the part of a thread: a word of LINES rows, in each pass
    const int thread = threadIdx.y * TILE + threadIdx.x;
    const int word = thread & (row_words - 1), row = thread / row_words * LINES;
    const int rows = word < box_words ? box_h - row : 0;
    const unsigned char *lines = src.data + (long long)(box_y + row) * src.linesize;
    unsigned words[passes][LINES + 1];
    unsigned next = load<T>(words, src, tile.u[0] + launch.view[grid.first].shift, lines, word, rows);

#pragma unroll 1
    for (int i = grid.first; i < grid.end; i++) {
        const Equi2MultiCUDAView &view = launch.view[i];
        const unsigned offset = next;
        unsigned char *out = view.data + (long long)y * view.linesize + x * sizeof(T);

#pragma unroll
        for (int j = 0; j < passes; j++) {
            if (j * BOX / passes < rows) {
#pragma unroll
                for (int k = 0; k < LINES; k++)
                    box[j * BOX / passes + row + k][word] = columns<bits>(words[j][k], words[j][k + 1]);
            }
        }
        __syncthreads();

        if (i + 1 < grid.end)
            next = load<T>(words, src, tile.u[0] + launch.view[i + 1].shift, lines, word, rows);

#pragma unroll
        for (int k = 0; k < PIXELS; k++, out += THREADS_Y * (long long)view.linesize) {
            const unsigned pos = u[k] + offset, fx = equi2multi_weight(pos);
            const Col *col = (const Col *)box[0] + (pos >> EQUI2MULTI_POS_BITS);
            const unsigned a = col[0], b = col[1];
            const int low = bits == 8 ? 0 : src.low_bits;
            T pixel = 0;

            for (int c = 0; c < comps * bits; c += bits) {
                const unsigned sum =
                    blend_column<bits>(a >> 2 * c, weights[k], low) * (EQUI2MULTI_WEIGHT_ONE - fx) +
                    (blend_column<bits>(b >> 2 * c, weights[k], low) * fx +
                     EQUI2MULTI_WEIGHT_ONE * EQUI2MULTI_WEIGHT_ONE / 2);

                pixel |= sum >> (2 * EQUI2MULTI_WEIGHT_BITS) << low << c;
            }
            *(T *)out = pixel;
        }
        __syncthreads();
    }
}

/** The sample of a component at a column and row of the sphere. */
static __inline__ __device__ unsigned component(const Equi2MultiCUDAComponent &src, int x, int y)
{
    equi2multi_onto_plane(&x, &y, src.plane.w, src.plane.h);
    const unsigned char *line = src.plane.data + (long long)y * src.plane.linesize;

    return src.bytes == 1 ? line[x * src.step] : ((const unsigned short *)line)[x * src.step] >> src.plane.low_bits;
}

/** Blend the samples at an index of a line and of the next one with those a step behind. */
template<typename T>
static __inline__ __device__ unsigned blend_component(const Equi2MultiCUDAComponent &src, const unsigned char *line,
                                                      int at, unsigned fx, unsigned fy)
{
    const T *a = (const T *)line + at, *c = (const T *)(line + src.plane.linesize) + at;
    const int low = sizeof(T) == 1 ? 0 : src.plane.low_bits;

    return equi2multi_blend(a[0] >> low, a[src.step] >> low, c[0] >> low, c[src.step] >> low, fx, fy);
}

/** Sample a component to EQUI2MULTI_WIDE_BITS, v being rounded. */
template<bool linear>
static __inline__ __device__ unsigned wide(const Equi2MultiCUDAComponent &src, unsigned pos, int v)
{
    pos = pos >= src.plane.wrap ? pos - src.plane.wrap : pos;
    const int x = pos >> EQUI2MULTI_POS_BITS, y = v >> EQUI2MULTI_POS_BITS;
    const unsigned fy = equi2multi_weight(v);
    unsigned fx = equi2multi_weight(pos), sum;

    if (!linear)
        return equi2multi_widen_sample(component(src, x, y), src.plane.depth);
    if (x < src.plane.w - 1 && y >= 0 && y < src.plane.h - 1) {
        const unsigned char *line = src.plane.data + (long long)y * src.plane.linesize;

        sum = src.bytes == 1 ? blend_component<unsigned char>(src, line, x * src.step, fx, fy)
                             : blend_component<unsigned short>(src, line, x * src.step, fx, fy);
    } else {
        if (src.plane.half_gap && x == src.plane.w - 1)
            fx *= 2;
        sum = equi2multi_blend(component(src, x, y),     component(src, x + 1, y),
                               component(src, x, y + 1), component(src, x + 1, y + 1), fx, fy);
    }

    return equi2multi_widen(sum, src.plane.depth);
}

static __inline__ __device__ void put(const Equi2MultiCUDAConversion &launch, const Equi2MultiCUDAConvertedView &view,
                                      int k, int x, int y, int luma, int u, int v)
{
    const int sample = equi2multi_mix(&launch.conversion.mix[k], launch.conversion.depth, luma, u, v) << launch.low_bits;
    unsigned char *line = view.data[k] + (long long)y * view.linesize[k];

    if (launch.bytes == 1)
        line[x * launch.step[k]] = sample;
    else
        ((unsigned short *)line)[x * launch.step[k]] = sample;
}

/** How many samples of chroma a block may need along an axis where it has so many of luma. */
#define CHROMA(luma) ((luma) + 2)

/**
 * A pixel of luma a thread, and what a block has of chroma, which luma may depend
 * on: that is sampled first, with one more on each side.
 */
template<bool linear>
static __inline__ __device__ void convert(const Equi2MultiCUDAConversion &launch)
{
    static __attribute__((shared)) unsigned short chroma[2][CHROMA(EQUI2MULTI_CUDA_BLOCK_H)][CHROMA(EQUI2MULTI_CUDA_BLOCK_W)];

    const Equi2MultiCUDAConvertedGrid &grid = launch.grid[blockIdx.z];
    const int step_x = launch.siting[0].step, step_y = launch.siting[1].step;
    const int left = blockIdx.x * EQUI2MULTI_CUDA_BLOCK_W, top = blockIdx.y * EQUI2MULTI_CUDA_BLOCK_H;
    const int x = left + threadIdx.x, y = top + threadIdx.y;
    const bool inside = x < grid.w[0] && y < grid.h[0];

    if (left >= grid.w[0] || top >= grid.h[0])
        return;

    // the block's part of chroma, less the margin
    const int chroma_x = left / step_x, chroma_y = top / step_y;
    const int chroma_w = EQUI2MULTI_CUDA_BLOCK_W / step_x, chroma_h = EQUI2MULTI_CUDA_BLOCK_H / step_y;

    for (int i = grid.first; i < grid.end; i++) {
        const Equi2MultiCUDAConvertedView &view = launch.view[i];
        int u = 1 << (EQUI2MULTI_WIDE_BITS - 1), v = u;

        for (int at = threadIdx.y * EQUI2MULTI_CUDA_BLOCK_W + threadIdx.x;
             launch.chroma && at < CHROMA(chroma_w) * CHROMA(chroma_h);
             at += EQUI2MULTI_CUDA_BLOCK_W * EQUI2MULTI_CUDA_BLOCK_H) {
            const int i = at % CHROMA(chroma_w), j = at / CHROMA(chroma_w);
            const int cx = max(min(chroma_x + i - 1, grid.w[1] - 1), 0);
            const int cy = max(min(chroma_y + j - 1, grid.h[1] - 1), 0);
            const bool ours = cx == chroma_x + i - 1 && cy == chroma_y + j - 1 &&
                              i > 0 && j > 0 && i <= chroma_w && j <= chroma_h;

            if (!ours && !launch.chroma_in_luma)
                continue;
            if (launch.src[1].plane.data) {
                const unsigned pos_u = grid.u[1][cy * grid.w[1] + cx] + view.shift[1];
                const int pos_v = grid.v[1][cy * grid.w[1] + cx] + equi2multi_rounding(linear);

                u = wide<linear>(launch.src[1], pos_u, pos_v);
                v = wide<linear>(launch.src[2], pos_u, pos_v);
            }
            if (ours) {
                put(launch, view, 1, cx, cy, 0, u, v);
                put(launch, view, 2, cx, cy, 0, u, v);
            }
            chroma[0][j][i] = u;
            chroma[1][j][i] = v;
        }
        if (launch.chroma_in_luma) {
            __syncthreads();
            const int at_x = equi2multi_on_chroma(&launch.siting[0], x), at_y = equi2multi_on_chroma(&launch.siting[1], y);
            const int i = (at_x >> 2) - chroma_x + 1, j = (at_y >> 2) - chroma_y + 1;
            const int next_i = i + !!(at_x & 3), next_j = j + !!(at_y & 3);
            int above[2];

            for (int k = 0; k < 2; k++)
                above[k] = equi2multi_between(equi2multi_between(chroma[k][j][i],      chroma[k][next_j][i],      at_y & 3),
                                              equi2multi_between(chroma[k][j][next_i], chroma[k][next_j][next_i], at_y & 3),
                                              at_x & 3);
            u = above[0];
            v = above[1];
        }
        if (launch.luma && inside) {
            const int at = y * grid.w[0] + x;

            put(launch, view, 0, x, y,
                wide<linear>(launch.src[0], grid.u[0][at] + view.shift[0], grid.v[0][at] + equi2multi_rounding(linear)),
                u, v);
        }
        if (launch.chroma_in_luma)
            __syncthreads();
    }
}

#define KERNELS(type, comps, format, render_linear)                               \
__global__ void equi2multi_nearest_ ## format(Equi2MultiCUDALaunch launch)        \
{                                                                                 \
    render<type, comps, false>(launch);                                           \
}                                                                                 \
                                                                                  \
__global__ void equi2multi_linear_ ## format(Equi2MultiCUDALaunch launch)         \
{                                                                                 \
    render_linear<type, comps, true>(launch);                                     \
}

extern "C" {

/* bytes of a sample x samples of a pixel */
KERNELS(unsigned char,  1, 1x1, render_tile)
KERNELS(unsigned short, 2, 1x2, render_tile)
KERNELS(unsigned int,   4, 1x4, render)
KERNELS(unsigned short, 1, 2x1, render_tile)
KERNELS(unsigned int,   2, 2x2, render)

__global__ void equi2multi_nearest_convert(Equi2MultiCUDAConversion launch)
{
    convert<false>(launch);
}

__global__ void equi2multi_linear_convert(Equi2MultiCUDAConversion launch)
{
    convert<true>(launch);
}

}
