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
 * Options, grids, links and frame properties of equi2multi, for every backend.
 */

#include <assert.h>
#include <string.h>

#include "libavutil/attributes.h"
#include "libavutil/avstring.h"
#include "libavutil/hwcontext.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"
#include "libavutil/spherical.h"
#include "libavutil/stereo3d.h"
#include "libavutil/time.h"
#include "avfilter.h"
#include "equi2multi.h"
#include "filters.h"
#include "video.h"

#define MAX_PANO_SIZE 32767 // u has 31 bits, so that a heading can be added

#define OFFSET(x) offsetof(Equi2MultiContext, x)
#define FLAGS     EQUI2MULTI_FLAGS
#define TFLAGS    (EQUI2MULTI_FLAGS | AV_OPT_FLAG_RUNTIME_PARAM)
const AVOption ff_equi2multi_options[] = {
    { "rig", "set the cameras: a preset's name, or a list of key=value pairs", OFFSET(rig), AV_OPT_TYPE_STRING, { .str = "ring8" }, 0, 0, FLAGS },
    { "w", "set the width of views that name none", OFFSET(w), AV_OPT_TYPE_INT, { .i64 = 1920 }, 1, 16384, FLAGS },
    { "h", "set the height of views that name none, 0 for their width", OFFSET(h), AV_OPT_TYPE_INT, { .i64 = 0 }, 0, 16384, FLAGS },
    { "h_fov", "set the horizontal field of view of views that name none, 0 for the preset's", OFFSET(h_fov), AV_OPT_TYPE_DOUBLE, { .dbl = 0 }, 0, 180, FLAGS },
    { "v_fov", "set the vertical field of view of views that name none, 0 for square pixels", OFFSET(v_fov), AV_OPT_TYPE_DOUBLE, { .dbl = 0 }, 0, 180, FLAGS },
    { "yaw", "turn the rig to the right", OFFSET(yaw), AV_OPT_TYPE_DOUBLE, { .dbl = 0 }, -360, 360, TFLAGS },
    { "pitch", "turn the rig up", OFFSET(pitch), AV_OPT_TYPE_DOUBLE, { .dbl = 0 }, -360, 360, TFLAGS },
    { "roll", "turn the rig clockwise", OFFSET(roll), AV_OPT_TYPE_DOUBLE, { .dbl = 0 }, -360, 360, TFLAGS },
    { "rotation", "turn the rig by a quaternion w x y z, before yaw, pitch and roll", OFFSET(rotation), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, TFLAGS },
    { "rotations", "turn the rig over time: lines of seconds and a quaternion", OFFSET(rotations), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "rorder", "set the order of rotations", OFFSET(rorder), AV_OPT_TYPE_INT, { .i64 = EQUI2MULTI_YPR }, 0, NB_EQUI2MULTI_ROTATION_ORDER - 1, FLAGS, .unit = "rorder" },
        { "ypr", "yaw, pitch, roll", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_YPR }, 0, 0, FLAGS, .unit = "rorder" },
        { "yrp", "yaw, roll, pitch", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_YRP }, 0, 0, FLAGS, .unit = "rorder" },
        { "pyr", "pitch, yaw, roll", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_PYR }, 0, 0, FLAGS, .unit = "rorder" },
        { "pry", "pitch, roll, yaw", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_PRY }, 0, 0, FLAGS, .unit = "rorder" },
        { "ryp", "roll, yaw, pitch", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_RYP }, 0, 0, FLAGS, .unit = "rorder" },
        { "rpy", "roll, pitch, yaw", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_RPY }, 0, 0, FLAGS, .unit = "rorder" },
    { "interp", "set the interpolation", OFFSET(interp), AV_OPT_TYPE_INT, { .i64 = EQUI2MULTI_LINEAR }, 0, NB_EQUI2MULTI_INTERP - 1, FLAGS, .unit = "interp" },
        { "nearest", "the nearest sample", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_NEAREST }, 0, 0, FLAGS, .unit = "interp" },
        { "linear", "bilinear", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_LINEAR }, 0, 0, FLAGS, .unit = "interp" },
    { "show", "set what views show", OFFSET(show_owner), AV_OPT_TYPE_INT, { .i64 = 0 }, 0, 1, FLAGS, .unit = "show" },
        { "picture", "the panorama", 0, AV_OPT_TYPE_CONST, { .i64 = 0 }, 0, 0, FLAGS, .unit = "show" },
        { "owner", "which of the views looks there most directly", 0, AV_OPT_TYPE_CONST, { .i64 = 1 }, 0, 0, FLAGS, .unit = "show" },
    { "convention", "set the meaning of angles", OFFSET(convention), AV_OPT_TYPE_INT, { .i64 = EQUI2MULTI_V360 }, 0, NB_EQUI2MULTI_CONVENTION - 1, FLAGS, .unit = "convention" },
        { "v360", "positive pitch looks up, positive roll is clockwise", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_V360 }, 0, 0, FLAGS, .unit = "convention" },
        { "360toolkit", "pitch and roll the other way round", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_360TOOLKIT }, 0, 0, FLAGS, .unit = "convention" },
    { "in_stereo", "set how two eyes share a frame", OFFSET(in_stereo), AV_OPT_TYPE_INT, { .i64 = EQUI2MULTI_AUTO }, 0, NB_EQUI2MULTI_STEREO - 1, FLAGS, .unit = "stereo" },
        { "auto", "as the frames say", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_AUTO }, 0, 0, FLAGS, .unit = "stereo" },
        { "2d", "not at all", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_2D }, 0, 0, FLAGS, .unit = "stereo" },
        { "sbs", "side by side, the left one left", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_SBS }, 0, 0, FLAGS, .unit = "stereo" },
        { "tb", "one below the other, the left one on top", 0, AV_OPT_TYPE_CONST, { .i64 = EQUI2MULTI_TB }, 0, 0, FLAGS, .unit = "stereo" },
    { "eye", "set which eye of a stereoscopic input is rendered", OFFSET(eye), AV_OPT_TYPE_INT, { .i64 = 0 }, 0, 1, FLAGS, .unit = "eye" },
        { "left", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = 0 }, 0, 0, FLAGS, .unit = "eye" },
        { "right", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = 1 }, 0, 0, FLAGS, .unit = "eye" },
    { "sphere", "set the size of the whole sphere, and where in it a partial panorama begins: WxH+X+Y", OFFSET(sphere), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "format", "set the pixel format of views", OFFSET(out_format), AV_OPT_TYPE_PIXEL_FMT, { .i64 = AV_PIX_FMT_NONE }, -1, INT_MAX, FLAGS },
    { "out_range", "set the color range of views", OFFSET(out_range), AV_OPT_TYPE_INT, { .i64 = AVCOL_RANGE_UNSPECIFIED }, 0, AVCOL_RANGE_NB - 1, FLAGS, .unit = "range" },
        { "auto", "what follows decides", 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_RANGE_UNSPECIFIED }, 0, 0, FLAGS, .unit = "range" },
        { "full", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_RANGE_JPEG }, 0, 0, FLAGS, .unit = "range" },
        { "limited", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_RANGE_MPEG }, 0, 0, FLAGS, .unit = "range" },
        { "jpeg", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_RANGE_JPEG }, 0, 0, FLAGS, .unit = "range" },
        { "mpeg", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_RANGE_MPEG }, 0, 0, FLAGS, .unit = "range" },
        { "tv", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_RANGE_MPEG }, 0, 0, FLAGS, .unit = "range" },
        { "pc", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_RANGE_JPEG }, 0, 0, FLAGS, .unit = "range" },
    { "out_color_matrix", "set the YCbCr matrix of views", OFFSET(out_color_matrix), AV_OPT_TYPE_INT, { .i64 = AVCOL_SPC_UNSPECIFIED }, 0, AVCOL_SPC_NB - 1, FLAGS, .unit = "color" },
        { "auto", "what follows decides", 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_UNSPECIFIED }, 0, 0, FLAGS, .unit = "color" },
        { "bt601", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_BT470BG }, 0, 0, FLAGS, .unit = "color" },
        { "bt470bg", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_BT470BG }, 0, 0, FLAGS, .unit = "color" },
        { "smpte170m", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_SMPTE170M }, 0, 0, FLAGS, .unit = "color" },
        { "bt709", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_BT709 }, 0, 0, FLAGS, .unit = "color" },
        { "fcc", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_FCC }, 0, 0, FLAGS, .unit = "color" },
        { "smpte240m", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_SMPTE240M }, 0, 0, FLAGS, .unit = "color" },
        { "bt2020", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_BT2020_NCL }, 0, 0, FLAGS, .unit = "color" },
        { "bt2020nc", NULL, 0, AV_OPT_TYPE_CONST, { .i64 = AVCOL_SPC_BT2020_NCL }, 0, 0, FLAGS, .unit = "color" },
    { NULL }
};

