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
 * The one parameter of each kernel of equi2multi_cuda.
 */

#ifndef AVFILTER_EQUI2MULTI_CUDA_H
#define AVFILTER_EQUI2MULTI_CUDA_H

#include "equi2multi_sample.h"

#define EQUI2MULTI_CUDA_BLOCK_W 32
#define EQUI2MULTI_CUDA_BLOCK_H 8

/**
 * Linear interpolation of pixels of so few bytes goes by square tiles, each of
 * which a block of EQUI2MULTI_CUDA_TILE * EQUI2MULTI_CUDA_TILE_THREADS_Y renders.
 */
#define EQUI2MULTI_CUDA_TILED_BYTES 2
#define EQUI2MULTI_CUDA_TILE 32
#define EQUI2MULTI_CUDA_TILE_THREADS_Y 4

/* What fits into the 4 KiB that the parameters of a kernel may take. */
#define EQUI2MULTI_CUDA_MAX_GRIDS 50
#define EQUI2MULTI_CUDA_MAX_VIEWS 128

/** Source positions in device memory, and which views take them. */
typedef struct Equi2MultiCUDAGrid {
    const unsigned *u;      ///< see equi2multi_grid_row(); so is v
    const int *v;
    const Equi2MultiExtent *tile; ///< row by row; the last ones overlap those before them
    int w, h;
    int first, end;         ///< of Equi2MultiCUDALaunch.view
} Equi2MultiCUDAGrid;

/** A plane of a view. */
typedef struct Equi2MultiCUDAView {
    unsigned char *data;
    int linesize;           ///< bytes
    unsigned shift;         ///< what to add to u (modulo Equi2MultiPlane.wrap), rounding included
} Equi2MultiCUDAView;

/** blockIdx.z is the grid. */
typedef struct Equi2MultiCUDALaunch {
    Equi2MultiPlane src;
    Equi2MultiCUDAGrid grid[EQUI2MULTI_CUDA_MAX_GRIDS];
    Equi2MultiCUDAView view[EQUI2MULTI_CUDA_MAX_VIEWS];
} Equi2MultiCUDALaunch;

/* The same where samples are converted. */
#define EQUI2MULTI_CUDA_MAX_CONVERTED_GRIDS 20
#define EQUI2MULTI_CUDA_MAX_CONVERTED_VIEWS 54

/** Samples of one component of the panorama, in its plane. */
typedef struct Equi2MultiCUDAComponent {
    Equi2MultiPlane plane;  ///< data is that of the first sample
    int step;               ///< samples, from one to the next
    int bytes;              ///< of a sample
} Equi2MultiCUDAComponent;

/** Source positions of luma and of chroma, and which views take them. */
typedef struct Equi2MultiCUDAConvertedGrid {
    const unsigned *u[2];
    const int *v[2];
    int w[2], h[2];
    int first, end;         ///< of Equi2MultiCUDAConversion.view
} Equi2MultiCUDAConvertedGrid;

/** A view that is converted. */
typedef struct Equi2MultiCUDAConvertedView {
    unsigned char *data[3]; ///< of Y, U, V
    int linesize[3];        ///< bytes
    unsigned shift[2];      ///< what to add to u of luma and of chroma, see Equi2MultiCUDAView
} Equi2MultiCUDAConvertedView;

/** blockIdx.z is the grid. */
typedef struct Equi2MultiCUDAConversion {
    Equi2MultiCUDAComponent src[3]; ///< U and V without data: gray
    int luma, chroma;       ///< what there is to make
    int chroma_in_luma;
    Equi2MultiSiting siting[2]; ///< x, y
    int step[3];            ///< samples, from one of Y, U, V to the next
    int bytes, low_bits;    ///< of samples to make
    Equi2MultiConversion conversion;
    Equi2MultiCUDAConvertedGrid grid[EQUI2MULTI_CUDA_MAX_CONVERTED_GRIDS];
    Equi2MultiCUDAConvertedView view[EQUI2MULTI_CUDA_MAX_CONVERTED_VIEWS];
} Equi2MultiCUDAConversion;

#endif /* AVFILTER_EQUI2MULTI_CUDA_H */
