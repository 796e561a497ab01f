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
 * What the backends of equi2multi share: rig, grids, links and frames.
 *
 * The words, in code and messages:
 * - view: what a camera of the rig sees, a pinhole picture. Heading: a turn
 *   about the vertical axis of the panorama, the first part of an orientation.
 * - cell: the rectangle of a frame that is rendered: all of it, what a crop
 *   leaves, or one eye. It shows the sphere or, a partial panorama, some of it.
 * - plane: of a frame; component: Y, U, V and alpha, or R, G, B; sample: one
 *   value; pixel: the samples of a plane that are side by side. Chroma: planes
 *   or components U and V.
 * - raster: how the samples of a plane lie on luma pixels.
 * - map: where the samples of a plane of the cell lie on the sphere.
 * - position: where between the samples of such a plane a sample of a view comes
 *   from; grid: those of a plane of all views that differ in their heading alone;
 *   shift: what a heading adds to them; turn: 360 degrees of them.
 * - target: what the frames of a view carry, and the conversion to that. Wide
 *   samples: those to be converted, of EQUI2MULTI_WIDE_BITS.
 */

#ifndef AVFILTER_EQUI2MULTI_H
#define AVFILTER_EQUI2MULTI_H

#include <stddef.h>
#include <stdint.h>

#include "libavutil/dict.h"
#include "libavutil/frame.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"
#include "libavutil/pixfmt.h"
#include "avfilter.h"
#include "equi2multi_geometry.h"

enum Equi2MultiInterp {
    EQUI2MULTI_NEAREST,
    EQUI2MULTI_LINEAR,
    NB_EQUI2MULTI_INTERP,
};

enum Equi2MultiRotationOrder {
    EQUI2MULTI_YPR,
    EQUI2MULTI_YRP,
    EQUI2MULTI_PYR,
    EQUI2MULTI_PRY,
    EQUI2MULTI_RYP,
    EQUI2MULTI_RPY,
    NB_EQUI2MULTI_ROTATION_ORDER,
};

enum Equi2MultiConvention {
    EQUI2MULTI_V360,
    EQUI2MULTI_360TOOLKIT,
    NB_EQUI2MULTI_CONVENTION,
};

/** How two eyes share a frame. */
enum Equi2MultiStereo {
    EQUI2MULTI_AUTO,
    EQUI2MULTI_2D,
    EQUI2MULTI_SBS,
    EQUI2MULTI_TB,
    NB_EQUI2MULTI_STEREO,
};

#define EQUI2MULTI_MAX_VIEWS     256
#define EQUI2MULTI_MAX_VIEW_SIZE 16384

/** Positions of a row lie in spans of this many, the last one shorter. */
#define EQUI2MULTI_SPAN 64

/** Planes by what they hold, those of the panorama and of views alike. */
enum {
    EQUI2MULTI_LUMA,                 ///< or alpha, or RGB
    EQUI2MULTI_CHROMA,
};

/** Source positions, w * h each; see equi2multi_position(). A backend keeps them where it needs them. */
typedef struct Equi2MultiPositions {
    int w, h;
    size_t size;                     ///< bytes of u and v; 0: there are no buffers
    uint32_t *u;
    int32_t *v;
    Equi2MultiExtent *extent;        ///< of the spans of each row
    uintptr_t device;                ///< all of them, in memory of a device
} Equi2MultiPositions;

/** Positions of a plane of all views that differ in nothing but their heading. */
typedef struct Equi2MultiGrid {
    Equi2MultiGridKey key;
    Equi2MultiPositions pos;
    int built;                       ///< they are those of the key
} Equi2MultiGrid;

/** How a plane of a view comes to be. */
enum Equi2MultiMethod {
    EQUI2MULTI_ABSENT,
    EQUI2MULTI_SAMPLED,              ///< from the same plane of the panorama
    EQUI2MULTI_CONVERTED,            ///< by Equi2MultiTarget.conversion
};

/** One of Y, U, V in its plane. */
typedef struct Equi2MultiComponent {
    int plane;
    int offset;                      ///< bytes, of the first sample
    int step;                        ///< samples, from one to the next
    int bytes;                       ///< of a sample
    int low_bits;                    ///< unused ones of a sample
    int depth;
} Equi2MultiComponent;

/** What the frames of a view carry, and how that is made of the panorama's. */
typedef struct Equi2MultiTarget {
    enum AVPixelFormat format;
    enum AVColorRange color_range;
    enum AVColorSpace colorspace;
    enum AVChromaLocation chroma_location;
    enum Equi2MultiMethod method[4]; ///< by plane; of a converted U, that of V, too
    int chroma_in_luma;              ///< luma depends on chroma, too
    Equi2MultiSiting siting[2];      ///< x, y
    Equi2MultiComponent comp[3];
    Equi2MultiConversion conversion;
} Equi2MultiTarget;

