//! Gives the linker the memory map, where it links for a board.

fn main() {
    println!("cargo::rerun-if-changed=memory.x");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        println!("cargo::rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
        for argument in ["-Tlink.x", "--nmagic"] {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
}
