//! Gives the linker the memory map of the one board whose feature is on.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=memory");
    let mut board = None;
    for entry in fs::read_dir("memory")? {
        let map = entry?.path();
        if env::var_os(feature(&map)).is_some() {
            board = Some(map);
        }
    }
    // The library alone, as its unit tests build it, belongs to no board.
    let Some(map) = board else { return Ok(()) };

    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::copy(&map, out.join("memory.x"))?;
    println!("cargo::rustc-link-search={}", out.display());
    // Without interrupts there are no names of handlers to provide.
    if env::var_os("CARGO_FEATURE_NO_INTERRUPTS").is_some() {
        fs::write(out.join("device.x"), "")?;
    }
    // riscv-rt wants the memory map first; cortex-m-rt includes it by itself.
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("riscv32") {
        println!("cargo::rustc-link-arg-bins=-Tmemory.x");
    }
    // Functions that came out alike are one.
    for argument in ["-Tlink.x", "-Tdefmt.x", "--nmagic", "--icf=all"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    Ok(())
}

/// `memory/b-l475e-iot01a.x` → `CARGO_FEATURE_B_L475E_IOT01A`.
fn feature(map: &Path) -> String {
    let board = map.file_stem().unwrap_or_default().to_string_lossy();
    format!("CARGO_FEATURE_{}", board.to_uppercase().replace('-', "_"))
}
