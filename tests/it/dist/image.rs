//! The container image, without a container engine: a chroot whose root is read-only, with one
//! directory that can be written.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{LARGEST_IMAGE, artefact, first_page, printed, run};
use crate::fixture::free_address;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// Returns the path of a file in the image by its descriptor.
fn blob(image: &Path, descriptor: &Value) -> std::path::PathBuf {
    let digest = descriptor["digest"].as_str().expect("a digest");
    image.join("blobs").join(digest.replace(':', "/"))
}

#[test]
#[ignore = "needs make dist and skopeo"]
fn a_tool_for_images_reads_the_image() {
    let image = artefact(".oci");
    let shown =
        printed(Command::new("skopeo").arg("inspect").arg(format!("oci:{}", image.display())));
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["Os"], "linux");
    assert_eq!(shown["Labels"]["org.opencontainers.image.title"], "movies-gen");
    // A copy checks the digest of each file.
    let copy = tempfile::tempdir().expect("a directory");
    let to = format!("dir:{}", copy.path().display());
    run(Command::new("skopeo")
        .args(["copy", "--insecure-policy"])
        .arg(format!("oci:{}", image.display()))
        .arg(to));
}

#[test]
#[ignore = "needs make dist and root"]
fn the_image_serves_a_page_without_root_and_without_writing_to_its_root() {
    let image = artefact(".oci");
    let manifest = json(&blob(&image, &json(&image.join("index.json"))["manifests"][0]));
    let size = manifest["layers"][0]["size"].as_u64().expect("a size");
    let config = json(&blob(&image, &manifest["config"]));
    let config = &config["config"];
    assert_eq!(config["User"], "65532:65532");
    let directory = tempfile::tempdir().expect("a directory");
    // The program of the chroot is no root, so the way to its root must be open for everyone.
    run(Command::new("chmod").arg("755").arg(directory.path()));
    let (root, data) = (directory.path().join("root"), directory.path().join("data"));
    fs::create_dir(&root).expect("made");
    run(Command::new("tar")
        .arg("-xpzf")
        .arg(blob(&image, &manifest["layers"][0]))
        .arg("-C")
        .arg(&root));
    assert!(root.join("usr/share/doc/movies-gen/third-party-licences.txt.gz").is_file());
    let used = printed(Command::new("du").args(["-sb"]).arg(&root));
    let used: u64 = used.split_whitespace().next().expect("a size").parse().expect("a number");
    assert!(used <= LARGEST_IMAGE && size <= used, "{used} bytes, {size} packed");
    fs::create_dir(&data).expect("made");
    run(Command::new("chown").arg("65532:65532").arg(&data));
    let address = free_address();
    let script = "mount --bind \"$0\" \"$0\" && mount --bind \"$1\" \"$0/data\" && \
                  mount -o remount,bind,ro \"$0\" && exec unshare --root=\"$0\" --wd=/data \
                  --setgid=65532 --setuid=65532 \"$2\" serve --demo --listen \"$3\"";
    let mut serve = Command::new("unshare");
    serve.args(["--mount", "sh", "-c", script]).arg(&root).arg(&data);
    serve.args(["/usr/bin/movies-gen", &address.to_string()]);
    let server =
        first_page(serve.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), address);
    let user = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("a process");
    assert!(user.contains("Uid:\t65532\t65532"), "{user}");
    assert!(data.join("public-demo").exists(), "the site is in the volume");
}