/** Remove what describes the panorama and would be wrong for a view. */
static void remove_pano_side_data(AVFrameSideData ***sd, int *nb_sd)
{
    // the spherical mapping is one of these
    av_frame_side_data_remove_by_props(sd, nb_sd, AV_SIDE_DATA_PROP_SIZE_DEPENDENT);
    av_frame_side_data_remove(sd, nb_sd, AV_FRAME_DATA_STEREO3D);
    av_frame_side_data_remove(sd, nb_sd, AV_FRAME_DATA_DISPLAYMATRIX);
    av_frame_side_data_remove(sd, nb_sd, AV_FRAME_DATA_EXIF);
}

static int config_output(AVFilterLink *outlink)
{
    const Equi2MultiContext *s = outlink->src->priv;
    const Equi2MultiPinhole *cam = &s->views[FF_OUTLINK_IDX(outlink)].cam;

    outlink->w = cam->w;
    outlink->h = cam->h;
    outlink->sample_aspect_ratio = (AVRational){ 1, 1 };
    remove_pano_side_data(&outlink->side_data, &outlink->nb_side_data);

    return s->backend->config_output ? s->backend->config_output(outlink) : 0;
}

av_cold int ff_equi2multi_init(AVFilterContext *ctx, const Equi2MultiBackend *backend)
{
    Equi2MultiContext *s = ctx->priv;
    int ret;

    s->backend = backend;

    ret = ff_equi2multi_check_colours(ctx);
    if (ret >= 0)
        ret = ff_equi2multi_init_rig(ctx);

    for (int i = 0; ret >= 0 && i < s->nb_views; i++) {
        AVFilterPad pad = {
            .type         = AVMEDIA_TYPE_VIDEO,
            .config_props = config_output,
        };

        pad.name = av_asprintf("cam%d", i);
        ret = pad.name ? ff_append_outpad_free_name(ctx, &pad) : AVERROR(ENOMEM);
    }

    return ret;
}

