//! The program: parses the command line and runs the library.

use std::process::ExitCode;

use movies_gen::app;
use movies_gen::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::read();
    match app::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            app::report(&error);
            ExitCode::from(app::exit_code(&error))
        }
    }
}