/** A camera of the rig, filled from its key=value pairs. */
typedef struct Equi2MultiView {
    const AVClass *class;
    int log_level_offset;
    char *name;
    double yaw, pitch, roll;         ///< degrees
    double h_fov, v_fov;             ///< degrees; 0: not named
    int w, h;                        ///< pixels; 0: not named

    Equi2MultiPinhole cam;
    Equi2MultiOrientation orientation;
    int grid[2];                     ///< of luma, of chroma: index into Equi2MultiContext.grids, or -1
    uint32_t shift[2];               ///< what is to be added to u, see equi2multi_shift()
    AVDictionary *metadata;          ///< lavfi.equi2multi.*
    AVFrame *owned;                  ///< what show=owner shows
    Equi2MultiTarget target;
} Equi2MultiView;

/** What the panorama's own frames say about its geometry and colour. */
typedef struct Equi2MultiPano {
    int x, y, w, h;                  ///< the cell in the frame, luma pixels
    int sphere[2], start[2];         ///< see Equi2MultiMap
    int border;
    int in_stereo;                   ///< enum Equi2MultiStereo, never auto
    enum AVColorRange color_range;
    enum AVColorSpace colorspace;
    enum AVColorTransferCharacteristic color_trc;
    enum AVChromaLocation chroma_location;
    int32_t pose[3];                 ///< yaw, pitch, roll of AVSphericalMapping, 16.16 degrees
} Equi2MultiPano;

/** What a backend does; config_output is optional. */
typedef struct Equi2MultiBackend {
    /** Complete an output link whose size is set. */
    int (*config_output)(AVFilterLink *outlink);

    /** Fill the positions of a grid, w and h being set: in the buffers that they have, or in new ones. */
    int (*build)(AVFilterContext *ctx, Equi2MultiGrid *grid);

    /** Free their buffers. */
    void (*discard)(AVFilterContext *ctx, Equi2MultiPositions *pos);

    /**
     * Render the open views of a panorama.
     *
     * @param in   planes that Equi2MultiContext.plane describes
     * @param out  a writable frame per view, NULL where the output is closed
     * @return 0 or a negative AVERROR
     */
    int (*render)(AVFilterContext *ctx, const AVFrame *in, AVFrame *const *out);
} Equi2MultiBackend;

typedef struct Equi2MultiContext {
    const AVClass *class;

    char *rig;
    int w, h;
    double h_fov, v_fov;
    double yaw, pitch, roll;
    char *rotation, *rotations;
    int rorder;                      ///< enum Equi2MultiRotationOrder
    int interp;                      ///< enum Equi2MultiInterp
    int convention;                  ///< enum Equi2MultiConvention
    int show_owner;
    int in_stereo;                   ///< enum Equi2MultiStereo
    int eye;                         ///< 0 left, 1 right
    char *sphere;
    enum AVPixelFormat out_format;
    int out_range;                   ///< enum AVColorRange
    int out_color_matrix;            ///< enum AVColorSpace

    Equi2MultiView *views;
    int nb_views;
    int is_preset;
    double turn[4];                  ///< of the rig: unit quaternion w, x, y, z
    struct Equi2MultiTurn {
        double time;                 ///< s
        double q[4];
    } *turns;                        ///< of rotations, by time
    int nb_turns;
    Equi2MultiGrid *grids;
    int nb_grids;
    size_t grids_size;               ///< bytes, of their positions
    Equi2MultiPano pano;             ///< what the grids were built for
    Equi2MultiMap map[2];            ///< of its luma, of its chroma
    int turned;                      ///< the rig turned since then
    int matrix_told, hdr_warned;

    const Equi2MultiBackend *backend;
    enum AVPixelFormat format;       ///< of the samples, also where frames are a device's
    int nb_planes;
    struct {
        int samples;                 ///< of a pixel
        int chroma;                  ///< EQUI2MULTI_LUMA, or EQUI2MULTI_CHROMA if there are fewer samples
    } plane[4];
    Equi2MultiComponent comp[3];
} Equi2MultiContext;

