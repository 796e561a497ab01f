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
 * Rig, grids, links and frame properties of equi2multi, for every backend.
 */

#include <math.h>
#include <string.h>

#include "libavutil/attributes.h"
#include "libavutil/avstring.h"
#include "libavutil/csp.h"
#include "libavutil/eval.h"
#include "libavutil/hwcontext.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"
#include "libavutil/spherical.h"
#include "libavutil/stereo3d.h"
#include "libavutil/time.h"
#include "avfilter.h"
#include "equi2multi.h"
#include "filters.h"
#include "formats.h"
#include "video.h"

#define MAX_VIEWS     256
#define MAX_VIEW_SIZE EQUI2MULTI_MAX_VIEW_SIZE
#define MAX_PANO_SIZE 32767 // u has 31 bits, so that a heading can be added
#define DEFAULT_FOV   110
#define BLANKS        " \t\r"

#define OFFSET(x) offsetof(Equi2MultiView, x)
static const AVOption camera_options[] = {
    { "name",  "set the camera's name",                           OFFSET(name),  AV_OPT_TYPE_STRING, { .str = NULL },    0,             0, EQUI2MULTI_FLAGS },
    { "yaw",   "look to the right, degrees",                      OFFSET(yaw),   AV_OPT_TYPE_DOUBLE, { .dbl = 0 },    -360,           360, EQUI2MULTI_FLAGS },
    { "pitch", "look up, degrees",                                OFFSET(pitch), AV_OPT_TYPE_DOUBLE, { .dbl = 0 },    -360,           360, EQUI2MULTI_FLAGS },
    { "roll",  "turn the camera clockwise, degrees",              OFFSET(roll),  AV_OPT_TYPE_DOUBLE, { .dbl = 0 },    -360,           360, EQUI2MULTI_FLAGS },
    { "h_fov", "set the horizontal field of view, degrees",       OFFSET(h_fov), AV_OPT_TYPE_DOUBLE, { .dbl = 0 },       0,           180, EQUI2MULTI_FLAGS },
    { "v_fov", "set the vertical field of view, degrees",         OFFSET(v_fov), AV_OPT_TYPE_DOUBLE, { .dbl = 0 },       0,           180, EQUI2MULTI_FLAGS },
    { "w",     "set the width of the view, pixels",               OFFSET(w),     AV_OPT_TYPE_INT,    { .i64 = 0 },       0, MAX_VIEW_SIZE, EQUI2MULTI_FLAGS },
    { "h",     "set the height of the view, pixels",              OFFSET(h),     AV_OPT_TYPE_INT,    { .i64 = 0 },       0, MAX_VIEW_SIZE, EQUI2MULTI_FLAGS },
    { NULL }
};

static const AVClass camera_class = {
    .class_name              = "equi2multi_camera",
    .item_name               = av_default_item_name,
    .option                  = camera_options,
    .version                 = LIBAVUTIL_VERSION_INT,
    .log_level_offset_offset = OFFSET(log_level_offset),
};

// yaws of a row in the order 0, step, ... 180 and then the negative ones up to 0
#define ROW1(p) "yaw=0 pitch=" #p
#define ROW2(p) ROW1(p) "|yaw=180 pitch=" #p
#define ROW4(p) "yaw=0 pitch=" #p "|yaw=90 pitch=" #p "|yaw=180 pitch=" #p "|yaw=-90 pitch=" #p
#define ROW4_45(p) "yaw=45 pitch=" #p "|yaw=135 pitch=" #p "|yaw=-135 pitch=" #p "|yaw=-45 pitch=" #p
#define RING6   "yaw=0|yaw=60|yaw=120|yaw=180|yaw=-120|yaw=-60"
#define RING8   "yaw=0|yaw=45|yaw=90|yaw=135|yaw=180|yaw=-135|yaw=-90|yaw=-45"
#define RING9   "yaw=0|yaw=40|yaw=80|yaw=120|yaw=160|yaw=-160|yaw=-120|yaw=-80|yaw=-40"
#define RING12  "yaw=0|yaw=30|yaw=60|yaw=90|yaw=120|yaw=150|yaw=180|yaw=-150|yaw=-120|yaw=-90|yaw=-60|yaw=-30"

static const struct {
    const char *name;
    double h_fov;
    const char *cameras;
} presets[] = {
    { "ring8",     110, RING8 },
    { "dome16",    110, RING8 "|" ROW4(45) "|" ROW4(-45) },
    { "cardinal4",  90, ROW4(0) },
    { "cube6",      90, "name=front|name=right yaw=90|name=back yaw=180|name=left yaw=-90|name=up pitch=90|name=down pitch=-90" },
    { "ring12",    110, RING12 },
    { "dense17",   120, RING9 "|" ROW4(30) "|" ROW4(-30) },
    { "tiles8",     90, ROW4(0) "|" ROW4(30) },
    { "colmap12",   90, ROW4(-35) "|" ROW4(0) "|" ROW4_45(35) },
    { "nerf8",     120, ROW4(0) "|" ROW2(45) "|" ROW2(-45) },
    { "nerf14",    110, RING6 "|" ROW4(45) "|" ROW4(-45) },
};

static const char rotation_orders[NB_EQUI2MULTI_ROTATION_ORDER][4] = {
    [EQUI2MULTI_YPR] = "ypr",
    [EQUI2MULTI_YRP] = "yrp",
    [EQUI2MULTI_PYR] = "pyr",
    [EQUI2MULTI_PRY] = "pry",
    [EQUI2MULTI_RYP] = "ryp",
    [EQUI2MULTI_RPY] = "rpy",
};

