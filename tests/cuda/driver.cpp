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
 * A stand-in for the CUDA driver, for tests without a GPU: the functions that
 * FFmpeg loads from libcuda.so.1, on the CPU. Device memory is memory of this
 * process that nobody but these functions can touch; a launch runs the kernel's
 * own source, thread by thread, before it returns.
 *
 * CUDA_STANDIN_FAIL=N       the N-th call that can fail does, out of memory
 * CUDA_STANDIN_FAIL=NAME    every call of that function does
 * CUDA_STANDIN_FAIL=NAME:N  its N-th call does
 * CUDA_STANDIN_LOG=FILE     append to FILE, at the end: calls and launches by name,
 *                           thread blocks, what is left allocated, contexts that were
 *                           pushed and not popped
 *
 * A stream has nothing to wait for, since every call is done when it returns.
 * nvjpeg.c, the stand-in for nvJPEG, gets at device memory by standin_copy().
 */

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

// ------------------------------------------------------------------ kernels

struct Index { unsigned x, y, z; };
static thread_local Index blockIdx, threadIdx;

static void __syncthreads();

#define __device__
#define __global__ static
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define PERMUTE(out, a, b, selector) out = permute(a, b, selector)
#define DOT(out, a, b) out = ((a) & 0xffff) * ((b) & 0xff) + ((a) >> 16) * ((b) >> 8 & 0xff)

static unsigned permute(unsigned a, unsigned b, unsigned selector)
{
    const uint64_t bytes = a | (uint64_t)b << 32;
    unsigned out = 0;

    for (int i = 0; i < 32; i += 8, selector >>= 4)
        out |= (bytes >> (selector & 7) * 8 & 0xff) << i;
    return out;
}

#include "../../libavfilter/vf_equi2multi_cuda.cu"

#undef min
#undef max

typedef void Kernel(const void *param);

/**
 * The threads of a block: one runs until it comes to a barrier, then the next.
 * Shared memory is static, for there is one block at a time.
 */
static struct Block {
    enum { MAX_THREADS = 1024, STACK = 1 << 16 };
    ucontext_t main, thread[MAX_THREADS];
    char *stacks = nullptr;
    unsigned current;
    bool finished;          ///< the current one, and not at a barrier
    bool alone;             ///< without barriers
    Kernel *kernel;
    const void *param;

    static void enter();

    void resume(unsigned i, unsigned width)
    {
        current   = i;
        threadIdx = { i % width, i / width, 0 };
        finished  = false;
        swapcontext(&main, &thread[i]);
    }

    void run(unsigned width, unsigned threads)
    {
        if (!stacks)
            stacks = (char *)mmap(nullptr, MAX_THREADS * STACK, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        for (unsigned i = 0; i < threads; i++) {
            getcontext(&thread[i]);
            thread[i].uc_stack.ss_sp   = stacks + i * STACK;
            thread[i].uc_stack.ss_size = STACK;
            makecontext(&thread[i], enter, 0);
            if (i == 0) {
                alone = false;
                resume(0, width);
                alone = finished;
            }
            if (i && alone) {
                threadIdx = { i % width, i / width, 0 };
                kernel(param);
            }
        }
        if (alone)
            return;
        for (unsigned i = 1; i < threads; i++)
            resume(i, width);
        while (!finished)
            for (unsigned i = 0, first = 0; i < threads; i++) {
                resume(i, width);
                if (i == 0)
                    first = finished;
                else if (finished != first)
                    abort();        // a barrier that some of them do not come to
            }
    }
} block;

void Block::enter()
{
    block.kernel(block.param);
    block.finished = true;
    setcontext(&block.main);
}

static void __syncthreads()
{
    if (block.alone)
        abort();
    swapcontext(&block.thread[block.current], &block.main);
}

#undef KERNEL
#define KERNEL(name, type) { #name, [](const void *param) { name(*(const type *)param); } }
#define RENDER(name) KERNEL(equi2multi_ ## name, Equi2MultiCUDALaunch)

static const std::map<std::string, Kernel *> kernels = {
    RENDER(store_1x1), RENDER(store_1x2), RENDER(store_1x4), RENDER(store_2x1), RENDER(store_2x2),
    RENDER(chroma_1x1), RENDER(chroma_1x2), RENDER(chroma_2x1), RENDER(chroma_2x2),
    RENDER(luma_1x1), RENDER(luma_2x1),
    KERNEL(equi2multi_build, Equi2MultiCUDABuild),
};

// -------------------------------------------------------------------- state

typedef int CUresult;
enum {
    SUCCESS, INVALID_VALUE, OUT_OF_MEMORY, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500,
    NOT_SUPPORTED = 801
};

static std::recursive_mutex mutex;
static std::map<std::string, long> calls;
static std::map<uintptr_t, size_t> device;      ///< blocks of device memory
static std::map<void *, size_t> pinned;         ///< blocks of page-locked memory
static std::set<void *> streams, events;
static long contexts, modules, pushed, failable, blocks;
static thread_local int depth;                  ///< of the thread's stack of contexts
static size_t peak, total;

/** One call: counts it, and says whether it may go on. */
struct Call {
    std::lock_guard<std::recursive_mutex> lock;
    CUresult error = SUCCESS;

