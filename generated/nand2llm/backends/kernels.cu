// Made from book/appendices/e-cuda.md by tangle.py; edit there, or here and stitch. 3f541844d52d
// Kernels for dense float32 arrays. A block has a multiple of 32
// threads, at most 1024. Sums are made in the same order every time.

__device__ float joined(float x, float y, bool largest)
{
    return largest ? fmaxf(x, y) : x + y;
}

// The sum of the x of all threads of a block, or the largest.
__device__ float across(float x, bool largest)
{
    __shared__ float part[32];
    for (int step = 16; step > 0; step /= 2)
        x = joined(x, __shfl_xor_sync(~0u, x, step), largest);
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = x;
    __syncthreads();
    x = part[0];
    for (int warp = 1; warp < blockDim.x / 32; warp++)
        x = joined(x, part[warp], largest);
    __syncthreads();  // from here on, part may be written again
    return x;
}

__device__ float sum(float x) { return across(x, false); }
__device__ float max(float x) { return across(x, true); }

// Block i: row i of x (rows, n) to mean 0 (if centered), power 1.
extern "C" __global__ void norm_forward(
    const float *x, const float *weight, const float *bias,
    float *y, float *mean, float *scale,
    int n, float eps, int centered)
{
    x += (long long)blockIdx.x * n;
    y += (long long)blockIdx.x * n;
    float level = 0, power = 0;
    if (centered) {
        for (int i = threadIdx.x; i < n; i += blockDim.x)
            level += x[i];
        level = sum(level) / n;
    }
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        power += (x[i] - level) * (x[i] - level);
    float factor = rsqrtf(sum(power) / n + eps);
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        float unit = (x[i] - level) * factor;
        unit = weight ? unit * weight[i] : unit;
        y[i] = bias ? unit + bias[i] : unit;
    }
    if (threadIdx.x == 0) {
        mean[blockIdx.x] = level;
        scale[blockIdx.x] = factor;
    }
}

// Block i: row i of the gradient of x, from row i of g.
extern "C" __global__ void norm_rows(
    const float *g, const float *x, const float *weight,
    const float *mean, const float *scale, float *to_x,
    int n, int centered)
{
    long long start = (long long)blockIdx.x * n;
    float level = mean[blockIdx.x], factor = scale[blockIdx.x];
    float total = 0, along = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        float inner = g[start + i] * (weight ? weight[i] : 1);
        total += inner;
        along += inner * (x[start + i] - level) * factor;
    }
    total = centered ? sum(total) / n : 0;
    along = sum(along) / n;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        float inner = g[start + i] * (weight ? weight[i] : 1);
        float unit = (x[start + i] - level) * factor;
        to_x[start + i] = (inner - total - unit * along) * factor;
    }
}

// Block i: columns 32 i to 32 i + 31 of the weight's and bias's.
extern "C" __global__ void norm_columns(
    const float *g, const float *x,
    const float *mean, const float *scale,
    float *to_weight, float *to_bias, int rows, int n)
{
    __shared__ float weights[32][32], biases[32][32];
    int column = blockIdx.x * 32 + threadIdx.x;
    float w = 0, b = 0;
    if (column < n)
        for (int i = threadIdx.y; i < rows; i += blockDim.y) {
            long long at = (long long)i * n + column;
            w += g[at] * (x[at] - mean[i]) * scale[i];
            b += g[at];
        }
    weights[threadIdx.y][threadIdx.x] = w;
    biases[threadIdx.y][threadIdx.x] = b;
    __syncthreads();
    if (threadIdx.y > 0 || column >= n)
        return;
    for (int y = 1; y < blockDim.y; y++) {
        w += weights[y][threadIdx.x];
        b += biases[y][threadIdx.x];
    }
    if (to_weight)
        to_weight[column] = w;
    if (to_bias)
        to_bias[column] = b;
}

#define FOR_EACH(i, n) \
    for (long long i = blockIdx.x * (long long)blockDim.x \
         + threadIdx.x; i < n; i += gridDim.x * (long long)blockDim.x)

