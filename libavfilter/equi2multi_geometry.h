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
 * Geometry of pinhole views of an equirectangular panorama: pixel -> ray ->
 * source position.
 *
 * Axes, of cameras and of the panorama alike: x right, y down, z forward; the
 * centre of the panorama is +z. Pixel (i, j) covers [i, i+1) x [j, j+1), so its
 * centre is at (i + .5, j + .5). Angles are degrees wherever a name does not
 * say otherwise.
 *
 * All arithmetic is IEEE double +, -, *, / and sqrt, each correctly rounded:
 * every compiler, libm and CPU gives the same grid to the last bit, as long as
 * products and sums are not contracted. GCC leaves them alone with -std=c17,
 * Clang has to be told.
 */

#ifndef AVFILTER_EQUI2MULTI_GEOMETRY_H
#define AVFILTER_EQUI2MULTI_GEOMETRY_H

#include <math.h>
#include <stdint.h>

#include "equi2multi_sample.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define EQUI2MULTI_PI 3.14159265358979323846

/**
 * Orientation of a camera: first R', then the heading, a turn about the
 * vertical axis. The heading only shifts source positions sideways, so views
 * that differ in nothing else share one grid.
 */
typedef struct Equi2MultiOrientation {
    double heading;         ///< degrees, to the right
    double r[3][3];         ///< R', pano_from_cam up to the heading
} Equi2MultiOrientation;

/**
 * How the samples of one plane lie on the luma raster, in luma pixels: the
 * centre of sample k is at k * step + offset.
 */
typedef struct Equi2MultiRaster {
    int step[2];            ///< x, y; 1 << log2_chroma_w or _h
    double offset[2];       ///< x, y; .5 where the first samples coincide
} Equi2MultiRaster;

/** Sine and cosine; exact at multiples of 90 degrees, 1 ulp elsewhere. */
static inline void equi2multi_sincos(double degrees, double *sine, double *cosine)
{
    const int turn = (int)(degrees / 90 + (degrees < 0 ? -.5 : .5));
    const double x = (degrees - 90.0 * turn) * (EQUI2MULTI_PI / 180), z = x * x;
    double s = 1, c = 1;

    // Taylor series by Horner's rule; |x| <= pi/4 leaves terms below 1e-18 out
    for (int n = 18; n > 0; n -= 2) {
        s = 1 - s * z / (n * (n + 1));
        c = 1 - c * z / (n * (n - 1));
    }
    s *= x;

    switch (turn & 3) {
    case 0: *sine =  s; *cosine =  c; break;
    case 1: *sine =  c; *cosine = -s; break;
    case 2: *sine = -s; *cosine = -c; break;
    case 3: *sine = -c; *cosine =  s; break;
    }
}

/**
 * Angle of the point (x, y) in radians, -pi to pi; 0 for the origin.
 *
 * Argument reduction to |t| <= tan(pi/8), then a polynomial fitted to
 * atan(t)/t at the Chebyshev nodes in t^2: error below 3e-13.
 */
static inline double equi2multi_atan2(double y, double x)
{
    const double ax = x < 0 ? -x : x, ay = y < 0 ? -y : y;
    double num = ay, den = ax, base = 0, t, z, a;

    if (ay > ax * 2.414213562373095) {          // tan(3/8 pi)
        num  = -ax;
        den  = ay;
        base = EQUI2MULTI_PI / 2;
    } else if (ay > ax * 0.41421356237309503) { // tan(1/8 pi)
        num  = ay - ax;
        den  = ay + ax;
        base = EQUI2MULTI_PI / 4;
    } else if (ax == 0) {
        return 0;
    }

    t = num / den;
    z = t * t;
    a =       -0.037655106012914019;
    a = a * z + 0.069741976865952647;
    a = a * z - 0.089925529061509120;
    a = a * z + 0.11103456908947464;
    a = a * z - 0.14285386553752139;
    a = a * z + 0.19999993053555815;
    a = a * z - 0.33333333276922494;
    a = a * z + 0.99999999999924469;
    a = base + a * t;

    if (x < 0)
        a = EQUI2MULTI_PI - a;
    return y < 0 ? -a : a;
}