static void free_grids(AVFilterContext *ctx, Equi2MultiGrid **grids, int *nb_grids)
{
    const Equi2MultiContext *s = ctx->priv;

    for (int i = 0; i < *nb_grids; i++)
        if ((*grids)[i].pos.size)
            s->backend->discard(ctx, &(*grids)[i].pos);
    av_freep(grids);
    *nb_grids = 0;
}

av_cold void ff_equi2multi_uninit(AVFilterContext *ctx)
{
    Equi2MultiContext *s = ctx->priv;

    free_grids(ctx, &s->grids, &s->nb_grids);
    ff_equi2multi_uninit_rig(ctx);
}

static_assert(sizeof(Equi2MultiGridKey) == 8 * sizeof(int) + 2 * sizeof(Equi2MultiRaster) +
              sizeof(Equi2MultiPinhole) + 9 * sizeof(double), "padding");

/** Say which positions a plane of a view takes; return whether it takes any. */
static int describe_grid(const Equi2MultiContext *s, const Equi2MultiView *v, int chroma,
                         Equi2MultiGridKey *key)
{
    const Equi2MultiTarget *t = &v->target;

    if (chroma && !t->method[1])
        return 0;
    *key = (Equi2MultiGridKey) {
        .cam = v->cam,
        .out = chroma ? ff_equi2multi_chroma_raster(t->format, t->chroma_location) : s->map[0].raster,
        .map = s->map[chroma && s->plane[1].chroma],
    };
    key->map.start[0] = 0;      // which is part of the shift
    for (int i = 0; i < 9; i++)
        key->r[i / 3][i % 3] = v->orientation.r[i / 3][i % 3] + 0.; // no "-0"
    return 1;
}

/** Take positions over from an old grid: those of the same key, or else buffers of the same size. */
static void take_positions(Equi2MultiGrid *grid, Equi2MultiGrid *old, int nb_old, int same_key)
{
    for (int k = 0; k < nb_old && !grid->pos.size; k++)
        if (old[k].pos.size && (same_key ? !memcmp(&old[k].key, &grid->key, sizeof(grid->key)) :
                                old[k].pos.w == grid->pos.w && old[k].pos.h == grid->pos.h)) {
            grid->pos   = old[k].pos;
            grid->built = same_key && old[k].built;
            old[k].pos.size = 0;
        }
}

