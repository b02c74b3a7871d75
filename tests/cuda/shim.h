// Runs CUDA kernels on an ordinary processor, a block at a time.
//
// A thread is a fiber. Warps are run greedily: one goes on until all
// its threads wait at __syncthreads or have ended, before the next may
// move, so that a missing barrier shows as a wrong result. Shared
// memory is NaN before each block. Which warp and which lane goes
// first is the schedule's to say.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__ static
#define __shared__ static __attribute__((section("cuda_shared")))

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

// The linker's names for both ends of a section, if there is one.
extern char __start_cuda_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_cuda_shared[] __attribute__((weak, visibility("hidden")));

namespace shim {

enum State { READY, SHUFFLE, BARRIER, ENDED };

struct Thread {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(1 << 16);
    dim3 index;
    State state;
    float given, taken;
    int step;
};

static const int WARP = 32;
static std::vector<Thread> threads;
static ucontext_t scheduler;
static int current;
static int seed;
static std::string failure;
static void (*body)(void *);
static void *data;

inline void wait(State why) {
    int me = current;
    threads[me].state = why;
    swapcontext(&threads[me].context, &scheduler);
}

inline void entry() {
    body(data);
    wait(ENDED);
}

inline int count(int first, int n, State state) {
    int found = 0;
    for (int i = first; i < first + n; i++)
        found += threads[i].state == state;
    return found;
}

inline void resume(int i) {
    current = i;
    threadIdx = threads[i].index;
    swapcontext(&scheduler, &threads[i].context);
}

// Move the ready threads of a warp; false if there were none.
inline bool advance(int first, const std::vector<int> &lanes) {
    bool moved = false;
    for (int lane : lanes)
        if (threads[first + lane].state == READY) {
            resume(first + lane);
            moved = true;
        }
    if (count(first, WARP, SHUFFLE) == WARP)
        for (int lane = 0; lane < WARP; lane++) {
            Thread &t = threads[first + lane];
            t.taken = threads[first + (lane ^ t.step)].given;
            t.state = READY;
        }
    return moved;
}

inline std::vector<int> order(int n, std::mt19937 &random) {
    std::vector<int> all(n);
    std::iota(all.begin(), all.end(), 0);
    if (seed == 1)
        std::reverse(all.begin(), all.end());
    if (seed > 1)
        std::shuffle(all.begin(), all.end(), random);
    return all;
}

inline void run_block(std::mt19937 &random) {
    int n = threads.size();
    if (__start_cuda_shared)
        memset(__start_cuda_shared, 0xff, __stop_cuda_shared - __start_cuda_shared);
    for (int i = 0; i < n; i++) {
        Thread &t = threads[i];
        t.index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
        t.state = READY;
        getcontext(&t.context);
        t.context.uc_stack.ss_sp = t.stack.data();
        t.context.uc_stack.ss_size = t.stack.size();
        makecontext(&t.context, entry, 0);
    }
    while (failure.empty() && count(0, n, ENDED) < n) {
        for (int warp : order(n / WARP, random))
            while (advance(warp * WARP, order(WARP, random)))
                ;
        if (count(0, n, ENDED) == n)
            break;
        if (count(0, n, BARRIER) < n) {
            failure = "block " + std::to_string(blockIdx.x) + " is stuck: "
                + std::to_string(count(0, n, BARRIER)) + " threads wait at __syncthreads, "
                + std::to_string(count(0, n, SHUFFLE)) + " at a shuffle, "
                + std::to_string(count(0, n, ENDED)) + " have ended";
            break;
        }
        for (Thread &t : threads)
            t.state = READY;
    }
}

// How a parameter is to be passed: a number's or a pointer's kind.
inline char kind(float) { return 'f'; }
inline char kind(int) { return 'i'; }
inline char kind(long long) { return 'l'; }
inline char kind(const float *) { return 'F'; }
inline char kind(const long long *) { return 'L'; }

template <class... A> std::string kinds(void (*)(A...)) {
    return {kind(A())...};
}

template <class... A, size_t... I>
void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
    kernel(*static_cast<A *>(arguments[I])...);
}

template <class... A>
const char *launch(void (*kernel)(A...), const unsigned *shape, void **arguments) {
    struct Call {
        void (*kernel)(A...);
        void **arguments;
    } what = {kernel, arguments};
    body = [](void *what) {
        Call *c = static_cast<Call *>(what);
        call(c->kernel, c->arguments, std::index_sequence_for<A...>());
    };
    data = &what;
    gridDim = {shape[0], shape[1], shape[2]};
    blockDim = {shape[3], shape[4], shape[5]};
    unsigned n = blockDim.x * blockDim.y * blockDim.z;
    failure.clear();
    if (n == 0 || n > 1024 || n % WARP)
        failure = "a block of " + std::to_string(n) + " threads; a multiple of 32 up to 1024 would do";
    threads.resize(n);
    std::mt19937 random(seed);
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x && failure.empty(); x++) {
                blockIdx = {x, y, z};
                run_block(random);
            }
    return failure.c_str();
}

} // namespace shim

inline void __syncthreads() { shim::wait(shim::BARRIER); }

inline float __shfl_xor_sync(unsigned mask, float x, int step) {
    shim::Thread &me = shim::threads[shim::current];
    if (mask != 0xffffffff)
        shim::failure = "a shuffle of part of a warp";
    me.given = x;
    me.step = step;
    shim::wait(shim::SHUFFLE);
    return me.taken;
}

inline float rsqrtf(float x) { return 1 / sqrtf(x); }

extern "C" void schedule(int seed) { shim::seed = seed; }

#define KERNEL(name) \
    extern "C" const char *kinds_##name() { \
        static std::string found = shim::kinds(name); \
        return found.c_str(); \
    } \
    extern "C" const char *launch_##name(const unsigned *shape, void **arguments) { \
        return shim::launch(name, shape, arguments); \
    }