/** Focal length in pixels of a view that is size pixels wide and fov degrees. */
static inline double equi2multi_focal(double size, double fov)
{
    double s, c;

    equi2multi_sincos(fov / 2, &s, &c);
    return size / 2 * c / s;
}

static inline Equi2MultiOrientation equi2multi_forward(void)
{
    return (Equi2MultiOrientation) { 0, { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } };
}

/**
 * Append a rotation on the camera's side: yaw ('y') to the right, pitch ('p')
 * up, roll ('r') clockwise, so that 'y', 'p', 'r' in turn make
 * R = Ry(yaw) Rx(pitch) Rz(roll). Yaws that come first add to the heading.
 */
static inline void equi2multi_rotate(Equi2MultiOrientation *o, char axis, double degrees)
{
    // the plane that the rotation turns: column a moves towards column b
    const int a = axis == 'y' ? 2 : axis == 'p' ? 1 : 0;
    const int b = axis == 'y' ? 0 : axis == 'p' ? 2 : 1;
    double s, c;

    if (!degrees)
        return;
    if (axis == 'y' && o->r[0][0] == 1 && o->r[1][1] == 1 && o->r[2][2] == 1) {
        o->heading += degrees;
        return;
    }

    equi2multi_sincos(degrees, &s, &c);
    for (int i = 0; i < 3; i++) {
        const double ra = o->r[i][a], rb = o->r[i][b];

        o->r[i][a] = c * ra + s * rb;
        o->r[i][b] = c * rb - s * ra;
    }
}

/** Unit quaternion w, x, y, z (w >= 0) of the whole orientation, pano_from_cam. */
static inline void equi2multi_quaternion(const Equi2MultiOrientation *o, double q[4])
{
    double m[3][3], s, c, n;
    int k = 0;

    equi2multi_sincos(o->heading, &s, &c);
    for (int i = 0; i < 3; i++) {
        m[0][i] = c * o->r[0][i] + s * o->r[2][i];
        m[1][i] = o->r[1][i];
        m[2][i] = c * o->r[2][i] - s * o->r[0][i];
    }

    // Shepperd's method: four times the squares, and divide by the largest root
    q[0] = 1 + m[0][0] + m[1][1] + m[2][2];
    q[1] = 1 + m[0][0] - m[1][1] - m[2][2];
    q[2] = 1 - m[0][0] + m[1][1] - m[2][2];
    q[3] = 1 - m[0][0] - m[1][1] + m[2][2];
    for (int i = 1; i < 4; i++)
        if (q[i] > q[k])
            k = i;
    n = 2 * sqrt(q[k]);
    q[k] = n / 4;
    for (int i = 0; i < 4; i++) {
        if (i == k)
            continue;
        if (!i || !k) {
            const int d = i + k;    // the vector component: antisymmetric part
            q[i] = (m[(d + 1) % 3][d % 3] - m[d % 3][(d + 1) % 3]) / n;
        } else {
            q[i] = (m[i - 1][k - 1] + m[k - 1][i - 1]) / n;
        }
    }
    for (int i = 0, flip = q[0] < 0; i < 4; i++)
        q[i] = q[i] > -1e-15 && q[i] < 1e-15 ? 0 : flip ? -q[i] : q[i]; // no "-0", no noise
}

/** A pinhole camera; the principal point is the centre of the picture. */
typedef struct Equi2MultiPinhole {
    int w, h;               ///< pixels
    double fx, fy;          ///< focal lengths, pixels
} Equi2MultiPinhole;

