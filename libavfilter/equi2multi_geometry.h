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
 * Geometry of pinhole views of a panorama: pixel -> ray -> source position. For
 * C, and for CUDA C++, which builds positions itself.
 *
 * Axes, of cameras and of the panorama alike: x right, y down, z forward; the
 * centre of the panorama is +z. Pixel (i, j) covers [i, i+1) x [j, j+1), so its
 * centre is at (i + .5, j + .5). Angles are degrees wherever a name does not
 * say otherwise.
 *
 * All arithmetic is IEEE double +, -, *, / and sqrt, each correctly rounded:
 * every compiler, libm, CPU and GPU gives the same positions to the last bit, as
 * long as products and sums are not contracted. GCC leaves them alone with
 * -std=c17, Clang has to be told; compilers of kernels are, by the makefile.
 */

#ifndef AVFILTER_EQUI2MULTI_GEOMETRY_H
#define AVFILTER_EQUI2MULTI_GEOMETRY_H

#include "equi2multi_sample.h"

#if defined(__CUDACC__) || defined(__CUDA__)
EQUI2MULTI_INLINE double equi2multi_sqrt(double x)
{
    double root;

    asm("sqrt.rn.f64 %0, %1;" : "=d"(root) : "d"(x));
    return root;
}
#else
#include <math.h>

EQUI2MULTI_INLINE double equi2multi_sqrt(double x)
{
    return sqrt(x);
}

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
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
EQUI2MULTI_INLINE void equi2multi_sincos(double degrees, double *sine, double *cosine)
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
EQUI2MULTI_INLINE double equi2multi_atan2(double y, double x)
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
EQUI2MULTI_INLINE double equi2multi_focal(double size, double fov)
{
    double s, c;

    equi2multi_sincos(fov / 2, &s, &c);
    return size / 2 * c / s;
}

EQUI2MULTI_INLINE Equi2MultiOrientation equi2multi_forward(void)
{
    const Equi2MultiOrientation forward = { 0, { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } };

    return forward;
}

/** Whether an orientation is a heading and nothing else. */
EQUI2MULTI_INLINE int equi2multi_is_level(const Equi2MultiOrientation *o)
{
    return o->r[0][0] == 1 && o->r[1][1] == 1 && o->r[2][2] == 1;
}

/**
 * Append a rotation on the camera's side: yaw ('y') to the right, pitch ('p')
 * up, roll ('r') clockwise, so that 'y', 'p', 'r' in turn make
 * R = Ry(yaw) Rx(pitch) Rz(roll). Yaws that come first add to the heading.
 */