typedef struct Equi2MultiDSP {
    /**
     * Interpolate n 8-bit samples, n a multiple of 8, between columns 0 and
     * w - 3 and rows 0 and h - 1 of a plane, where four bytes can be read.
     *
     * @param u, v   positions, v yet to be rounded to EQUI2MULTI_WEIGHT_BITS
     * @param shift  what to add to u (modulo 2^32), rounding included
     */
    void (*linear_8)(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                     const uint32_t *u, const int32_t *v, int n, uint32_t shift);

    /** The same, to EQUI2MULTI_WIDE_BITS. */
    void (*linear_8_wide)(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                          const uint32_t *u, const int32_t *v, int n, uint32_t shift);

    /** The same of pairs of samples, the second ones to EQUI2MULTI_SPAN samples further. */
    void (*linear_8x2_wide)(uint8_t *dst, const uint8_t *src, ptrdiff_t linesize,
                            const uint32_t *u, const int32_t *v, int n, uint32_t shift);

    /** Blend rows of EQUI2MULTI_SPAN samples, see equi2multi_between(). */
    void (*between)(uint16_t *dst, const uint16_t *a, const uint16_t *b, int quarters);

    /**
     * Make EQUI2MULTI_SPAN samples of half as many, and of one before and one after
     * these: by turns what lies some quarters past the sample before, and past the sample.
     */
    void (*upsample)(uint16_t *dst, const uint16_t *src, int past_before, int past);

    /** Convert n samples, a multiple of 16, to one of 8 bits each, see equi2multi_mix(). */
    void (*mix_8)(uint8_t *dst, const uint16_t *y, const uint16_t *u, const uint16_t *v,
                  const Equi2MultiMix *mix, int n);
} Equi2MultiDSP;

void ff_equi2multi_dsp_init(Equi2MultiDSP *dsp);
void ff_equi2multi_dsp_init_x86(Equi2MultiDSP *dsp);

#define EQUI2MULTI_FLAGS (AV_OPT_FLAG_FILTERING_PARAM | AV_OPT_FLAG_VIDEO_PARAM)

/** Options of every backend, whose context begins with an Equi2MultiContext. */
extern const AVOption ff_equi2multi_options[];

/* equi2multi_rig.c */

/** Parse the rig and complete its cameras. */
int ff_equi2multi_init_rig(AVFilterContext *ctx);

void ff_equi2multi_uninit_rig(AVFilterContext *ctx);

/** Read four numbers w x y z, and make a unit quaternion of them. */
int ff_equi2multi_parse_rotation(AVFilterContext *ctx, const char *text, double q[4]);

/** Turn the rig as the option rotations has it for a time, in s; return whether that is news. */
int ff_equi2multi_turn_rig(Equi2MultiContext *s, double time);

/** Compute where the views look and what their frames say of it. */
int ff_equi2multi_orient_views(Equi2MultiContext *s);

/**
 * Draw into a gray frame per view, NULL for one that is closed, what it owns: 255
 * where of the views that see a direction its axis is the nearest one, the first
 * of several. What a view sees it owns, or another one does.
 */
int ff_equi2multi_show_owner(AVFilterContext *ctx, AVFrame *const *out);

/* equi2multi_colour.c */

/** Refuse options that name no colours that views can have. */
int ff_equi2multi_check_colours(AVFilterContext *ctx);

/**
 * Negotiate: the input's formats are tied to those of the outputs, unless this
 * filter can convert them.
 *
 * @param pix_fmts  what the backend takes
 */
int ff_equi2multi_query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **cfg_in,
                                AVFilterFormatsConfig **cfg_out,
                                const enum AVPixelFormat *pix_fmts);

/** Whether this filter converts samples of a format: YUV and gray, without alpha. */
int ff_equi2multi_converts(enum AVPixelFormat format);

/** The format of samples, which frames of a device name elsewhere. */
enum AVPixelFormat ff_equi2multi_samples_format(int format, const AVBufferRef *hw_frames_ctx);

/** How the chroma of a format lies. */
Equi2MultiRaster ff_equi2multi_chroma_raster(enum AVPixelFormat format, enum AVChromaLocation location);

Equi2MultiComponent ff_equi2multi_component(const AVPixFmtDescriptor *desc, int i);

/** Work out what the frames of view i carry, and how that is made. */
int ff_equi2multi_set_target(AVFilterContext *ctx, int i, const Equi2MultiPano *pano);

/* equi2multi_common.c */

/** Parse the rig and add an output pad per camera. */
int ff_equi2multi_init(AVFilterContext *ctx, const Equi2MultiBackend *backend);

void ff_equi2multi_uninit(AVFilterContext *ctx);

/**
 * Check the size of frames and describe their planes.
 *
 * @param format  that of the samples, one that the backend can render
 */
int ff_equi2multi_config_input(AVFilterLink *inlink, enum AVPixelFormat format);

/** Describe plane k of a panorama whose positions are up to date. */
Equi2MultiPlane ff_equi2multi_plane(const Equi2MultiContext *s, const AVFrame *in, int k);

int ff_equi2multi_activate(AVFilterContext *ctx);

/** Set yaw, pitch, roll or rotation of the rig from the next frame on. */
int ff_equi2multi_process_command(AVFilterContext *ctx, const char *cmd, const char *arg,
                                  char *res, int res_len, int flags);

#endif /* AVFILTER_EQUI2MULTI_H */
