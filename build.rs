//! Tells the tool what it was built from: commit, compiler, target. Outside a checkout there is no commit.

use std::env;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "cargo speaks to a build script through the environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    tell("RUSTC", said(&rustc, &["--version"]));
    tell("TARGET", env::var("TARGET").ok());
    tell("PROFILE", env::var("PROFILE").ok());
    // A tarball may lie in somebody else's repository, which does not know this file.
    if git(&["ls-files", "--error-unmatch", "build.rs"]).is_none() {
        return;
    }
    for name in ["HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    tell("COMMIT", git(&["rev-parse", "HEAD"]));
    let changes = git(&["status", "--porcelain", "--", "src", "build.rs", "Cargo.toml", "Cargo.lock"]);
    tell("DIRTY", changes.map(|changes| (!changes.is_empty()).to_string()));
}

fn tell(name: &str, value: Option<String>) {
    if let Some(value) = value {
        println!("cargo::rustc-env=INFERSWEEP_{name}={value}");
    }
}

fn git(words: &[&str]) -> Option<String> {
    said("git", words)
}

/// What a program says, when it is there and has no complaint.
fn said(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).env("GIT_OPTIONAL_LOCKS", "0").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
