//! Words to calls, errors to exit codes.

/// Runs the tool.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