/** Set one key of a camera; complain in one line that says all. */
static int set_camera_key(AVFilterContext *ctx, int idx, Equi2MultiView *v,
                          const char *key, const char *value)
{
    const AVOption *o = av_opt_find(v, key, NULL, 0, 0);
    const char *allowed;
    double number = 1;
    char *tail = NULL;
    int ret;

    if (!o) {
        av_log(ctx, AV_LOG_ERROR, "rig: camera %d has an unknown key '%s'; "
               "keys are name, yaw, pitch, roll, h_fov, v_fov, w, h\n", idx, key);
        return AVERROR(EINVAL);
    }

    if (o->type == AV_OPT_TYPE_STRING) {
        allowed = "any text";
        ret = *value ? 0 : AVERROR(EINVAL);
    } else {
        allowed = o->max == MAX_VIEW_SIZE ? "1 to " AV_STRINGIFY(MAX_VIEW_SIZE) " pixels" :
                  o->max == 180           ? "above 0 and below 180 degrees" :
                                            "-360 to 360 degrees";
        number  = av_strtod(value, &tail);
        // 0 stands for "not named" where the range starts there, 180 is no pinhole, pixels are whole
        ret = tail == value || *tail || !isfinite(number) ||
              (!o->min && !number) || (o->max == 180 && number == 180) ||
              (o->type == AV_OPT_TYPE_INT && number != rint(number)) ? AVERROR(EINVAL) : 0;
    }
    if (ret >= 0)
        ret = av_opt_set(v, key, value, 0);
    if (ret < 0 && ret != AVERROR(ENOMEM))
        av_log(ctx, AV_LOG_ERROR, "rig: camera %d has %s=%s; allowed is %s\n",
               idx, key, value, allowed);
    return ret;
}

/** Whether a quote, as av_get_token() knows it, is not closed. */
static int has_open_quote(const char *text)
{
    int quoted = 0;

    for (; *text; text++) {
        if (*text == '\'')
            quoted = !quoted;
        else if (*text == '\\' && !quoted && text[1])
            text++;
    }
    return quoted;
}

static int parse_camera(AVFilterContext *ctx, int idx, Equi2MultiView *v, const char *text)
{
    if (has_open_quote(text)) {
        av_log(ctx, AV_LOG_ERROR, "rig: camera %d has a quote that is not closed: %s\n", idx, text);
        return AVERROR(EINVAL);
    }

    for (;;) {
        char *key, *value;
        int ret;

        text += strspn(text, BLANKS);
        if (!*text)
            return 0;
        ret = av_opt_get_key_value(&text, "=", BLANKS, 0, &key, &value);
        if (ret < 0) {
            if (ret == AVERROR(EINVAL))
                av_log(ctx, AV_LOG_ERROR, "rig: camera %d is half-written at '%s'; "
                       "key=value pairs are needed, separated by blanks\n", idx, text);
            return ret;
        }
        ret = set_camera_key(ctx, idx, v, key, value);
        av_free(key);
        av_free(value);
        if (ret < 0)
            return ret;
    }
}

/** Add the cameras of a list, separated by '|' or by newlines. */
static int parse_cameras(AVFilterContext *ctx, const char *list)
{
    Equi2MultiContext *s = ctx->priv;
    char before = '\n';

    for (;;) {
        const size_t len = strcspn(list, "|\n");
        const char after = list[len];
        char *text;
        int ret = 0;

        if (strspn(list, BLANKS) < len) {
            Equi2MultiView *v;

            if (s->nb_views == MAX_VIEWS) {
                av_log(ctx, AV_LOG_ERROR, "rig: more than %d cameras\n", MAX_VIEWS);
                return AVERROR(EINVAL);
            }
            v = av_realloc_array(s->views, s->nb_views + 1, sizeof(*s->views));
            if (!v)
                return AVERROR(ENOMEM);
            s->views = v;
            v += s->nb_views++;
            memset(v, 0, sizeof(*v));
            v->class = &camera_class;
            v->log_level_offset = AV_LOG_TRACE; // set_camera_key() does the talking
            av_opt_set_defaults(v);

            text = av_strndup(list, len);
            if (!text)
                return AVERROR(ENOMEM);
            ret = parse_camera(ctx, s->nb_views, v, text);
            av_free(text);
        } else if (before == '|' || after == '|') {
            av_log(ctx, AV_LOG_ERROR, "rig: camera %d is empty; "
                   "key=value pairs are needed between '|'\n", s->nb_views + 1);
            ret = AVERROR(EINVAL);
        }
        if (ret < 0)
            return ret;
        if (!after)
            break;
        before = after;
        list  += len + 1;
    }

    if (!s->nb_views) {
        av_log(ctx, AV_LOG_ERROR, "rig: it is empty; a preset's name or a list of cameras is needed\n");
        return AVERROR(EINVAL);
    }
    return 0;
}

static int parse_rig(AVFilterContext *ctx, double *h_fov)
{
    Equi2MultiContext *s = ctx->priv;
    const char *rig  = s->rig ? s->rig + strspn(s->rig, BLANKS "\n") : "";
    const size_t len = strcspn(rig, BLANKS "\n");
    char names[256] = "";

    *h_fov = DEFAULT_FOV;
    if (!*rig || strpbrk(rig, "=|"))
        return parse_cameras(ctx, s->rig ? s->rig : "");

    for (int i = 0; i < FF_ARRAY_ELEMS(presets); i++)
        if (strlen(presets[i].name) == len && !strncmp(rig, presets[i].name, len) &&
            !rig[len + strspn(rig + len, BLANKS "\n")]) {
            *h_fov = presets[i].h_fov;
            return parse_cameras(ctx, presets[i].cameras);
        }

    for (int i = 0; i < FF_ARRAY_ELEMS(presets); i++)
        av_strlcatf(names, sizeof(names), " %s", presets[i].name);
    av_log(ctx, AV_LOG_ERROR, "rig: no preset is called '%s'; there are%s, "
           "and lists such as 'yaw=0|yaw=90 pitch=20'\n", rig, names);
    return AVERROR(EINVAL);
}