/**
 * Give each plane of each open view its grid. Those that are there already stay,
 * others are filled anew: there is never a second set.
 */
static int update_grids(AVFilterContext *ctx)
{
    Equi2MultiContext *s = ctx->priv;
    Equi2MultiGrid *old = s->grids;
    const int64_t start = av_gettime_relative();
    int nb_old = s->nb_grids, nb_luma = 0, nb_built = 0, ret = 0;
    size_t bytes = 0;

    s->nb_grids = 0;
    s->grids = av_calloc(s->nb_views, 2 * sizeof(*s->grids));
    if (!s->grids) {
        free_grids(ctx, &old, &nb_old);
        return AVERROR(ENOMEM);
    }

    for (int i = 0; i < s->nb_views * 2; i++) {
        const int chroma = i % 2;
        Equi2MultiView *v = &s->views[i / 2];
        Equi2MultiGridKey key;
        int g = 0;

        v->grid[chroma] = -1;
        if (ff_outlink_get_status(ctx->outputs[i / 2]) || !describe_grid(s, v, chroma, &key))
            continue;
        v->shift[chroma] = equi2multi_shift(&s->map[chroma && s->plane[1].chroma], v->orientation.heading);
        while (g < s->nb_grids && memcmp(&s->grids[g].key, &key, sizeof(key)))
            g++;
        v->grid[chroma] = g;
        if (g == s->nb_grids) {
            s->grids[s->nb_grids++] = (Equi2MultiGrid) {
                .key   = key,
                .pos.w = equi2multi_samples(key.cam.w, key.out.step[0]),
                .pos.h = equi2multi_samples(key.cam.h, key.out.step[1]),
            };
            nb_luma += !chroma;
        }
    }

    for (int g = 0; g < s->nb_grids; g++)
        take_positions(&s->grids[g], old, nb_old, 1);
    for (int g = 0; g < s->nb_grids; g++)
        take_positions(&s->grids[g], old, nb_old, 0);
    free_grids(ctx, &old, &nb_old);

    for (int g = 0; ret >= 0 && g < s->nb_grids; g++) {
        Equi2MultiGrid *grid = &s->grids[g];

        if (!grid->built) {
            ret = s->backend->build(ctx, grid);
            grid->built = ret >= 0;
            nb_built++;
        }
        bytes += grid->pos.size;
    }

    if (ret < 0)
        free_grids(ctx, &s->grids, &s->nb_grids);
    else
        av_log(ctx, bytes != s->grids_size ? AV_LOG_VERBOSE : AV_LOG_DEBUG,
               "%d views, %d grids of %.1f MiB in all, %d built in %.3f s\n",
               s->nb_views, nb_luma, bytes / 1048576., nb_built,
               (av_gettime_relative() - start) / 1e6);
    s->grids_size = bytes;
    return ret;
}

static int check_size(void *log_ctx, int w, int h)
{
    if (w >= 4 && h >= 2 && w <= MAX_PANO_SIZE && h <= MAX_PANO_SIZE)
        return 0;

    av_log(log_ctx, AV_LOG_ERROR, "The input is %dx%d; a panorama of 4x2 to %dx%d is needed\n",
           w, h, MAX_PANO_SIZE, MAX_PANO_SIZE);
    return AVERROR(EINVAL);
}

int ff_equi2multi_config_input(AVFilterLink *inlink, enum AVPixelFormat format)
{
    Equi2MultiContext *s = inlink->dst->priv;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

    s->format    = format;
    s->nb_planes = av_pix_fmt_count_planes(format);
    for (int k = 0; k < s->nb_planes; k++)
        s->plane[k].chroma = (k == 1 || k == 2) && (desc->log2_chroma_w || desc->log2_chroma_h);
    for (int i = desc->nb_components - 1; i >= 0; i--) {
        const Equi2MultiComponent comp = ff_equi2multi_component(desc, i);

        s->plane[comp.plane].samples = comp.step;
        if (i < 3)
            s->comp[i] = comp;
    }

    // a cell can still be too small
    return check_size(inlink->dst, inlink->w, inlink->h);
}