    Call(const char *name, bool needs_context = true) : lock(mutex)
    {
        const char *fail = getenv("CUDA_STANDIN_FAIL");

        calls[name]++;
        failable++;
        if (fail && (fail == std::to_string(failable) || !strcmp(fail, name) ||
                     fail == name + (":" + std::to_string(calls[name]))))
            error = OUT_OF_MEMORY;
        else if (needs_context && !depth)
            error = INVALID_CONTEXT;
    }
};

#define CALL(...) Call call(__func__, ##__VA_ARGS__); if (call.error) return call.error

/** Device memory can be touched as long as this lives. */
struct Access {
    Access()  { protect(PROT_READ | PROT_WRITE); }
    ~Access() { protect(PROT_NONE); }

    static void protect(int protection)
    {
        for (auto &block : device)
            mprotect((void *)block.first, block.second, protection);
    }
};

static struct Report {
    ~Report()
    {
        const char *path = getenv("CUDA_STANDIN_LOG");
        FILE *file = path ? fopen(path, "a") : nullptr;
        size_t left = 0;

        if (!file)
            return;
        for (auto &block : device)
            left += block.second;
        fprintf(file, "device_blocks_left %zu\ndevice_bytes_left %zu\ndevice_bytes_peak %zu\n"
                "pinned_blocks_left %zu\ncontexts_left %ld\nmodules_left %ld\npushed_left %ld\n"
                "streams_left %zu\nevents_left %zu\nthread_blocks %ld\n",
                device.size(), left, peak, pinned.size(), contexts, modules, pushed, streams.size(), events.size(), blocks);
        for (auto &call : calls)
            fprintf(file, "%s %ld\n", call.first.c_str(), call.second);
        fclose(file);
    }
} report;

static size_t pages(size_t size) { return (size + 4095) / 4096 * 4096; }

static CUresult create(std::set<void *> &all, void **object)
{
    *object = malloc(1);
    all.insert(*object);
    return SUCCESS;
}

static CUresult destroy(std::set<void *> &all, void *object)
{
    if (!all.erase(object))
        return INVALID_HANDLE;
    free(object);
    return SUCCESS;
}

static CUresult known(const std::set<void *> &all, void *object)
{
    return all.count(object) ? SUCCESS : INVALID_HANDLE;
}

/** NULL is the default stream. */
static CUresult known_stream(void *stream) { return stream ? known(streams, stream) : SUCCESS; }

// ---------------------------------------------------------------- functions

extern "C" {

CUresult cuGetErrorName(CUresult error, const char **name)
{
    *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OF_STANDIN";
    return SUCCESS;
}

CUresult cuGetErrorString(CUresult error, const char **text)
{
    *text = error == OUT_OF_MEMORY ? "out of memory" : "stand-in";
    return SUCCESS;
}

CUresult cuInit(unsigned) { CALL(false); return SUCCESS; }
CUresult cuDriverGetVersion(int *version) { CALL(false); *version = 12000; return SUCCESS; }
CUresult cuDeviceGetCount(int *count) { CALL(false); *count = 2; return SUCCESS; }
CUresult cuDeviceGet(int *dev, int i) { CALL(false); *dev = i; return i >= 0 && i < 2 ? SUCCESS : INVALID_VALUE; }
CUresult cuDeviceGetAttribute(int *value, int, int) { CALL(false); *value = 512; return SUCCESS; }
CUresult cuDeviceGetName(char *name, int size, int) { CALL(false); snprintf(name, size, "stand-in"); return SUCCESS; }
CUresult cuDeviceComputeCapability(int *major, int *minor, int) { CALL(false); *major = 7; *minor = 5; return SUCCESS; }

CUresult cuCtxCreate_v2(void **ctx, unsigned, int)
{
    CALL(false);
    *ctx = malloc(1);
    contexts++;
    pushed++;
    depth++;
    return SUCCESS;
}

CUresult cuCtxDestroy_v2(void *ctx) { CALL(false); free(ctx); contexts--; return SUCCESS; }
CUresult cuCtxPushCurrent_v2(void *) { CALL(false); pushed++; depth++; return SUCCESS; }
CUresult cuCtxPopCurrent_v2(void **ctx) { Call call(__func__); *ctx = nullptr; if (depth) pushed--, depth--; return call.error; }
CUresult cuCtxGetCurrent(void **ctx) { CALL(); *ctx = nullptr; return SUCCESS; }
CUresult cuCtxGetDevice(int *dev) { CALL(); *dev = 0; return SUCCESS; }

CUresult cuMemAlloc_v2(uintptr_t *ptr, size_t size)
{
    CALL();
    void *block = mmap(nullptr, pages(size), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return OUT_OF_MEMORY;
    *ptr = (uintptr_t)block;
    device[*ptr] = pages(size);
    total += pages(size);
    if (total > peak)
        peak = total;
    return SUCCESS;
}

CUresult cuMemFree_v2(uintptr_t ptr)
{
    Call call(__func__);    // frees even if it is to fail: the block is out of the caller's hands
    if (!device.count(ptr))
        return INVALID_VALUE;
    munmap((void *)ptr, device[ptr]);
    total -= device[ptr];
    device.erase(ptr);
    return call.error;
}

CUresult cuMemHostAlloc(void **ptr, size_t size, unsigned)
{
    CALL();
    *ptr = aligned_alloc(4096, pages(size));
    pinned[*ptr] = size;
    return *ptr ? SUCCESS : OUT_OF_MEMORY;
}

CUresult cuMemFreeHost(void *ptr)
{
    Call call(__func__);
    free(ptr);
    return pinned.erase(ptr) ? call.error : INVALID_VALUE;
}

CUresult cuMemcpyHtoDAsync_v2(uintptr_t dst, const void *src, size_t size, void *)
{
    CALL();
    Access access;
    memcpy((void *)dst, src, size);
    return SUCCESS;
}

/** CUDA_MEMCPY2D, without arrays. */
struct Copy2D {
    size_t src_x, src_y; int src_type; const char *src_host; uintptr_t src_device; void *src_array; size_t src_pitch;
    size_t dst_x, dst_y; int dst_type;       char *dst_host; uintptr_t dst_device; void *dst_array; size_t dst_pitch;
    size_t width, height;
};

CUresult cuMemcpy2DAsync_v2(const Copy2D *copy, void *)
{
    const int on_host = 1;
    CALL();
    Access access;
    const char *src = copy->src_type == on_host ? copy->src_host : (const char *)copy->src_device;
    char       *dst = copy->dst_type == on_host ? copy->dst_host : (char *)copy->dst_device;

    for (size_t y = 0; y < copy->height; y++)
        memcpy(dst + (copy->dst_y + y) * copy->dst_pitch + copy->dst_x,
               src + (copy->src_y + y) * copy->src_pitch + copy->src_x, copy->width);
    return SUCCESS;
}

CUresult cuStreamCreate(void **stream, unsigned) { CALL(); return create(streams, stream); }
CUresult cuStreamDestroy_v2(void *stream) { Call call(__func__); const CUresult error = destroy(streams, stream); return error ? error : call.error; }
CUresult cuStreamQuery(void *stream) { CALL(); return known_stream(stream); }
CUresult cuStreamSynchronize(void *stream) { CALL(); return known_stream(stream); }
CUresult cuStreamWaitEvent(void *stream, void *event, unsigned) { CALL(); return known_stream(stream) | known(events, event); }
CUresult cuEventCreate(void **event, unsigned) { CALL(); return create(events, event); }
CUresult cuEventDestroy_v2(void *event) { Call call(__func__); const CUresult error = destroy(events, event); return error ? error : call.error; }
CUresult cuEventQuery(void *event) { CALL(); return known(events, event); }
CUresult cuEventSynchronize(void *event) { CALL(); return known(events, event); }
CUresult cuEventRecord(void *event, void *stream) { CALL(); return known_stream(stream) | known(events, event); }

int standin_has_context() { return depth > 0; }

/** Not one of the driver's: rows between device memory, all of them in one block of it, and the host's. */
CUresult standin_copy(void *dev, size_t dev_pitch, void *host, size_t host_pitch,
                      size_t width, size_t height, int to_device, void *stream)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    const uintptr_t start = (uintptr_t)dev, end = start + (height - 1) * dev_pitch + width;
    auto after = device.upper_bound(start);

    if (known_stream(stream))
        return INVALID_HANDLE;
    if (after == device.begin())
        return INVALID_VALUE;
    --after;
    if (end > after->first + after->second)
        return INVALID_VALUE;
    Access access;
    for (size_t y = 0; y < height; y++) {
        char *a = (char *)dev + y * dev_pitch, *b = (char *)host + y * host_pitch;
        memcpy(to_device ? a : b, to_device ? b : a, width);
    }
    return SUCCESS;
}

CUresult cuModuleLoadData(void **module, const void *image)
{
    CALL();
    *module = strdup((const char *)image);      // the PTX, a text
    modules++;
    return SUCCESS;
}

CUresult cuModuleUnload(void *module) { Call call(__func__); free(module); modules--; return call.error; }

CUresult cuModuleGetFunction(void **function, void *module, const char *name)
{
    CALL();
    auto kernel = kernels.find(name);
    if (kernel == kernels.end() || !strstr((const char *)module, (std::string(".entry ") + name + "(").c_str()))
        return NOT_FOUND;
    *function = (void *)kernel->second;
    return SUCCESS;
}

CUresult cuLaunchKernel(void *function, unsigned grid_w, unsigned grid_h, unsigned grid_d,
                        unsigned block_w, unsigned block_h, unsigned block_d, unsigned, void *, void **params, void **)
{
    CALL();
    Access access;
    if (!grid_w || !grid_h || !grid_d || grid_h > 65535 || grid_d > 65535 || block_w * block_h * block_d > 1024)
        return INVALID_VALUE;
    blocks += (long)grid_w * grid_h * grid_d;
    for (auto &kernel : kernels)
        calls[kernel.first] += (void *)kernel.second == function;
    block.kernel = (Kernel *)function;
    block.param = params[0];
    for (blockIdx.z = 0; blockIdx.z < grid_d; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid_h; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid_w; blockIdx.x++)
                block.run(block_w, block_w * block_h);
    return SUCCESS;
}

// what the loader asks for and none of our filters calls
#define UNUSED(name) CUresult name() { return NOT_SUPPORTED; }
UNUSED(cuCtxSetLimit) UNUSED(cuMemAllocPitch_v2) UNUSED(cuMemAllocManaged) UNUSED(cuMemsetD8Async)
UNUSED(cuMemcpy) UNUSED(cuMemcpyAsync) UNUSED(cuMemcpy2D_v2) UNUSED(cuMemcpyHtoD_v2) UNUSED(cuMemcpyDtoH_v2)
UNUSED(cuMemcpyDtoHAsync_v2) UNUSED(cuMemcpyDtoD_v2) UNUSED(cuMemcpyDtoDAsync_v2)
UNUSED(cuDevicePrimaryCtxRetain) UNUSED(cuDevicePrimaryCtxRelease) UNUSED(cuDevicePrimaryCtxSetFlags)
UNUSED(cuDevicePrimaryCtxGetState) UNUSED(cuDevicePrimaryCtxReset) UNUSED(cuStreamAddCallback)
UNUSED(cuLinkCreate) UNUSED(cuLinkAddData) UNUSED(cuLinkComplete) UNUSED(cuLinkDestroy) UNUSED(cuModuleGetGlobal)
UNUSED(cuTexObjectCreate) UNUSED(cuTexObjectDestroy) UNUSED(cuGLGetDevices_v2) UNUSED(cuGraphicsGLRegisterImage)
UNUSED(cuGraphicsUnregisterResource) UNUSED(cuGraphicsMapResources) UNUSED(cuGraphicsUnmapResources)
UNUSED(cuGraphicsSubResourceGetMappedArray) UNUSED(cuGraphicsResourceGetMappedPointer_v2) UNUSED(cuArrayCreate_v2)
UNUSED(cuArray3DCreate_v2) UNUSED(cuArrayDestroy)

}