static void rotate(const Equi2MultiContext *s, Equi2MultiOrientation *o,
                   double yaw, double pitch, double roll)
{
    const int sign = s->convention == EQUI2MULTI_360TOOLKIT ? -1 : 1;

    for (int i = 0; i < 3; i++) {
        const char axis = rotation_orders[s->rorder][i];

        equi2multi_rotate(o, axis, axis == 'y' ? yaw : axis == 'p' ? sign * pitch : sign * roll);
    }
}

/** Compute where the views look and what their frames say of it. */
static int orient_views(Equi2MultiContext *s)
{
    for (int i = 0; i < s->nb_views; i++) {
        Equi2MultiView *v = &s->views[i];
        Equi2MultiOrientation o = equi2multi_forward();
        const int32_t *pose = s->pano.pose;
        const struct {
            const char *key;
            double value;
        } numbers[] = {
            { "index", i },
            { "yaw", v->yaw }, { "pitch", v->pitch }, { "roll", v->roll },
            { "fx", v->cam.fx }, { "fy", v->cam.fy },
            { "cx", v->cam.w / 2. }, { "cy", v->cam.h / 2. },
        };
        char key[32], value[128];
        double q[4];
        int ret;

        // the pose turns the sphere, so the views turn back: Ry Rx Rz inverted
        equi2multi_rotate(&o, 'r', -pose[2] / 65536.);
        equi2multi_rotate(&o, 'p', -pose[1] / 65536.);
        equi2multi_rotate(&o, 'y', -pose[0] / 65536.);
        rotate(s, &o, s->yaw, s->pitch, s->roll);
        rotate(s, &o, v->yaw, v->pitch, v->roll);
        v->orientation = o;
        for (int k = 0; k < 2; k++)
            v->shift[k] = equi2multi_shift(o.heading, equi2multi_wrap(s->pano.w, &s->raster[k]));

        av_dict_free(&v->metadata);
        ret = av_dict_set(&v->metadata, "lavfi.equi2multi.camera", v->name, 0);
        if (ret < 0)
            return ret;
        for (int k = 0; k < FF_ARRAY_ELEMS(numbers); k++) {
            snprintf(key, sizeof(key), "lavfi.equi2multi.%s", numbers[k].key);
            snprintf(value, sizeof(value), "%.12g", numbers[k].value);
            ret = av_dict_set(&v->metadata, key, value, 0);
            if (ret < 0)
                return ret;
        }
        equi2multi_quaternion(&o, q);
        snprintf(value, sizeof(value), "%.12g %.12g %.12g %.12g", q[0], q[1], q[2], q[3]);
        ret = av_dict_set(&v->metadata, "lavfi.equi2multi.rotation", value, 0);
        if (ret < 0)
            return ret;
    }

    return 0;
}

/** Remove what describes the panorama and would be wrong for a view. */
static void remove_pano_side_data(AVFrameSideData ***sd, int *nb_sd)
{
    // the spherical mapping is one of these
    av_frame_side_data_remove_by_props(sd, nb_sd, AV_SIDE_DATA_PROP_SIZE_DEPENDENT);
    av_frame_side_data_remove(sd, nb_sd, AV_FRAME_DATA_STEREO3D);
    av_frame_side_data_remove(sd, nb_sd, AV_FRAME_DATA_DISPLAYMATRIX);
    av_frame_side_data_remove(sd, nb_sd, AV_FRAME_DATA_EXIF);
}

/** The format of samples, which frames of a device name elsewhere. */
static enum AVPixelFormat samples_format(int format, const AVBufferRef *hw_frames_ctx)
{
    return hw_frames_ctx ? ((const AVHWFramesContext *)hw_frames_ctx->data)->sw_format : format;
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

/** Convertible matrices; BT.470BG, what JPEG means, before its twin. */
static const enum AVColorSpace matrices[] = {
    AVCOL_SPC_BT470BG, AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT709, AVCOL_SPC_BT2020_NCL,
    AVCOL_SPC_FCC, AVCOL_SPC_SMPTE240M,
};

static int is_convertible(enum AVColorSpace space)
{
    for (int i = 0; i < FF_ARRAY_ELEMS(matrices); i++)
        if (matrices[i] == space)
            return 1;
    return 0;
}

static int is_bt601(enum AVColorSpace space)
{
    return space == AVCOL_SPC_BT470BG || space == AVCOL_SPC_SMPTE170M;
}

av_cold int ff_equi2multi_init(AVFilterContext *ctx, const Equi2MultiBackend *backend)
{
    Equi2MultiContext *s = ctx->priv;
    double preset_fov;
    int ret;

    s->backend = backend;

    if (s->h_fov == 180 || s->v_fov == 180) {
        av_log(ctx, AV_LOG_ERROR, "%s=180 is not allowed; below 180 degrees is, and 0 for the default\n",
               s->h_fov == 180 ? "h_fov" : "v_fov");
        return AVERROR(EINVAL);
    }

    if (s->out_color_matrix != AVCOL_SPC_UNSPECIFIED && !is_convertible(s->out_color_matrix)) {
        av_log(ctx, AV_LOG_ERROR, "out_color_matrix=%s is not possible; bt601, bt709, bt2020, fcc and smpte240m are\n",
               av_color_space_name(s->out_color_matrix));
        return AVERROR(EINVAL);
    }

    ret = parse_rig(ctx, &preset_fov);
    if (ret < 0)
        return ret;

    for (int i = 0; i < s->nb_views; i++) {
        Equi2MultiView *v = &s->views[i];
        Equi2MultiPinhole *cam = &v->cam;
        const double h_fov = v->h_fov ? v->h_fov : s->h_fov ? s->h_fov : preset_fov;
        const double v_fov = v->v_fov ? v->v_fov : s->v_fov;
        AVFilterPad pad = {
            .type         = AVMEDIA_TYPE_VIDEO,
            .config_props = config_output,
        };

        if (!v->name)
            v->name = av_asprintf("cam_%02d", i);
        if (!v->name)
            return AVERROR(ENOMEM);

        cam->w  = v->w ? v->w : s->w;
        cam->h  = v->h ? v->h : v->w ? v->w : s->h ? s->h : s->w;
        // as av_image_check_size() has it, which encoders ask
        if ((cam->w * 8LL + 1024) * (cam->h + 128LL) >= INT_MAX) {
            av_log(ctx, AV_LOG_ERROR, "rig: camera %d is %dx%d, more than a picture of FFmpeg can be: "
                   "16250x16250, or as many pixels\n", i + 1, cam->w, cam->h);
            return AVERROR(EINVAL);
        }
        cam->fx = equi2multi_focal(cam->w, h_fov);
        cam->fy = v_fov ? equi2multi_focal(cam->h, v_fov) : cam->fx;

        pad.name = av_asprintf("cam%d", i);
        if (!pad.name)
            return AVERROR(ENOMEM);
        ret = ff_append_outpad_free_name(ctx, &pad);
        if (ret < 0)
            return ret;
    }

    return 0;
}

int ff_equi2multi_converts(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

    return desc && !(desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_HWACCEL));
}