Equi2MultiPlane ff_equi2multi_plane(const Equi2MultiContext *s, const AVFrame *in, int k)
{
    const Equi2MultiMap *map = &s->map[s->plane[k].chroma];
    const int round = equi2multi_rounding(s->interp != EQUI2MULTI_NEAREST);
    const int depth = s->comp[0].depth;
    Equi2MultiPlane plane = {
        .data     = in->data[k] + (s->pano.y / map->raster.step[1]) * (ptrdiff_t)in->linesize[k] +
                    s->pano.x / map->raster.step[0] * s->plane[k].samples * s->comp[0].bytes,
        .linesize = in->linesize[k],
        .w        = equi2multi_map_samples(map, 0),
        .h        = equi2multi_map_samples(map, 1),
        .turn     = equi2multi_turn(map),
        .border   = map->border,
        .half_gap = map->size[0] % map->raster.step[0],
        .low_bits = s->comp[0].low_bits,
        .depth    = depth,
    };

    if (!(av_pix_fmt_desc_get(s->format)->flags & AV_PIX_FMT_FLAG_RGB) && k < 3)
        plane.nothing = k ? 1 << (depth - 1) : s->pano.color_range == AVCOL_RANGE_JPEG ? 0 : 16 << (depth - 8);
    for (int i = 0; i < 2; i++) {
        equi2multi_edges(map, i, &plane.first[i], &plane.last[i]);
        plane.first[i] += round;
        plane.last[i]  += round;
    }
    return plane;
}

/** Find the rectangle of a frame that is the panorama, or one eye's. */
static int find_cell(AVFilterContext *ctx, const AVFrame *in, Equi2MultiPano *pano)
{
    const Equi2MultiContext *s = ctx->priv;
    const AVFrameSideData *sd = av_frame_get_side_data(in, AV_FRAME_DATA_STEREO3D);
    const AVStereo3D *stereo = sd ? (const AVStereo3D *)sd->data : NULL;
    int second = s->eye;

    pano->x = FFMIN(in->crop_left, in->width);
    pano->y = FFMIN(in->crop_top,  in->height);
    pano->w = in->width  - pano->x - FFMIN(in->crop_right,  in->width);
    pano->h = in->height - pano->y - FFMIN(in->crop_bottom, in->height);

    pano->in_stereo = s->in_stereo;
    if (s->in_stereo == EQUI2MULTI_AUTO) {
        pano->in_stereo = EQUI2MULTI_2D;
        if (stereo && stereo->view != AV_STEREO3D_VIEW_LEFT && stereo->view != AV_STEREO3D_VIEW_RIGHT) {
            switch (stereo->type) {
            case AV_STEREO3D_SIDEBYSIDE:
                pano->in_stereo = EQUI2MULTI_SBS;
                break;
            case AV_STEREO3D_TOPBOTTOM:
                pano->in_stereo = EQUI2MULTI_TB;
                break;
            case AV_STEREO3D_CHECKERBOARD:
            case AV_STEREO3D_SIDEBYSIDE_QUINCUNX:
            case AV_STEREO3D_LINES:
            case AV_STEREO3D_COLUMNS:
                av_log(ctx, AV_LOG_ERROR, "The input is stereoscopic (%s); side by side or top and bottom is needed, "
                       "or in_stereo=2d, if that is not true\n", av_stereo3d_type_name(stereo->type));
                return AVERROR_PATCHWELCOME;
            }
            second ^= !!(stereo->flags & AV_STEREO3D_FLAG_INVERT);
        }
    }
    if (pano->in_stereo == EQUI2MULTI_SBS) {
        pano->x += second ? pano->w - pano->w / 2 : 0;
        pano->w /= 2;
    } else if (pano->in_stereo == EQUI2MULTI_TB) {
        pano->y += second ? pano->h - pano->h / 2 : 0;
        pano->h /= 2;
    }

    return check_size(ctx, pano->w, pano->h);
}

