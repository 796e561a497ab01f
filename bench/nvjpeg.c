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
 * What scripts/bench builds for "gpu-jpeg-library": planes on the GPU -> JPEG in
 * memory, by nvJPEG's own calls: what mjpeg_nvjpeg is measured against.
 *
 * nvjpeg LIBRARY FILE SIZE SECONDS THREADS...: FILE holds planes of SIZE x SIZE,
 * 4:2:0. Prints "THREADS PICTURES/S MIB" for each number of threads, each with a
 * state, a stream and a buffer of its own: pictures of quality 95, and the GPU's
 * memory that is in use then. With a minus before it, the buffers are not pinned.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libavcodec/nvjpeg_dynlink.h"

static CudaFunctions *cu;
static CUcontext context;

/* not in the table of ffnvcodec */
static CUresult (*mem_get_info)(size_t *free, size_t *total);
static CUresult (*mem_host_alloc)(void **memory, size_t size, unsigned flags);
static CUresult (*mem_free_host)(void *memory);
static int pinned;

static NVJPEGFunctions nv;
static nvjpegHandle_t handle;
static nvjpegEncoderParams_t params;
static nvjpegImage_t *images;
static int nb_images, size;
static atomic_int stop;
static atomic_long pictures;

static void require(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "nvjpeg: %s: %d\n", what, failed);
        exit(1);
    }
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *encode(void *arg)
{
    const size_t room = 3 * size * size;
    nvjpegEncoderState_t state;
    CUstream stream;
    void *host;

    require(cu->cuCtxPushCurrent(context), "context");
    require(cu->cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "stream");
    if (pinned)
        require(mem_host_alloc(&host, room, 0), "host memory");
    else
        require(!(host = malloc(room)), "host memory");
    require(nv.EncoderStateCreate(handle, &state, stream), "state");
    for (int i = 0; !stop; i++) {
        size_t bytes = room;

        require(nv.EncodeYUV(handle, state, params, &images[i % nb_images], NVJPEG_CSS_420, size, size, stream), "encode");
        require(nv.EncodeRetrieveBitstream(handle, state, NULL, &bytes, stream), "size");
        require(nv.EncodeRetrieveBitstream(handle, state, host, &bytes, stream), "download");
        require(cu->cuStreamSynchronize(stream), "wait");
        pictures++;
    }
    nv.EncoderStateDestroy(state);
    if (pinned)
        mem_free_host(host);
    else
        free(host);
    cu->cuStreamDestroy(stream);

    return NULL;
}

int main(int argc, char **argv)
{
    uint8_t *planes;
    void *library, *driver;
    CUdevice device;
    FILE *file;

    if (argc < 6 || !(file = fopen(argv[2], "rb")))
        return 2;
    size   = atoi(argv[3]);
    planes = malloc(size * size * 3 / 2);

    require(cuda_load_functions(&cu, NULL), "driver");
    driver = dlopen("libcuda.so.1", RTLD_LAZY);
    *(void **)&mem_get_info   = dlsym(driver, "cuMemGetInfo_v2");
    *(void **)&mem_host_alloc = dlsym(driver, "cuMemHostAlloc");
    *(void **)&mem_free_host  = dlsym(driver, "cuMemFreeHost");
    library = dlopen(argv[1], RTLD_LAZY);
    require(!library, argv[1]);
#define LOAD(name, required, args) *(void **)&nv.name = dlsym(library, "nvjpeg" #name);
    NVJPEG_FUNCTIONS(LOAD)
    require(cu->cuInit(0), "cuInit");
    require(cu->cuDeviceGet(&device, 0), "device");
    require(cu->cuCtxCreate(&context, CU_CTX_SCHED_BLOCKING_SYNC, device), "context");
    require(nv.CreateEx(NVJPEG_BACKEND_DEFAULT, NULL, NULL, 0, &handle), "nvJPEG");
    require(nv.EncoderParamsCreate(handle, &params, NULL), "parameters");
    require(nv.EncoderParamsSetQuality(params, 95, NULL), "quality");
    require(nv.EncoderParamsSetSamplingFactors(params, NVJPEG_CSS_420, NULL), "sampling");

    while (fread(planes, size * size * 3 / 2, 1, file)) {
        nvjpegImage_t image = { 0 };
        const uint8_t *plane = planes;

        for (int i = 0; i < 3; i++) {
            const size_t width = size >> !!i;
            CUdeviceptr there;

            require(cu->cuMemAlloc(&there, width * width), "memory");
            require(cu->cuMemcpyHtoD(there, plane, width * width), "upload");
            image.channel[i] = (void *)there;
            image.pitch[i]   = width;
            plane += width * width;
        }
        images = realloc(images, (nb_images + 1) * sizeof(*images));
        images[nb_images++] = image;
    }
    require(!nb_images, argv[2]);

    for (int i = 5; i < argc; i++) {
        const int count = abs(atoi(argv[i]));
        pthread_t threads[64];
        size_t unused, total;
        double began;
        long before;

        require(count < 1 || count > 64, argv[i]);
        pinned = *argv[i] != '-';
        stop   = 0;
        for (int n = 0; n < count; n++)
            pthread_create(&threads[n], NULL, encode, NULL);
        nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
        before = pictures;
        began  = seconds();
        nanosleep(&(struct timespec){ .tv_sec = atoi(argv[4]) }, NULL);
        printf("%s %.0f", argv[i], (pictures - before) / (seconds() - began));
        mem_get_info(&unused, &total);
        printf(" %zu\n", (total - unused) >> 20);
        fflush(stdout);
        stop = 1;
        for (int n = 0; n < count; n++)
            pthread_join(threads[n], NULL);
    }

    return 0;
}
