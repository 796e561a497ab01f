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

/** Samples that are to be converted have this many bits, whatever their depth was. */
#define EQUI2MULTI_WIDE_BITS 14

/** Coefficients of a conversion have this many fractional bits. */
#define EQUI2MULTI_MIX_BITS 14

/** The extent of some positions, ends included. */
typedef struct Equi2MultiExtent {
    unsigned u[2];
    int v[2];
} Equi2MultiExtent;

/** What is beyond the edges of a cell. The samples at an edge that is none of these are repeated. */
#define EQUI2MULTI_GOES_ROUND 1     ///< left and right: the other edge
#define EQUI2MULTI_NORTH      2     ///< above: the other side of the pole
#define EQUI2MULTI_SOUTH      4     ///< below
#define EQUI2MULTI_SPHERE     7     ///< all of them

/** A plane of a cell, which is a rectangle of the source. */
typedef struct Equi2MultiPlane {
    const unsigned char *data;      ///< the cell's first sample
    int linesize;                   ///< bytes
    int w, h;                       ///< samples
    unsigned turn;                  ///< see equi2multi_turn()
    int border;                     ///< EQUI2MULTI_GOES_ROUND, ...
    int first[2], last[2];          ///< positions x, y of the edges, rounding included; beyond is nothing
    int half_gap;                   ///< the last and the first sample are half a step apart
    int low_bits;                   ///< unused ones of a sample
    int depth;                      ///< used ones
    unsigned nothing;               ///< the sample where there is nothing: black
} Equi2MultiPlane;

/** The samples to the left and to the right of a position, and the weight of the latter. */
typedef struct Equi2MultiTaps {
    int x[2], y;
    unsigned weight;
} Equi2MultiTaps;

/** A sum of luma and chroma, and what rounds it. */
typedef struct Equi2MultiMix {
    int c[3];
    int k;
} Equi2MultiMix;

/**
 * Conversion of samples of EQUI2MULTI_WIDE_BITS to Y, U and V of a depth.
 *
 * Between any two matrices and ranges a coefficient is below 1.2 (and fits 16
 * bits), the three of a sum are below 1.6 together, and k is below .25 of the full
 * scale, 2^28: whatever the order, no sum comes near 2^31.
 */
typedef struct Equi2MultiConversion {
    Equi2MultiMix mix[3];
    int depth;
} Equi2MultiConversion;

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

/** Whether there is something at a position, 0 <= u < turn; rounding included. */
EQUI2MULTI_INLINE int equi2multi_is_inside(const Equi2MultiPlane *p, unsigned u, int v)
{
    return v >= p->first[1] && v <= p->last[1] &&
           ((int)u <= p->last[0] || (int)(u - p->turn) >= p->first[0]);
}

/**
 * Find the samples next to a position in row -h to 2 h - 1, there being something.
 * Past a pole lies the other side, half a turn away.
 */
EQUI2MULTI_INLINE Equi2MultiTaps equi2multi_taps(const Equi2MultiPlane *p, unsigned u, int y)
{
    Equi2MultiTaps taps;

    if (y < 0 || y >= p->h) {
        if (p->border & (y < 0 ? EQUI2MULTI_NORTH : EQUI2MULTI_SOUTH)) {
            y  = y < 0 ? -1 - y : 2 * p->h - 1 - y;
            u += p->turn / 2;
            if (u >= p->turn)
                u -= p->turn;
        } else {
            y = y < 0 ? 0 : p->h - 1;
        }
    }

    taps.y      = y;
    taps.x[0]   = u >> EQUI2MULTI_POS_BITS;
    taps.x[1]   = taps.x[0] + 1;
    taps.weight = equi2multi_weight(u);
    if (p->border & EQUI2MULTI_GOES_ROUND) {
        if (taps.x[1] >= p->w) {
            taps.x[1] = 0;
            if (p->half_gap)
                taps.weight *= 2;
        }
    } else if (taps.x[1] >= p->w) {
        // left of the first sample, or right of the last one
        taps.x[0] = taps.x[1] = (int)u <= p->last[0] ? p->w - 1 : 0;
    }

    return taps;
}

/** Interpolate between a and b. The result has EQUI2MULTI_WEIGHT_BITS more bits. */
EQUI2MULTI_INLINE unsigned equi2multi_lerp(unsigned a, unsigned b, unsigned weight)
{
    // sums may wrap on the way, what they come to fits
    return a * EQUI2MULTI_WEIGHT_ONE + (b - a) * weight;
}

/**
 * Interpolate between samples a, b of a row and c, d of the next one. The result
 * has 2 * EQUI2MULTI_WEIGHT_BITS more bits.
 */
EQUI2MULTI_INLINE unsigned equi2multi_blend(unsigned a, unsigned b, unsigned c, unsigned d,
                                            unsigned fx, unsigned fy)
{
    return equi2multi_lerp(equi2multi_lerp(a, b, fx), equi2multi_lerp(c, d, fx), fy);
}

/** Round what equi2multi_blend() returned to a sample. */
EQUI2MULTI_INLINE unsigned equi2multi_round(unsigned blend)
{
    return (blend + EQUI2MULTI_WEIGHT_ONE * EQUI2MULTI_WEIGHT_ONE / 2) >> (2 * EQUI2MULTI_WEIGHT_BITS);
}

/**
 * Cut what equi2multi_blend() returned down to EQUI2MULTI_WIDE_BITS. It is cut and
 * not rounded, so that a conversion that changes nothing rounds but once: to
 * exactly the sample that equi2multi_round() makes.
 */
EQUI2MULTI_INLINE unsigned equi2multi_widen(unsigned blend, int depth)
{
    return blend >> (depth + 2 * EQUI2MULTI_WEIGHT_BITS - EQUI2MULTI_WIDE_BITS);
}

/** How the chroma of a view lies along an axis. */
typedef struct Equi2MultiSiting {
    int step;               ///< luma samples from one to the next: 1 or 2
    int twice_offset;       ///< of the first one, in luma pixels: 1 where the first samples coincide
} Equi2MultiSiting;

/**
 * Find luma sample x between samples of chroma, in quarters past the first one.
 * Luma that depends on chroma takes it from there, as readers of the view do:
 * hence they get the colours back that a reader of an unconverted view gets.
 */
EQUI2MULTI_INLINE int equi2multi_on_chroma(const Equi2MultiSiting *siting, int x)
{
    return siting->step == 1 ? 4 * x : 2 * x + 1 - siting->twice_offset;
}

/** What lies some quarters past sample a, before sample b; EQUI2MULTI_WIDE_BITS each. */
EQUI2MULTI_INLINE int equi2multi_between(int a, int b, int quarters)
{
    return (a * (4 - quarters) + b * quarters + 2) >> 2;
}

/** Convert samples of EQUI2MULTI_WIDE_BITS to one of a depth. */
EQUI2MULTI_INLINE int equi2multi_mix(const Equi2MultiMix *mix, int depth, int y, int u, int v)
{
    const int max = (1 << depth) - 1;
    const int sum = (mix->c[0] * y + mix->c[1] * u + mix->c[2] * v + mix->k) >>
                    (EQUI2MULTI_WIDE_BITS + EQUI2MULTI_MIX_BITS - depth);

    return sum < 0 ? 0 : sum > max ? max : sum;
}

#endif /* AVFILTER_EQUI2MULTI_SAMPLE_H */
