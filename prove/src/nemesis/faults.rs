//! Does a cell's acts to a running deployment, each until it is healed.

use super::{
    cells::{Act, Cell, Link, On},
    deployment::{Deployment, ROLES},
    engines::Instance,
    proxy::{Fault, Proxy},
};
use anyhow::{Context as _, Result, bail, ensure};
use parlor_engines::Engines;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::time::sleep;

/// A file system of this size is what `DiskFull` fills.
const DISK_BYTES: u64 = 256 << 20;

/// Everything that acts are done to.
pub struct Scene {
    deployment: Deployment,
    proxies: HashMap<Link, Vec<Proxy>>,
    disk: Option<Disk>,
    rounds: usize,
}

impl Scene {
    /// Starts what the cell needs: two processes of each role (one on three-node engines, one in all on
    /// embedded ones), and proxies where it cuts.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn build(cell: &Cell, binary: &Path, instance: Option<Instance>) -> Result<Self> {
        let mut deployment = Deployment::prepare(binary, instance)?;
        let mut proxies: HashMap<Link, Vec<Proxy>> = HashMap::new();
        for (link, setting, scheme) in
            [(Link::Store, "PARLOR__STORE", "cassandra://"), (Link::Live, "PARLOR__LIVE", "redis://")]
        {
            if cell.cuts(link) {
                let url = deployment.setting(setting).context("an engine's URL")?.to_owned();
                let rest = url.strip_prefix(scheme).context("a plain URL")?;
                let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
                let proxy = Proxy::before(host.to_owned()).await?;
                let slash = if path.is_empty() { "" } else { "/" };
                deployment.set(setting, format!("{scheme}{}{slash}{path}", proxy.address));
                proxies.insert(link, vec![proxy]);
            }
        }
        let has_disk = cell.acts.iter().any(|act| matches!(act, Act::DiskFull(_)));
        let disk = has_disk.then(|| Disk::mount(&deployment.data())).transpose()?;
        match (deployment.instance.is_some(), cell.on) {
            (false, _) => drop(deployment.add("")?),
            (true, On::Three) => {
                for role in ROLES {
                    deployment.add(role)?;
                }
            }
            (true, _) => {
                for role in ROLES {
                    deployment.add(role)?;
                    deployment.add(role)?;
                }
            }
        }
        deployment.ready().await?;
        if cell.cuts(Link::Clients) {
            let mut gates = Vec::new();
            for gateway in deployment.gateways() {
                gates.push(Proxy::before(gateway).await?);
            }
            proxies.insert(Link::Clients, gates);
        }
        Ok(Self { deployment, proxies, disk, rounds: 0 })
    }

    /// Where devices connect to.
    pub fn urls(&self) -> Vec<String> {
        let direct = || self.deployment.gateways();
        let proxied = |proxies: &Vec<Proxy>| proxies.iter().map(|p| p.address.to_string()).collect();
        let addresses = self.proxies.get(&Link::Clients).map_or_else(direct, proxied);
        addresses.into_iter().map(|address| format!("http://{address}")).collect()
    }

    /// The engines, after everything has come to rest.
    ///
    /// # Errors
    /// A group stays behind, or the engines don't open.
    pub async fn engines(&mut self) -> Result<Engines> {
        self.deployment.engines().await
    }

    /// One act, from its beginning until everything is as before and ready.
    ///
    /// # Errors
    /// A process or an engine does not come back.
    pub async fn act(&mut self, act: Act) -> Result<()> {
        self.rounds += 1;
        match act {
            Act::Kill(role, away) => {
                let number = self.pick(role)?;
                self.deployment.kill(number)?;
                sleep(away).await;
                self.deployment.start(number)?;
            }
            Act::Freeze(role, lasts) => {
                let number = self.pick(role)?;
                self.deployment.freeze(number, true)?;
                sleep(lasts).await;
                self.deployment.freeze(number, false)?;
            }
            Act::Restart(role) => self.restart(role).await?,
            Act::Join(role) => {
                let number = self.deployment.add(role)?;
                self.deployment.ready().await?;
                self.deployment.stop(number).await?;
                self.deployment.processes.pop();
            }
            Act::KillAll => {
                let all: Vec<usize> = (0..self.deployment.processes.len()).collect();
                for number in &all {
                    self.deployment.kill(*number)?;
                }
                for number in all {
                    self.deployment.start(number)?;
                }
            }
            Act::Engine(how, engine, node, away) => self.engine(engine, how, node, away).await?,
            Act::Flush => self.flush()?,
            Act::Net(link, fault, lasts) => {
                self.proxies(link)?.iter().for_each(|proxy| proxy.set(fault));
                sleep(lasts).await;
                self.proxies(link)?.iter().for_each(|proxy| proxy.set(Fault::None));
            }
            Act::Reset(link) => self.proxies(link)?.iter().for_each(Proxy::reset_once),
            Act::Clock(role, offset_s) => {
                self.clock(offset_s)?;
                self.restart(role).await?;
            }
            Act::DiskFull(lasts) => {
                let disk = self.disk.as_ref().context("a disk of its own")?;
                disk.fill()?;
                sleep(lasts).await;
                disk.empty()?;
                // It refuses while the disk is full, and ends with the reason; both are right.
                let number = self.pick("gateway")?;
                if !self.deployment.runs(number) {
                    self.deployment.start(number)?;
                }
            }
        }
        self.deployment.ready().await
    }

    /// The processes with a role take turns.
    fn pick(&self, role: &str) -> Result<usize> {
        let of_role = self.deployment.of(role);
        ensure!(!of_role.is_empty(), "no process has the role {role}");
        Ok(of_role[self.rounds % of_role.len()])
    }

    fn proxies(&self, link: Link) -> Result<&[Proxy]> {
        Ok(self.proxies.get(&link).with_context(|| format!("a proxy at {link:?}"))?)
    }

    async fn restart(&mut self, role: &str) -> Result<()> {
        for number in self.deployment.of(role) {
            self.deployment.stop(number).await?;
            self.deployment.start(number)?;
            self.deployment.ready().await?;
        }
        Ok(())
    }

    fn instance(&self) -> Result<&Instance> {
        self.deployment.instance.as_ref().context("real engines")
    }

    async fn engine(&self, engine: &str, how: &str, node: u8, away: Duration) -> Result<()> {
        let node = node.to_string();
        // Single engines have no number.
        let name = if engine == "redis" { vec![engine] } else { vec![engine, &node] };
        let tell = |how: &str| self.instance()?.tell(&[&[how], &name[..]].concat());
        tell(how)?;
        sleep(away).await;
        tell(if how == "freeze" { "thaw" } else { "start" })?;
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        let instance = self.instance()?.environment()?;
        let url = instance.iter().find(|(name, _)| name == "PARLOR__LIVE").context("a live engine")?;
        let output = Command::new("redis-cli").args(["-u", &url.1, "FLUSHALL"]).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(said.trim() == "OK", "redis-cli FLUSHALL: {said}");
        Ok(())
    }

    /// Processes that are started from now on see another time (libfaketime).
    fn clock(&mut self, offset_s: i64) -> Result<()> {
        let found = std::fs::read_dir("/usr/lib")?.filter_map(Result::ok).find_map(|entry| {
            let path = entry.path().join("faketime/libfaketime.so.1");
            path.exists().then_some(path)
        });
        let library: PathBuf = found.context("libfaketime: `apt-get install faketime`")?;
        self.deployment.set("LD_PRELOAD", library.display().to_string());
        self.deployment.set("FAKETIME", format!("{offset_s:+}s"));
        // Timers run on the monotonic clock, which does not jump.
        self.deployment.set("FAKETIME_DONT_FAKE_MONOTONIC", "1".into());
        Ok(())
    }
}

impl Cell {
    fn cuts(&self, link: Link) -> bool {
        let at = |act: &Act| matches!(act, Act::Net(at, ..) | Act::Reset(at) if *at == link);
        self.acts.iter().any(at)
    }
}

/// A small file system under the data directory; it needs root.
struct Disk {
    path: PathBuf,
}

impl Disk {
    fn mount(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)?;
        let size = format!("size={DISK_BYTES}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).status()?;
        ensure!(mounted.success(), "a small file system can't be mounted: this cell needs root");
        Ok(Self { path: path.to_owned() })
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Writes until there is no room.
    fn fill(&self) -> Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.ballast())?;
        let block = vec![0; 64 << 10];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => bail!("the disk can't be filled: {error}"),
            }
        }
    }

    fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the process may still have it open.
        drop(Command::new("umount").arg("-l").arg(&self.path).status());
    }
}
