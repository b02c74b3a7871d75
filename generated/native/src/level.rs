// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. c90368853a82
//! What this processor can do beyond what every one of its family can.

/// The best build for this processor: 4 for AVX-512, 3 for AVX2 with
/// FMA (x86-64-v4 and -v3), 1 for any other.
#[no_mangle]
pub extern "C" fn nand2llm_level() -> u32 {
    level()
}

#[cfg(target_arch = "x86_64")]
fn level() -> u32 {
    use std::arch::is_x86_feature_detected as has;
    let v3 = has!("avx2")
        && has!("fma")
        && has!("bmi1")
        && has!("bmi2")
        && has!("f16c")
        && has!("lzcnt")
        && has!("movbe")
        && has!("popcnt");
    let v4 = has!("avx512f")
        && has!("avx512bw")
        && has!("avx512cd")
        && has!("avx512dq")
        && has!("avx512vl");
    match (v3, v4) {
        (true, true) => 4,
        (true, false) => 3,
        _ => 1,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn level() -> u32 {
    1
}
