//! Decides what depends on the surroundings of the checkout, at compile time.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(have_shared_data)");
    println!("cargo::rerun-if-changed=../shared/data");
    if std::path::Path::new("../shared/data/ghibli/films.json").is_file() {
        println!("cargo::rustc-cfg=have_shared_data");
    }
}
