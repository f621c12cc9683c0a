//! Words to calls, errors to exit codes. The only place with a terminal, an environment, an exit.

mod args;
mod args_of_judgement;
mod args_of_simulator;
mod args_of_suites;
mod calibrate;
mod calibration_words;
mod campaign;
mod check;
mod compare;
mod env;
mod exit;
mod explain;
mod format;
mod gates;
mod import;
mod init;
mod lock;
mod plan;
mod prepare;
mod progress;
mod provenance;
mod question;
mod read;
mod remote;
mod resume;
mod reuse;
mod run;
mod runs;
mod runtime;
mod schema;
mod session;
mod show;
mod sides;
mod signals;
mod simulate;
mod stored;
mod terminal;
mod turned;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use env::Env;
use terminal::Terminal;

/// Runs the tool with the process's arguments and environment.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::of_clap(&error),
    };
    crate::run::raise_descriptor_limit();
    let env = Env::of_process();
    let terminal = Terminal::new(&env, arguments.quiet());
    let exit = match &arguments.command {
        Command::Run(run) => run::run(run, &env, &terminal),
        Command::Init(init) => init::init(init, &env, &terminal),
        Command::Plan(plan) => plan::plan(plan, &env, &terminal),
        Command::Check(check) => check::check(check, &env, &terminal),
        Command::Compare(compare) => compare::compare(compare, &env, &terminal),
        Command::Lock(lock) => lock::lock(lock, &env, &terminal),
        Command::Fmt(fmt) => format::format(fmt, &terminal),
        Command::Runs(runs) => runs::runs(runs, &env, &terminal),
        Command::Schema(schema) => schema::schema(schema, &terminal),
        Command::Show(show) => show::show(show, &env, &terminal),
        Command::Push(push) => remote::push(push, &env, &terminal),
        Command::Import(import) => import::import(import, &terminal),
        Command::Calibrate(args) => calibrate::calibrate(args, &terminal),
        Command::Simulate(simulate) => simulate::simulate(simulate, &terminal),
    };
    exit.unwrap_or_else(|failure| {
        terminal.error(&failure);
        failure.exit()
    })
    .into()
}
