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
 * Known rays, rotations and rigs of equi2multi, printed.
 */

#include <stdio.h>
#include <string.h>

#include "libavutil/adler32.h"
#include "libavutil/avstring.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavfilter/avfilter.h"
#include "libavfilter/equi2multi_geometry.h"

static char log_text[4096];

/* Keep messages for standard output, where their order is certain. */
static void log_to_text(void *avcl, int level, const char *fmt, va_list vl)
{
    if (level <= AV_LOG_ERROR) {
        const size_t len = strlen(log_text);
        vsnprintf(log_text + len, sizeof(log_text) - len, fmt, vl);
    }
}

static Equi2MultiMap whole(int w, int h, Equi2MultiRaster raster)
{
    return (Equi2MultiMap) {
        .border = EQUI2MULTI_SPHERE,
        .sphere = { w, h },
        .size   = { w, h },
        .raster = raster,
    };
}

static const Equi2MultiRaster luma = { { 1, 1 }, { .5, .5 } };

/*
 * Where the pixels of a view of 3x3 come from: with a focal length of one pixel,
 * their centres are 45 degrees apart on the axes.
 */
static void print_ray(const char *name, double yaw, double pitch, double roll, int i, int j)
{
    enum { W = 7200, H = 3600 };
    const double samples_per_degree = (double)(1 << EQUI2MULTI_POS_BITS) * W / 360;
    const double half_a_sample = .5 * 360 / W;
    Equi2MultiGridKey key = { .cam = { 3, 3, 1, 1 }, .out = luma, .map = whole(W, H, luma) };
    Equi2MultiOrientation o = equi2multi_forward();
    unsigned u;
    int v;

    equi2multi_rotate(&o, 'y', yaw);
    equi2multi_rotate(&o, 'p', pitch);
    equi2multi_rotate(&o, 'r', roll);
    memcpy(key.r, o.r, sizeof(key.r));
    equi2multi_grid_position(&key, i, j, &u, &v);
    u = (u + equi2multi_shift(&key.map, o.heading)) % equi2multi_turn(&key.map);
    printf("%-26s longitude %8.3f latitude %8.3f\n", name,
           u / samples_per_degree + half_a_sample - 180,
           90 - (v / samples_per_degree + half_a_sample));
}

static void test_rays(void)
{
    static const char axes[] = "xyz";

    print_ray("centre",                    0,   0,   0, 1, 1);
    print_ray("left",                      0,   0,   0, 0, 1);
    print_ray("right",                     0,   0,   0, 2, 1);
    print_ray("top",                       0,   0,   0, 1, 0);
    print_ray("bottom",                    0,   0,   0, 1, 2);
    print_ray("top left corner",           0,   0,   0, 0, 0);
    print_ray("top right corner",          0,   0,   0, 2, 0);
    print_ray("bottom left corner",        0,   0,   0, 0, 2);
    print_ray("bottom right corner",       0,   0,   0, 2, 2);
    print_ray("yaw 90",                   90,   0,   0, 1, 1);
    print_ray("yaw -90",                 -90,   0,   0, 1, 1);
    print_ray("yaw 450",                 450,   0,   0, 1, 1);
    print_ray("yaw 45, left",             45,   0,   0, 0, 1);
    print_ray("seam",                    180,   0,   0, 1, 1);
    print_ray("seam, left of it",        180,   0,   0, 0, 1);
    print_ray("seam, right of it",      -180,   0,   0, 2, 1);
    print_ray("pitch 30",                  0,  30,   0, 1, 1);
    print_ray("north pole",                0,  90,   0, 1, 1);
    print_ray("north pole, top",           0,  90,   0, 1, 0);
    print_ray("north pole, bottom",        0,  90,   0, 1, 2);
    print_ray("north pole, right",         0,  90,   0, 2, 1);
    print_ray("south pole",                0, -90,   0, 1, 1);
    print_ray("south pole, top",           0, -90,   0, 1, 0);
    print_ray("south pole, yaw 90, top",  90, -90,   0, 1, 0);
    print_ray("pitch 60, past the pole",   0,  60,   0, 1, 0);
    print_ray("roll 90, right is down",    0,   0,  90, 2, 1);
    print_ray("roll 180, right is left",   0,   0, 180, 2, 1);
    print_ray("yaw 30 pitch 20 roll 10",  30,  20,  10, 0, 0);

    for (int axis = 0; axis < 3; axis++) {
        static const char rotations[] = "pyr";  // about x, y, z
        Equi2MultiOrientation o = equi2multi_forward();
        double q[4];

        equi2multi_rotate(&o, rotations[axis], 90);
        equi2multi_quaternion(&o, q);
        printf("90 degrees about %c: quaternion %.6f %.6f %.6f %.6f\n",
               axes[axis], q[0], q[1], q[2], q[3]);
    }
}

