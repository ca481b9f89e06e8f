//! `parlor`: see `parlor --help`.

use clap::Parser;
use parlor::{
    admin,
    cli::{Cli, Command, ConfigCommand},
    groups, node,
};
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
        Some(Command::Init) => runtime()?.block_on(groups::init(&config))?,
        Some(Command::Groups) => runtime()?.block_on(groups::show(config))?,
        Some(Command::Admin { what }) => runtime()?.block_on(admin::run(config, what))?,
        Some(Command::Rewind(rewind)) => runtime()?.block_on(groups::rewind(config, rewind))?,
        None => runtime()?.block_on(node::main(config, cli.roles()))?,
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