/** A list of those of some formats that can be converted, yuvj last, after an own one. */
static AVFilterFormats *convertible_formats(const enum AVPixelFormat *pix_fmts, enum AVPixelFormat own,
                                            enum AVColorRange range)
{
    AVFilterFormats *list = NULL;

    if (own != AV_PIX_FMT_NONE && !(ff_fmt_is_forced_full_range(own) && range == AVCOL_RANGE_MPEG) &&
        ff_add_format(&list, own) < 0)
        return NULL;
    for (int yuvj = 0; yuvj < (range == AVCOL_RANGE_MPEG ? 1 : 2); yuvj++)
        for (int i = 0; pix_fmts[i] != AV_PIX_FMT_NONE; i++)
            if (pix_fmts[i] != own && ff_equi2multi_converts(pix_fmts[i]) &&
                ff_fmt_is_forced_full_range(pix_fmts[i]) == yuvj && ff_add_format(&list, pix_fmts[i]) < 0)
                return NULL;
    return list;
}

/** A list of one value, or if that is the first one, which leaves all open, of some. */
static AVFilterFormats *list_of(int value, const int *values, int nb_values)
{
    AVFilterFormats *list = NULL;

    if (value != values[0])
        return ff_make_formats_list_singleton(value);
    for (int i = 0; i < nb_values; i++)
        if (ff_add_format(&list, values[i]) < 0)
            return NULL;
    return list;
}

/** What the outputs offer once the input is known. */
static int offer_formats(const AVFilterContext *ctx, const AVFilterFormatsConfig *in,
                         AVFilterFormatsConfig *out, const enum AVPixelFormat *pix_fmts)
{
    const Equi2MultiContext *s = ctx->priv;
    const int ranges[] = { AVCOL_RANGE_UNSPECIFIED, AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG };
    int spaces[1 + FF_ARRAY_ELEMS(matrices)] = { AVCOL_SPC_UNSPECIFIED };
    const int format   = in->formats->nb_formats == 1 ? in->formats->formats[0] : AV_PIX_FMT_NONE;
    const int hardware = pix_fmts[0] == AV_PIX_FMT_CUDA;
    int known = 0, rgb = 0, ret;

    for (int i = 0; i < FF_ARRAY_ELEMS(matrices); i++)
        spaces[1 + i] = matrices[i];
    for (int i = 0; i < in->color_spaces->nb_formats; i++)
        known |= in->color_spaces->formats[i] == AVCOL_SPC_UNSPECIFIED ||
                 is_convertible(in->color_spaces->formats[i]);
    if (format != AV_PIX_FMT_NONE)
        rgb = !!(av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_RGB);

    if (!known && !rgb && (s->out_color_matrix != AVCOL_SPC_UNSPECIFIED || s->out_range != AVCOL_RANGE_UNSPECIFIED ||
                           s->out_format != AV_PIX_FMT_NONE)) {
        av_log((void *)ctx, AV_LOG_ERROR, "The input's matrix is %s, which cannot be converted: format, out_range "
               "and out_color_matrix are not possible\n", av_color_space_name(in->color_spaces->formats[0]));
        return AVERROR(ENOSYS);
    }
    if (!known || rgb) {
        ret = ff_formats_ref(in->color_spaces, &out->color_spaces);
        if (ret >= 0)
            ret = ff_formats_ref(in->color_ranges, &out->color_ranges);
        if (ret >= 0)
            ret = ff_formats_ref(in->formats, &out->formats);
    } else {
        // where what follows takes it, libavfilter picks the input's own; of an input that does
        // not say, the first
        ret = ff_formats_ref(list_of(s->out_color_matrix, spaces, FF_ARRAY_ELEMS(spaces)), &out->color_spaces);
        if (ret >= 0)
            ret = ff_formats_ref(list_of(s->out_range, ranges, FF_ARRAY_ELEMS(ranges)), &out->color_ranges);
        if (ret < 0)
            return ret;
        if (s->out_format != AV_PIX_FMT_NONE && !hardware)
            ret = ff_formats_ref(ff_make_formats_list_singleton(s->out_format), &out->formats);
        else if (ff_equi2multi_converts(format))
            ret = ff_formats_ref(convertible_formats(pix_fmts, format, s->out_range), &out->formats);
        else
            ret = ff_formats_ref(in->formats, &out->formats);
    }
    return ret >= 0 ? ff_formats_ref(in->alpha_modes, &out->alpha_modes) : ret;
}

