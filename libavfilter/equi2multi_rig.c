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
 * The rig of equi2multi: presets, lists of cameras, where they look, and what
 * their frames say of it.
 */

#include <math.h>
#include <string.h>

#include "libavutil/attributes.h"
#include "libavutil/avstring.h"
#include "libavutil/dict.h"
#include "libavutil/eval.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "avfilter.h"
#include "equi2multi.h"
#include "filters.h"

#define MAX_VIEWS     EQUI2MULTI_MAX_VIEWS
#define MAX_VIEW_SIZE EQUI2MULTI_MAX_VIEW_SIZE
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
// what a lens of a camera with two sees, but for where it meets the other: ahead, right, left, up, down; the corners
#define LENS5(a, r, l) "yaw=" #a "|yaw=" #r "|yaw=" #l "|yaw=" #a " pitch=45|yaw=" #a " pitch=-45"
#define LENS4(r, l) "yaw=" #r " pitch=30|yaw=" #l " pitch=30|yaw=" #r " pitch=-30|yaw=" #l " pitch=-30"

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
    { "lens10",     90, LENS5(0, 45, -45) "|" LENS5(180, -135, 135) },
    { "lens18",     90, LENS5(0, 45, -45) "|" LENS5(180, -135, 135) "|" LENS4(30, -30) "|" LENS4(-150, 150) },
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
            s->is_preset = 1;
            return parse_cameras(ctx, presets[i].cameras);
        }

    for (int i = 0; i < FF_ARRAY_ELEMS(presets); i++)
        av_strlcatf(names, sizeof(names), " %s", presets[i].name);
    av_log(ctx, AV_LOG_ERROR, "rig: no preset is called '%s'; there are%s, "
           "and lists such as 'yaw=0|yaw=90 pitch=20'\n", rig, names);
    return AVERROR(EINVAL);
}

/** Append angles in the order of the option; toolkit: those of convention=360toolkit. */
static void rotate(const Equi2MultiContext *s, Equi2MultiOrientation *o, int toolkit,
                   double yaw, double pitch, double roll)
{
    const int sign = toolkit ? -1 : 1;

    for (int i = 0; i < 3; i++) {
        const char axis = rotation_orders[s->rorder][i];

        equi2multi_rotate(o, axis, axis == 'y' ? yaw : axis == 'p' ? sign * pitch : sign * roll);
    }
}

/** Append the rotation of a camera in the rig. The convention is for angles that a user writes. */
static void rotate_camera(const Equi2MultiContext *s, Equi2MultiOrientation *o, const Equi2MultiView *v)
{
    rotate(s, o, s->convention == EQUI2MULTI_360TOOLKIT && !s->is_preset, v->yaw, v->pitch, v->roll);
}

static int parse_numbers(const char **text, double *numbers, int n)
{
    for (int i = 0; i < n; i++) {
        const char *start = *text + strspn(*text, BLANKS ",|");
        char *end;

        numbers[i] = av_strtod(start, &end);
        if (end == start || !isfinite(numbers[i]))
            return 0;
        *text = end;
    }
    return 1;
}

static int make_unit(double q[4])
{
    const double n = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3];

    if (!(n > 1e-12 && n < 1e12))
        return 0;
    for (int i = 0; i < 4; i++)
        q[i] /= sqrt(n);
    return 1;
}

int ff_equi2multi_parse_rotation(AVFilterContext *ctx, const char *text, double q[4])
{
    const char *end = text;

    if (parse_numbers(&end, q, 4) && !end[strspn(end, BLANKS)] && make_unit(q))
        return 0;
    av_log(ctx, AV_LOG_ERROR, "rotation=%s is no quaternion; four numbers w x y z are needed, not all of them 0\n", text);
    return AVERROR(EINVAL);
}

/** Read lines of a time and a quaternion. */
static int parse_rotations(AVFilterContext *ctx)
{
    Equi2MultiContext *s = ctx->priv;
    const char *text = s->rotations;
    unsigned size = 0;

    for (int line = 1; *text; line++) {
        const int len = strcspn(text, "\n");
        const char *end = text;
        double numbers[5];

        if (strspn(text, BLANKS) < len && *text != '#') {
            struct Equi2MultiTurn *turns = av_fast_realloc(s->turns, &size, (s->nb_turns + 1) * sizeof(*turns));

            if (!turns)
                return AVERROR(ENOMEM);
            s->turns = turns;
            // blanks include no newline: numbers are of this line, or there are too few
            if (!parse_numbers(&end, numbers, 5) || end - text > len || (int)strspn(end, BLANKS) < len - (end - text) ||
                !make_unit(numbers + 1) || (s->nb_turns && numbers[0] <= turns[s->nb_turns - 1].time)) {
                av_log(ctx, AV_LOG_ERROR, "rotations: line %d is '%.*s'; a time in seconds, later than the one before, "
                       "and a quaternion w x y z are needed\n", line, FFMIN(len, 200), text);
                return AVERROR(EINVAL);
            }
            turns[s->nb_turns].time = numbers[0];
            memcpy(turns[s->nb_turns++].q, numbers + 1, sizeof(turns->q));
        }
        text += len + !!text[len];
    }
    if (!s->nb_turns) {
        av_log(ctx, AV_LOG_ERROR, "rotations: it is empty; lines of a time and a quaternion are needed\n");
        return AVERROR(EINVAL);
    }
    return 0;
}