/** Find the place of the cell on the sphere. */
static int find_place(AVFilterContext *ctx, const AVFrame *in, Equi2MultiPano *pano)
{
    const Equi2MultiContext *s = ctx->priv;
    const AVFrameSideData *sd = av_frame_get_side_data(in, AV_FRAME_DATA_SPHERICAL);
    const AVSphericalMapping *map = sd ? (const AVSphericalMapping *)sd->data : NULL;
    size_t left = 0, top = 0, right = 0, bottom = 0;

    if (map) {
        switch (map->projection) {
        case AV_SPHERICAL_EQUIRECTANGULAR:
            break;
        case AV_SPHERICAL_EQUIRECTANGULAR_TILE:
            if ((uint64_t)map->bound_left + map->bound_right  >= UINT32_MAX ||
                (uint64_t)map->bound_top  + map->bound_bottom >= UINT32_MAX) {
                av_log(ctx, AV_LOG_ERROR, "The bounds of the input leave nothing of it\n");
                return AVERROR_INVALIDDATA;
            }
            av_spherical_tile_bounds(map, pano->w, pano->h, &left, &top, &right, &bottom);
            // which rounds so that these can be -1
            right  = FFMAX((ptrdiff_t)right,  0);
            bottom = FFMAX((ptrdiff_t)bottom, 0);
            break;
        case AV_SPHERICAL_HALF_EQUIRECTANGULAR:
            left  = pano->w / 2;
            right = pano->w - left;
            break;
        default:
            av_log(ctx, AV_LOG_ERROR, "The projection of the input is %s; equirectangular is needed, "
                   "which the v360 filter can make\n", av_spherical_projection_name(map->projection));
            return AVERROR_PATCHWELCOME;
        }
        pano->pose[0] = map->yaw;
        pano->pose[1] = map->pitch;
        pano->pose[2] = map->roll;
    }

    if (s->sphere) {
        unsigned w, h, x, y;
        int end = 0;

        if (sscanf(s->sphere, "%5ux%5u+%5u+%5u%n", &w, &h, &x, &y, &end) != 4 || s->sphere[end] ||
            w > MAX_PANO_SIZE || x > w || x + pano->w > w || h > MAX_PANO_SIZE || y > h || y + pano->h > h) {
            av_log(ctx, AV_LOG_ERROR, "sphere=%s is not possible for an input of %dx%d; a size of up to %dx%d and "
                   "where in it the input begins is, such as %dx%d+0+0\n", s->sphere, pano->w, pano->h,
                   MAX_PANO_SIZE, MAX_PANO_SIZE, pano->w, pano->h);
            return AVERROR(EINVAL);
        }
        left   = x;
        top    = y;
        right  = w - x - pano->w;
        bottom = h - y - pano->h;
    }
    if (left > MAX_PANO_SIZE || right  > MAX_PANO_SIZE || left + pano->w + right  > MAX_PANO_SIZE ||
        top  > MAX_PANO_SIZE || bottom > MAX_PANO_SIZE || top  + pano->h + bottom > MAX_PANO_SIZE) {
        av_log(ctx, AV_LOG_ERROR, "The bounds of the input make its whole sphere larger than %dx%d\n",
               MAX_PANO_SIZE, MAX_PANO_SIZE);
        return AVERROR(EINVAL);
    }

    pano->start[0]  = left;
    pano->start[1]  = top;
    pano->sphere[0] = left + pano->w + right;
    pano->sphere[1] = top  + pano->h + bottom;
    if (!left && !right)
        pano->border = EQUI2MULTI_GOES_ROUND | (top ? 0 : EQUI2MULTI_NORTH) | (bottom ? 0 : EQUI2MULTI_SOUTH);
    return 0;
}

/** Read what a frame says about its geometry and colour. */
static int inspect_pano(AVFilterContext *ctx, const AVFrame *in, Equi2MultiPano *pano)
{
    const Equi2MultiContext *s = ctx->priv;
    const AVFilterLink *inlink = ctx->inputs[0];
    const enum AVPixelFormat format = ff_equi2multi_samples_format(in->format, in->hw_frames_ctx);
    int ret;

    memset(pano, 0, sizeof(*pano));
    pano->chroma_location = in->chroma_location;
    pano->color_trc       = in->color_trc;
    pano->colorspace      = in->colorspace != AVCOL_SPC_UNSPECIFIED ? in->colorspace : inlink->colorspace;
    pano->color_range     = ff_fmt_is_forced_full_range(format) ? AVCOL_RANGE_JPEG :
                            in->color_range != AVCOL_RANGE_UNSPECIFIED ? in->color_range :
                                                                         inlink->color_range;

    if (in->format != inlink->format || format != s->format) {
        av_log(ctx, AV_LOG_ERROR, "The pixel format changed from %s to %s without a new graph\n",
               av_get_pix_fmt_name(s->format), av_get_pix_fmt_name(format));
        return AVERROR(EINVAL);
    }
    ret = find_cell(ctx, in, pano);
    if (ret < 0)
        return ret;
    return find_place(ctx, in, pano);
}