/* The reductions and polynomials against libm. */
static void test_functions(void)
{
    double worst_sin = 0, worst_atan = 0;

    for (int i = -7200; i <= 7200; i++) {
        const double a = i * .1, rad = a * (EQUI2MULTI_PI / 180);
        double s, c, d;

        equi2multi_sincos(a, &s, &c);
        worst_sin = FFMAX3(worst_sin, fabs(s - sin(rad)), fabs(c - cos(rad)));
        d = fabs(equi2multi_atan2(sin(rad), cos(rad)) - atan2(sin(rad), cos(rad)));
        worst_atan = FFMAX(worst_atan, FFMIN(d, 2 * EQUI2MULTI_PI - d));
    }
    printf("sincos %s, atan2 %s\n", worst_sin < 1e-14 ? "exact" : "wrong",
           worst_atan < 1e-12 ? "exact" : "wrong");
}

/* Checksums of grids: the same with every compiler, libm and CPU. */
static void test_grids(void)
{
    static const struct {
        int w, h;
        double h_fov, pitch, roll;
        int pano_w, pano_h;
        Equi2MultiRaster raster;
    } grids[] = {
        { 320, 240, 110,   0,   0,  7680,  3840, { { 1, 1 }, { .5, .5 } } },
        { 320, 240, 110,   0,   0,  7680,  3840, { { 2, 2 }, { .5,  1 } } },
        { 320, 240, 110,   0,   0,  7680,  3840, { { 2, 2 }, {  1,  1 } } },
        { 320, 240,  90,  90,   0,  7680,  3840, { { 1, 1 }, { .5, .5 } } },
        { 320, 240,  90, -90,  17,  7680,  3840, { { 2, 2 }, { .5, .5 } } },
        { 321, 241,  90,  35, -33,  1001,   499, { { 2, 2 }, {  1,  1 } } },
        { 241, 321, 179,  35, -33,  1001,   499, { { 2, 1 }, { .5, .5 } } },
        { 240, 320,   1,  45,  45, 32767, 16384, { { 1, 1 }, { .5, .5 } } },
        {  64,  64,  90,  45,  45,     4,     2, { { 2, 2 }, { .5,  1 } } },
    };
    for (int k = 0; k < FF_ARRAY_ELEMS(grids); k++) {
        const double f = equi2multi_focal(grids[k].w, grids[k].h_fov);
        const Equi2MultiRaster *raster = &grids[k].raster;
        Equi2MultiGridKey key = {
            .cam = { grids[k].w, grids[k].h, f, f },
            .out = *raster,
            .map = whole(grids[k].pano_w, grids[k].pano_h, *raster),
        };
        const int n    = equi2multi_samples(grids[k].w, raster->step[0]);
        const int rows = equi2multi_samples(grids[k].h, raster->step[1]);
        const int last = equi2multi_samples(grids[k].pano_h, raster->step[1]) - 1;
        Equi2MultiOrientation o = equi2multi_forward();
        int inside = 1;
        AVAdler sum = 1;

        equi2multi_rotate(&o, 'p', grids[k].pitch);
        equi2multi_rotate(&o, 'r', grids[k].roll);
        memcpy(key.r, o.r, sizeof(key.r));
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < n; x++) {
                unsigned u;
                int v;

                equi2multi_grid_position(&key, x, y, &u, &v);
                inside &= u < equi2multi_turn(&key.map);
                inside &= v >= -0x8000 && v <= last * 0x10000 + 0x8000;
                // bytes by hand: big-endian machines shall agree
                for (int b = 0; b < 32; b += 8) {
                    const uint8_t bytes[2] = { u >> b, (uint32_t)v >> b };
                    sum = av_adler32_update(sum, bytes, 2);
                }
            }
        }
        printf("grid %d: %s %08x\n", k, inside ? "inside" : "OUTSIDE", (unsigned)sum);
    }
}