int ff_equi2multi_query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **cfg_in,
                                AVFilterFormatsConfig **cfg_out,
                                const enum AVPixelFormat *pix_fmts)
{
    const Equi2MultiContext *s = ctx->priv;
    const AVFilterFormatsConfig *before = &ctx->inputs[0]->incfg;
    AVFilterFormatsConfig *in = cfg_in[0];
    int ret;

    // first the input alone, which libavfilter then merges with what comes before
    if (!in->formats) {
        const int hardware = pix_fmts[0] == AV_PIX_FMT_CUDA;
        AVFilterFormats *formats = hardware || s->out_format == AV_PIX_FMT_NONE ? ff_make_pixel_format_list(pix_fmts) :
                                   ff_equi2multi_converts(s->out_format) ?
                                   convertible_formats(pix_fmts, AV_PIX_FMT_NONE, AVCOL_RANGE_UNSPECIFIED) :
                                   ff_make_formats_list_singleton(s->out_format);

        if ((ret = ff_formats_ref(formats,               &in->formats))      < 0 ||
            (ret = ff_formats_ref(ff_all_color_spaces(), &in->color_spaces)) < 0 ||
            (ret = ff_formats_ref(ff_all_color_ranges(), &in->color_ranges)) < 0 ||
            (ret = ff_formats_ref(ff_all_alpha_modes(),  &in->alpha_modes))  < 0)
            return ret;
        return AVERROR(EAGAIN);
    }
    if (before->formats != in->formats || before->color_spaces != in->color_spaces ||
        before->color_ranges != in->color_ranges)
        return AVERROR(EAGAIN);

    for (int i = 0; i < ctx->nb_outputs; i++) {
        ret = offer_formats(ctx, in, cfg_out[i], pix_fmts);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static void free_positions(Equi2MultiPositions *pos)
{
    av_freep(&pos->u);
    av_freep(&pos->v);
    av_freep(&pos->extent);
}

static void free_grids(AVFilterContext *ctx, Equi2MultiGrid **grids, int *nb_grids)
{
    const Equi2MultiContext *s = ctx->priv;

    for (int i = 0; i < *nb_grids; i++) {
        Equi2MultiPositions *pos = &(*grids)[i].pos;

        free_positions(pos);
        if (pos->device)
            s->backend->unload(ctx, pos);
    }
    av_freep(grids);
    *nb_grids = 0;
}

av_cold void ff_equi2multi_uninit(AVFilterContext *ctx)
{
    Equi2MultiContext *s = ctx->priv;

    free_grids(ctx, &s->grids, &s->nb_grids);
    for (int i = 0; i < s->nb_views; i++) {
        av_opt_free(&s->views[i]);
        av_dict_free(&s->views[i].metadata);
    }
    av_freep(&s->views);
    s->nb_views = 0;
}

typedef struct BuildData {
    const Equi2MultiContext *s;
    const Equi2MultiGrid *grid;
} BuildData;

static int build_slice(AVFilterContext *ctx, void *arg, int jobnr, int nb_jobs)
{
    const BuildData *td = arg;
    const Equi2MultiGrid *grid = td->grid;
    const Equi2MultiPositions *pos = &grid->pos;
    const int end = ff_slice_pos(pos->h, jobnr + 1, nb_jobs);

    for (int y = ff_slice_pos(pos->h, jobnr, nb_jobs); y < end; y++) {
        uint32_t *u = pos->u + (size_t)y * pos->w;
        int32_t  *v = pos->v + (size_t)y * pos->w;
        Equi2MultiExtent *e = pos->extent + (size_t)y * pos->spans - 1;

        equi2multi_grid_row(grid->r, &grid->cam, &grid->out, &td->s->raster[grid->chroma],
                            td->s->pano.w, td->s->pano.h, y, pos->w, u, v);
        for (int x = 0; x < pos->w; x++) {
            if (x % EQUI2MULTI_SPAN == 0)
                *++e = (Equi2MultiExtent){ { u[x], u[x] }, { v[x], v[x] } };
            e->u[0] = FFMIN(e->u[0], u[x]);
            e->u[1] = FFMAX(e->u[1], u[x]);
            e->v[0] = FFMIN(e->v[0], v[x]);
            e->v[1] = FFMAX(e->v[1], v[x]);
        }
    }

    return 0;
}

static int build_positions(AVFilterContext *ctx, Equi2MultiGrid *grid)
{
    const Equi2MultiContext *s = ctx->priv;
    Equi2MultiPositions *pos = &grid->pos;
    BuildData td = { .s = s, .grid = grid };
    int ret = 0;

    pos->w      = equi2multi_samples(grid->cam.w, grid->out.step[0]);
    pos->h      = equi2multi_samples(grid->cam.h, grid->out.step[1]);
    pos->spans  = (pos->w + EQUI2MULTI_SPAN - 1) / EQUI2MULTI_SPAN;
    pos->u      = av_malloc_array(pos->w, pos->h * sizeof(*pos->u));
    pos->v      = av_malloc_array(pos->w, pos->h * sizeof(*pos->v));
    pos->extent = av_malloc_array(pos->spans, pos->h * sizeof(*pos->extent));
    if (!pos->u || !pos->v || !pos->extent)
        return AVERROR(ENOMEM);
    ff_filter_execute(ctx, build_slice, &td, NULL,
                      FFMIN(pos->h, ff_filter_get_nb_threads(ctx)));
    if (s->backend->load) {
        ret = s->backend->load(ctx, pos);
        if (ret >= 0)
            free_positions(pos);
    }
    return ret;
}

static int same_grid(const Equi2MultiGrid *a, const Equi2MultiGrid *b)
{
    for (int i = 0; i < 9; i++)
        if (a->r[i / 3][i % 3] != b->r[i / 3][i % 3])
            return 0;
    for (int i = 0; i < 2; i++)
        if (a->out.step[i] != b->out.step[i] || a->out.offset[i] != b->out.offset[i])
            return 0;
    return a->cam.w  == b->cam.w  && a->cam.h  == b->cam.h &&
           a->cam.fx == b->cam.fx && a->cam.fy == b->cam.fy && a->chroma == b->chroma;
}

/** How the chroma of a format lies. */
static Equi2MultiRaster chroma_raster(enum AVPixelFormat format, enum AVChromaLocation location)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    int x = 0, y = 0;

    av_chroma_location_enum_to_pos(&x, &y, location != AVCHROMA_LOC_UNSPECIFIED ?
                                           location : AVCHROMA_LOC_LEFT);
    return (Equi2MultiRaster) {
        { 1 << desc->log2_chroma_w, 1 << desc->log2_chroma_h },
        { desc->log2_chroma_w ? .5 + x / 256. : .5, desc->log2_chroma_h ? .5 + y / 256. : .5 },
    };
}

/** Say which positions a view takes for its luma or its chroma; return whether it takes any. */
static int describe_grid(const Equi2MultiContext *s, const Equi2MultiView *v, int chroma, Equi2MultiGrid *grid)
{
    const Equi2MultiTarget *t = &v->target;

    if (chroma && !t->method[1])
        return 0;
    *grid = (Equi2MultiGrid) {
        .cam    = v->cam,
        .out    = chroma ? chroma_raster(t->format, t->chroma_location) : s->raster[0],
        .chroma = chroma && s->plane[1].chroma,
    };
    memcpy(grid->r, v->orientation.r, sizeof(grid->r));
    return 1;
}

/** Give each plane of each view its grid: an old one if it fits, else a new one. */
static int update_grids(AVFilterContext *ctx)
{
    Equi2MultiContext *s = ctx->priv;
    Equi2MultiGrid *old = s->grids;
    const int64_t start = av_gettime_relative();
    int nb_old = s->nb_grids, nb_luma = 0, nb_built = 0, ret = 0;
    size_t bytes = 0;

    s->nb_grids = 0;
    s->grids = av_calloc(s->nb_views, 2 * sizeof(*s->grids));
    if (!s->grids)
        ret = AVERROR(ENOMEM);

    for (int i = 0; ret >= 0 && i < s->nb_views * 2; i++) {
        const int chroma = i % 2;
        Equi2MultiView *v = &s->views[i / 2];
        Equi2MultiGrid grid;
        int g = 0, k = 0;

        v->grid[chroma] = -1;
        if (!describe_grid(s, v, chroma, &grid))
            continue;
        while (g < s->nb_grids && !same_grid(&s->grids[g], &grid))
            g++;
        v->grid[chroma] = g;
        if (g < s->nb_grids)
            continue;

        while (k < nb_old && !(old[k].pos.w && same_grid(&old[k], &grid)))
            k++;
        s->grids[s->nb_grids++] = k < nb_old ? old[k] : grid;
        if (k < nb_old) {
            memset(&old[k], 0, sizeof(old[k]));
        } else {
            ret = build_positions(ctx, &s->grids[g]);
            nb_built += !chroma;
        }
        nb_luma += !chroma;
        bytes   += (size_t)s->grids[g].pos.w * s->grids[g].pos.h * 8;
    }

    free_grids(ctx, &old, &nb_old);
    if (ret < 0)
        free_grids(ctx, &s->grids, &s->nb_grids);
    else
        av_log(ctx, AV_LOG_VERBOSE, "%d views, %d grids of %.1f MiB in all, %d built in %.3f s\n",
               s->nb_views, nb_luma, bytes / 1048576., nb_built,
               (av_gettime_relative() - start) / 1e6);
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

static Equi2MultiComponent describe_component(const AVPixFmtDescriptor *desc, int i)
{
    const AVComponentDescriptor *comp = &desc->comp[i];
    const int bytes = (comp->depth + comp->shift + 7) / 8;

    return (Equi2MultiComponent) {
        .plane    = comp->plane,
        .offset   = comp->offset,
        .step     = comp->step / bytes,
        .bytes    = bytes,
        .low_bits = comp->shift,
        .depth    = comp->depth,
    };
}

int ff_equi2multi_config_input(AVFilterLink *inlink, enum AVPixelFormat format)
{
    Equi2MultiContext *s = inlink->dst->priv;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    int ret = check_size(inlink->dst, inlink->w, inlink->h);
    if (ret < 0)
        return ret;

    s->format    = format;
    s->nb_planes = av_pix_fmt_count_planes(format);
    s->bytes     = (desc->comp[0].depth + desc->comp[0].shift + 7) / 8;
    s->low_bits  = desc->comp[0].shift;
    for (int k = 0; k < s->nb_planes; k++)
        s->plane[k].chroma = (k == 1 || k == 2) && (desc->log2_chroma_w || desc->log2_chroma_h);
    for (int i = 0; i < desc->nb_components; i++)
        s->plane[desc->comp[i].plane].samples = desc->comp[i].step / s->bytes;
    for (int i = 0; i < FFMIN(desc->nb_components, 3); i++)
        s->comp[i] = describe_component(desc, i);

    if (inlink->w != 2 * inlink->h)
        av_log(inlink->dst, AV_LOG_WARNING, "The input is %dx%d, not 2:1; it is taken as a whole "
               "sphere of 360 x 180 degrees\n", inlink->w, inlink->h);
    return 0;
}

Equi2MultiPlane ff_equi2multi_plane(const Equi2MultiContext *s, const AVFrame *in, int k)
{
    const Equi2MultiRaster *raster = &s->raster[s->plane[k].chroma];

    return (Equi2MultiPlane) {
        .data     = in->data[k],
        .linesize = in->linesize[k],
        .w        = equi2multi_samples(in->width,  raster->step[0]),
        .h        = equi2multi_samples(in->height, raster->step[1]),
        .wrap     = equi2multi_wrap(in->width, raster),
        .half_gap = in->width % raster->step[0],
        .low_bits = s->low_bits,
        .depth    = s->comp[0].depth,
    };
}

/** Read what a frame says about its geometry and colour. */
static int inspect_pano(AVFilterContext *ctx, const AVFrame *in, Equi2MultiPano *pano)
{
    Equi2MultiContext *s = ctx->priv;
    const AVFilterLink *inlink = ctx->inputs[0];
    const enum AVPixelFormat format = samples_format(in->format, in->hw_frames_ctx);
    const AVFrameSideData *sd;
    int ret;

    memset(pano, 0, sizeof(*pano));
    pano->w = in->width;
    pano->h = in->height;
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
    ret = check_size(ctx, pano->w, pano->h);
    if (ret < 0)
        return ret;

    sd = av_frame_get_side_data(in, AV_FRAME_DATA_SPHERICAL);
    if (sd) {
        const AVSphericalMapping *map = (const AVSphericalMapping *)sd->data;

        if (map->projection == AV_SPHERICAL_EQUIRECTANGULAR_TILE &&
            (map->bound_left || map->bound_top || map->bound_right || map->bound_bottom)) {
            av_log(ctx, AV_LOG_ERROR, "The input is a tile of a panorama; the whole is needed\n");
            return AVERROR_PATCHWELCOME;
        }
        if (map->projection != AV_SPHERICAL_EQUIRECTANGULAR &&
            map->projection != AV_SPHERICAL_EQUIRECTANGULAR_TILE) {
            av_log(ctx, AV_LOG_ERROR, "The projection of the input is %s; equirectangular is needed, "
                   "which the v360 filter can make\n", av_spherical_projection_name(map->projection));
            return AVERROR_PATCHWELCOME;
        }
        pano->pose[0] = map->yaw;
        pano->pose[1] = map->pitch;
        pano->pose[2] = map->roll;
    }

    sd = av_frame_get_side_data(in, AV_FRAME_DATA_STEREO3D);
    if (sd && ((const AVStereo3D *)sd->data)->type != AV_STEREO3D_2D && !s->stereo_warned) {
        av_log(ctx, AV_LOG_WARNING, "The input is stereoscopic (%s); crop one eye before this filter\n",
               av_stereo3d_type_name(((const AVStereo3D *)sd->data)->type));
        s->stereo_warned = 1;
    }

    return 0;
}

/** The conversion from one matrix, range and depth to another. */
static void set_conversion(Equi2MultiConversion *conversion,
                           enum AVColorSpace from, int from_full, int from_depth,
                           enum AVColorSpace to,   int to_full,   int to_depth)
{
    const AVLumaCoefficients *a = av_csp_luma_coeffs_from_avcsp(from);
    const AVLumaCoefficients *b = av_csp_luma_coeffs_from_avcsp(to);
    // black, and what luma and chroma span, in 14 bits
    const int one = 1 << EQUI2MULTI_WIDE_BITS;
    const double full_from = one - one / (double)(1 << from_depth);
    const double full_to   = one - one / (double)(1 << to_depth);
    const double luma_from   = from_full ? full_from : one / 256 * 219;
    const double luma_to     = to_full   ? full_to   : one / 256 * 219;
    const double chroma_from = from_full ? full_from : one / 256 * 224;
    const double chroma_to   = to_full   ? full_to   : one / 256 * 224;
    const int black_from = from_full ? 0 : one / 256 * 16;
    const int black_to   = to_full   ? 0 : one / 256 * 16;
    const int rounding   = 1 << (EQUI2MULTI_WIDE_BITS + EQUI2MULTI_MIX_BITS - to_depth - 1);
    double c[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };

    if (from != to && a && b) {
        const double kr = av_q2d(a->cr), kb = av_q2d(a->cb), kg = 1 - kr - kb;
        const double lr = av_q2d(b->cr), lb = av_q2d(b->cb), lg = 1 - lr - lb;
        // B - Y = ub U, R - Y = vr V, from which G - Y follows
        const double ub = 2 * (1 - kb), vr = 2 * (1 - kr);

        c[0][1] = lb * ub - lg * kb * ub / kg;
        c[0][2] = lr * vr - lg * kr * vr / kg;
        c[1][1] = (ub - c[0][1]) / (2 * (1 - lb));
        c[1][2] =     - c[0][2]  / (2 * (1 - lb));
        c[2][1] =     - c[0][1]  / (2 * (1 - lr));
        c[2][2] = (vr - c[0][2]) / (2 * (1 - lr));
    }

    conversion->depth = to_depth;
    for (int i = 0; i < 3; i++) {
        Equi2MultiMix *mix = &conversion->mix[i];

        for (int j = 0; j < 3; j++) {
            const double x = c[i][j] * (i ? chroma_to : luma_to) / (j ? chroma_from : luma_from) *
                             (1 << EQUI2MULTI_MIX_BITS);

            mix->c[j] = (int)(x + (x < 0 ? -.5 : .5));
        }
        // so that gray stays gray, and black black, whatever the rounding of coefficients
        mix->k = (i ? one / 2 : black_to) * (1 << EQUI2MULTI_MIX_BITS) + rounding -
                 mix->c[0] * black_from - (mix->c[1] + mix->c[2]) * (one / 2);
    }
}

/** The matrix of a panorama: of one that does not say, what players take. */
static enum AVColorSpace pano_matrix(AVFilterContext *ctx, const Equi2MultiPano *pano)
{
    Equi2MultiContext *s = ctx->priv;
    const int hd = pano->w >= 1280 || pano->h > 576;

    if (pano->colorspace != AVCOL_SPC_UNSPECIFIED)
        return pano->colorspace;
    if (!s->matrix_told) {
        av_log(ctx, AV_LOG_INFO, "The input does not say what its matrix is; %s is assumed for %dx%d, "
               "setparams=colorspace says otherwise\n", hd ? "BT.709" : "BT.601", pano->w, pano->h);
        s->matrix_told = 1;
    }
    return hd ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

/** Work out what the frames of a view carry, and how that is made. */
static int set_target(AVFilterContext *ctx, int i, const Equi2MultiPano *pano)
{
    Equi2MultiContext *s = ctx->priv;
    AVFilterLink *outlink = ctx->outputs[i];
    const enum AVPixelFormat format = samples_format(outlink->format, ff_filter_link(outlink)->hw_frames_ctx);
    const AVPixFmtDescriptor *in_desc = av_pix_fmt_desc_get(s->format), *desc = av_pix_fmt_desc_get(format);
    const int chroma = desc->nb_components > 2, in_chroma = in_desc->nb_components > 2;
    Equi2MultiTarget *t = &s->views[i].target;
    enum AVColorSpace from, to;
    int full, to_full, converted;

    memset(t, 0, sizeof(*t));
    t->format          = format;
    t->color_range     = pano->color_range;
    t->colorspace      = pano->colorspace;
    t->chroma_location = pano->chroma_location;
    for (int k = 0; k < s->nb_planes; k++)
        t->method[k] = EQUI2MULTI_SAMPLED;
    if (format == s->format && ((desc->flags & AV_PIX_FMT_FLAG_RGB) || !chroma))
        return 0;

    if (ff_fmt_is_forced_full_range(format) || !chroma)
        t->color_range = chroma || in_chroma ? AVCOL_RANGE_JPEG : pano->color_range;
    else if (outlink->color_range != AVCOL_RANGE_UNSPECIFIED)
        t->color_range = outlink->color_range;
    full    = pano->color_range == AVCOL_RANGE_JPEG;
    to_full = t->color_range    == AVCOL_RANGE_JPEG;

    if (chroma && outlink->colorspace != AVCOL_SPC_UNSPECIFIED)
        t->colorspace = outlink->colorspace;
    from = to = t->colorspace;
    if (chroma && in_chroma && t->colorspace != pano->colorspace) {
        from = pano_matrix(ctx, pano);
        if (from != to && !(is_convertible(from) && is_convertible(to))) {
            av_log(ctx, AV_LOG_ERROR, "The input's matrix is %s, which cannot be converted to %s\n",
                   av_color_space_name(from), av_color_space_name(to));
            return AVERROR(ENOSYS);
        }
        if (is_bt601(from) && is_bt601(to))
            from = to;
    }
    converted = full != to_full || from != to;
    // where readers of JPEG expect it
    if (converted && to_full && is_bt601(t->colorspace) && (desc->log2_chroma_w || desc->log2_chroma_h))
        t->chroma_location = AVCHROMA_LOC_CENTER;

    for (int k = 0; k < (chroma ? 3 : 1); k++)
        t->comp[k] = describe_component(desc, k);
    converted |= to_full && s->comp[0].depth != t->comp[0].depth;
    t->chroma_in_luma = from != to;
    if (chroma) {
        const Equi2MultiRaster raster = chroma_raster(format, t->chroma_location);

        for (int k = 0; k < 2; k++)
            t->siting[k] = (Equi2MultiSiting) { raster.step[k], 2 * raster.offset[k] };
    }
    t->method[0] = converted || memcmp(&t->comp[0], &s->comp[0], sizeof(t->comp[0])) ?
                   EQUI2MULTI_CONVERTED : EQUI2MULTI_SAMPLED;
    t->method[1] = !chroma ? EQUI2MULTI_ABSENT :
                   converted || memcmp(&t->comp[1], &s->comp[1], 2 * sizeof(t->comp[1])) ?
                   EQUI2MULTI_CONVERTED : EQUI2MULTI_SAMPLED;
    t->method[2] = t->method[1] == EQUI2MULTI_SAMPLED && s->nb_planes > 2 ?
                   EQUI2MULTI_SAMPLED : EQUI2MULTI_ABSENT;
    set_conversion(&t->conversion, from, full, s->comp[0].depth, to, to_full, t->comp[0].depth);

    if (!s->hdr_warned && (pano->color_trc == AVCOL_TRC_SMPTE2084 || pano->color_trc == AVCOL_TRC_ARIB_STD_B67) &&
        (from != to || (t->comp[0].depth == 8 && s->comp[0].depth > 8))) {
        av_log(ctx, AV_LOG_WARNING, "The input is HDR (%s) and no tone mapping is done: "
               "views will look dull, unless they are tone mapped before or after this filter\n",
               av_color_transfer_name(pano->color_trc));
        s->hdr_warned = 1;
    }
    return 0;
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

    if (s->nb_grids && !s->turned && !memcmp(&pano, &last, sizeof(pano)))
        return 0;

    if (pano.w != last.w || pano.h != last.h || pano.chroma_location != last.chroma_location)
        free_grids(ctx, &s->grids, &s->nb_grids);
    if (memcmp(pano.pose, last.pose, sizeof(pano.pose)))
        av_log(ctx, AV_LOG_INFO, "The input's pose is applied: yaw %g, pitch %g, roll %g\n",
               pano.pose[0] / 65536., pano.pose[1] / 65536., pano.pose[2] / 65536.);

    s->raster[0] = (Equi2MultiRaster){ { 1, 1 }, { .5, .5 } };
    s->raster[1] = chroma_raster(s->format, pano.chroma_location);
    s->pano = pano;

    ret = 0;
    for (int i = 0; ret >= 0 && i < s->nb_views; i++)
        ret = set_target(ctx, i, &pano);
    if (ret >= 0)
        ret = orient_views(s);
    if (ret >= 0)
        ret = update_grids(ctx);
    s->turned = ret < 0;
    return ret;
}

static int render_frame(AVFilterContext *ctx, const AVFrame *in)
{
    Equi2MultiContext *s = ctx->priv;
    AVFrame *out[MAX_VIEWS] = { NULL };
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
        out[i]->color_range         = s->views[i].target.color_range;
        out[i]->colorspace          = s->views[i].target.colorspace;
        out[i]->chroma_location     = s->views[i].target.chroma_location;
        remove_pano_side_data(&out[i]->side_data, &out[i]->nb_side_data);
        ret = av_dict_copy(&out[i]->metadata, s->views[i].metadata, 0);
        if (ret < 0)
            goto end;
    }

    ret = s->backend->render(ctx, in, out);
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
    int ret = ff_filter_process_command(ctx, cmd, arg, res, res_len, flags);

    if (ret >= 0)
        s->turned = 1;
    return ret;
}