/** Say what is applied that nobody asked for. */
static void tell_changes(AVFilterContext *ctx, const Equi2MultiPano *pano, const Equi2MultiPano *last)
{
    const Equi2MultiContext *s = ctx->priv;
    const double w = pano->sphere[0], h = pano->sphere[1];

    if (memcmp(pano->pose, last->pose, sizeof(pano->pose)))
        av_log(ctx, AV_LOG_INFO, "The input's pose is applied: yaw %g, pitch %g, roll %g\n",
               pano->pose[0] / 65536., pano->pose[1] / 65536., pano->pose[2] / 65536.);
    if (pano->in_stereo != last->in_stereo && pano->in_stereo != EQUI2MULTI_2D && s->in_stereo == EQUI2MULTI_AUTO)
        av_log(ctx, AV_LOG_INFO, "The input is stereoscopic (%s), its %s eye is taken\n",
               pano->in_stereo == EQUI2MULTI_SBS ? "side by side" : "top and bottom", s->eye ? "right" : "left");

    if (pano->w == last->w && pano->h == last->h && !memcmp(pano->sphere, last->sphere, sizeof(pano->sphere)) &&
        !memcmp(pano->start, last->start, sizeof(pano->start)))
        return;
    if (pano->border != EQUI2MULTI_SPHERE) {
        double south, north, cosine;

        equi2multi_sincos((pano->start[1]           / h - .5) * 180, &north, &cosine);
        equi2multi_sincos(((pano->start[1] + pano->h) / h - .5) * 180, &south, &cosine);
        av_log(ctx, AV_LOG_INFO, "The input is a partial panorama, %.5g x %.5g degrees, %.1f %% of the sphere: "
               "views are black elsewhere\n", pano->w / w * 360, pano->h / h * 180,
               pano->w / w * (south - north) / 2 * 100);
    } else if (pano->w != 2 * pano->h && pano->in_stereo == EQUI2MULTI_2D) {
        av_log(ctx, AV_LOG_WARNING, "The input is %dx%d, not 2:1; it is taken as a whole "
               "sphere of 360 x 180 degrees\n", pano->w, pano->h);
    }
}

/** Bring views and grids up to date with the frame and with commands. */
static int prepare(AVFilterContext *ctx, const AVFrame *in)
{
    Equi2MultiContext *s = ctx->priv;
    const Equi2MultiPano last = s->pano;
    Equi2MultiPano pano;
    int ret = inspect_pano(ctx, in, &pano);
    if (ret < 0)
        return ret;

    if (ff_equi2multi_turn_rig(s, in->pts == AV_NOPTS_VALUE ? 0 : in->pts * av_q2d(ctx->inputs[0]->time_base)))
        s->turned = 1;
    if ((s->nb_grids || s->show_owner) && !s->turned && !memcmp(&pano, &last, sizeof(pano)))
        return 0;

    tell_changes(ctx, &pano, &last);
    for (int i = 0; i < 2; i++)
        s->map[i] = (Equi2MultiMap) {
            .border = pano.border,
            .sphere = { pano.sphere[0], pano.sphere[1] },
            .start  = { pano.start[0],  pano.start[1]  },
            .size   = { pano.w, pano.h },
            .raster = i ? ff_equi2multi_chroma_raster(s->format, pano.chroma_location) :
                          (Equi2MultiRaster){ { 1, 1 }, { .5, .5 } },
        };
    // where a crop begins between two samples of chroma
    s->map[1].raster.offset[0] -= pano.x % s->map[1].raster.step[0];
    s->map[1].raster.offset[1] -= pano.y % s->map[1].raster.step[1];
    s->pano = pano;

    ret = 0;
    for (int i = 0; ret >= 0 && i < s->nb_views; i++)
        ret = ff_equi2multi_set_target(ctx, i, &pano);
    if (ret >= 0)
        ret = ff_equi2multi_orient_views(s);
    if (ret >= 0 && !s->show_owner)
        ret = update_grids(ctx);
    s->turned = ret < 0;
    return ret;
}

/** What views own does not change: it is drawn once. */
static int show_owner(AVFilterContext *ctx, AVFrame *const *out)
{
    const Equi2MultiContext *s = ctx->priv;
    int ret = 0, lacking = 0;

    for (int i = 0; ret >= 0 && i < s->nb_views; i++)
        if (out[i] && s->views[i].owned)
            ret = av_frame_copy(out[i], s->views[i].owned);
        else
            lacking |= !!out[i];
    if (ret < 0 || !lacking)
        return ret;

    ret = ff_equi2multi_show_owner(ctx, out);
    for (int i = 0; ret >= 0 && i < s->nb_views; i++)
        if (out[i] && !s->views[i].owned && !(s->views[i].owned = av_frame_clone(out[i])))
            ret = AVERROR(ENOMEM);
    return ret;
}

