//! Decides what depends on the surroundings of the checkout, at compile time.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(have_shared_data)");
    println!("cargo::rerun-if-changed=../shared/data");
    println!("cargo::rerun-if-env-changed=MOVIES_GEN_DIST");
    // A release does not depend on the surroundings, so that its bytes are always the same.
    if std::env::var_os("MOVIES_GEN_DIST").is_some() {
        return;
    }
    if std::path::Path::new("../shared/data/ghibli/films.json").is_file() {
        println!("cargo::rustc-cfg=have_shared_data");
    }
}