/** Samples of a plane along an axis that has so many luma pixels; odd sizes round up. */
static inline int equi2multi_samples(int luma, int step)
{
    return (luma + step - 1) / step;
}

/** Turn of the panorama, in position units of a plane of that raster. */
static inline uint32_t equi2multi_wrap(int pano_w, const Equi2MultiRaster *raster)
{
    return ((uint32_t)pano_w << EQUI2MULTI_POS_BITS) / raster->step[0];
}

/** What a heading adds to the positions of a grid, in [0, wrap). */
static inline uint32_t equi2multi_shift(double heading, uint32_t wrap)
{
    const int64_t shift = (int64_t)(heading / 360 * wrap + (heading < 0 ? -.5 : .5)) % wrap;

    return shift < 0 ? shift + wrap : shift;
}

/**
 * Source positions of one row of a plane of a view, heading left out.
 *
 * A position counts samples of the source plane in 1 / 2^EQUI2MULTI_POS_BITS,
 * integers being sample centres. u is in [0, wrap); v in [-.5, rows - .5]: above
 * the first and below the last row lies the picture mirrored at the pole, half
 * a turn away.
 *
 * @param r       R' of the view's orientation
 * @param cam     the view
 * @param out     raster of the view's plane
 * @param raster  raster of the panorama's plane
 * @param pano_w  luma width of the panorama
 * @param pano_h  luma height of the panorama
 * @param j       row of the plane
 * @param n       samples in that row
 */
static inline void equi2multi_grid_row(const double r[3][3], const Equi2MultiPinhole *cam,
                                       const Equi2MultiRaster *out, const Equi2MultiRaster *raster,
                                       int pano_w, int pano_h, int j, int n,
                                       uint32_t *u, int32_t *v)
{
    const double one = 1 << EQUI2MULTI_POS_BITS;
    const double step_x = raster->step[0], off_x = raster->offset[0];
    const double step_y = raster->step[1], off_y = raster->offset[1];
    const int64_t wrap = equi2multi_wrap(pano_w, raster);
    const double last = equi2multi_samples(pano_h, raster->step[1]) - 1;
    // distance of the first and last row from their mirror images; 1 if centred
    const double top    = 2 * off_y / step_y;
    const double bottom = 2 * (pano_h - off_y - last * step_y) / step_y;
    const double y = (j * (double)out->step[1] + out->offset[1] - cam->h / 2.) / cam->fy;
    const double row[3] = { r[0][1] * y + r[0][2],
                            r[1][1] * y + r[1][2],
                            r[2][1] * y + r[2][2] };

    for (int i = 0; i < n; i++) {
        const double x  = (i * (double)out->step[0] + out->offset[0] - cam->w / 2.) / cam->fx;
        const double dx = r[0][0] * x + row[0];
        const double dy = r[1][0] * x + row[1];
        const double dz = r[2][0] * x + row[2];
        const double lon = equi2multi_atan2(dx, dz);
        const double lat = equi2multi_atan2(dy, sqrt(dx * dx + dz * dz));
        const double pu = ((lon / (2 * EQUI2MULTI_PI) + .5) * pano_w - off_x) / step_x;
        double       pv = ((lat /      EQUI2MULTI_PI  + .5) * pano_h - off_y) / step_y;
        int64_t iu;

        if (pv < 0)
            pv /= top;
        else if (pv > last)
            pv = bottom > 0 ? last + (pv - last) / bottom : last;

        // + 1 makes the argument positive, so that the cast is a floor
        iu = (int64_t)((pu + 1) * one + .5) - (1 << EQUI2MULTI_POS_BITS);
        iu = iu < 0 ? iu + wrap : iu;
        u[i] = iu >= wrap ? iu - wrap : iu;
        v[i] = (int32_t)((int64_t)((pv + 1) * one + .5) - (1 << EQUI2MULTI_POS_BITS));
    }
}

#endif /* AVFILTER_EQUI2MULTI_GEOMETRY_H */