EQUI2MULTI_INLINE void equi2multi_rotate(Equi2MultiOrientation *o, char axis, double degrees)
{
    // the plane that the rotation turns: column a moves towards column b
    const int a = axis == 'y' ? 2 : axis == 'p' ? 1 : 0;
    const int b = axis == 'y' ? 0 : axis == 'p' ? 2 : 1;
    double s, c;

    if (!degrees)
        return;
    if (axis == 'y' && equi2multi_is_level(o)) {
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

/**
 * Append a rotation on the camera's side, a unit quaternion w, x, y, z.
 *
 * If nothing but a heading came before, what it turns about the vertical axis
 * adds to that: Q = T S, where S has no y. Of S so many bits are kept that
 * rotations that differ in nothing but their heading have the same one,
 * whatever the rounding (2^-40 is a 30 000th of a position's unit at 8K).
 */
EQUI2MULTI_INLINE void equi2multi_rotate_by(Equi2MultiOrientation *o, const double unit[4])
{
    double q[4] = { unit[0], unit[1], unit[2], unit[3] };

    if (equi2multi_is_level(o)) {
        const double n = equi2multi_sqrt(q[0] * q[0] + q[2] * q[2]);
        const double c = n > 0 ? q[0] / n : 1, s = n > 0 ? q[2] / n : 0;
        const double swing[4] = { c * q[0] + s * q[2], c * q[1] - s * q[3], 0, c * q[3] + s * q[1] };
        const double one = 1LL << 40;

        o->heading += 2 * equi2multi_atan2(s, c) * (180 / EQUI2MULTI_PI);
        for (int i = 0; i < 4; i++)
            q[i] = (long long)(swing[i] * one + (swing[i] < 0 ? -.5 : .5)) / one;
    }

    for (int i = 0; i < 3; i++) {
        const double a = o->r[i][0], b = o->r[i][1], c = o->r[i][2];

        o->r[i][0] = a * (1 - 2 * (q[2] * q[2] + q[3] * q[3])) + b * 2 * (q[1] * q[2] + q[0] * q[3]) +
                     c * 2 * (q[1] * q[3] - q[0] * q[2]);
        o->r[i][1] = a * 2 * (q[1] * q[2] - q[0] * q[3]) + b * (1 - 2 * (q[1] * q[1] + q[3] * q[3])) +
                     c * 2 * (q[2] * q[3] + q[0] * q[1]);
        o->r[i][2] = a * 2 * (q[1] * q[3] + q[0] * q[2]) + b * 2 * (q[2] * q[3] - q[0] * q[1]) +
                     c * (1 - 2 * (q[1] * q[1] + q[2] * q[2]));
    }
}

/** Unit quaternion so far, 0 to 1, on the shorter great circle from one to another. */
EQUI2MULTI_INLINE void equi2multi_slerp(const double from[4], const double to[4], double far, double q[4])
{
    double dot = 0, sum = 0, difference = 0, angle, s, c, a, b, n = 0;

    for (int i = 0; i < 4; i++)
        dot += from[i] * to[i];
    for (int i = 0; i < 4; i++) {
        const double end = dot < 0 ? -to[i] : to[i];

        sum        += (end + from[i]) * (end + from[i]);
        difference += (end - from[i]) * (end - from[i]);
    }
    angle = 2 * equi2multi_atan2(equi2multi_sqrt(difference), equi2multi_sqrt(sum)) * (180 / EQUI2MULTI_PI);
    equi2multi_sincos((1 - far) * angle, &a, &c);
    equi2multi_sincos(far * angle,       &b, &c);
    equi2multi_sincos(angle,             &s, &c);
    if (s < 1e-9) {     // what is that close is on a line
        a = 1 - far;
        b = far;
    }
    for (int i = 0; i < 4; i++) {
        q[i] = a * from[i] + b * (dot < 0 ? -to[i] : to[i]);
        n   += q[i] * q[i];
    }
    for (int i = 0; i < 4; i++)
        q[i] /= equi2multi_sqrt(n);
}

/** Matrix of the whole orientation, pano_from_cam. */
EQUI2MULTI_INLINE void equi2multi_matrix(const Equi2MultiOrientation *o, double m[3][3])
{
    double s, c;

    equi2multi_sincos(o->heading, &s, &c);
    for (int i = 0; i < 3; i++) {
        m[0][i] = c * o->r[0][i] + s * o->r[2][i];
        m[1][i] = o->r[1][i];
        m[2][i] = c * o->r[2][i] - s * o->r[0][i];
    }
}

/** Unit quaternion w, x, y, z (w >= 0) of the whole orientation, pano_from_cam. */
EQUI2MULTI_INLINE void equi2multi_quaternion(const Equi2MultiOrientation *o, double q[4])
{
    double m[3][3], n;
    int k = 0;

    equi2multi_matrix(o, m);
    // Shepperd's method: four times the squares, and divide by the largest root
    q[0] = 1 + m[0][0] + m[1][1] + m[2][2];
    q[1] = 1 + m[0][0] - m[1][1] - m[2][2];
    q[2] = 1 - m[0][0] + m[1][1] - m[2][2];
    q[3] = 1 - m[0][0] - m[1][1] + m[2][2];
    for (int i = 1; i < 4; i++)
        if (q[i] > q[k])
            k = i;
    n = 2 * equi2multi_sqrt(q[k]);
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
EQUI2MULTI_INLINE int equi2multi_samples(int luma, int step)
{
    return (luma + step - 1) / step;
}

/** How a source shows the sphere. */
enum Equi2MultiProjection {
    EQUI2MULTI_EQUIRECTANGULAR,
};

/** Where the samples of a plane of a cell lie on the sphere. No padding: maps are compared. */
typedef struct Equi2MultiMap {
    int projection;         ///< enum Equi2MultiProjection
    int border;             ///< EQUI2MULTI_GOES_ROUND, ...
    int sphere[2];          ///< size of the whole sphere, luma pixels
    int start[2];           ///< where in it the cell begins, luma pixels
    int size[2];            ///< of the cell, luma pixels
    Equi2MultiRaster raster;        ///< on the cell
} Equi2MultiMap;

/** A turn about the vertical axis, in position units of a plane. */
EQUI2MULTI_INLINE unsigned equi2multi_turn(const Equi2MultiMap *map)
{
    return ((unsigned)map->sphere[0] << EQUI2MULTI_POS_BITS) / map->raster.step[0];
}

/** What a heading adds to u, in [0, turn); where the cell begins included. */
EQUI2MULTI_INLINE unsigned equi2multi_shift(const Equi2MultiMap *map, double heading)
{
    const unsigned turn = equi2multi_turn(map);
    const unsigned start = ((unsigned)map->start[0] << EQUI2MULTI_POS_BITS) / map->raster.step[0];
    const long long shift = ((long long)(heading / 360 * turn + (heading < 0 ? -.5 : .5)) - start) % turn;

    return shift < 0 ? shift + turn : shift;
}

/** Samples of a plane along an axis, 0 or 1, of a cell; odd sizes round up. */
EQUI2MULTI_INLINE int equi2multi_map_samples(const Equi2MultiMap *map, int axis)
{
    return equi2multi_samples(map->size[axis], map->raster.step[axis]);
}

/** The first and the last position along an axis at which a cell has something. */
EQUI2MULTI_INLINE void equi2multi_edges(const Equi2MultiMap *map, int axis, int *first, int *last)
{
    const double one = 1 << EQUI2MULTI_POS_BITS;
    const double step = map->raster.step[axis], offset = map->raster.offset[axis];
    const int max = 0x3fffffff;

    *first = map->border & (axis ? EQUI2MULTI_NORTH : EQUI2MULTI_GOES_ROUND) ? -max : (int)(-offset / step * one);
    *last  = map->border & (axis ? EQUI2MULTI_SOUTH : EQUI2MULTI_GOES_ROUND) ?  max :
             (int)((map->size[axis] - offset) / step * one);
}

/** equi2multi_position() of an equirectangular panorama. */
EQUI2MULTI_INLINE void equi2multi_equirectangular(const Equi2MultiMap *map, const double ray[3],
                                                  unsigned *u, int *v)
{
    const double one = 1 << EQUI2MULTI_POS_BITS;
    const double step_x = map->raster.step[0], off_x = map->raster.offset[0];
    const double step_y = map->raster.step[1], off_y = map->raster.offset[1];
    const long long turn = equi2multi_turn(map);
    const double last = equi2multi_map_samples(map, 1) - 1;
    const double lon = equi2multi_atan2(ray[0], ray[2]);
    const double lat = equi2multi_atan2(ray[1], equi2multi_sqrt(ray[0] * ray[0] + ray[2] * ray[2]));
    const double pu = ((lon / (2 * EQUI2MULTI_PI) + .5) * map->sphere[0] - off_x) / step_x;
    double       pv = ((lat /      EQUI2MULTI_PI  + .5) * map->sphere[1] - (map->start[1] + off_y)) / step_y;
    long long iu;

    // the first and last row are so far from their mirror images, 1 if centred
    if (pv < 0 && map->border & EQUI2MULTI_NORTH) {
        pv /= 2 * off_y / step_y;
    } else if (pv > last && map->border & EQUI2MULTI_SOUTH) {
        const double gap = 2 * (map->size[1] - off_y - last * step_y) / step_y;

        pv = gap > 0 ? last + (pv - last) / gap : last;
    }

    // + 1 makes the argument positive, so that the cast is a floor
    iu = (long long)((pu + 1) * one + .5) - (1 << EQUI2MULTI_POS_BITS);
    iu = iu < 0 ? iu + turn : iu;
    *u = iu >= turn ? iu - turn : iu;
    *v = (int)((long long)((pv + 1) * one + .5) - (1 << EQUI2MULTI_POS_BITS));
}

/**
 * Where in a plane of the source a ray ends, heading left out.
 *
 * A position counts samples of the plane in 1 / 2^EQUI2MULTI_POS_BITS, integers
 * being sample centres. u is in [0, turn), from the left edge of the sphere; v
 * is from the top edge of the cell. Of a whole sphere it is in [-.5, rows - .5]:
 * above the first and below the last row lies the picture mirrored at the pole,
 * half a turn away. Elsewhere there is nothing beyond equi2multi_edges().
 */
EQUI2MULTI_INLINE void equi2multi_position(const Equi2MultiMap *map, const double ray[3], unsigned *u, int *v)
{
    switch (map->projection) {
    case EQUI2MULTI_EQUIRECTANGULAR:
        equi2multi_equirectangular(map, ray, u, v);
        break;
    }
}

/** What the positions of a plane of a view depend on. No padding: these are compared. */
typedef struct Equi2MultiGridKey {
    Equi2MultiPinhole cam;
    double r[3][3];         ///< R'
    Equi2MultiRaster out;   ///< of the plane
    Equi2MultiMap map;      ///< of the source's plane
} Equi2MultiGridKey;

/** The position of sample i of row j of the plane. */
EQUI2MULTI_INLINE void equi2multi_grid_position(const Equi2MultiGridKey *key, int i, int j, unsigned *u, int *v)
{
    const Equi2MultiPinhole *cam = &key->cam;
    const Equi2MultiRaster *out = &key->out;
    const double x = (i * (double)out->step[0] + out->offset[0] - cam->w / 2.) / cam->fx;
    const double y = (j * (double)out->step[1] + out->offset[1] - cam->h / 2.) / cam->fy;
    double ray[3];

    for (int k = 0; k < 3; k++)
        ray[k] = key->r[k][0] * x + (key->r[k][1] * y + key->r[k][2]);
    equi2multi_position(&key->map, ray, u, v);
}

#endif /* AVFILTER_EQUI2MULTI_GEOMETRY_H */
