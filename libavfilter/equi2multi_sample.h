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
 * Source position -> sample, by integers alone: what all backends have in
 * common, so that they make the same bits. For C and CUDA C++, which has no
 * include path: this file includes nothing.
 */

#ifndef AVFILTER_EQUI2MULTI_SAMPLE_H
#define AVFILTER_EQUI2MULTI_SAMPLE_H

#if defined(__CUDACC__) || defined(__CUDA__)
#define EQUI2MULTI_INLINE static __inline__ __device__
#else
#define EQUI2MULTI_INLINE static inline
#endif

/** Fractional bits of source positions and of headings. */
#define EQUI2MULTI_POS_BITS 16

/** Weights of linear interpolation have this many bits: 16-bit samples times two fill 32. */
#define EQUI2MULTI_WEIGHT_BITS 8
#define EQUI2MULTI_WEIGHT_ONE  (1 << EQUI2MULTI_WEIGHT_BITS)

/** The extent of some positions, ends included. */
typedef struct Equi2MultiExtent {
    unsigned u[2];
    int v[2];
} Equi2MultiExtent;

/** A plane of the panorama. */
typedef struct Equi2MultiPlane {
    const unsigned char *data;
    int linesize;           ///< bytes
    int w, h;               ///< samples
    unsigned wrap;          ///< see equi2multi_wrap()
    int half_gap;           ///< the last and the first sample are half a step apart
    int low_bits;           ///< unused ones of a sample
} Equi2MultiPlane;

/** What rounds a position that is cut off: to a sample, or to a weight of linear interpolation. */
EQUI2MULTI_INLINE int equi2multi_rounding(int linear)
{
    return 1 << (EQUI2MULTI_POS_BITS - 1 - (linear ? EQUI2MULTI_WEIGHT_BITS : 0));
}

/** Weight of the sample after a position, below EQUI2MULTI_WEIGHT_ONE. */
EQUI2MULTI_INLINE unsigned equi2multi_weight(unsigned pos)
{
    return pos >> (EQUI2MULTI_POS_BITS - EQUI2MULTI_WEIGHT_BITS) & (EQUI2MULTI_WEIGHT_ONE - 1);
}

/**
 * Find the sample of the sphere at column 0 .. w - 1 + w / 2, row -h .. 2 h - 1
 * in its plane: past a pole lies the other side, half a turn away.
 */
EQUI2MULTI_INLINE void equi2multi_onto_plane(int *x, int *y, int w, int h)
{
    if (*y < 0 || *y >= h) {
        *y  = *y < 0 ? -1 - *y : 2 * h - 1 - *y;
        *x += w / 2;
    }
    if (*x >= w)
        *x -= w;
}

/** Interpolate between samples a, b of a row and c, d of the next one. */
EQUI2MULTI_INLINE unsigned equi2multi_bilinear(unsigned a, unsigned b, unsigned c, unsigned d,
                                               unsigned fx, unsigned fy)
{
    // sums may wrap on the way, what they come to fits
    const unsigned top    = a * EQUI2MULTI_WEIGHT_ONE + (b - a) * fx;
    const unsigned bottom = c * EQUI2MULTI_WEIGHT_ONE + (d - c) * fx;
    const unsigned sum    = top * EQUI2MULTI_WEIGHT_ONE + (bottom - top) * fy;

    return (sum + EQUI2MULTI_WEIGHT_ONE * EQUI2MULTI_WEIGHT_ONE / 2) >> (2 * EQUI2MULTI_WEIGHT_BITS);
}

#endif /* AVFILTER_EQUI2MULTI_SAMPLE_H */
