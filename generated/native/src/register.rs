// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 57b435e1b572
//! The processor's vector register, and six of its instructions by one
//! name each.
//!
//! Loops over an array come out as vector code too, where the compiler
//! sees fit; it did not always, and these leave it no choice.

#[cfg(target_feature = "avx512f")]
pub use std::arch::x86_64::{
    __m512 as Register, _mm512_add_ps as add, _mm512_div_ps as div,
    _mm512_fmadd_ps as multiply_add, _mm512_max_ps as max,
    _mm512_mul_ps as mul, _mm512_set1_ps as all, _mm512_sub_ps as sub,
};

#[cfg(all(
    target_feature = "fma",
    not(target_feature = "avx512f")
))]
pub use std::arch::x86_64::{
    __m256 as Register, _mm256_add_ps as add, _mm256_div_ps as div,
    _mm256_fmadd_ps as multiply_add, _mm256_max_ps as max,
    _mm256_mul_ps as mul, _mm256_set1_ps as all, _mm256_sub_ps as sub,
};

#[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
pub use std::arch::x86_64::{
    __m128 as Register, _mm_add_ps as add, _mm_div_ps as div,
    _mm_max_ps as max, _mm_mul_ps as mul, _mm_set1_ps as all,
    _mm_sub_ps as sub,
};

/// a·b + c, rounded twice: processors without FMA cannot do better.
///
/// # Safety
///
/// None is needed; the others of this name are `unsafe`.
#[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
#[inline(always)]
pub unsafe fn multiply_add(
    a: Register,
    b: Register,
    c: Register,
) -> Register {
    add(mul(a, b), c)
}

#[cfg(target_arch = "aarch64")]
pub use std::arch::aarch64::{
    float32x4_t as Register, vaddq_f32 as add, vdivq_f32 as div,
    vdupq_n_f32 as all, vmaxq_f32 as max, vmulq_f32 as mul,
    vsubq_f32 as sub,
};

/// a·b + c, rounded once.
///
/// # Safety
///
/// None is needed; the others of this name are `unsafe`.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub unsafe fn multiply_add(
    a: Register,
    b: Register,
    c: Register,
) -> Register {
    std::arch::aarch64::vfmaq_f32(c, a, b)
}