static int render_frame(AVFilterContext *ctx, const AVFrame *in)
{
    Equi2MultiContext *s = ctx->priv;
    AVFrame *out[EQUI2MULTI_MAX_VIEWS] = { NULL };
    int ret = prepare(ctx, in);
    if (ret < 0)
        return ret;

    for (int i = 0; i < s->nb_views; i++) {
        AVFilterLink *outlink = ctx->outputs[i];

        if (ff_outlink_get_status(outlink))
            continue;
        out[i] = ff_get_video_buffer(outlink, outlink->w, outlink->h);
        if (!out[i]) {
            av_log(ctx, AV_LOG_ERROR, "Out of memory for view %d of %d, %dx%d\n",
                   i, s->nb_views, outlink->w, outlink->h);
            ret = AVERROR(ENOMEM);
            goto end;
        }
        ret = av_frame_copy_props(out[i], in);
        if (ret < 0)
            goto end;
        out[i]->sample_aspect_ratio = outlink->sample_aspect_ratio;
        out[i]->crop_left  = out[i]->crop_top    = 0;
        out[i]->crop_right = out[i]->crop_bottom = 0;
        out[i]->color_range         = s->views[i].target.color_range;
        out[i]->colorspace          = s->views[i].target.colorspace;
        out[i]->chroma_location     = s->views[i].target.chroma_location;
        remove_pano_side_data(&out[i]->side_data, &out[i]->nb_side_data);
        ret = av_dict_copy(&out[i]->metadata, s->views[i].metadata, 0);
        if (ret < 0)
            goto end;
    }

    ret = s->show_owner ? show_owner(ctx, out) : s->backend->render(ctx, in, out);
    for (int i = 0; ret >= 0 && i < s->nb_views; i++)
        if (out[i]) {
            ret = ff_filter_frame(ctx->outputs[i], out[i]);
            out[i] = NULL;
        }

end:
    for (int i = 0; i < s->nb_views; i++)
        av_frame_free(&out[i]);
    return ret;
}

int ff_equi2multi_activate(AVFilterContext *ctx)
{
    AVFilterLink *inlink = ctx->inputs[0];
    AVFrame *in;
    int status, ret, nb_closed = 0;
    int64_t pts;

    for (int i = 0; i < ctx->nb_outputs; i++)
        nb_closed += !!ff_outlink_get_status(ctx->outputs[i]);
    if (nb_closed == ctx->nb_outputs) {
        ff_inlink_set_status(inlink, AVERROR_EOF);
        return 0;
    }

    ret = ff_inlink_consume_frame(inlink, &in);
    if (ret < 0)
        return ret;
    if (ret > 0) {
        ret = render_frame(ctx, in);
        av_frame_free(&in);
        return ret;
    }

    if (ff_inlink_acknowledge_status(inlink, &status, &pts)) {
        for (int i = 0; i < ctx->nb_outputs; i++)
            if (!ff_outlink_get_status(ctx->outputs[i]))
                ff_outlink_set_status(ctx->outputs[i], status, pts);
        return 0;
    }

    FF_FILTER_FORWARD_WANTED_ANY(ctx, inlink);

    return FFERROR_NOT_READY;
}

int ff_equi2multi_process_command(AVFilterContext *ctx, const char *cmd, const char *arg,
                                  char *res, int res_len, int flags)
{
    Equi2MultiContext *s = ctx->priv;
    const int is_rotation = !strcmp(cmd, "rotation");
    double turn[4];
    int ret = is_rotation ? ff_equi2multi_parse_rotation(ctx, arg, turn) : 0;
    if (ret < 0)
        return ret;

    if (is_rotation && s->nb_turns) {
        av_log(ctx, AV_LOG_ERROR, "rotation=%s contradicts rotations\n", arg);
        return AVERROR(EINVAL);
    }
    ret = ff_filter_process_command(ctx, cmd, arg, res, res_len, flags);
    if (ret < 0)
        return ret;
    if (is_rotation)
        memcpy(s->turn, turn, sizeof(turn));
    s->turned = 1;
    return 0;
}
