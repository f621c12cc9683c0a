//! The `infersweep` binary: hands the process's words and environment to [`infersweep::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    infersweep::cli::main()
}