/* One line: what the filter makes of its options, or what it complains of. */
static void test_rig(const char *title, const char *options)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterContext *ctx = graph ? avfilter_graph_alloc_filter(graph,
                               avfilter_get_by_name("equi2multi"), NULL) : NULL;

    if (!ctx) {
        printf("no filter\n");
        avfilter_graph_free(&graph);
        return;
    }

    for (; *title; title++)
        printf(*title == '\n' ? "\\n" : *title == '\r' ? "\\r" : "%c", *title);
    *log_text = 0;
    if (avfilter_init_str(ctx, options) < 0)
        printf(" -> %s", strstr(log_text, "rig:") ? log_text : "refused\n");
    else
        printf(" -> %u views, %s to %s\n", ctx->nb_outputs, avfilter_pad_get_name(ctx->output_pads, 0),
               avfilter_pad_get_name(ctx->output_pads, ctx->nb_outputs - 1));
    avfilter_graph_free(&graph);
}

static void test_rigs(void)
{
    static const char *const rigs[] = {
        "", "ring8", "dome16", "cardinal4", "cube6", "ring12", "dense17", "tiles8", "colmap12",
        "nerf8", "nerf14", "rig= cube6 \n", "rig=name=one",
        "rig='name=front yaw=0|name=up  pitch=90 h_fov=90 w=1024 h=512'",
        "rig='yaw=0\nyaw=90\r\n\n  \nyaw=180\n'",
        // wrong lists
        "rig=", "rig='  \n'", "rig=ring9", "rig=ring", "rig=cube6 ring8", "rig=yaw", "rig=yaw=0|",
        "rig=|yaw=0", "rig=yaw=0||yaw=1", "rig='yaw=0|yaw'", "rig='yaw=0|yaw 90'", "rig='yaw=0|=90'",
        // wrong keys and values
        "rig='yaw=0|ptich=3'", "rig=yaw=", "rig=yaw=left", "rig=yaw=nan", "rig=yaw=361",
        "rig=pitch=inf", "rig='roll=1 2'", "rig=h_fov=0", "rig=h_fov=180", "rig=v_fov=-3", "rig=w=0",
        "rig=w=16385", "rig='w=64 h=-1'", "rig=name=",
        // wrong options
        "w=0", "w=16385", "h=16385", "h_fov=180", "v_fov=nan", "yaw=nan", "pitch=400", "rorder=abc",
        "interp=best", "convention=other",
    };
    char many[257 * 6 + 8] = "rig=";

    for (int i = 0; i < FF_ARRAY_ELEMS(rigs); i++)
        test_rig(rigs[i], rigs[i]);
    for (int i = 1; i <= 257; i++) {
        av_strlcatf(many, sizeof(many), "%syaw=1", i > 1 ? "|" : "");
        if (i >= 256)
            test_rig(i == 256 ? "256 cameras" : "257 cameras", many);
    }
}

int main(void)
{
    av_log_set_callback(log_to_text);
    test_rays();
    test_functions();
    test_grids();
    test_rigs();

    return 0;
}
