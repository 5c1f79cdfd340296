//! The `loudou` command: reads the clock, hands over to the library, gives the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    loudou::cli::main(std::env::args_os(), chrono::Utc::now())
}