const float GELU = 0.7978845608028654f;  // the root of 2 / pi
const float CUBE = 0.044715f;

extern "C" __global__ void gelu_forward(
    const float *x, float *y, long long n)
{
    FOR_EACH(i, n) {
        float t = tanhf(GELU * (x[i] + CUBE * x[i] * x[i] * x[i]));
        y[i] = 0.5f * x[i] * (1 + t);
    }
}

extern "C" __global__ void gelu_backward(
    const float *g, const float *x, float *to_x, long long n)
{
    FOR_EACH(i, n) {
        float square = x[i] * x[i];
        float t = tanhf(GELU * x[i] * (1 + CUBE * square));
        float steep = GELU * (1 + 3 * CUBE * square);
        steep = 1 + t + x[i] * (1 - t * t) * steep;
        to_x[i] = 0.5f * g[i] * steep;
    }
}

extern "C" __global__ void silu_forward(
    const float *x, float *y, long long n)
{
    FOR_EACH(i, n)
        y[i] = x[i] / (1 + expf(-x[i]));
}

extern "C" __global__ void silu_backward(
    const float *g, const float *x, float *to_x, long long n)
{
    FOR_EACH(i, n) {
        float s = 1 / (1 + expf(-x[i]));
        to_x[i] = g[i] * s * (1 + x[i] * (1 - s));
    }
}

extern "C" __global__ void relu_squared_forward(
    const float *x, float *y, long long n)
{
    FOR_EACH(i, n) {
        float top = x[i] < 0 ? 0 : x[i];
        y[i] = top * top;
    }
}

extern "C" __global__ void relu_squared_backward(
    const float *g, const float *x, float *to_x, long long n)
{
    FOR_EACH(i, n)
        to_x[i] = 2 * g[i] * (x[i] < 0 ? 0 : x[i]);
}

// y (…, n): the rows of a table (rows, n) that index (…) names.
extern "C" __global__ void embedding_forward(
    const float *table, const long long *index,
    float *y, long long size, long long rows, int n)
{
    FOR_EACH(i, size) {
        long long row = index[i / n];
        bool there = 0 <= row && row < rows;
        y[i] = there ? table[row * n + i % n] : nanf("");
    }
}

// Block i: row i of the table's gradient, from keys i * places + p.
extern "C" __global__ void embedding_backward(
    const float *g, const long long *keys, const long long *starts,
    float *to_table, int n, long long places)
{
    long long first = starts[blockIdx.x], end = starts[blockIdx.x + 1];
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        float total = 0;
        for (long long k = first; k < end; k++)
            total += g[keys[k] % places * n + i];
        to_table[(long long)blockIdx.x * n + i] = total;
    }
}

const float LEAST = -3.40282347e38f;  // of the finite ones

// Block i: the loss of row i of x (rows, n), and its slope.
extern "C" __global__ void cross_entropy(
    const float *x, const long long *targets, const float *share,
    float *loss, float *slope, int n)
{
    x += (long long)blockIdx.x * n;
    slope += (long long)blockIdx.x * n;
    float part = share[blockIdx.x], top = LEAST, total = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        top = fmaxf(top, x[i]);
    top = max(top);
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        total += expf(x[i] - top);
    if (threadIdx.x == 0)  // stays, if no column is the target
        loss[blockIdx.x] = part > 0 ? nanf("") : 0;
    total = sum(total);
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        bool hit = i == targets[blockIdx.x] && part > 0;
        slope[i] = part * (expf(x[i] - top) / total - hit);
        if (hit)
            loss[blockIdx.x] = part * (logf(total) + top - x[i]);
    }
}

// new_m and new_v are 1 - beta, made where there are more digits.
extern "C" __global__ void adamw(
    float *p, const float *g, float *m, float *v, long long n,
    float keep, float new_m, float new_v,
    float rate, float root, float eps)
{
    FOR_EACH(i, n) {
        m[i] += new_m * (g[i] - m[i]);
        v[i] += new_v * (g[i] * g[i] - v[i]);
        float size = sqrtf(v[i]) / root + eps;
        p[i] = keep * p[i] - rate * m[i] / size;
    }
}