int ff_equi2multi_turn_rig(Equi2MultiContext *s, double time)
{
    const struct Equi2MultiTurn *turn = s->turns;
    int first = 0, end = s->nb_turns;   // the last one that is not later
    double q[4];

    if (!s->nb_turns)
        return 0;
    while (end - first > 1) {
        const int middle = (first + end) / 2;

        if (turn[middle].time <= time)
            first = middle;
        else
            end = middle;
    }
    turn += first;
    if (time <= turn->time || first == s->nb_turns - 1)
        memcpy(q, turn->q, sizeof(q));
    else
        equi2multi_slerp(turn[0].q, turn[1].q, (time - turn[0].time) / (turn[1].time - turn[0].time), q);
    if (!memcmp(q, s->turn, sizeof(q)))
        return 0;
    memcpy(s->turn, q, sizeof(q));
    return 1;
}

int ff_equi2multi_orient_views(Equi2MultiContext *s)
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
        equi2multi_rotate_by(&o, s->turn);
        rotate(s, &o, s->convention == EQUI2MULTI_360TOOLKIT, s->yaw, s->pitch, s->roll);
        rotate_camera(s, &o, v);
        v->orientation = o;

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

typedef struct OwnerData {
    AVFrame *const *out;
    double (*axes)[3][3];           ///< of the cameras, in the rig
} OwnerData;

static int show_owner_slice(AVFilterContext *ctx, void *arg, int jobnr, int nb_jobs)
{
    const Equi2MultiContext *s = ctx->priv;
    const OwnerData *td = arg;
    double (*const axes)[3][3] = td->axes;
    AVFrame *const *out = td->out;

    for (int i = 0; i < s->nb_views; i++) {
        const Equi2MultiPinhole *cam = &s->views[i].cam;
        const int end = ff_slice_pos(cam->h, jobnr + 1, nb_jobs);

        for (int y = ff_slice_pos(cam->h, jobnr, nb_jobs); out[i] && y < end; y++)
            for (int x = 0; x < cam->w; x++) {
                const double ray[3] = { (x + .5 - cam->w / 2.) / cam->fx, (y + .5 - cam->h / 2.) / cam->fy, 1 };
                double d[3], best = 0;
                int owner = i;

                for (int k = 0; k < 3; k++)
                    d[k] = axes[i][k][0] * ray[0] + axes[i][k][1] * ray[1] + axes[i][k][2] * ray[2];
                for (int k = 0; k < s->nb_views; k++) {
                    const Equi2MultiPinhole *other = &s->views[k].cam;
                    double p[3];

                    for (int j = 0; j < 3; j++)
                        p[j] = axes[k][0][j] * d[0] + axes[k][1][j] * d[1] + axes[k][2][j] * d[2];
                    // the nearest axis is that which most of the ray lies along
                    if (p[2] > best && fabs(p[0]) * other->fx <= p[2] * other->w / 2 &&
                                       fabs(p[1]) * other->fy <= p[2] * other->h / 2) {
                        best  = p[2];
                        owner = k;
                    }
                }
                out[i]->data[0][y * (ptrdiff_t)out[i]->linesize[0] + x] = owner == i ? 255 : 0;
            }
    }

    return 0;
}

int ff_equi2multi_show_owner(AVFilterContext *ctx, AVFrame *const *out)
{
    const Equi2MultiContext *s = ctx->priv;
    OwnerData td = { out, av_malloc_array(s->nb_views, sizeof(*td.axes)) };
    int ret;

    if (!td.axes)
        return AVERROR(ENOMEM);
    for (int i = 0; i < s->nb_views; i++) {
        Equi2MultiOrientation o = equi2multi_forward();

        rotate_camera(s, &o, &s->views[i]);
        equi2multi_matrix(&o, td.axes[i]);
    }
    ret = ff_filter_execute(ctx, show_owner_slice, &td, NULL, ff_filter_get_nb_threads(ctx));
    av_free(td.axes);
    return ret;
}

av_cold int ff_equi2multi_init_rig(AVFilterContext *ctx)
{
    Equi2MultiContext *s = ctx->priv;
    double preset_fov;
    int ret;

    if (s->h_fov == 180 || s->v_fov == 180) {
        av_log(ctx, AV_LOG_ERROR, "%s=180 is not allowed; below 180 degrees is, and 0 for the default\n",
               s->h_fov == 180 ? "h_fov" : "v_fov");
        return AVERROR(EINVAL);
    }

    s->turn[0] = 1;
    ret = parse_rig(ctx, &preset_fov);
    if (ret >= 0 && s->rotation)
        ret = ff_equi2multi_parse_rotation(ctx, s->rotation, s->turn);
    if (ret >= 0 && s->rotations)
        ret = parse_rotations(ctx);
    if (ret < 0)
        return ret;
    if (s->rotation && s->rotations) {
        av_log(ctx, AV_LOG_ERROR, "rotation and rotations are both given; one of them is needed\n");
        return AVERROR(EINVAL);
    }

    for (int i = 0; i < s->nb_views; i++) {
        Equi2MultiView *v = &s->views[i];
        Equi2MultiPinhole *cam = &v->cam;
        const double h_fov = v->h_fov ? v->h_fov : s->h_fov ? s->h_fov : preset_fov;
        const double v_fov = v->v_fov ? v->v_fov : s->v_fov;

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
    }

    return 0;
}

av_cold void ff_equi2multi_uninit_rig(AVFilterContext *ctx)
{
    Equi2MultiContext *s = ctx->priv;

    for (int i = 0; i < s->nb_views; i++) {
        av_opt_free(&s->views[i]);
        av_frame_free(&s->views[i].owned);
        av_dict_free(&s->views[i].metadata);
    }
    av_freep(&s->views);
    s->nb_views = 0;
    av_freep(&s->turns);
    s->nb_turns = 0;
}
