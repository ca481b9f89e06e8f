//! `parlor`: see `parlor --help`.

use clap::Parser;
use parlor::{
    admin,
    cli::{Cli, Command, ConfigCommand},
    groups, node, prove,
};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("parlor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well; false: what was to be proved does not hold, and the report has said why.
fn run(cli: &Cli) -> anyhow::Result<bool> {
    // Against a deployment elsewhere: this machine's settings don't matter.
    if let Some(Command::Prove(ask)) = &cli.command {
        return runtime()?.block_on(prove::run(ask));
    }
    let config = parlor::config::load(cli)?;
    match &cli.command {
        Some(Command::Config { what: ConfigCommand::Print }) => print!("{}", config.printed()),
        Some(Command::Config { what: ConfigCommand::Check }) => println!("the settings are right"),
        Some(Command::Init) => runtime()?.block_on(groups::init(&config))?,
        Some(Command::Groups) => runtime()?.block_on(groups::show(config))?,
        Some(Command::Admin { what }) => runtime()?.block_on(admin::run(config, what))?,
        Some(Command::Rewind(rewind)) => runtime()?.block_on(groups::rewind(config, rewind))?,
        Some(Command::Prove(_)) | None => runtime()?.block_on(node::main(config, cli.roles()))?,
    }
    Ok(true)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
