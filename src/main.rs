//! `parlor`: see `parlor --help`.

use clap::Parser;
use parlor::cli::{Cli, Command, ConfigCommand};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let config = parlor::config::load(cli)?;
    match &cli.command {
        Some(Command::Config { what: ConfigCommand::Print }) => print!("{}", config.printed()),
        Some(Command::Config { what: ConfigCommand::Check }) => println!("the settings are right"),
        None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(parlor::node::main(config, cli.roles()))?;
        }
    }
    Ok(())
}
